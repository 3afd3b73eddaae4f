"""Runs whose parts were left out already: as the job would have done it, without its process. Start at ablated."""

from __future__ import annotations

from clps_core.ablation import KIND, keys_of, values_at
from clps_core.jobs.evaluations import evaluate
from clps_core.store import Run, Store
from clps_core.store.queue import Queue
from clps_core.training.saved import stamp_text

__all__ = ["ablated"]


def ablated(store: Store, run: Run, keys: tuple[str, ...] | None = None, ended: str | None = "finished") -> str:
    """Let the job find what it finds at ``keys`` (all by default) and end as ``ended``; returns its id."""
    every = keys_of(run.config)
    found_at = every if keys is None else keys
    job = evaluate(store, KIND, run.id, every)
    queue, folder = Queue(store), store.run_folder(run.id)
    queue.start_next(0, "here", "boot", among=[job.id])
    queue.begin_evaluation(job.id, 1, stamp_text(folder, "best") or "", {"device": "cpu", "threads": 1})
    with values_at(folder, lambda: None) as at:
        found = {key: at(key) for key in found_at}
    queue.append(job.id, 1, [], progress={"step": len(found_at), "seconds": 1.0}, results=found)
    if ended is not None:
        queue.finish(job.id, 1, ended, None)
    return job.id
