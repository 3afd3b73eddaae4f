"""A job has a kind. Training is one; the others evaluate a run, with rows of their own for what they find."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import evaluating_kind
import pytest
from job_room import JobRoom, eventually, tiny
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core.analysis.memory import estimate_training_memory
from clps_core.cli import app
from clps_core.config import resolve
from clps_core.depth import kept_qualities, quality_at
from clps_core.errors import CheckpointError, ConfigError, JobError, NotAllowedError, NotFoundError
from clps_core.jobs import processes, runner, service
from clps_core.jobs.admission import Gate
from clps_core.jobs.desk import Desk, use_of
from clps_core.jobs.evaluations import evaluate, evaluated
from clps_core.jobs.kinds import ENTRY_POINTS, KINDS, Kinds
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.sink import StopSignal
from clps_core.jobs.slots import Slots
from clps_core.jobs.state import queue_state
from clps_core.policy import Person
from clps_core.store import Evaluation, Run, Store, open_store, schema
from clps_core.store.deaths import Exit
from clps_core.store.queue import LeaseLost, Queue
from clps_core.store.shelf import forget_comparison
from clps_core.training.saved import checkpoint_path, stamp_text

PLACEMENT: dict[str, str | int] = {"device": "cpu", "threads": 1}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Nobody works on its queue: the supervisor's lock is taken."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLPS_SLOTS", "2")
    store = open_store()
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield store
    lock.release()
    store.close()


@pytest.fixture
def other_kind() -> Iterator[str]:
    """One that this installation does not have."""
    KINDS.register(evaluating_kind.KIND)
    yield evaluating_kind.KIND.name
    KINDS.forget(evaluating_kind.KIND.name)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The runner may work in this process."""
    monkeypatch.setattr(runner, "RUNS", 0)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def bare(store: Store) -> Run:
    """A finished run with a file of weights that no test opens."""
    run_id = store.runs(comparison=store.create_comparison("x", [resolve(tiny())]))[0].id
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run_id).values(status="finished", step=140))
    best = checkpoint_path(store.run_folder(run_id), "best")
    best.parent.mkdir(parents=True)
    best.write_bytes(b"weights")
    return store.run(run_id)


def work(store: Store, job_id: str) -> Evaluation:
    """One attempt at the job, here; returns the job as it is then."""
    queue = Queue(store)
    attempt = queue.start_next(0, processes.host_name(), "boot", among=[job_id])
    assert attempt is not None
    code = runner.attempt(store, job_id, attempt.number, StopSignal())
    queue.settle(job_id, attempt.number, Exit(code=code))
    return of(store, job_id)


def of(store: Store, job_id: str) -> Evaluation:
    (job,) = store.evaluations(ids=[job_id])
    return job


# What an evaluation is, and is not


def test_an_evaluation_stands_in_the_queue_and_nowhere_among_the_runs(store: Store, other_kind: str) -> None:
    run = bare(store)
    before = (store.runs(), store.comparisons(), store.counts())
    job = evaluate(store, other_kind, run.id, ["a", "b"], priority=3)
    assert (store.runs(), store.comparisons(), store.counts()) == before
    assert store.some_runs([job.id, run.id]) == [run]
    with pytest.raises(NotFoundError, match=f"clps jobs show {job.id}"):
        store.run(job.id)
    assert (job.kind, job.about_id, job.keys, job.stamp) == (other_kind, run.id, ("a", "b"), None)
    assert (job.status, job.step, job.steps, job.priority, job.queue_position) == ("queued", 0, 2, 3, 1)
    assert job.name == f"Processes of {run.name}"
    assert [(one.id, one.kind, one.trains) for one in store.active_jobs()] == [(job.id, other_kind, False)]
    assert store.has_jobs("queued")
    assert queue_state(store).words.startswith("1 run or evaluation is waiting.")


def test_trainings_and_evaluations_share_one_queue_by_priority_and_owner(store: Store, other_kind: str) -> None:
    run = bare(store)
    mine = store.runs(comparison=store.create_comparison("mine", [resolve(tiny())] * 2, owner="ada"))
    job = evaluate(store, other_kind, run.id, ["a"], owner="bob")
    queue = Queue(store)
    started = [attempt.run_id for _slot in range(3) if (attempt := queue.start_next(0, "here", "boot"))]
    assert started == [mine[0].id, job.id, mine[1].id], "bob had nothing at work, ada one run"
    assert store.running_per_owner() == {"ada": 2, "bob": 1}


def test_a_run_is_evaluated_when_it_has_ended_and_has_weights(store: Store, other_kind: str) -> None:
    run = bare(store)
    waiting = store.runs(comparison=store.create_comparison("y", [resolve(tiny())]))[0]
    with pytest.raises(JobError, match=f"only a run that has ended can be evaluated. Run {waiting.id} is queued"):
        evaluate(store, other_kind, waiting.id, ["a"])
    with pytest.raises(ConfigError, match="a key must be given"):
        evaluate(store, other_kind, run.id, [])
    with pytest.raises(ConfigError, match="must be one of training, depths"):
        evaluate(store, "nothing", run.id, ["a"])
    with pytest.raises(ConfigError, match="cannot be started for a run"):
        evaluate(store, "training", run.id, ["a"])
    checkpoint_path(store.run_folder(run.id), "best").unlink()
    with pytest.raises(CheckpointError, match="has no weights yet"):
        evaluate(store, other_kind, run.id, ["a"])
    assert store.evaluations() == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("validation:0", "from 1 to"),
        ("train:1", "must be one of validation, test"),
        ("validation:x", "must be whole numbers"),
        ("validation", "must be whole numbers"),
    ],
)
def test_depths_that_cannot_be_are_refused_before_anything_is_queued(store: Store, asked: str, words: str) -> None:
    run = bare(store)
    with pytest.raises(ConfigError, match=words):
        evaluate(store, "depths", run.id, [asked])
    assert store.evaluations() == []


def offered(folder: Path, **entry_points: str) -> str:
    """A folder for ``sys.path`` with an installed package that offers kinds of jobs."""
    about = folder / "site" / "own_kinds-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-kinds\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entry_points.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINTS}]", *lines, ""]))
    return str(about.parent)


def test_a_package_that_cannot_be_loaded_takes_no_other_kind_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(Kinds()) == []
    modules = {"broken": "no_such_module:KIND", "other": "json:dumps", "processes": "evaluating_kind:KIND"}
    monkeypatch.syspath_prepend(offered(tmp_path, **modules))
    assert dict(Kinds()) == {"processes": evaluating_kind.KIND}


# Asked for again


def test_who_asks_again_gets_the_same_job_and_only_what_is_missing_is_done(
    store: Store, other_kind: str, worked: None
) -> None:
    run = bare(store)
    job = evaluate(store, other_kind, run.id, ["a", "b"])
    with pytest.raises(JobError, match=f"clps jobs cancel {job.id}"):
        evaluate(store, other_kind, run.id, ["c"])
    assert work(store, job.id).status == "finished"
    first = store.results(job.id)
    assert list(first) == ["a", "b"]
    again = evaluate(store, other_kind, run.id, ["b"])
    assert (again.id, again.status) == (job.id, "finished"), "nothing is missing"
    more = evaluate(store, other_kind, run.id, ["c", "a"])
    assert (more.id, more.status, more.keys, more.step, more.steps) == (job.id, "queued", ("a", "b", "c"), 2, 3)
    with store.writing() as connection:  # to see that it is not written again
        values = schema.result.update().where(schema.result.c.key == "a").values(value=None)
        connection.execute(values)
    assert work(store, job.id).status == "finished"
    assert math.isnan(store.results(job.id)["a"]["pid"])
    assert list(store.results(job.id)) == ["a", "b", "c"]


def test_results_are_of_one_state_of_the_weights(store: Store, other_kind: str, worked: None) -> None:
    run = bare(store)
    job = work(store, evaluate(store, other_kind, run.id, ["a", "b"]).id)
    assert evaluated(store, other_kind, [run])[run.id].current
    checkpoint_path(store.run_folder(run.id), "best").write_bytes(b"others")
    found = evaluated(store, other_kind, [run])[run.id]
    assert not found.current
    assert list(found.results) == ["a", "b"], "they stay until the run is evaluated anew"
    again = evaluate(store, other_kind, run.id, ["b"])
    assert (again.id, again.keys, again.step, again.steps) == (job.id, ("b",), 0, 1)
    work(store, job.id)
    found = evaluated(store, other_kind, [run])[run.id]
    assert (found.current, list(found.results)) == (True, ["b"])


# Stopped, killed, failed, deleted


def test_a_killed_evaluation_goes_on_with_the_next_key(store: Store, other_kind: str, worked: None) -> None:
    run = bare(store)
    job = evaluate(store, other_kind, run.id, ["a", "b", "c"])
    queue = Queue(store)
    queue.start_next(0, "here", "boot")
    assert queue.claim(job.id, 1, 1, 1.0)
    stamp = stamp_text(store.run_folder(run.id), "best") or ""
    assert queue.begin_evaluation(job.id, 1, stamp, PLACEMENT) == ["a", "b", "c"]
    queue.append(job.id, 1, [], progress={"step": 1, "seconds": 2.0}, results={"a": {"pid": -1.0}})
    assert queue.settle(job.id, 1, Exit(signal=9)) == "queued"
    assert "It is retried from its last result (retry 1 of 2)" in (of(store, job.id).reason or "")
    with pytest.raises(LeaseLost):  # it lives on and finds out that it was given up
        queue.append(job.id, 1, [], results={"b": {"pid": -1.0}})
    ended = work(store, job.id)
    assert (ended.status, ended.step, ended.attempts) == ("finished", 3, 2)
    assert ended.seconds >= 2.0
    results = store.results(job.id)
    assert results["a"] == {"pid": -1.0}, "what was written is kept"
    assert results["b"] == results["c"] == {"pid": float(os.getpid())}


def test_an_evaluation_is_cancelled_between_two_keys_and_resumed(
    store: Store, other_kind: str, worked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bare(store)
    job = evaluate(store, other_kind, run.id, ["a", "gate", "b"])
    monkeypatch.setattr(evaluating_kind, "rest", lambda: service.cancel(store, job.id))
    assert work(store, job.id).status == "cancelled"
    assert list(store.results(job.id)) == ["a"]
    (store.run_folder(run.id) / "open").touch()
    service.resume(store, job.id)
    assert work(store, job.id).status == "finished"
    assert list(store.results(job.id)) == ["a", "gate", "b"]


def test_an_evaluation_that_fails_says_why_and_keeps_what_it_has(store: Store, other_kind: str, worked: None) -> None:
    run = bare(store)
    job = work(store, evaluate(store, other_kind, run.id, ["a", "break"]).id)
    assert job.status == "failed"
    assert "unexpected error (ZeroDivisionError" in (job.reason or "")
    assert list(store.results(job.id)) == ["a"]


def test_a_job_of_a_kind_that_is_gone_fails_with_a_sentence(store: Store, other_kind: str) -> None:
    run = bare(store)
    job = evaluate(store, other_kind, run.id, ["a"])
    KINDS.forget(other_kind)
    gate = Gate(Slots(2, 1, (), ""))
    answer = gate.ask(store.job(job.id), 0, [])
    assert answer.never
    assert "kind must be one of" in answer.reason
    KINDS.register(replace(evaluating_kind.KIND, memory="no_such_module:memory"))
    answer = gate.ask(store.job(job.id), 0, [])
    assert answer.never
    assert "no_such_module:memory cannot be imported" in answer.reason
    assert gate.is_smaller(store.job(job.id), run, None), "the supervisor asks it, and then knows"


def test_a_run_is_deleted_with_its_evaluations_once_none_of_them_works(store: Store, other_kind: str) -> None:
    run, kept = bare(store), bare(store)
    job, other = (evaluate(store, other_kind, one.id, ["a"]) for one in (run, kept))
    queue = Queue(store)
    queue.start_next(0, "here", "boot", among=[job.id])
    folder = store.run_folder(job.id)
    folder.mkdir()
    for delete in (lambda: service.delete(store, run.id), lambda: forget_comparison(store, run.comparison_id or "")):
        with pytest.raises(JobError, match=f"run {run.id} is being evaluated"):
            delete()
    with pytest.raises(JobError, match=f"job {job.id} is running"):
        service.delete(store, job.id)
    assert store.run(run.id) == run
    queue.finish(job.id, 1, "finished", None)
    forget_comparison(store, run.comparison_id or "")
    assert not folder.exists()
    assert [one.id for one in store.evaluations()] == [other.id]
    service.delete(store, other.id)
    assert store.evaluations() == []
    assert store.run(kept.id) == kept, "The run is kept"


# What it needs, and who may ask


def test_an_evaluation_needs_the_cpu_and_less_memory_than_the_training(store: Store) -> None:
    run = bare(store)
    job = replace(store.job(run.id), kind="depths")
    assert KINDS["training"].needs(run.config) == estimate_training_memory(run.config)
    assert KINDS["depths"].needs(run.config) < estimate_training_memory(run.config)
    gpu = replace(job, config_text=json.dumps(tiny(device="cuda").as_dict()))
    gate = Gate(Slots(1, 1, ("0",), ""))
    assert gate.device(gpu, 0) is None
    assert gate.device(replace(gpu, kind="training"), 0) == "0"


def test_on_a_shared_server_the_owner_asks_and_the_quota_counts(store: Store, other_kind: str) -> None:
    (store.home / "policy.yaml").write_text("mode: shared\nquotas: {queued: 1, runs: 1}\n")
    ada, bob = Person("guest-ada"), Person("guest-bob")
    run = bare(store)
    with store.writing() as connection:
        connection.execute(schema.run.update().values(owner=ada.owner))
    with pytest.raises(NotAllowedError, match="not evaluate this run"):
        Desk.of(store, bob).evaluate(other_kind, run.id, ["a"])
    job = Desk.of(store, ada).evaluate(other_kind, run.id, ["a"])
    assert job.owner == ada.owner
    use = use_of(store, ada.owner)
    assert (use.queued, use.runs) == (1, 1), "it waits, but it is no run"
    with pytest.raises(NotAllowedError, match="at most 1 runs and evaluations per person can wait"):
        Desk.of(store, ada).checked([tiny()])
    with pytest.raises(NotAllowedError):
        Desk.of(store, bob).cancel(job.id)
    Desk.of(store, ada).cancel(job.id)
    assert of(store, job.id).status == "cancelled"


def test_of_a_kind_whose_speed_nobody_knows_no_start_is_foretold(store: Store, other_kind: str) -> None:
    run = bare(store)
    store.create_comparison("y", [resolve(tiny())] * 3)
    job = evaluate(store, other_kind, run.id, ["a"], priority=-1)
    queue = Queue(store)
    for slot in (0, 1):
        attempt = queue.start_next(slot, "here", "boot")
        assert attempt is not None
        queue.claim(attempt.run_id, 1, 1, 1.0)
        queue.append(attempt.run_id, 1, [], progress={"step": 100, "seconds": 10.0})
    turns = queue_state(store).turns
    waiting = next(one.id for one in store.runs(status="queued"))
    assert turns[waiting].starts_in == pytest.approx(4.0)
    assert turns[job.id].starts_in == pytest.approx(4.0), "the other slot is free then"
    after = store.runs(comparison=store.create_comparison("z", [resolve(tiny())], priority=-2))[0].id
    assert queue_state(store).turns[after].starts_in == pytest.approx(18.0), "not on the slot of the evaluation"


# The first kind besides training: depths


def test_depths_are_what_the_page_and_the_command_line_measure(store: Store, worked: None) -> None:
    config = small_config("digits", "cycle:2")
    train = config.train.model_copy(update={"eval_examples": 8, "test_examples": 5})
    run = stored_run(store, config.model_copy(update={"train": train}))
    job = evaluate(store, "depths", run.id, ["test:1", "validation:2", "validation:1", "validation:2"])
    assert job.keys == ("validation:1", "validation:2", "test:1")
    assert work(store, job.id).status == "finished"
    results, folder = store.results(job.id), store.run_folder(run.id)
    found = kept_qualities(run.config_text, results)
    assert list(found) == [1, 2]
    for loops, one in found.items():
        asked = quality_at(folder, loops)
        assert replace(one, seconds=0.0) == replace(asked, seconds=0.0)
    (tested,) = kept_qualities(run.config_text, results, "test").values()
    assert (tested.examples, tested.metrics) == (5, quality_at(folder, 1, split="test").metrics)


def clps(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_command_line_queues_lists_shows_and_steers_an_evaluation(store: Store) -> None:
    run = bare(store)
    (job,) = json.loads(clps("depth", run.id, "--loops", "1-3,8", "--background", "--json"))
    assert job["keys"] == [f"validation:{loops}" for loops in (1, 2, 3, 8)]
    assert (job["kind"], job["about_id"], job["about"], job["status"]) == ("depths", run.id, run.name, "queued")
    assert [one["id"] for one in json.loads(clps("runs", "--json"))] == [run.id]
    assert "Depth evaluation" in clps("jobs")
    assert [one["id"] for one in json.loads(clps("jobs", "list", "--run", run.id, "--json"))] == [job["id"]]
    queue = Queue(store)
    queue.start_next(0, "here", "boot")
    queue.begin_evaluation(job["id"], 1, "of other weights", PLACEMENT)
    queue.append(job["id"], 1, [], progress={"step": 1}, results={"validation:1": {"loss": 0.5, "accuracy": 0.25}})
    queue.finish(job["id"], 1, "cancelled", None)
    shown = CliRunner().invoke(app, ["jobs", "show", job["id"][:5]])
    assert "0.25" in shown.stdout
    assert "weights have changed since these results" in " ".join(shown.stderr.split())
    assert json.loads(clps("jobs", "resume", job["id"], "--json"))[0]["status"] == "queued"
    assert json.loads(clps("jobs", "cancel", job["id"], "--json"))[0]["status"] == "cancelled"
    refused = CliRunner().invoke(app, ["runs", "cancel", job["id"]])
    assert refused.exit_code != 0
    assert f"clps jobs show {job['id']}" in " ".join(refused.stderr.split())
    refused = CliRunner().invoke(app, ["jobs", "delete", run.id])
    assert f"clps runs show {run.id}" in " ".join(refused.stderr.split())
    assert json.loads(clps("jobs", "delete", job["id"], "--json")) == [{"id": job["id"], "status": "deleted"}]
    assert clps("jobs") == ""


# In processes of their own


def test_a_kind_of_another_package_is_worked_on_by_real_processes_and_survives_a_kill(
    room: JobRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_kind: str
) -> None:
    places = [offered(tmp_path, processes="evaluating_kind:KIND"), str(Path(evaluating_kind.__file__).parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*places, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    run = bare(room.store)
    job = evaluate(room.store, other_kind, run.id, ["a", "gate"])
    os.kill(room.reach_job(job.id, 1), signal.SIGKILL)
    eventually(lambda: room.store.job(job.id).attempts == 2, "the next attempt")
    (room.store.run_folder(run.id) / "open").touch()
    eventually(lambda: not room.store.job(job.id).active, "its end")
    ended = room.store.job(job.id)
    assert (ended.status, ended.step, ended.attempts) == ("finished", 2, 2)
    results = room.store.results(job.id)
    assert results["a"]["pid"] != results["gate"]["pid"], "the first key was not done again"


@pytest.mark.slow
def test_a_depth_evaluation_killed_half_way_ends_as_an_undisturbed_one(room: JobRoom) -> None:
    run, twin = (stored_run(room.store, small_config("dates", "cycle:2")) for _copy in range(2))
    keys = [f"validation:{loops}" for loops in range(1, 13)]
    jobs = [evaluate(room.store, "depths", one.id, keys).id for one in (run, twin)]
    os.kill(room.reach_job(jobs[0], 2), signal.SIGKILL)
    eventually(lambda: not any(job.active for job in room.store.some_jobs(jobs)), "their end")
    assert [job.status for job in room.store.some_jobs(jobs)] == ["finished", "finished"]
    assert room.store.job(jobs[0]).attempts == 2
    mine, theirs = (kept_qualities(run.config_text, room.store.results(job)) for job in jobs)
    assert list(mine) == list(range(1, 13))
    assert [replace(one, seconds=0.0) for one in mine.values()] == [
        replace(one, seconds=0.0) for one in theirs.values()
    ]
