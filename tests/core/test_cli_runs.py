"""``clps runs``: everything that may be done to a run, told in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_room import tiny
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core.cli import app, output
from clps_core.config import build_config, resolve
from clps_core.jobs.keeping import weights_file
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Point, Store, metrics, open_store, schema
from clps_core.store.queue import Queue


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
    assert refused.exit_code == 2, "1 says that a run failed"
    assert f"only failed runs can be retried. {run_id} is cancelled." in " ".join(refused.stderr.split())
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
    assert "must be a number from -100 to 100 (the default is 0), front or back" in " ".join(result.stderr.split())
    assert store.run(run_id).priority == 0


def evaluated(store: Store, run_id: str, *values: float) -> None:
    points = [Point(run_id, "validation", "exact_match", 5 * place, value, 1.0) for place, value in enumerate(values)]
    with store.writing() as connection:
        metrics.append(connection, run_id, points)


def test_quality_is_told_as_the_best_and_the_last_evaluation_with_their_steps(store: Store) -> None:
    run_id, untrained = queued(store), queued(store)
    evaluated(store, run_id, 0.0, 0.75, 0.75, float("nan"), 0.5)
    records = {record["id"]: record for record in told("list")}
    assert records[run_id]["quality"] == {
        "metric": "exact_match",
        "higher_is_better": True,
        "best": {"value": 0.75, "step": 5},
        "last": {"value": 0.5, "step": 20},
    }
    assert records[untrained]["quality"]["best"] is None
    assert records[run_id]["metrics"] == {"exact_match": 0.5}
    assert told("show", run_id)["quality"] == records[run_id]["quality"]
    shown = " ".join(clps("show", run_id).stdout.split())
    assert "best exact_match 0.75 at 5 (validation) last exact_match 0.5 at 20 (validation)" in shown
    table = clps("list").stdout
    assert "best exact_match" in table
    assert "0.75 at 5" in table
    assert "0.5 at 20" in table


def test_the_best_of_a_metric_that_should_be_low_is_the_lowest(store: Store) -> None:
    config = resolve(build_config({"data": {"task": "python-docs"}})).config
    run = store.runs(comparison=store.create_comparison("x", [config]))[0]
    values = [(0, float("inf")), (5, 40.0), (10, 30.0), (15, 35.0)]
    with store.writing() as connection:
        metrics.append(connection, run.id, [Point(run.id, "validation", "perplexity", *one, 1.0) for one in values])
    assert told("show", run.id)["quality"]["best"] == {"value": 30.0, "step": 10}


def test_runs_are_listed_by_comparison_status_task_and_strategy(store: Store) -> None:
    first = store.create_comparison("First one", [resolve(tiny("all")), resolve(tiny("none"))])
    second = store.create_comparison("Second", [resolve(build_config({"data": {"task": "digits"}}))])
    one, two, three = [*store.runs(comparison=first), *store.runs(comparison=second)]
    set_status(store, two.id, "finished")
    assert {record["id"]: record["comparison"] for record in told("list")} == {
        one.id: "First one", two.id: "First one", three.id: "Second",
    }  # fmt: skip
    assert "First one" in clps("list").stdout

    def ids(*arguments: str) -> list[str]:
        return [record["id"] for record in told("list", *arguments)]

    for text in ("First one", first, first[:5]):
        assert ids("--comparison", text) == [one.id, two.id]
    assert ids("--comparison", first, "--status", "finished") == [two.id]
    assert ids("--task", "digits") == [three.id]
    assert ids("--strategy", "none", "--task", "dates") == [two.id]
    assert ids("--strategy", "0-1") == []
    assert "No run matches." in clps("list", "--strategy", "cycle:2").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--comparison", "Frist"], "there is no comparison 'Frist'. Did you mean 'First'? The newest are: "),
        (["--comparison", ""], "there is no comparison ''."),
        (["--status", "lost"], "status must be one of queued, running"),
        (["--task", "french"], "task must be one of dates, python-docs, digits, mnist, hops, cups, brackets, pairs"),
        (["--strategy", "nosuch"], "strategy must be one of none, all"),
    ],
)
def test_a_filter_that_names_nothing_is_refused_with_what_there_is(store: Store, arguments, words) -> None:
    store.create_comparison("First", [resolve(tiny())])
    result = clps("list", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize("width", [60, 80])
def test_ids_stay_whole_in_a_narrow_terminal(store: Store, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [resolve(tiny("attention=all,ffn=cycle:2", seed=seed)).config for seed in range(3)]
    runs = store.runs(comparison=store.create_comparison("A comparison with a name of many words", configs))
    for run in runs:
        evaluated(store, run.id, 0.1234, 0.9876)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(output, "_to_terminal", lambda: True)
    result = clps("list")
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    for run in runs:
        assert any(run.id in line for line in lines)
        assert any("0.9876 at 5" in line for line in lines)
    assert "The terminal is too narrow for these columns: " in result.stderr


def test_a_run_that_was_asked_to_stop_is_stopping(store: Store) -> None:
    run_id = queued(store)
    Queue(store).start_next(0, "elsewhere", "boot")
    assert "stopping" in clps("cancel", run_id).stdout
    assert "stopping" in clps("list").stdout
    (record,) = told("list")
    assert (record["status"], record["stop_requested"]) == ("running", "cancel")


def test_a_stop_that_is_refused_is_no_failed_run(store: Store) -> None:
    run_id = queued(store)
    set_status(store, run_id, "finished")
    for command in ("cancel", "pause", "resume", "retry"):
        refused = clps(command, run_id)
        assert refused.exit_code == 2, command
        assert refused.stderr.startswith("error: ")


def test_without_a_terminal_each_evaluation_is_a_line_once(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    from clps_core.cli.progress import LineProgress

    run_id = queued(store)
    lines = LineProgress(store, [store.run(run_id)])

    def said() -> list[str]:
        lines.tick([store.run(run_id)])
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()

    name = f"{run_id}  {store.run(run_id).name}"
    assert said() == []
    set_status(store, run_id, "running")
    assert said() == [f"{name}: running"]
    assert said() == []
    with store.writing() as connection:
        metrics.append(connection, run_id, [Point(run_id, "validation", "loss", 0, 4.0, 1.0)])
        metrics.append(connection, run_id, [Point(run_id, "train", "loss", 5, 4.0, 1.0)])
    assert said() == []
    evaluated(store, run_id, 0.25, 0.5)
    assert said() == [f"{name}: step 0/140, exact_match 0.25, loss 4", f"{name}: step 5/140, exact_match 0.5"]
    set_status(store, run_id, "running", step=70, seconds=7.0)
    evaluated(store, run_id, 0.25, 0.5, 0.75)
    assert said()[-1].startswith(f"{name}: step 10/140, exact_match 0.75, about 7.")
    set_status(store, run_id, "failed", reason="No memory.")
    assert said() == [f"{name}: failed. No memory."]


def test_the_list_says_what_waiting_runs_wait_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(store)
    assert "1 run is waiting. The next one starts in a moment." in clps().stderr
    monkeypatch.setenv("CLPS_DISK_FLOOR", "100000T")
    assert "No run starts: the disk that holds" in clps("list").stderr


def test_a_fork_is_queued_with_what_was_set(store: Store) -> None:
    parent = stored_run(store, resolve(tiny()).config)
    (record,) = [told("fork", parent.id, "--set", "train.steps=9", "--set", "seed=4", "--from", "last")]
    fork = store.run(record["id"])
    assert (fork.steps, fork.seed, fork.parent_id, fork.start_from) == (9, 4, parent.id, "last")
    assert weights_file(store, fork.id, "start").is_file()
    said = clps("fork", parent.id[:6], "--name", "Warm")
    assert "Warm: queued" in said.stdout
    assert f"It starts with the best weights of {parent.id}." in said.stderr
    assert "Its config is the same as its parent's." in said.stderr


def test_a_fork_tells_each_field_that_differs_and_a_dry_run_queues_nothing(store: Store) -> None:
    parent = stored_run(store, resolve(tiny(steps=140)).config)
    arguments = ["fork", parent.id, "--set", "train.steps=9", "--set", "model.dropout=0.2"]
    dry, queued = clps(*arguments, "--dry-run"), clps(*arguments)
    lines = [
        "  model.dropout: 0.1 → 0.2",
        f"  optim.warmup_steps: {parent.config.optim.warmup_steps} → 0 (a tenth of the steps)",
        "  train.steps: 140 → 9",
    ]
    assert [text.splitlines()[1:] for text in (dry.stdout, queued.stdout)] == [lines, lines]
    assert "All other fields of its config are the same as its parent's." in queued.stderr
    assert "Nothing was queued" in dry.stderr
    assert len(store.runs()) == 2
    assert told(*arguments, "--dry-run")["changes"][2] == {
        "field": "train.steps",
        "before": 140,
        "after": 9,
        "follows": False,
    }


def test_training_on_takes_more_steps_and_says_what_the_rate_does(store: Store) -> None:
    parent = stored_run(store, resolve(tiny(steps=140)).config, step=140)
    with store.writing() as connection:
        path = "checkpoints/last.safetensors"
        connection.execute(schema.artefact.insert().values(run_id=parent.id, kind="last", step=140, path=path))
    said = clps("train-on", parent.id, "--steps", "60", "--dry-run")
    assert said.exit_code == 0
    assert "train.begin_step: 0 → 140" in said.stdout
    assert f"It continues training with the last weights and the optimiser of {parent.id}." in said.stderr
    assert "is now planned for 200 steps" in " ".join(said.stderr.split())
    (record,) = [told("train-on", parent.id, "--steps", "60")]
    child = store.run(record["id"])
    assert (child.config.train.begin_step, child.steps, child.start_from) == (140, 60, "last")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "model.d_model=32"], "a fork must have its parent's model and task"),
        (["--set", "nosuch=1"], "nosuch"),
        (["--set", "steps"], "a setting must be written name=value"),
        (["--from", "middle"], "a fork must start from best or last weights. Got 'middle'."),
        (["--name", " "], "name must be a text"),
    ],
)
def test_a_fork_that_cannot_be_is_refused_in_a_sentence(store: Store, arguments: list[str], sentence: str) -> None:
    parent = stored_run(store, resolve(tiny()).config)
    result = clps("fork", parent.id, *arguments)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert len(store.runs()) == 1


def test_pruning_says_what_it_frees_and_frees_it(store: Store) -> None:
    run = stored_run(store, resolve(tiny()).config)
    set_status(store, run.id, "finished", finished_at=1.0)
    size = weights_file(store, run.id, "last").stat().st_size
    assert told("prune", "--dry-run") == [{"id": run.id, "name": run.name, "freed_bytes": size}]
    assert "MiB would be freed." in clps("prune", "--dry-run").stderr
    assert weights_file(store, run.id, "last").exists()
    said = clps("prune", "--days", "7")
    assert run.id in said.stdout
    assert "The best weights of every run are kept" in said.stderr
    assert not weights_file(store, run.id, "last").exists()
    assert weights_file(store, run.id, "best").exists()
    assert clps("prune", "--days", "-1").exit_code == 2


def test_a_run_is_scored_on_the_test_split_once_and_shown_apart(store: Store) -> None:
    config = small_config("digits", "none")
    run = stored_run(store, config)
    assert told("show", run.id)["test"] is None
    said = clps("test", run.id)
    assert said.exit_code == 0, said.stderr
    assert "accuracy 0." in said.stdout
    assert "(step 40, 180 test examples)" in said.stdout
    assert "The test examples were not used to choose anything" in said.stderr
    (record,) = told("test", run.id)
    assert (record["test"]["step"], record["test"]["examples"]) == (40, 180)
    assert set(record["test"]) == {"step", "examples", "loss", "accuracy"}
    assert not any("test" in name for name in record["metrics"]), "the metrics are those of training"
    assert told("show", run.id)["test"] == record["test"]
    assert "180 test examples" in clps("show", run.id).stdout


def test_a_run_that_has_not_finished_is_not_scored(store: Store) -> None:
    run_id = queued(store)
    refused = clps("test", run_id)
    assert refused.exit_code != 0
    assert "only a finished run can be scored on the test split" in " ".join(refused.stderr.split())


def test_the_list_is_searched_by_where_and_a_filter_that_is_none_is_refused(store: Store) -> None:
    one, other = queued(store), queued(store)
    set_status(store, other, "failed")
    assert [record["id"] for record in told("list", "--where", "status:failed d_model:16")] == [other]
    assert [record["id"] for record in told("list", "--where", f"-status:failed {one[:5]}")] == [one]
    assert "No run matches" in clps("list", "--where", "nothing").stderr
    assert "1 of 2 runs" in clps("list", "--limit", "1").stderr
    refused = clps("list", "--where", "d_modle>3")
    assert refused.exit_code == 2
    assert "Did you mean d_model?" in refused.stderr
    assert "Traceback" not in refused.stderr
