"""Opening the database, and turning its errors into sentences. Start at connect.

SQLite runs in WAL mode: readers never wait, writers queue up for at most ``BUSY_SECONDS``. A write
transaction takes the write lock at its start (``BEGIN IMMEDIATE``), since a later upgrade could fail.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from clps_core.errors import StoreError
from clps_core.words import _

__all__ = ["connect", "make_durable", "make_home", "sentences"]

BUSY_SECONDS = 15.0
CONNECT_SECONDS = 10
DATABASE_FILE = "store.sqlite3"


def make_home(home: Path) -> None:
    """Create the folder that everything lives in, readable by its owner only.

    Raises ``StoreError`` where it is not a folder or cannot be created or written. A folder that already
    holds something keeps its mode; what is put into it is private anyway.
    """
    with sentences(home):
        if home.exists() and not home.is_dir():
            raise StoreError(
                _("CLPS_HOME must be a folder. Got the file {path}. Set CLPS_HOME to a folder.", path=home)
            )
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not any(home.iterdir()):
            home.chmod(0o700)
        runs = home / "runs"
        runs.mkdir(exist_ok=True, mode=0o700)
        if not os.access(home, os.W_OK | os.X_OK) or not os.access(runs, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "", str(home))


def connect(home: Path, url: str | None) -> Engine:
    """An engine on the database of ``home``, or on ``url`` (which is never shown to anyone)."""
    if url:
        try:
            server = not url.startswith("sqlite")
            waits = {"connect_timeout": CONNECT_SECONDS} if url.startswith("postgresql") else {}
            engine = sa.create_engine(url, pool_pre_ping=server, connect_args=waits)
        except (sa.exc.ArgumentError, ImportError, ValueError):
            raise StoreError(
                _(
                    "CLPS_DATABASE_URL must be a database URL with an installed driver, such as "
                    "postgresql+psycopg://user@host/name. Its value is not one. Correct it, or unset it to use "
                    "SQLite."
                )
            ) from None
    else:
        path = home / DATABASE_FILE
        with sentences(home):
            path.touch(mode=0o600)
        # rw: who connects again after the folder has gone must not begin an empty database in its place.
        name, options = f"file:{quote(str(path))}", {"mode": "rw", "uri": "true"}
        engine = sa.create_engine(sa.URL.create("sqlite", database=name, query=options))
        _notice_another_file(engine, path)
    if url:
        _check_reachable(engine, home)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, home)
    return engine


def _check_reachable(engine: Engine, home: Path) -> None:
    """Whatever is wrong with a database at the first attempt is most likely wrong with its URL."""
    try:
        engine.connect().close()
    except sa.exc.DBAPIError as error:
        if "locked" in str(error.orig):
            raise StoreError(_of_database(error.orig, home)) from error
        raise StoreError(_unreachable()) from None  # the cause may quote the URL, password included


def _prepare_sqlite(engine: Engine, home: Path) -> None:
    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (f"busy_timeout = {int(BUSY_SECONDS * 1000)}", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = "IMMEDIATE" if connection.get_execution_options().get("writes") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {mode}")

    with sentences(home):
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()


def make_durable(home: Path) -> None:
    """What was committed so far outlives a power cut: without this SQLite leaves its log to the system for a while.

    A server's database syncs every commit by itself. Raises ``StoreError``.
    """
    with sentences(home), suppress(FileNotFoundError):
        descriptor = os.open(home / f"{DATABASE_FILE}-wal", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _notice_another_file(engine: Engine, path: Path) -> None:
    """Let no connection go on with a file that was deleted or replaced: nobody else would see what it writes."""

    def identity() -> tuple[int, int] | None:
        with suppress(OSError):
            found = path.stat()
            return found.st_dev, found.st_ino
        return None

    @sa.event.listens_for(engine, "connect")
    def _remember(_connection: object, record: Any) -> None:
        record.info["file"] = identity()

    @sa.event.listens_for(engine, "checkout")
    def _compare(_connection: object, record: Any, _proxy: object) -> None:
        if record.info["file"] != identity():
            raise sa.exc.DisconnectionError


@contextmanager
def sentences(home: Path) -> Iterator[None]:
    """Inside, errors of the database and the file system become ``StoreError`` with a sentence."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise StoreError(_of_database(error.orig, home)) from error
    except sqlite3.Error as error:
        raise StoreError(_of_database(error, home)) from error
    except OSError as error:
        raise StoreError(_of_system(error, home)) from error


def _of_database(error: BaseException | None, home: Path) -> str:
    text = str(error).lower()
    if "disk is full" in text:
        return _full(home)
    if "locked" in text or "busy" in text:
        return _("the store in {home} is busy: another program is using it. Try again in a moment.", home=home)
    if "unable to open" in text and not (home / DATABASE_FILE).exists():
        return _gone(home)
    if "readonly" in text or "unable to open" in text:
        return _read_only(home)
    if "malformed" in text or "not a database" in text:
        return _(
            "the store in {home} is damaged or not a SQLite database. Move {file} away, or set CLPS_HOME to another "
            "folder.",
            home=home,
            file=DATABASE_FILE,
        )
    if type(error).__name__ == "OperationalError" and not isinstance(error, sqlite3.Error):
        return _unreachable()
    if "disk i/o error" in text:
        return _("the store in {home} cannot be read or written: the disk reports an error.", home=home)
    kind = type(error).__name__
    return _("the database of {home} gives unexpected answers ({kind}).", home=home, kind=kind)


def _of_system(error: OSError, home: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(home)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _read_only(home)
    return _(
        "CLPS_HOME must be a folder that can be created and written to. Got {home} ({problem}). Set CLPS_HOME to "
        "another folder.",
        home=home,
        problem=error.strerror or type(error).__name__,
    )


def _unreachable() -> str:
    return _(
        "the database in CLPS_DATABASE_URL cannot be reached or does not accept the login. Start it, correct the "
        "host, port, user name or password, or unset CLPS_DATABASE_URL to use SQLite."
    )


def _gone(home: Path) -> str:
    return _(
        "the store in {home} is gone. Put the folder back (is its disk connected?), or set CLPS_HOME to another "
        "folder and start again.",
        home=home,
    )


def _full(home: Path) -> str:
    return _("the disk that holds {home} is full. Free some space, then try again.", home=home)


def _read_only(home: Path) -> str:
    return _(
        "CLPS_HOME must be a folder that you can write to. Got {home}, which you cannot. Change its permissions, or "
        "set CLPS_HOME to another folder.",
        home=home,
    )
