"""The tests of store, queue and jobs on a database server, where one is named. Start at database_for.

``CLPS_TEST_DATABASE_URL=postgresql+psycopg://user@host/name pytest tests/core -k "store or jobs"`` (and psycopg,
``pip install -e .[postgres]``) runs them there, every one in a schema of its own that is dropped afterwards. Unset,
they run on SQLite; tests marked ``sqlite`` always do.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

SETTING = "CLPS_TEST_DATABASE_URL"
PARTS = ("test_store", "test_jobs", "test_chaos")


@contextmanager
def database_for(node: pytest.Item | pytest.Module) -> Iterator[None]:
    """What ``CLPS_DATABASE_URL`` says during this test, or while the stores of this module are opened."""
    if not os.environ.get(SETTING) or not node.path.name.startswith(PARTS):
        yield
    elif node.get_closest_marker("sqlite") is not None:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("CLPS_DATABASE_URL", raising=False)
            yield
    else:
        with fresh_schema():
            yield


@contextmanager
def fresh_schema() -> Iterator[None]:
    """An empty schema, which ``CLPS_DATABASE_URL`` names for this process and those it starts."""
    name = f"clps_test_{secrets.token_hex(6)}"
    url = sa.make_url(os.environ[SETTING])
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    with pytest.MonkeyPatch.context() as patch:
        inside = url.update_query_dict({"options": f"-csearch_path={name}"})
        patch.setenv("CLPS_DATABASE_URL", inside.render_as_string(hide_password=False))
        yield
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
