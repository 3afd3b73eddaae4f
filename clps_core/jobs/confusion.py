"""Which classes a run confuses: as its end kept it, or counted on request. Start at count_classes. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from clps_core import scoring
from clps_core.data.confusion import Confusion, keep_confusion, kept_confusion
from clps_core.store import Run, Store
from clps_core.store.queue import check_finished

__all__ = ["Count", "classes_of", "count_classes"]

Count = Callable[[Path], Confusion]
"""As ``scoring.count_classes``, of a run's folder."""


def classes_of(store: Store, run: Run) -> Confusion | None:
    """Which classes the run confuses on the test split, as far as it is kept and belongs to its test score."""
    found = kept_confusion(store.run_folder(run.id))
    score = store.final_scores([run.id]).get(run.id)
    other = found is not None and score is not None and (score.step, score.examples) != (found.step, found.examples)
    return None if other else found


def count_classes(store: Store, run_id: str, *, seconds: float | None = None, count: Count | None = None) -> Confusion:
    """What ``classes_of`` a finished run says, else it is counted and kept.

    It is counted here, which needs torch, or by ``count``, given the run's folder. Raises as ``score_test``, and
    ``DataError`` for a task without classes.
    """
    run = store.run(run_id)
    check_finished(run.id, run.status)
    if (kept := classes_of(store, run)) is not None:
        return kept
    folder = store.run_folder(run.id)
    found = scoring.count_classes(folder, seconds=seconds) if count is None else count(folder)
    with suppress(OSError):  # of a full disk: it was asked for, and here it is
        keep_confusion(folder, found)
    return found
