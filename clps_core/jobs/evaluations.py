"""Evaluations of trained runs in the background: asking for one, and what is known of it. Start at evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clps_core.errors import CheckpointError, JobError, NotFoundError
from clps_core.jobs import service
from clps_core.jobs.kinds import KINDS
from clps_core.jobs.names import shortened
from clps_core.store import Evaluation, Run, Store, evaluations
from clps_core.store.order import check_priority
from clps_core.training.saved import stamp_text
from clps_core.words import _

__all__ = ["Evaluated", "await_evaluation", "evaluate", "evaluated", "is_current"]


@dataclass(frozen=True)
class Evaluated:
    """What is known of one kind of evaluation of one run: its ``job`` and ``results``, key -> name -> value.

    ``current``: the results are of the weights that the run has now; else it has been trained since.
    """

    job: Evaluation
    results: Mapping[str, Mapping[str, float]]
    current: bool


def evaluate(
    store: Store, kind: str, run_id: str, keys: Sequence[str], *, owner: str = "local", priority: int = 0
) -> Evaluation:
    """Queue the evaluation of a run that has ended, and see to it that it is worked on; returns at once.

    ``keys``: what is asked for, as the kind understands it. Asked again, a job does what is missing only. Raises
    ``ConfigError`` for keys that cannot be, ``JobError`` for a run that has not ended or is being evaluated, and
    ``CheckpointError`` for one without weights.
    """
    found, run = KINDS.find(kind), store.run(run_id)
    if run.active:
        raise JobError(
            _(
                "only a run that has ended can be evaluated. Run {run} is {status}. Wait until it ends, then try "
                "again.",
                run=run.id,
                status=run.status,
            )
        )
    asked = found.checked(run.config, keys)
    stamp = stamp_text(store.run_folder(run.id), "best")
    if stamp is None:
        raise CheckpointError(_("run {run} cannot be evaluated: it has no weights yet. Train it first.", run=run.id))
    name = shortened(_("{title} of {run}", title=found.title, run=run.name))
    check_priority(priority)
    job_id = evaluations.ask(store, kind, run, asked, name=name, stamp=stamp, owner=owner, priority=priority)
    service.ensure_supervisor(store)
    return store.evaluations(ids=[job_id])[0]


def evaluated(store: Store, kind: str, runs: Iterable[Run]) -> dict[str, Evaluated]:
    """Run id -> what is known of this evaluation of it; without the runs that nobody has asked it for."""
    found = {}
    for job in store.evaluations(kind=kind, about=[run.id for run in runs]):
        found[job.about_id] = Evaluated(job, store.results(job.id), is_current(store, job))
    return found


def await_evaluation(store: Store, job_id: str, on_tick: Callable[[Evaluation], None] | None = None) -> Evaluation:
    """Wait until the job is neither queued nor running; returns it as it is then.

    ``on_tick`` gets it at every look. Raises ``NotFoundError`` when it is deleted meanwhile, and ``JobError`` when no
    supervisor can be started; one that dies is replaced.
    """
    looked_at = time.monotonic()
    while True:
        jobs = store.evaluations(ids=[job_id])
        if not jobs:
            raise NotFoundError(_("job {job} was deleted before it ended. Start it again.", job=job_id))
        if on_tick is not None:
            on_tick(jobs[0])
        if not jobs[0].active:
            return jobs[0]
        if time.monotonic() - looked_at > service.LOOK_AFTER_SUPERVISOR_EVERY:
            service.ensure_supervisor(store)
            looked_at = time.monotonic()
        time.sleep(service.WAIT_POLL)


def is_current(store: Store, job: Evaluation) -> bool:
    """Whether the results of ``job`` are of the weights that its run has now."""
    return job.stamp is not None and job.stamp == stamp_text(store.run_folder(job.about_id), "best")
