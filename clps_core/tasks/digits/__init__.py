"""Read handwritten digits: 8x8 images. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words() -> TaskWords:
    return TaskWords(
        title=_("Read handwritten digits"),
        summary=_("8x8 images cut into patches, ten classes."),
        baseline=_("always the most frequent digit"),
        source=_("UCI, Optical Recognition of Handwritten Digits, from scikit-learn"),
        licence="CC-BY-4.0",
    )


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="digits",
        words=_words,
        family="encoder",
        metric="accuracy",
        metrics=("loss", "accuracy"),
        baseline=25 / 180,
        test_baseline=21 / 180,
        test_size=180,
        max_source_len=16,
        num_classes=10,
        patch_dim=4,
        input_kind="image",
        example_inputs=("0", "17", "99"),
        defaults={
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.1},
            "optim": {"learning_rate": 2e-3, "warmup_steps": 30},
            "train": {"steps": 400, "batch_size": 64, "eval_every": 50},
        },
    )


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("digits", _facts, f"{__name__}.data", f"{__name__}.work", place=3)
