"""``clps runs``: everything that may be done to a run, told in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_room import tiny
from typer.testing import CliRunner
from untrained_runs import stored_run

from clps_core.cli import app
from clps_core.config import resolve
from clps_core.jobs.keeping import weights_file
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Store, open_store, schema


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that ``clps`` uses; nobody works on its queue, since the supervisor's lock is taken."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLPS_SLOTS", "2")
    store = open_store()
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield store
    lock.release()
    store.close()


def clps(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["runs", *arguments])


def told(*arguments: str) -> Any:
    result = clps(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def queued(store: Store) -> str:
    return store.runs(comparison=store.create_comparison("x", [resolve(tiny())]))[0].id


def set_status(store: Store, run_id: str, status: str, **values: Any) -> None:
    with store.writing() as connection:
        change = schema.run.update().where(schema.run.c.id == run_id)
        connection.execute(change.values(status=status, **values))


def test_a_waiting_run_is_paused_resumed_cancelled_and_retried(store: Store) -> None:
    run_id = queued(store)
    assert told("pause", run_id)[0]["status"] == "paused"
    assert told("resume", run_id)[0]["status"] == "queued"
    assert told("cancel", run_id)[0]["status"] == "cancelled"
    refused = clps("retry", run_id)
    assert refused.exit_code == 1
    assert f"only a failed run can be retried. Run {run_id} is cancelled." in " ".join(refused.stderr.split())
    set_status(store, run_id, "failed")
    assert told("retry", run_id)[0]["status"] == "queued"
    set_status(store, run_id, "failed")
    assert "queued" in clps("retry", "--anew", run_id).stdout
    assert told("delete", told("cancel", run_id)[0]["id"]) == [{"id": run_id, "status": "deleted"}]


def test_a_run_of_higher_priority_stands_before_those_that_came_earlier(store: Store) -> None:
    early = queued(store)
    arguments = ["train", "--task", "dates", "--strategy", "all", "--priority", "3", "--json"]
    (record,) = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert (record["priority"], record["queue_position"]) == (3, 1)
    assert store.run(early).queue_position == 2
    assert CliRunner().invoke(app, [*arguments, "--priority", "1000"]).exit_code == 2


def test_waiting_runs_are_moved_in_the_queue_by_number_and_to_either_end(store: Store) -> None:
    first, second, third = (queued(store) for _number in range(3))

    def order() -> list[str]:
        return sorted((first, second, third), key=lambda run_id: store.run(run_id).queue_position or 0)

    said = clps("priority", third, "front")
    assert said.exit_code == 0
    assert "priority 1, place 1 in the queue" in said.stdout
    assert order() == [third, first, second]
    assert [record["priority"] for record in told("priority", first, third, "back")] == [-1, -1]
    assert order() == [second, first, third]
    assert told("priority", second, "-5")[0]["queue_position"] == 3
    assert told("priority", first, second, third, "front")[0]["priority"] == 0
    assert order() == [first, second, third]


@pytest.mark.parametrize("number", ["101", "-101", "9" * 30, "first", "1.5", "", "--jsn"])
def test_a_priority_that_cannot_be_is_refused_and_nothing_is_moved(store: Store, number: str) -> None:
    run_id = queued(store)
    result = clps("priority", run_id, number)
    assert result.exit_code == 2
    assert "must be a number from -100 to 100 (0 is usual), front or back" in " ".join(result.stderr.split())
    assert store.run(run_id).priority == 0


def test_the_list_says_what_waiting_runs_wait_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(store)
    assert "1 run waits. The next one starts in a moment." in clps().stderr
    monkeypatch.setenv("CLPS_DISK_FLOOR", "100000T")
    assert "No run starts: the disk that holds" in clps("list").stderr


def test_a_fork_is_queued_with_what_was_set(store: Store) -> None:
    parent = stored_run(store, resolve(tiny()))
    (record,) = [told("fork", parent.id, "--set", "train.steps=9", "--set", "seed=4", "--from", "last")]
    fork = store.run(record["id"])
    assert (fork.steps, fork.seed, fork.parent_id, fork.start_from) == (9, 4, parent.id, "last")
    assert weights_file(store, fork.id, "start").is_file()
    said = clps("fork", parent.id[:6], "--name", "Warm")
    assert "Warm: queued" in said.stdout
    assert f"It begins with the best weights of {parent.id}." in said.stderr
    assert "Its config is its parent's in every field." in said.stderr


def test_a_fork_tells_each_field_that_differs_and_a_dry_run_queues_nothing(store: Store) -> None:
    parent = stored_run(store, resolve(tiny(steps=140)))
    arguments = ["fork", parent.id, "--set", "train.steps=9", "--set", "model.dropout=0.2"]
    dry, queued = clps(*arguments, "--dry-run"), clps(*arguments)
    lines = [
        "  model.dropout: 0.1 → 0.2",
        f"  optim.warmup_steps: {parent.config.optim.warmup_steps} → 0 (a tenth of the steps)",
        "  train.steps: 140 → 9",
    ]
    assert [text.splitlines()[1:] for text in (dry.stdout, queued.stdout)] == [lines, lines]
    assert "No other field of its config differs from its parent's." in queued.stderr
    assert "Nothing is queued" in dry.stderr
    assert len(store.runs()) == 2
    assert told(*arguments, "--dry-run")["changes"][2] == {
        "field": "train.steps",
        "before": 140,
        "after": 9,
        "follows": False,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "model.d_model=32"], "a fork must have its parent's model and task"),
        (["--set", "nosuch=1"], "nosuch"),
        (["--set", "steps"], "a setting must read name=value"),
        (["--from", "middle"], "a fork must start from best or last. Got 'middle'."),
        (["--name", " "], "name must be a text"),
    ],
)
def test_a_fork_that_cannot_be_is_refused_in_a_sentence(store: Store, arguments: list[str], sentence: str) -> None:
    parent = stored_run(store, resolve(tiny()))
    result = clps("fork", parent.id, *arguments)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert len(store.runs()) == 1


def test_pruning_says_what_it_frees_and_frees_it(store: Store) -> None:
    run = stored_run(store, resolve(tiny()))
    set_status(store, run.id, "finished", finished_at=1.0)
    size = weights_file(store, run.id, "last").stat().st_size
    assert told("prune", "--dry-run") == [{"id": run.id, "name": run.name, "freed_bytes": size}]
    assert "MiB would be freed." in clps("prune", "--dry-run").stderr
    assert weights_file(store, run.id, "last").exists()
    said = clps("prune", "--days", "7")
    assert run.id in said.stdout
    assert "the best weights of every run are kept" in said.stderr
    assert not weights_file(store, run.id, "last").exists()
    assert weights_file(store, run.id, "best").exists()
    assert clps("prune", "--days", "-1").exit_code == 2
