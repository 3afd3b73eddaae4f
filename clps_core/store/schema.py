"""How the rows lie in the database, and how an older store becomes a newer one. Start at MIGRATIONS.

The tables below are the newest ones: an empty database gets them as they stand. A store that somebody has
used is brought up to date step by step; ``tests/fixtures/stores`` keeps one of every version there was.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Float, ForeignKey, Index, Integer, String, Table, Text

from clps_core.errors import StoreError
from clps_core.words import _, kept, told

__all__ = [
    "artefact",
    "attempt",
    "comparison",
    "evaluation",
    "metric",
    "metric_coarse",
    "migrate",
    "now",
    "result",
    "run",
]

tables = sa.MetaData()


def _run_key(primary_key: bool = False) -> Column[str]:
    return Column(
        "run_id", String(40), ForeignKey("run.id", ondelete="CASCADE"), nullable=False, primary_key=primary_key
    )


schema_version = Table("schema_version", tables, Column("version", Integer, primary_key=True))


class Sentence(sa.TypeDecorator[str]):
    """A sentence for people: kept as its message and fields, read in the reader's language (``words.kept``)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """From Python to the store."""
        return None if value is None else kept(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """From the store to Python."""
        return None if value is None else told(value)


comparison = Table(
    "comparison",
    tables,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", String(80), nullable=False),
    Column("ready", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False, index=True),
    Column("plan", Text),  # JSON: what a sweep was expanded from; NULL for runs given one by one
    Column("pinned_at", Float),  # since when it stays on Start; NULL: it is not pinned
    Column("pinned_for", String(80)),  # on whose Start; NULL: on everybody's
    Column("notes", Text),  # Markdown by its people; NULL: none
    Column("archived_at", Float),  # since when lists leave it out; NULL: they show it
)

run = Table(  # of every job there is: a training, or an evaluation of one; ``kind`` says which
    "run",
    tables,
    Column("id", String(40), primary_key=True),
    Column("kind", String(40), nullable=False, server_default="training"),
    Column("name", Text, nullable=False),
    Column("comparison_id", String(40), ForeignKey("comparison.id", ondelete="SET NULL"), index=True),
    Column("position", Integer, nullable=False, default=0),
    Column("owner", String(80), nullable=False),
    Column("parent_id", String(40), ForeignKey("run.id", ondelete="SET NULL"), index=True),
    Column("config", Text, nullable=False),
    Column("task", String(80), nullable=False),
    Column("strategy", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("status", String(16), nullable=False),
    Column("reason", Sentence),
    Column("stop_requested", String(16)),
    Column("stop_requested_at", Float),  # of earlier versions; nothing writes it any more
    Column("attempts", Integer, nullable=False, default=0),
    Column("retries", Integer, nullable=False, default=0),
    Column("step", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("tokens_per_second", Float),
    Column("device", String(40)),
    Column("precision", String(16)),
    Column("threads", Integer),
    Column("unique_parameters", sa.BigInteger),
    Column("executed_parameters", sa.BigInteger),
    Column("latest", Text, nullable=False, default="{}"),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("not_before", Float),  # a run that waits out a pause after a death, or for free memory
    Column("death_step", Integer),  # the step at which its process last died
    Column("start_from", String(16)),  # which weights of its parent a fork begins with: best or last
    Column("facts", Text),  # JSON: what it knows of its task (tasks/frozen_facts.py); NULL: queued by an older version
    Column("ancestry", Text),  # JSON, of a fork: what was spent on these weights (jobs/ancestry.py)
    Column("pinned_at", Float),  # since when it stays on Start; NULL: it is not pinned
    Column("pinned_for", String(80)),  # on whose Start; NULL: on everybody's
    Column("notes", Text),  # Markdown by its people; NULL: none
    Column("tags", Text),  # JSON: a sorted list of words; NULL: none
    Column("archived_at", Float),  # since when lists leave it out; NULL: they show it
    Column("cpu_seconds", Float),  # of the training process and its threads, over all attempts; NULL: not recorded
    Index("run_queue", "status", "priority", "queued_at", "position"),
    Index("run_newest", "created_at", "position"),
)

attempt = Table(
    "attempt",
    tables,
    _run_key(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("slot", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("boot", String(120), nullable=False),
    Column("launched_at", Float, nullable=False),
    Column("waiter_pid", Integer),
    Column("waiter_created", Float),
    Column("pid", Integer),
    Column("created", Float),
    Column("claimed_at", Float),
    Column("lease_until", Float),
    Column("ended_at", Float),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("outcome", Text),
    Index("attempt_open", "ended_at"),
)

metric = Table(
    "metric",
    tables,
    Column("id", sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _run_key(),
    Column("split", String(40), nullable=False),
    Column("name", String(80), nullable=False),
    Column("step", Integer, nullable=False),
    Column("value", Float),  # NULL stands for not-a-number, which SQLite cannot hold
    Column("seconds", Float, nullable=False),
    Index("metric_once", "run_id", "split", "name", "step", unique=True),
    Index("metric_news", "run_id", "id"),
    sqlite_autoincrement=True,  # a deleted row's id is never given again: cursors stay true
)

metric_coarse = Table(
    "metric_coarse",
    tables,
    _run_key(primary_key=True),
    Column("split", String(40), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("value", Float),
    Column("seconds", Float, nullable=False),
)

artefact = Table(
    "artefact",
    tables,
    _run_key(primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("path", Text, nullable=False),
)

evaluation = Table(  # what a job of another kind than training is asked for
    "evaluation",
    tables,
    _run_key(primary_key=True),
    Column("about_id", String(40), ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("asked", Text, nullable=False),  # JSON: a list of keys, such as loops; what each means its kind knows
    Column("stamp", Text),  # of the weights that the results are of; NULL before the first
)

result = Table(
    "result",
    tables,
    _run_key(primary_key=True),
    Column("key", String(80), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("value", Float),  # NULL stands for not-a-number
)


def _sweeps_and_pauses(connection: Connection) -> None:
    """1 -> 2: sweeps' definitions, pauses between retries, forks."""
    _add_columns(connection, comparison, "plan")
    _add_columns(connection, run, "not_before", "death_step", "start_from")


def _pins_and_ancestries(connection: Connection) -> None:
    """2 -> 3: what stays on Start (the shipped sample did not), and what was spent on a fork before it began."""
    _add_columns(connection, comparison, "pinned_at", "pinned_for")
    _add_columns(connection, run, "ancestry", "pinned_at", "pinned_for")
    samples = sa.text("SELECT comparison_id FROM run WHERE substr(run.id, 1, 7) = 'sample-'")
    for (comparison_id,) in connection.execute(samples).all():
        connection.execute(
            sa.text("UPDATE comparison SET pinned_at = created_at WHERE id = :id"), {"id": comparison_id}
        )


def _facts(connection: Connection) -> None:
    """3 -> 4: the facts of its task that a run was trained with."""
    _add_columns(connection, run, "facts")


def _kinds(connection: Connection) -> None:
    """4 -> 5: jobs of other kinds than training, and their results. All jobs so far are trainings."""
    kind = run.c.kind.type.compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE run ADD COLUMN kind {kind} DEFAULT 'training' NOT NULL")
    tables.create_all(connection, tables=[evaluation, result])


def _notes(connection: Connection) -> None:
    """5 -> 6: notes, tags, the archive, and the CPU time of runs."""
    _add_columns(connection, comparison, "notes", "archived_at")
    _add_columns(connection, run, "notes", "tags", "archived_at", "cpu_seconds")


def _add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Columns that may be empty, in the type the table above gives them."""
    for name in names:
        kind = table.c[name].type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _sweeps_and_pauses,
    _pins_and_ancestries,
    _facts,
    _kinds,
    _notes,
)
"""Step n (from 1) brings a store from version n to n + 1. Never edit a step that was released: add one."""

MIGRATION_LOCK = 0x434C5053
"""Any number that no other program locks: the letters CLPS."""

VERSION = 1 + len(MIGRATIONS)
"""Of the tables as they stand above."""


def version_of(connection: Connection) -> int:
    """The store's schema version; 0 for an empty database."""
    if not sa.inspect(connection).has_table(schema_version.name):
        return 0
    return connection.execute(sa.select(sa.func.max(schema_version.c.version))).scalar() or 0


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be done; raises ``StoreError`` for a store of a newer CLPS Lab."""
    version = version_of(connection)
    if version > VERSION:
        raise StoreError(
            _(
                "the store in CLPS_HOME has version {version}, and this CLPS Lab reads versions up to {known}: a "
                "newer CLPS Lab wrote it. Update CLPS Lab, or set CLPS_HOME to another folder.",
                known=VERSION,
                version=version,
            )
        )
    return version == VERSION


def migrate(connection: Connection) -> None:
    """Bring the store to the newest version, inside the caller's write transaction."""
    if connection.dialect.name == "postgresql":  # SQLite's write transactions exclude each other anyway
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    if is_current(connection):  # looked at again: another process may have been first
        return
    version = version_of(connection)
    if version == 0:
        tables.create_all(connection)
        connection.execute(schema_version.insert().values(version=VERSION))
        return
    for number in range(version, VERSION):
        MIGRATIONS[number - 1](connection)
        connection.execute(schema_version.insert().values(version=number + 1))


def now(connection: Connection) -> float:
    """The database's clock, UTC seconds since the epoch: the one clock that all leases are measured by."""
    if connection.dialect.name == "sqlite":
        # julianday keeps about 0.1 ms here; unixepoch('subsec') needs SQLite 3.42.
        text = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    else:
        text = "SELECT extract(epoch FROM clock_timestamp())"
    return float(connection.exec_driver_sql(text).scalar_one())
