"""A store of every version there was opens in this one and loses nothing.

``fixtures/stores/<version>.db`` was written by the code of its time (``old_stores.py``): runs of every status,
attempts, curves with a fine and a coarse table, marks, artefacts, comparisons of two owners.
"""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from old_stores import keep, write_store
from sqlalchemy import Connection

from clps_core.config import build_config, resolve
from clps_core.errors import StoreError
from clps_core.store import STATUSES, open_store, schema
from clps_core.store.queue import Queue

STORES = Path(__file__).parent.parent / "fixtures" / "stores"
OLD = sorted(int(path.stem) for path in STORES.glob("*.db"))

Rows = dict[str, list[dict[str, Any]]]


def put(version: int, home: Path) -> Path:
    path = home / "store.sqlite3"
    shutil.copyfile(STORES / f"{version}.db", path)
    return path


def everything(path: Path) -> Rows:
    """All rows of all tables but the version's, read without the code under test."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [row["name"] for row in connection.execute(query) if row["name"] != "schema_version"]
    found = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}
    connection.close()
    return found


def shape(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Columns (name, type, may be empty, part of the key) of each table and what its indices span."""
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, set[tuple[Any, ...]]] = {}
    for table in tables:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        found[table] = {(name, kind, needed, key) for _id, name, kind, needed, _default, key in columns}
        for index in connection.execute(f"PRAGMA index_list({table})").fetchall():
            spans = [row[2] for row in connection.execute(f"PRAGMA index_info({index[1]})")]
            found[table].add((index[1], index[2], *spans))
    connection.close()
    return found


def test_there_is_a_store_of_every_version_before_this_one() -> None:
    assert list(range(1, schema.VERSION)) == OLD


@pytest.mark.sqlite
@pytest.mark.parametrize("version", OLD)
def test_an_old_store_is_brought_up_to_date_and_loses_nothing(tmp_path: Path, version: int) -> None:
    path = put(version, tmp_path)
    before = everything(path)
    assert {row["status"] for row in before["run"]} == set(STATUSES)
    assert all(before[table] for table in ("comparison", "attempt", "metric", "metric_coarse", "artefact"))
    open_store(tmp_path).close()
    after = everything(path)
    for table, rows in before.items():
        kept = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert kept == rows, table


@pytest.mark.sqlite
@pytest.mark.parametrize("version", OLD)
def test_an_old_store_ends_with_the_tables_of_a_new_one(
    tmp_path: Path, version: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = put(version, tmp_path)
    open_store(tmp_path).close()
    fresh = tmp_path_factory.mktemp("fresh")
    open_store(fresh).close()
    assert shape(path) == shape(fresh / "store.sqlite3")


@pytest.mark.sqlite
@pytest.mark.parametrize("version", OLD)
def test_the_runs_of_an_old_store_are_read_and_go_on(tmp_path: Path, version: int) -> None:
    put(version, tmp_path)
    store = open_store(tmp_path)
    runs = store.runs()
    assert sorted({run.status for run in runs}) == sorted(STATUSES)
    assert all(run.config.data.task == run.task and run.config.train.steps == run.steps for run in runs)
    (finished,) = store.runs(status="finished")
    assert (finished.name, finished.step, finished.owner) == ("dates · none · seed 0", 600, "ada")
    assert len(store.curve(finished.id, "train", "loss")) == 120
    assert store.latest([finished.id])[finished.id]["validation.exact_match"] == (599, 0.5)
    assert [artefact.kind for artefact in store.artefacts(finished.id)] == ["best", "last", "probe"]
    assert [comparison.sweep for comparison in store.comparisons()] == [None] * 3
    queue = Queue(store)
    waiting = [run.id for run in sorted(store.runs(status="queued"), key=lambda run: run.queue_position or 0)]
    started = [queue.start_next(0, "here", "boot") for _run in waiting]
    assert [attempt.run_id for attempt in started if attempt] == waiting
    queue.requeue(store.runs(status="failed")[0].id)
    assert store.counts()["queued"] == 1
    store.close()


def test_of_many_that_open_a_store_whose_columns_are_older_one_adds_them_on_any_database(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create_comparison("kept", [resolve(build_config())])
    with store.writing() as connection:
        columns = tables_of(connection)
        for table in (schema.result, schema.evaluation):
            table.drop(connection)
        added = {
            "comparison": ["plan", "pinned_at", "pinned_for", "notes", "archived_at"],
            "run": [
                *("not_before", "death_step", "start_from", "ancestry", "pinned_at", "pinned_for", "facts", "kind"),
                *("notes", "tags", "archived_at", "cpu_seconds"),
            ],
        }
        for table, names in added.items():
            for name in names:
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {name}")
        connection.execute(schema.schema_version.update().values(version=1))
    store.close()
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _number: open_store(tmp_path), range(8)))
    with stores[0].reading() as connection:
        assert tables_of(connection) == columns
        versions = connection.execute(sa.select(schema.schema_version.c.version).order_by("version")).scalars().all()
    assert versions == list(range(1, schema.VERSION + 1))
    assert [run.reason for run in stores[7].runs()] == [None]
    for store in stores:
        store.close()


def tables_of(connection: Connection) -> dict[str, set[tuple[str, str, bool]]]:
    """Columns (name, type, may be empty) of each table."""
    seen = sa.inspect(connection)
    return {
        name: {(one["name"], str(one["type"]), one["nullable"]) for one in seen.get_columns(name)}
        for name in seen.get_table_names()
    }


@pytest.mark.sqlite
@pytest.mark.parametrize("version", OLD)
def test_of_many_that_open_an_old_store_at_once_one_brings_it_up_to_date(tmp_path: Path, version: int) -> None:
    put(version, tmp_path)
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _number: open_store(tmp_path), range(8)))
    assert {len(store.runs()) for store in stores} == {7}
    with stores[0].reading() as connection:
        versions = connection.exec_driver_sql("SELECT version FROM schema_version ORDER BY version").scalars().all()
    assert versions == list(range(version, schema.VERSION + 1))
    for store in stores:
        store.close()


@pytest.mark.sqlite
def test_a_store_of_this_version_can_be_kept_for_the_versions_to_come(tmp_path: Path) -> None:
    write_store(tmp_path / "home")
    keep(tmp_path / "home", tmp_path / "kept.db")
    kept, old = everything(tmp_path / "kept.db"), everything(STORES / f"{OLD[-1]}.db")
    assert {row["status"] for row in kept["run"]} == set(STATUSES)
    assert {table: len(rows) for table, rows in kept.items()} == {table: len(old[table]) for table in kept}


@pytest.mark.sqlite
def test_a_step_that_fails_leaves_the_old_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(OLD[-1], tmp_path)
    before, tables = everything(path), shape(path)

    def fails_half_way(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE run ADD COLUMN half TEXT")
        connection.exec_driver_sql("DELETE FROM metric")
        connection.exec_driver_sql("UPDATE nosuch SET x = 1")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, fails_half_way))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(StoreError):
        open_store(tmp_path)
    assert everything(path) == before
    assert shape(path) == tables
    monkeypatch.undo()
    open_store(tmp_path).close()


@pytest.mark.sqlite
def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    path = tmp_path / "store.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_version VALUES (?)", (schema.VERSION + 1,))
    connection.commit()
    connection.close()
    before = everything(path)
    newer = schema.VERSION + 1
    refusal = (
        rf"has version {newer}, and this CLPS Lab reads versions up to {schema.VERSION}: a newer CLPS Lab wrote it"
    )
    with pytest.raises(StoreError, match=refusal):
        open_store(tmp_path)
    assert everything(path) == before


def test_a_sweep_comes_back_as_it_was_given(tmp_path: Path) -> None:
    plain = {"method": "grid", "fields": {"optim.learning_rate": [0.001, 0.003]}, "note": "größer"}
    store = open_store(tmp_path)
    store.create_comparison("sweep", [resolve(build_config())], sweep=plain, priority=-1, owner="ada")
    (comparison,) = store.comparisons()
    assert comparison.sweep == plain
    assert [(run.priority, run.owner, run.not_before, run.start_from) for run in store.runs()] == [
        (-1, "ada", None, None)
    ]
    store.close()
