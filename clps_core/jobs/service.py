"""What pages, commands and scripts may do with runs. They call nothing else of ``jobs``. No torch here.

Start at submit. Every function takes the store; every refusal is a ``ClpsError`` with a sentence.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clps_core.analysis.counts import count
from clps_core.analysis.memory import check_fits
from clps_core.config import Resolved, RunConfig, build_config, resolve
from clps_core.errors import ConfigError, JobError
from clps_core.experiment import check_name
from clps_core.files import open_regular
from clps_core.jobs import keeping, processes
from clps_core.jobs.ancestry import ancestry_text
from clps_core.jobs.devices import check_devices
from clps_core.jobs.forks import DerivedFork, derive_fork
from clps_core.jobs.keeping import Pruned
from clps_core.jobs.logs import make_room, why_not_started
from clps_core.jobs.machine import largest_gpu
from clps_core.jobs.names import comparison_name, run_names
from clps_core.jobs.settings import Settings
from clps_core.jobs.slots import available_memory, choose_slots, visible_gpus
from clps_core.jobs.state import QueueState, SupervisorStatus, Turn, queue_state, supervisor_status
from clps_core.jobs.training_on import check_began, check_no_begin_step
from clps_core.scoring import score_folder
from clps_core.store import Job, Run, Store
from clps_core.store.archive import check_exportable, export_run, import_run
from clps_core.store.connection import sentences
from clps_core.store.metrics import TEST
from clps_core.store.queue import Queue, check_finished
from clps_core.store.records import FinalScore, Point, new_id
from clps_core.words import _

__all__ = [
    "Pruned",
    "QueueState",
    "SupervisorStatus",
    "Turn",
    "cancel",
    "check_exportable",
    "checked",
    "delete",
    "ensure_supervisor",
    "export_run",
    "fork",
    "import_run",
    "log_text",
    "matched",
    "pause",
    "prune",
    "queue_fork",
    "queue_state",
    "resume",
    "retry",
    "score_test",
    "submit",
    "supervisor_status",
    "wait",
]

WAIT_POLL = 0.2
FAILED_SECONDS = 30.0
"""How long a supervisor that could not start is not tried again."""
LOOK_AFTER_SUPERVISOR_EVERY = 2.0
FOLDER_PATIENCE = 2.0
"""Seconds that a retry waits for the process of a run that has just failed to leave."""
MOST_RUNS_AT_ONCE = 200


def matched(base: Mapping[str, Any], strategies: Sequence[str], seeds: Sequence[int]) -> list[Resolved]:
    """One config per strategy and seed, equal in all else: all see the same data in the same order.

    ``base`` is a partial config (nested plain data). Raises ``ConfigError``, also for the same run twice.
    """
    if not strategies or not seeds:
        raise ConfigError(_("a comparison must have at least one strategy and one seed. Add one."))
    found = []
    for seed in seeds:
        for strategy in strategies:
            sharing = {**(base.get("sharing") or {}), "strategy": strategy}
            found.append(resolve(build_config({**base, "sharing": sharing, "seed": seed})))
    if len({one.config.model_dump_json() for one in found}) < len(found):
        raise ConfigError(_("each strategy and each seed must be given once. Remove the repeated one."))
    return found


def submit(
    store: Store,
    configs: Sequence[RunConfig | Resolved],
    name: str | None = None,
    owner: str = "local",
    *,
    ready: bool = False,
    priority: int = 0,
    sweep: Mapping[str, Any] | None = None,
) -> list[Run]:
    """Queue the configs as one comparison and see to it that they are worked on; returns at once.

    ``priority``: higher starts first. ``sweep``: what a sweep was expanded from, as plain data.

    Everything is checked before anything is queued: raises ``ConfigError`` for what does not fit together
    or into memory, ``StoreError`` where nothing can be written.
    """
    check_name(name or None)
    found = checked(store, configs)
    complete = [one.config for one in found]
    for config in complete:
        check_no_begin_step(config)
    counts = [count(one.config.model, one.plan) for one in found]
    comparison_id = store.create_comparison(
        name or comparison_name(complete),
        found,
        owner,
        ready,
        run_names=run_names(complete),
        parameters=[(one.unique_parameters, one.executed_parameters) for one in counts],
        priority=priority,
        sweep=sweep,
    )
    ensure_supervisor(store)
    return store.runs(comparison=comparison_id)


def checked(store: Store, configs: Sequence[RunConfig | Resolved]) -> list[Resolved]:
    """The complete configs, if ``submit`` would take them; raises the ``ConfigError`` that it would raise."""
    found = [resolve(config) for config in configs]
    if not 1 <= len(found) <= MOST_RUNS_AT_ONCE:
        raise ConfigError(
            _("a comparison must have 1 to {limit} runs. Got {got}.", limit=MOST_RUNS_AT_ONCE, got=len(found))
        )
    choose_slots(), Settings.of()  # refuse settings that no supervisor could work with
    for one in found:
        _check_memory(one)
    check_devices(store, [one.config for one in found])
    return found


def _check_memory(run: Resolved) -> None:
    """Hold ``run`` against the memory it would fill: of the largest GPU here, or of this machine."""
    gpus = visible_gpus() if run.config.train.device != "cpu" else ()
    if not gpus:
        check_fits(run, available_memory())
    elif (memory := largest_gpu(gpus)) is not None:  # else the run will tell
        check_fits(run, memory, gpu=True)


def ensure_supervisor(store: Store) -> None:
    """Start the supervisor if there is work and none is up; wake it if it is. Cheap enough for every call.

    Raises ``JobError`` where one was started a moment ago and could not work.
    """
    lock = processes.SupervisorLock(store.home)
    if lock.holder() is not None:
        processes.wake(store.home)
        return
    if not store.has_jobs():
        return
    earlier = _started.get(store.home)
    if earlier is not None:
        code = earlier.process.poll()  # reaps it, too
        if code is None:
            return  # it is starting up, or just leaving: the next call will see
        if code > 0 and time.monotonic() - earlier.at < FAILED_SECONDS:
            log_path = store.home / "supervisor.log"
            why = why_not_started(log_path) or _("See {path}.", path=log_path)
            raise JobError(_("the supervisor could not start, so no run can start: {why}", why=why))
    make_room(store.home / "supervisor.log")
    with sentences(store.home), (store.home / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            processes.python_module("clps_core.jobs.supervisor", "--home", str(store.home)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[store.home] = _Started(process, time.monotonic())


class _Started(NamedTuple):
    process: subprocess.Popen[bytes]
    at: float


_started: dict[Path, _Started] = {}
"""Supervisors that this process started: while one starts up, no second is needed; once ended, it is reaped."""


def cancel(store: Store, run_id: str) -> None:
    """Stop a queued or running run for good; what it has learnt stays, and it can be resumed."""
    _stop(store, run_id, "cancel")


def pause(store: Store, run_id: str) -> None:
    """Stop a queued or running run for now."""
    _stop(store, run_id, "pause")


def _stop(store: Store, run_id: str, kind: str) -> None:
    attempt = Queue(store).request_stop(store.job(run_id).id, kind)
    if attempt is not None and attempt.host == processes.host_name():
        processes.send_signal(attempt.pid, attempt.created, signal.SIGTERM)
    ensure_supervisor(store)


def resume(store: Store, run_id: str) -> None:
    """Queue a cancelled, paused or failed run again; it goes on from its last checkpoint."""
    Queue(store).requeue(store.job(run_id).id)
    ensure_supervisor(store)


def retry(store: Store, run_id: str, *, anew: bool = False) -> None:
    """Queue a failed run again, from its last checkpoint; ``anew``: from its first step.

    Raises ``JobError`` for a run that did not fail.
    """
    run = _failed(store, run_id)
    if anew:
        _start_anew(store, run.id)
    else:
        Queue(store).requeue(run.id)
    ensure_supervisor(store)


def _failed(store: Store, run_id: str) -> Job:
    run = store.job(run_id)
    if run.status != "failed":
        raise JobError(_("only failed runs can be retried. {run_id} is {status}.", run_id=run.id, status=run.status))
    return run


def _start_anew(store: Store, run_id: str) -> None:
    """Throw away and queue; no process may begin in between, nor somebody else do the same."""
    folder = store.run_folder(run_id)
    with sentences(store.home):
        folder.mkdir(mode=0o700, exist_ok=True)
    with processes.folder_lock(folder, FOLDER_PATIENCE) as alone:
        if not alone:
            raise JobError(
                _(
                    "a process is still working in the folder of run {run_id}, so it cannot start from the "
                    "beginning. Wait a moment, then try again.",
                    run_id=run_id,
                )
            )
        _failed(store, run_id)  # looked at again: it may have been started meanwhile
        keeping.clear(store, run_id)
        store.forget_artefacts(run_id, "last")
        Queue(store).requeue(run_id)


def fork(
    store: Store,
    run_id: str,
    changes: Mapping[str, Any] | None = None,
    *,
    start_from: str = "best",
    name: str | None = None,
    owner: str = "local",
    priority: int = 0,
    keep_optimiser: bool = False,
) -> Run:
    """Queue a new run that begins with the ``best`` or ``last`` weights of another, at step 0.

    What differs from the parent is derived in ``forks.derive_fork``, whose ``ConfigError`` is raised here, too.
    The optimiser and its schedule begin afresh, or with ``keep_optimiser`` go on from the last weights. Raises
    ``JobError`` where the parent has no such weights.
    """
    check_name(name or None)
    derived = derive_fork(store, run_id, changes, start_from=start_from, name=name, keep_optimiser=keep_optimiser)
    return queue_fork(store, derived, owner=owner, priority=priority)


def queue_fork(store: Store, derived: DerivedFork, *, owner: str = "local", priority: int = 0) -> Run:
    """Queue a fork that was derived; raises as ``fork`` does."""
    (found,) = checked(store, [derived.resolved])
    counts = count(found.config.model, found.plan)
    new = new_id()
    try:
        keeping.bring_weights(store, derived.parent, derived.start_from, new)
        check_began(store, new, derived.parent, derived.config)
        store.create_comparison(
            derived.comparison_name,
            [found],
            owner,
            run_names=[derived.name],
            parameters=[(counts.unique_parameters, counts.executed_parameters)],
            parent_id=derived.parent.id,
            priority=priority,
            start_from=derived.start_from,
            ancestry=ancestry_text(derived.spent),
            run_ids=[new],
        )
    except BaseException:  # no row, so nobody would ever delete the folder
        shutil.rmtree(store.run_folder(new), ignore_errors=True)
        raise
    ensure_supervisor(store)
    return store.run(new)


def prune(store: Store, days: float = 30.0, *, dry_run: bool = False) -> list[Pruned]:
    """Delete what finished runs of more than ``days`` days ago kept to go on from; their best weights stay."""
    return keeping.prune(store, days, dry_run=dry_run)


Score = Callable[[Path], tuple[int, Mapping[str, float]]]
"""As ``scoring.score_folder``: the step of the weights, and metrics."""


def score_test(store: Store, run_id: str, *, seconds: float | None = None, score: Score | None = None) -> FinalScore:
    """The score of a finished run on the test split: the one it has, else it is made and kept.

    It is made here, which needs torch and takes seconds to minutes, or by ``score``, given the run's folder.
    Raises ``JobError`` for a run that has not finished and where it takes longer than ``seconds``,
    ``CheckpointError`` without best weights, ``DataError`` where the data have changed.
    """
    run = store.run(run_id)
    check_finished(run.id, run.status)
    if found := store.final_scores([run.id]):
        return found[run.id]
    folder = store.run_folder(run.id)
    step, values = score_folder(folder, seconds=seconds) if score is None else score(folder)
    points = [Point(run.id, TEST, name, step, value, run.seconds) for name, value in values.items()]
    Queue(store).record_test(run.id, points)
    return store.final_scores([run.id])[run.id]


def delete(store: Store, run_id: str) -> None:
    """Remove a run and its files for good; ``JobError`` while it is running."""
    store.forget_run(store.job(run_id).id)


def log_text(store: Store, run_id: str, tail: int = 64_000) -> str:
    """The end of the run's log, at most ``tail`` bytes; empty before it started."""
    folder = store.run_folder(store.job(run_id).id)
    try:
        with open_regular(folder, "log.txt") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - tail))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise JobError(
            _("the log of run {run_id} cannot be read: {why}.", run_id=run_id, why=error.strerror)
        ) from error
    return text if size <= tail else text.partition("\n")[2] or text  # one that is cut in the middle is left out


def wait(
    store: Store,
    run_ids: Sequence[str],
    on_tick: Callable[[list[Run]], None] | None = None,
    *,
    timeout: float | None = None,
) -> list[Run]:
    """Wait until none of the runs is queued or running; returns them as they are then.

    ``on_tick`` gets the runs at every look. Runs that are deleted meanwhile drop out. Raises ``JobError``
    when ``timeout`` seconds have passed, or when no supervisor can be started; one that dies is replaced.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    looked_at = 0.0
    while True:
        runs = store.some_runs(run_ids)
        if on_tick is not None:
            on_tick(runs)
        if not any(run.active for run in runs):
            return runs
        if deadline is not None and time.monotonic() > deadline:
            raise JobError(_("the runs did not end within {seconds:g} seconds.", seconds=timeout))
        if time.monotonic() - looked_at > LOOK_AFTER_SUPERVISOR_EVERY:
            ensure_supervisor(store)
            looked_at = time.monotonic()
        time.sleep(WAIT_POLL)
