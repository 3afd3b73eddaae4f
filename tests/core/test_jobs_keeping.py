"""Forks begin with their parent's weights, pruning keeps the best ones, and nothing that vanished is made up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from job_room import JobRoom, eventually, tiny
from untrained_runs import stored_run

from clps_core.config import RunConfig, resolve
from clps_core.errors import CheckpointError, ConfigError, JobError, NotFoundError
from clps_core.jobs import keeping, processes, service
from clps_core.jobs.keeping import START, weights_file
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Run, Store, open_store, schema
from clps_core.store.queue import Queue
from clps_core.training.checkpoint import checkpoint_path
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

DAY = 86_400.0
LEFT = ("best", "last", "previous", "damaged", START)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store on whose queue nobody works: the supervisor's lock is taken."""
    store = open_store(tmp_path / "home")
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield store
    lock.release()
    store.close()


def config(**changes: Any) -> RunConfig:
    return resolve(tiny(**changes)).config


def finished(store: Store, *, days_ago: float = 0.0, files: tuple[str, ...] = LEFT, status: str = "finished") -> Run:
    """A run that ended, with checkpoints of ten bytes each."""
    comparison = store.create_comparison("x", [config()])
    (run,) = store.runs(comparison=comparison)
    for name in files:
        path = weights_file(store, run.id, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
    with store.writing() as connection:
        ended = {"status": status, "finished_at": schema.now(connection) - days_ago * DAY}
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(ended))
        note = {"run_id": run.id, "kind": "last", "step": 9, "path": "checkpoints/last.safetensors"}
        connection.execute(schema.artefact.insert().values(note))
    return store.run(run.id)


def kept(store: Store, run: Run) -> list[str]:
    return [name for name in LEFT if weights_file(store, run.id, name).exists()]


# Pruning


def test_pruning_keeps_the_best_weights_of_finished_runs_and_everything_of_others(store: Store) -> None:
    old = finished(store, days_ago=31)
    young = finished(store, days_ago=29)
    failed = finished(store, days_ago=99, status="failed")
    without_best = finished(store, days_ago=99, files=("last",))
    pruned = service.prune(store, 30)
    assert [(one.id, one.name, one.freed) for one in pruned] == [(old.id, old.name, 40)]
    assert kept(store, old) == ["best"]
    assert store.artefacts(old.id, "last") == []
    assert kept(store, young) == kept(store, failed) == list(LEFT)
    assert kept(store, without_best) == ["last"], "the only weights of a run are not pruned"
    assert service.prune(store, 30) == [], "doing it again changes nothing"


def test_a_dry_run_only_says_what_would_be_freed(store: Store) -> None:
    run = finished(store, days_ago=31)
    assert [one.freed for one in service.prune(store, 30, dry_run=True)] == [40]
    assert kept(store, run) == list(LEFT)
    assert len(store.artefacts(run.id, "last")) == 1


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_days_that_are_no_span_are_refused(store: Store, days: float) -> None:
    with pytest.raises(ConfigError, match="days must be a number from 0 to 36500"):
        service.prune(store, days)


# Forks


def test_a_fork_takes_the_weights_and_the_config_of_its_parent_and_what_is_changed(store: Store) -> None:
    parent = finished(store)
    fork = service.fork(store, parent.id[:5], {"train": {"steps": 7}, "model": {"dropout": 0.0}}, start_from="last")
    assert (fork.parent_id, fork.start_from, fork.status, fork.owner) == (parent.id, "last", "queued", "local")
    assert fork.config.train.steps == fork.steps == 7
    assert fork.config.sharing == parent.config.sharing
    assert fork.config.optim.warmup_steps == 0, "a tenth of its steps at most"
    assert fork.name == "dates · all · seed 0 · steps 7 · dropout 0.0 · fork"
    assert weights_file(store, fork.id, START).read_bytes() == weights_file(store, parent.id, "last").read_bytes()
    service.delete(store, parent.id)
    assert store.run(fork.id).parent_id is None
    assert weights_file(store, fork.id, START).exists(), "it has weights of its own"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"d_model": 32}}, r"model\.d_model"),
        ({"sharing": {"strategy": "none"}}, r"sharing\.strategy"),
        ({"data": {"task": "digits"}}, "."),
        ({"train": {"steps": 0}}, "steps"),
        ({"train": 7}, "train"),
        ({"nosuch": 1}, "nosuch"),
    ],
)
def test_a_fork_of_another_model_or_with_bad_fields_is_refused_and_leaves_nothing(
    store: Store, changes: dict[str, Any], words: str
) -> None:
    parent = finished(store)
    with pytest.raises(ConfigError, match=words):
        service.fork(store, parent.id, changes)
    assert [run.id for run in store.runs()] == [parent.id]
    assert [path.name for path in (store.home / "runs").iterdir()] == [parent.id]


def test_a_fork_needs_weights_that_exist(store: Store) -> None:
    parent = finished(store, days_ago=31)
    service.prune(store, 30)
    with pytest.raises(JobError, match=r"has no last weights to fork: they were deleted .* Use the best weights"):
        service.fork(store, parent.id, start_from="last")
    with pytest.raises(ConfigError, match=r"must start from best or last weights\. Got '\.\./x'"):
        service.fork(store, parent.id, start_from="../x")
    with pytest.raises(NotFoundError):
        service.fork(store, "nosuch00")
    assert [path.name for path in (store.home / "runs").iterdir()] == [parent.id]


def test_a_fork_begins_with_the_loss_its_parent_ended_with_and_a_resume_does_not_begin_again(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent", tmp_path / "child"
    before, after, resumed = RecordingSink(), RecordingSink(), RecordingSink()
    train(config(steps=20, eval_every=20), parent, before)
    start = checkpoint_path(child, START)
    start.parent.mkdir(parents=True)
    start.write_bytes(checkpoint_path(parent, "last").read_bytes())
    train(config(steps=10, eval_every=5, checkpoint_every=5), child, after)
    assert after.curve("validation", "loss")[0] == (0, before.curve("validation", "loss")[-1][1])
    start.write_bytes(b"whatever: it has a checkpoint of its own by now")
    assert train(config(steps=10, eval_every=5, checkpoint_every=5), child, resumed).step == 10
    assert resumed.curve("validation", "loss") == []


def test_a_fork_whose_first_weights_are_damaged_says_so(tmp_path: Path) -> None:
    start = checkpoint_path(tmp_path, START)
    start.parent.mkdir(parents=True)
    start.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"start\.safetensors is damaged"):
        train(config(steps=1), tmp_path, RecordingSink())


# Retries


def test_only_a_failed_run_can_be_retried_and_anew_means_from_nothing(store: Store) -> None:
    run = finished(store)
    with pytest.raises(JobError, match=f"only failed runs can be retried. {run.id} is finished"):
        service.retry(store, run.id)
    failed = finished(store, status="failed")
    log = store.run_folder(failed.id) / "log.txt"
    log.write_text("what happened")
    (store.run_folder(failed.id) / "plan.json").write_text("{}")
    service.retry(store, failed.id)
    assert store.run(failed.id).status == "queued"
    assert kept(store, failed) == list(LEFT), "it goes on from its last checkpoint"
    Queue(store).fail_waiting(failed.id, "again")
    service.retry(store, failed.id, anew=True)
    assert store.run(failed.id).status == "queued"
    assert kept(store, failed) == [START]
    assert store.artefacts(failed.id) == []
    assert sorted(path.name for path in store.run_folder(failed.id).iterdir()) == ["checkpoints", "lock", "log.txt"]


def test_nothing_is_thrown_away_while_a_process_works_in_the_runs_folder(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a former attempt that nobody could end, or the one that somebody else's retry has just begun."""
    monkeypatch.setattr(service, "FOLDER_PATIENCE", 0.0)
    run = finished(store, status="failed")
    with processes.folder_lock(store.run_folder(run.id), 0.0) as ours:
        assert ours
        with pytest.raises(JobError, match=r"a process is still working in the folder of run .*, so it cannot start"):
            service.retry(store, run.id, anew=True)
    assert kept(store, run) == list(LEFT)
    assert store.run(run.id).status == "failed"


def test_nothing_is_thrown_away_in_a_place_that_a_link_leads_to(store: Store, tmp_path: Path) -> None:
    run = finished(store, status="failed")
    elsewhere = tmp_path / "elsewhere"
    store.run_folder(run.id).rename(elsewhere)
    store.run_folder(run.id).symlink_to(elsewhere)
    with pytest.raises(JobError, match="cannot start from the beginning: its folder is a link"):
        service.retry(store, run.id, anew=True)
    assert kept(store, run) == list(LEFT)
    assert store.run(run.id).status == "failed", "else it would go on from what was to be thrown away"


def test_of_two_who_start_a_run_anew_at_once_the_second_throws_nothing_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(store, status="failed")
    folder_lock = processes.folder_lock

    @contextmanager
    def late(folder: Path, patience: float) -> Iterator[bool]:
        Queue(store).requeue(run.id)  # the other one, before we have the folder to ourselves
        with folder_lock(folder, patience) as ours:
            yield ours

    monkeypatch.setattr(processes, "folder_lock", late)
    with pytest.raises(JobError, match="only failed runs can be retried"):
        service.retry(store, run.id, anew=True)
    assert kept(store, run) == list(LEFT)


def test_a_run_that_had_a_checkpoint_does_not_silently_begin_from_nothing(store: Store) -> None:
    run = finished(store, files=(), status="paused")
    gone = rf"checkpoint of step 9 is missing from .*{run.id}/checkpoints\. .* clps runs retry {run.id} --anew"
    with pytest.raises(CheckpointError, match=gone):
        keeping.check_nothing_vanished(store, run)
    store.forget_artefacts(run.id, "last")
    keeping.check_nothing_vanished(store, run)


def removed(folder: Path) -> bool:
    """Try to remove ``folder``; a waiter that still writes into it may be quicker."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_fork_trains_in_a_process_of_its_own_and_misses_what_vanished(room: JobRoom) -> None:
    parent = stored_run(room.store, config())
    fork = service.fork(room.store, parent.id, {"train": {"steps": 3, "checkpoint_every": 1}})
    (forked,) = room.wait(fork.id)
    assert (forked.status, forked.reason, forked.step) == ("finished", None, 3)
    assert "Starts with the weights that its parent had at step 40." in service.log_text(room.store, fork.id)
    assert kept(room.store, fork) == ["best", "last", START], "a finished run keeps no checkpoint before the last"
    eventually(lambda: removed(room.home / "runs"), "the run's waiter leaves its folder, which then goes")
    with room.store.writing() as connection:  # as if it had been stopped before its first checkpoint
        connection.execute(schema.run.update().where(schema.run.c.id == fork.id).values(status="paused"))
        connection.execute(schema.artefact.delete().where(schema.artefact.c.run_id == fork.id))
    service.resume(room.store, fork.id)
    (lost,) = room.wait(fork.id)
    assert lost.status == "failed"
    assert (lost.reason or "").startswith("the weights this fork starts with are missing")
