"""Read handwritten digits: 28x28 grey images as square patches. Start at Mnist.

The file beside this one holds 5,000 images of MNIST, 500 of each digit (``prepare.py`` made it). Values are scaled from
0..255 to 0..1. A hash of an image says to which split it belongs, and to which part of a cross-validation.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import SPLITS, Array, Fold, TaskData, digest, fold_of
from clps_core.data.images import Images, LabelledImages
from clps_core.data.shipped import shipped_bytes
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.mnist import SIDE, USUAL
from clps_core.tasks.mnist import facts as own_facts

__all__ = ["SHIFT", "Mnist", "load"]

FILE = Path(__file__).with_name("digits.bin.xz")
SHA256 = "463161a788cc97c05dfcb070d544266c52beb4f31bad6eca8e0fc91138669e53"
BRIGHTEST = 255.0
VALIDATION, TEST = 500, 1_000
SHIFT = 2
"""Pixels by which a training image is moved, at most, in each direction: as many images show a digit off the middle."""


@cache
def _images() -> Images:
    rows = np.frombuffer(shipped_bytes(FILE, SHA256), dtype=np.uint8).reshape(-1, 1 + SIDE**2)
    pixels, labels = rows[:, 1:].reshape(-1, SIDE, SIDE), rows[:, 0].astype(np.int64)
    keys = [digest("clps mnist", image.tobytes()) for image in pixels]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ends = {"validation": (0, VALIDATION), "test": (VALIDATION, VALIDATION + TEST)}
    ends["train"] = (VALIDATION + TEST, len(order))
    places = {split: order[slice(*ends[split])] for split in SPLITS}
    return Images(
        {split: pixels[places[split]] for split in SPLITS},
        {split: labels[places[split]] for split in SPLITS},
        {split: [keys[place] for place in places[split]] for split in SPLITS},
        BRIGHTEST,
        digest("mnist 1", SHA256, VALIDATION, TEST, SHIFT),
    )


class Mnist(LabelledImages):
    """The ``mnist`` task: see the module, and ``TaskData`` for the methods.

    ``patch``: pixels across a patch; ``seed`` decides the training batches only; ``fold`` splits all but the test
    examples in another way. Patches of any size are cut from the same images in the same order.
    """

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        facts = facts or own_facts()
        super().__init__(_images(), facts.patch_size or USUAL, facts, seed, fold)

    def varied(self, images: Array, generator: np.random.Generator) -> Array:
        """Images [B, 28, 28] moved by up to ``SHIFT`` pixels; what comes in at the border is paper."""
        by = generator.integers(0, 2 * SHIFT + 1, size=(len(images), 2))
        room = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        rows, columns = (by[:, axis, None] + np.arange(SIDE) for axis in (0, 1))
        moved: Array = room[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
        return moved


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The images beside this file."""
    return Mnist(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
