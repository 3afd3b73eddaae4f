"""A dashboard without a browser: the real pages, run by Streamlit's own AppTest on a home of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from job_room import PATIENCE
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from app import state
from clps_core.store import Store, open_store

# Each AppTest reads the metadata of all installed packages, half a second of work; what they offer does not change.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

ENTRY = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``CLPS_HOME``."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CLPS_HOME", str(folder))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store in ``home``, empty at first."""
    with closing(open_store(home)) as found:
        yield found


@pytest.fixture
def open_page(home: Path) -> Callable[..., AppTest]:
    """``open_page("design", spec="...", strategy=["none"])``: the page as it stands after its first run.

    ``reads``: the language of its session.
    """

    def open_one(name: str, *, reads: str | None = None, **query: str | list[str]) -> AppTest:
        test = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE)
        test.switch_page(f"../pages/{name}.py")
        for parameter, value in query.items():
            test.query_params[parameter] = value
        if reads is not None:
            test.session_state[state.LANGUAGE] = reads
        return test.run()

    return open_one
