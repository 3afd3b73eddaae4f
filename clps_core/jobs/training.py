"""The kind of job that makes a run: the one place where training meets the store. Start at train_run.

torch is imported when a training begins, not before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.config import resolve
from clps_core.jobs import keeping
from clps_core.jobs.kinds import Work
from clps_core.jobs.sink import StoreSink, patiently
from clps_core.store import Run
from clps_core.store.queue import Queue
from clps_core.sweeps.watch import Watch
from clps_core.tasks import frozen
from clps_core.words import sentences

if TYPE_CHECKING:
    from clps_core.training.device import Placement

__all__ = ["train_run"]


def train_run(work: Work) -> tuple[str, str | None]:
    """Train a run; returns its status and, where there is something to say, the reason."""
    queue, number, folder, stop = work.queue, work.number, work.folder, work.stop
    run = patiently(lambda: queue.store.run(work.job.id))
    with stop.waiting():
        from clps_core.training.loop import train

        found = resolve(run.config, home=queue.store.home)
        placement, step, seconds, cpu_seconds = _begin(queue, run, number, folder, frozen(found.facts))
        watch = patiently(lambda: Watch.of(queue.store, run))
        early = patiently(watch.now) if watch is not None else None
    sink = StoreSink(
        queue, run, number, folder=folder, seconds=seconds, cpu_seconds=cpu_seconds, stop=stop, watch=watch
    )
    if step > 0:
        sink.early = early  # it was decided, but that could not be written any more
    try:
        outcome = train(found, folder, sink, device=placement)
        sink.flush()
    finally:
        sink.close()
    reached = {"step": outcome.step, "seconds": outcome.seconds}
    reached |= {} if outcome.cpu_seconds is None else {"cpu_seconds": outcome.cpu_seconds}
    patiently(lambda: queue.append(run.id, number, [], progress=reached))
    if outcome.status != "finished":
        return outcome.status, None
    early = (outcome.early or sink.early) if outcome.step < run.steps else None
    return outcome.status, sentences(said for said in (early, outcome.diverged) if said) or None


def _begin(queue: Queue, run: Run, number: int, folder: Path, facts: str) -> tuple[Placement, int, float, float | None]:
    """Where and how the attempt trains, and the step (-1: from the start) and seconds, wall and CPU, it goes on from.

    CPU seconds are ``None`` where the checkpoint is of a version that did not record them.
    """
    from clps_core.analysis.tensors import stored_shapes
    from clps_core.training.checkpoint import latest
    from clps_core.training.device import choose
    from clps_core.training.run_folder import fixed_placement

    threads = run.threads or int(os.environ.get("CLPS_RUN_THREADS", "1"))
    placement = fixed_placement(folder, run.config, choose(run.config, threads))
    checkpoint = latest(folder, stored_shapes(run.config.model, run.config.sharing))
    if checkpoint is None:
        patiently(lambda: keeping.check_nothing_vanished(queue.store, run))
    step, seconds = (-1, 0.0) if checkpoint is None else (checkpoint.step, float(checkpoint.facts["seconds"]))
    cpu_seconds = 0.0 if checkpoint is None else checkpoint.facts.get("cpu_seconds")
    chosen: dict[str, str | int] = {name: getattr(placement, name) for name in ("device", "precision", "threads")}
    patiently(
        lambda: queue.begin(
            run.id, number, step=step, seconds=seconds, cpu_seconds=cpu_seconds, placement=chosen, facts=facts
        )
    )
    return placement, step, seconds, cpu_seconds
