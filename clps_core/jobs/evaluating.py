"""The work of every job that evaluates a trained run, key by key. Start at evaluate.

What is found at a key is in the store with the next message, so a job that is killed goes on with the next key. All
results of a job are of the same weights: if the weights have changed, it starts from the beginning.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from clps_core.errors import JobError
from clps_core.jobs.kinds import KINDS, Work
from clps_core.jobs.sink import StoppedEarlyError, StoreSink, patiently
from clps_core.store import Evaluation
from clps_core.training.saved import stamp_text
from clps_core.words import _

__all__ = ["evaluate"]

PLAN: dict[str, str | int] = {"device": "cpu", "threads": 1}
"""As all looks into a trained run: on one thread of the CPU, where numbers are the same again."""


def evaluate(work: Work) -> tuple[str, str | None]:
    """Evaluate the run that the job is about at the keys that are still to do; returns its status."""
    queue, number = work.queue, work.number
    job = _asked(work)
    folder = _folder(work, job)
    sink: StoreSink | None = None

    def before_batch() -> None:
        if sink is not None and sink.stop_requested():
            raise StoppedEarlyError

    with ExitStack() as held:
        with work.stop.waiting():
            stamp = _stamp(folder)
            values = held.enter_context(KINDS.find(job.kind).opened(folder, before_batch))
            if _stamp(folder) != stamp:
                raise JobError(_("the run's weights changed while they were being read. Start the evaluation again."))
            left = patiently(lambda: queue.begin_evaluation(job.id, number, stamp, PLAN))
        before = patiently(lambda: queue.store.job(job.id))
        sink = StoreSink(queue, job, number, folder=work.folder, seconds=before.seconds, stop=work.stop)
        try:
            sink.start()
            for done, key in enumerate(left, before.step + 1):
                before_batch()
                sink.result(key, values(key), done)
            sink.flush()
        finally:
            sink.close()
    return "finished", None


def _asked(work: Work) -> Evaluation:
    found = patiently(lambda: work.queue.store.evaluations(ids=[work.job.id]))
    if not found:
        raise JobError(_("this job of kind {kind} has no run. Start it again.", kind=work.job.kind))
    return found[0]


def _folder(work: Work, job: Evaluation) -> Path:
    run = patiently(lambda: work.queue.store.run(job.about_id))
    if run.active:
        raise JobError(
            _(
                "only a run that has ended can be evaluated. Run {run} is {status}. Wait until it ends, then try "
                "again.",
                run=run.id,
                status=run.status,
            )
        )
    return work.queue.store.run_folder(run.id)


def _stamp(folder: Path) -> str:
    """Of the best weights; where there are none, opening the run says so."""
    return stamp_text(folder, "best") or ""
