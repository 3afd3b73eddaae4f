"""Comparisons and runs are renamed, pinned and deleted as one: in Python, at the desk and with ``clps``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_room import tiny
from typer.testing import CliRunner

from clps_core import samples
from clps_core.cli import app
from clps_core.config import resolve
from clps_core.errors import ConfigError, JobError, NotAllowedError, NotFoundError
from clps_core.jobs.desk import Desk
from clps_core.jobs.shelf import rename_comparison, rename_run
from clps_core.policy import Person
from clps_core.store import Comparison, Store, open_store, schema, shelf

ADA, BOB, TEACHER = Person("guest-ada"), Person("guest-bob"), Person("guest-eve", teacher=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that ``clps`` uses."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    store = open_store()
    yield store
    store.close()


def compared(store: Store, name: str = "x", owner: str = "local", count: int = 2, **values: Any) -> Comparison:
    made = store.create_comparison(name, [resolve(tiny(seed=seed)) for seed in range(count)], owner)
    with store.writing() as connection:
        changed = {"status": "finished", **values}
        connection.execute(schema.run.update().where(schema.run.c.comparison_id == made).values(changed))
    for run in store.runs(comparison=made):
        (store.run_folder(run.id) / "checkpoints").mkdir(parents=True)
        (store.run_folder(run.id) / "checkpoints" / "best.safetensors").write_bytes(b"weights")
    return shelf.find_comparison(store, made)


def clps(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def told(*arguments: str) -> Any:
    result = clps(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_comparison_and_a_run_get_another_name_and_nothing_else_changes(store: Store) -> None:
    one, other = compared(store, "one"), compared(store, "other")
    before = {run.id: run for run in store.runs()}
    assert rename_comparison(store, one.id[:5], " Dates, größer ").name == "Dates, größer"
    assert rename_run(store, one.run_ids[1], "Warm").name == "Warm"
    assert shelf.find_comparison(store, other.id) == other
    assert [run.name for run in store.runs() if run.name != before[run.id].name] == ["Warm"]


@pytest.mark.parametrize("name", ["", "  ", "n" * 121])
def test_what_cannot_be_a_name_changes_nothing(store: Store, name: str) -> None:
    one = compared(store)
    with pytest.raises(ConfigError, match="name"):
        rename_comparison(store, one.id, name)
    with pytest.raises(ConfigError, match="name"):
        rename_run(store, one.run_ids[0], name)
    assert store.comparisons() == [one]


def test_a_comparison_is_deleted_as_one_with_its_folders_and_nobody_elses(store: Store) -> None:
    one, other = compared(store), compared(store)
    assert shelf.forget_comparison(store, one.id) == list(one.run_ids)
    assert store.comparisons() == [other]
    assert sorted(path.name for path in (store.home / "runs").iterdir()) == sorted(other.run_ids)
    with pytest.raises(NotFoundError, match="deleted in the meantime"):
        shelf.forget_comparison(store, one.id)


def test_while_a_run_is_running_nothing_of_its_comparison_is_deleted(store: Store) -> None:
    one = compared(store)
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == one.run_ids[1]).values(status="running"))
    with pytest.raises(JobError, match=rf"cannot be deleted\. 1 is running: {one.run_ids[1]}\. Cancel it first"):
        shelf.forget_comparison(store, one.id)
    assert len(store.runs()) == 2
    assert all((store.run_folder(run_id) / "checkpoints").is_dir() for run_id in one.run_ids)


def test_ids_that_are_none_or_several_are_sentences(store: Store) -> None:
    compared(store)
    with pytest.raises(NotFoundError, match=r"there is no comparison 'zzz'"):
        shelf.find_comparison(store, "zzz")
    with pytest.raises(NotFoundError, match=r"there is no comparison ''"):
        shelf.find_comparison(store, "")


def test_the_sample_is_pinned_when_it_comes_in_and_stays_unpinned_once_somebody_let_it_go(store: Store) -> None:
    runs = samples.install(store, [samples.ready_named("dates")])
    (sample,) = store.comparisons()
    assert sample.pinned_at is not None
    shelf.pin_comparison(store, sample.id, False)
    assert samples.install(store, [samples.ready_named("dates")]) == runs
    assert store.comparisons()[0].pinned_at is None


@pytest.mark.sqlite
def test_the_sample_of_an_older_store_is_pinned_and_nothing_else_is(tmp_path: Path) -> None:
    home = tmp_path / "old"
    home.mkdir()
    path = home / "store.sqlite3"
    path.write_bytes((Path(__file__).parent.parent / "fixtures" / "stores" / "2.db").read_bytes())
    connection = sqlite3.connect(path)
    name, own = connection.execute(
        "SELECT comparison_id, run.id FROM run JOIN comparison c ON c.id = comparison_id WHERE c.ready = 1"
    ).fetchone()
    connection.execute("UPDATE run SET id = 'sample-dates-none' WHERE id = ?", (own,))
    connection.commit()
    connection.close()
    store = open_store(home)
    assert [one.id for one in store.comparisons() if one.pinned_at is not None] == [name]
    store.close()


# Who may


def test_only_the_owner_or_a_teacher_renames_pins_and_deletes(store: Store) -> None:
    (store.home / "policy.yaml").write_text("mode: shared\n")
    one = compared(
        store,
        owner=ADA.owner,
    )
    for asked in (
        lambda desk: desk.rename_comparison(one.id, "mine"),
        lambda desk: desk.pin_comparison(one.id),
        lambda desk: desk.delete_comparison(one.id),
        lambda desk: desk.rename(one.run_ids[0], "mine"),
        lambda desk: desk.pin(one.run_ids[0]),
    ):
        for person in (BOB, None):
            with pytest.raises(NotAllowedError):
                asked(Desk.of(store, person))
    assert store.comparisons() == [one]
    assert Desk.of(store, ADA).rename_comparison(one.id, "hers").name == "hers"
    assert Desk.of(store, TEACHER).delete_comparison(one.id) == list(one.run_ids)


def test_a_guests_pin_is_on_their_own_start_and_a_teachers_on_everybodys(store: Store) -> None:
    (store.home / "policy.yaml").write_text("mode: shared\n")
    one = compared(store, owner=ADA.owner)

    def seen_by() -> list[str]:
        now = shelf.find_comparison(store, one.id)
        return [person.owner for person in (ADA, BOB, TEACHER) if Desk.of(store, person).pinned_here(now)]

    Desk.of(store, ADA).pin_comparison(one.id)
    assert seen_by() == [ADA.owner]
    Desk.of(store, TEACHER).pin_comparison(one.id)
    assert seen_by() == [ADA.owner, BOB.owner, TEACHER.owner]
    Desk.of(store, ADA).pin_comparison(one.id, False)
    assert seen_by() == []


# The command line


def test_the_command_line_lists_renames_pins_and_deletes(store: Store) -> None:
    one, other = compared(store, "one"), compared(store, "other")
    assert [(record["id"], record["name"], record["run_ids"]) for record in told("comparisons", "list")] == [
        (other.id, "other", list(other.run_ids)),
        (one.id, "one", list(one.run_ids)),
    ]
    assert told("comparisons", "rename", one.id, "Dates twice")["name"] == "Dates twice"
    assert told("runs", "rename", one.run_ids[0], "Warm")["name"] == "Warm"
    assert told("comparisons", "pin", one.id, other.id)[1]["pinned"]
    assert not told("comparisons", "unpin", other.id)[0]["pinned"]
    assert told("runs", "pin", one.run_ids[0]) == [{"id": one.run_ids[0], "name": "Warm", "pinned": True}]
    listed = clps("comparisons")
    assert "Dates twice" in listed.stdout
    assert listed.stdout.count("pinned") == 1
    said = clps("comparisons", "delete", one.id)
    assert said.stdout == f"{one.id}  Dates twice: 2 runs deleted\n"
    assert [run.comparison_id for run in store.runs()] == [other.id] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["comparisons", "rename", "zzzz", "x"], "there is no comparison 'zzzz'"),
        (["comparisons", "delete", "zzzz"], "there is no comparison 'zzzz'"),
        (["runs", "rename", "zzzz", "x"], "there is no run zzzz"),
        (["runs", "pin", "zzzz"], "there is no run zzzz"),
    ],
)
def test_what_is_not_there_is_one_sentence(store: Store, arguments: list[str], words: str) -> None:
    result = clps(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
