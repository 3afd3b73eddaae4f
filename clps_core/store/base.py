"""A home and its database: snapshots, write transactions and run folders. Start at Base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from clps_core.store.connection import sentences
from clps_core.store.records import check_run_id

__all__ = ["Base"]


class Base:
    """What everything that reads or writes the store stands on. Safe to use from several threads and processes."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home = home
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        snapshot = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(**snapshot)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with sentences(self.home), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it or nothing."""
        with sentences(self.home), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def run_folder(self, run_id: str) -> Path:
        """Where the run's files are; the id is checked first, so the path stays under ``runs``."""
        return self.home / "runs" / check_run_id(run_id)
