"""The store keeps what it is told, and says in a sentence why it cannot."""

from __future__ import annotations

import os
import sqlite3
import stat
import traceback
from pathlib import Path

import pytest

from clps_core.config import build_config, resolve
from clps_core.errors import JobError, NotFoundError, StoreError
from clps_core.store import Store, connection, is_run_id, open_store, schema
from clps_core.store.database import run_row
from clps_core.store.queue import Queue

CONFIG = resolve(build_config()).config


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(tmp_path / "home")
    yield store
    store.close()


def add(store: Store, count: int = 1, name: str = "a comparison") -> list[str]:
    comparison = store.create_comparison(name, [CONFIG] * count)
    return [run.id for run in store.runs(comparison=comparison)]


@pytest.mark.sqlite
def test_a_home_is_created_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    open_store(home).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "runs").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "store.sqlite3").stat().st_mode) == 0o600


@pytest.mark.sqlite
def test_a_folder_that_holds_something_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").write_text("mine")
    open_store(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "store.sqlite3").stat().st_mode) == 0o600


def test_clps_home_says_where_everything_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "elsewhere"))
    store = open_store()
    assert store.home == tmp_path / "elsewhere"
    store.close()


def test_clps_database_url_replaces_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    store = open_store(tmp_path / "home")
    add(store)
    store.close()
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "home" / "store.sqlite3").exists()


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://user:secret@host/x", "postgresql+nodriver://u:secret@h/x"])
def test_a_database_url_that_cannot_work_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match="CLPS_DATABASE_URL must be a database URL") as refusal:
        open_store(tmp_path, url)
    assert "secret" not in str(refusal.value)


def test_a_database_that_cannot_be_reached_is_named_by_its_setting_only(tmp_path: Path) -> None:
    url = f"sqlite:////{tmp_path}/nosuch/secret.db"
    with pytest.raises(StoreError, match="the database in CLPS_DATABASE_URL cannot be reached") as one:
        open_store(tmp_path, url)
    assert "secret" not in "".join(traceback.format_exception(one.value))


@pytest.mark.sqlite
def test_a_locked_database_says_so_and_goes_on_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    store = open_store(tmp_path)
    (kept,) = add(store)
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"is busy: another program is using it\. Try again in a moment"):
        add(store)
    assert [run.id for run in store.runs()] == [kept], "reading goes on meanwhile"
    other.execute("COMMIT")
    other.close()
    assert len(add(store)) == 1
    store.close()


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"CLPS_HOME must be a folder\. Got the file"):
        open_store(tmp_path / "file")
    with pytest.raises(StoreError, match="CLPS_HOME must be a folder"):
        open_store(tmp_path / "file" / "below")


def test_a_home_that_cannot_be_created_is_refused() -> None:
    with pytest.raises(StoreError, match="CLPS_HOME must be a folder"):
        open_store(Path("/proc/clps"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="CLPS_HOME must be a folder that you can write to"):
        open_store(tmp_path)


@pytest.mark.sqlite
def test_a_read_only_database_says_so(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    store = open_store(tmp_path, f"sqlite:///file:{tmp_path}/store.sqlite3?mode=ro&uri=true")
    with pytest.raises(StoreError, match="must be a folder that you can write to"):
        add(store)
    store.close()


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["home", "h ö%20?#&'x"])
def test_a_home_that_vanishes_is_a_sentence_takes_nothing_in_and_is_found_again(tmp_path: Path, name: str) -> None:
    store = open_store(tmp_path / name)
    (kept,) = add(store)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    for ask in (store.runs, lambda: add(store)):
        with pytest.raises(StoreError, match=r"is gone\. Put the folder back"):
            ask()
    (tmp_path / "elsewhere").rename(tmp_path / name)
    assert [run.id for run in store.runs()] == [kept]
    assert len(add(store)) == 1
    store.close()


@pytest.mark.sqlite
def test_who_has_a_store_open_sees_the_one_that_was_put_in_its_place(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home")
    add(store, 2)
    (tmp_path / "home").rename(tmp_path / "old")
    other = open_store(tmp_path / "home")
    (new,) = add(other)
    assert [run.id for run in store.runs()] == [new], "what is written into a deleted file is lost"
    for one in (store, other):
        one.close()


@pytest.mark.sqlite
def test_a_full_disk_says_so_and_harms_nothing(store: Store) -> None:
    (kept,) = add(store)
    with store.reading() as connection:  # the pool's one connection: it may not let the file grow any more
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match=r"the disk that holds .* is full\. Free some space, then try again"):
        add(store, 200)
    assert [run.id for run in store.runs()] == [kept]
    assert len(store.comparisons()) == 1


@pytest.mark.sqlite
def test_a_foreign_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite3").write_text("this is no database, but long enough to be looked at as one" * 20)
    with pytest.raises(StoreError, match="not a SQLite database"):
        open_store(tmp_path)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.writing() as connection:
        connection.execute(schema.schema_version.insert().values(version=999))
    store.close()
    with pytest.raises(StoreError, match="a newer CLPS Lab wrote it"):
        open_store(tmp_path)


def test_a_run_comes_back_as_it_was_queued(store: Store) -> None:
    config = resolve(build_config({"sharing": {"strategy": "cycle:2"}, "seed": 3, "train": {"steps": 7}})).config
    comparison = store.create_comparison("mine", [config], owner="ada", parameters=[(10, 20)])
    (run,) = store.runs(comparison=comparison)
    assert run.config == config
    assert (run.task, run.strategy, run.seed, run.steps) == ("dates", "cycle:2", 3, 7)
    assert (run.owner, run.status, run.step, run.attempts, run.queue_position) == ("ada", "queued", 0, 0, 1)
    assert (run.unique_parameters, run.executed_parameters) == (10, 20)
    assert run.name == "dates · cycle:2 · seed 3"
    (found,) = store.comparisons()
    assert (found.id, found.name, found.run_ids) == (comparison, "mine", (run.id,))


def test_runs_come_newest_comparison_first_and_can_be_filtered(store: Store) -> None:
    first, second = add(store, 2), add(store, 2)
    assert [run.id for run in store.runs()] == [*second, *first]
    assert [run.id for run in store.runs(limit=1)] == second[:1]
    assert store.runs(status="running") == []
    assert [run.id for run in store.runs(status=("queued", "failed"))] == [*second, *first]
    assert [run.queue_position for run in store.runs()] == [3, 4, 1, 2]
    assert [run.id for run in store.some_runs([first[1], "nosuch00", second[0]])] == [first[1], second[0]]
    assert store.counts() == {"queued": 4}


def test_a_run_is_found_by_the_unique_beginning_of_its_id(store: Store) -> None:
    (run_id,) = add(store)
    assert store.run(run_id).id == store.run(run_id[:4]).id == run_id
    with store.writing() as connection:
        for same in ("same-1", "same-2"):
            row = run_row(CONFIG, "x", "local", 0.0) | {"id": same}
            connection.execute(schema.run.insert().values(row))
    with pytest.raises(NotFoundError, match=r"the ids of several runs begin with same: same-1, same-2\. Type more"):
        store.run("same")
    with pytest.raises(NotFoundError, match="there is no run zzzzzzzz"):
        store.run("zzzzzzzz")


@pytest.mark.parametrize("text", ["", "..", "../x", "a/b", "A", "a" * 41, "-a", "a-", "a\n", "%", "ä", None, 7])
def test_what_is_no_run_id_never_reaches_a_path(store: Store, text: object) -> None:
    assert not is_run_id(text)
    with pytest.raises(NotFoundError, match="a run's id must have letters, digits and hyphens only"):
        store.run_folder(text)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        store.run(text)  # type: ignore[arg-type]


def test_deleting_removes_rows_folder_and_an_emptied_comparison(store: Store) -> None:
    one, other = add(store, 2)
    folder = store.run_folder(one)
    (folder / "checkpoints").mkdir(parents=True)
    store.forget_run(one)
    assert not folder.exists()
    assert [comparison.run_ids for comparison in store.comparisons()] == [(other,)]
    store.forget_run(other)
    assert store.comparisons() == []
    with pytest.raises(NotFoundError):
        store.forget_run(one)


def test_deleting_refuses_a_running_run(store: Store) -> None:
    (run_id,) = add(store)
    Queue(store).start_next(0, "here", "now")
    with pytest.raises(JobError, match=r"is running and cannot be deleted\. Cancel it first"):
        store.forget_run(run_id)


def test_deleting_goes_on_where_somebody_else_is_tidying_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (run_id,) = add(store)
    folder, unlink = store.run_folder(run_id), os.unlink
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / name).touch()

    def always_second(path: str, **given: int) -> None:
        monkeypatch.setattr(os, "unlink", unlink)
        unlink(path, **given)
        unlink(path, **given)

    monkeypatch.setattr(os, "unlink", always_second)
    store.forget_run(run_id)
    assert not folder.exists()


def test_deleting_follows_no_link_out_of_the_home(store: Store, tmp_path: Path) -> None:
    (run_id,) = add(store)
    (tmp_path / "thesis").mkdir()
    store.run_folder(run_id).symlink_to(tmp_path / "thesis")
    store.forget_run(run_id)
    assert (tmp_path / "thesis").is_dir()
    assert not store.run_folder(run_id).is_symlink()
