"""The test score of a run that has finished already. Start at score_folder.

What a run does at its own end (``training/final_score.py``), on request: for runs of earlier versions, for imported
ones, and for those whose score is gone. torch is imported when a run is opened.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.errors import CheckpointError, DataError, JobError
from clps_core.home import home_of, place_in_home
from clps_core.opened import one_thread
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.data.base import TaskData
    from clps_core.data.confusion import Confusion
    from clps_core.training.final_score import TestScore

__all__ = ["check_same_data", "count_classes", "score_folder"]


def score_folder(folder: Path, *, seconds: float | None = None) -> tuple[int, dict[str, float]]:
    """(step of the weights, metrics and number of ``examples``) of the test split, as the run's end gives them.

    Raises as ``_scored``.
    """
    step, score, _data = _scored(folder, seconds)
    return step, score.values


def count_classes(folder: Path, *, seconds: float | None = None) -> Confusion:
    """Which classes are confused on the test split, as the run's end counts it.

    Raises as ``_scored``, and ``DataError`` for a task without classes.
    """
    step, score, data = _scored(folder, seconds)
    found = score.confusion(data, step)
    if found is None:
        raise DataError(
            _(
                "confused classes can only be counted for a task with one class per example. {task} is different.",
              task=data.facts.title)
        )  # fmt: skip
    return found


def _scored(folder: Path, seconds: float | None) -> tuple[int, TestScore, TaskData]:
    """The step of the weights, their score on the test split, and the data.

    The best weights of the run in ``folder`` are scored, on the CPU with one thread. Raises ``CheckpointError``
    where it has no best weights, ``DataError`` where its data have changed (a test example could have been trained
    on) and ``JobError`` where it takes longer than ``seconds``.
    """
    from clps_core.data.registry import load_task
    from clps_core.training.checkpoint import checkpoint_path
    from clps_core.training.final_score import keep_signatures, score_test
    from clps_core.training.loading import load_model
    from clps_core.training.run_folder import cpu_placement

    until = None if seconds is None else time.monotonic() + seconds

    def in_time() -> None:
        if until is not None and time.monotonic() > until:
            raise JobError(
                _(
                    "scoring the test split takes longer than the {seconds:g} s allowed here. Use the command line: "
                    "clps runs test ID.",
                    seconds=seconds,
                )
            )

    if not checkpoint_path(folder, "best").exists():
        raise CheckpointError(
            _(
                "the run cannot be scored: its best weights are not in {folder}.",
                folder=place_in_home(folder),
            )
        )
    with one_thread():
        model, config, step = load_model(folder, "chosen")
        data = load_task(config, home=home_of(folder))
        check_same_data(folder, data)
        score = score_test(model, data, config, cpu_placement(folder), in_time)
        keep_signatures(folder, score)
        return step, score, data


def check_same_data(folder: Path, data: TaskData) -> None:
    """Raise ``DataError`` unless the run was trained on ``data`` as they are now."""
    try:
        before = json.loads((folder / "versions.json").read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, TypeError, KeyError):
        before = None
    if before != data.fingerprint:
        raise DataError(
            _(
                "the run cannot be scored: it was trained on other data (another version of their source is "
                "installed now), so a test example could have been a training example. Install the version in "
                "constraints.txt."
            )
        )
