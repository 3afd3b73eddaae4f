"""Read handwritten digits: 8x8 grey images as 16 patches of 2x2. Start at Digits.

The images are scikit-learn's ``load_digits`` (1,797 of the UCI set *Optical Recognition of Handwritten
Digits*). Values are scaled from 0..16 to 0..1. One fixed shuffle makes the splits.
Images have no names: the parts of a cross-validation go by an image's place in that set.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import SPLITS, Array, Fold, TaskData, digest, fold_of
from clps_core.data.images import Images, LabelledImages, cut
from clps_core.tasks.digits import facts as own_facts
from clps_core.tasks.facts import TaskFacts

__all__ = ["Digits", "load", "patches"]

SIDE = 8
PATCH = 2
BRIGHTEST = 16.0
HELD_OUT = 180
"""Images of validation, and as many of test."""


def patches(images: Array) -> Array:
    """float32 [n, 16, 4] in 0..1 from images [n, 8, 8] in 0..16: patches in rows, pixels of each in rows."""
    return cut(images, PATCH, BRIGHTEST)


@cache
def _order(count: int) -> list[int]:
    return sorted(range(count), key=lambda place: digest("clps digits", place))


def _read() -> tuple[Array, Array]:
    """Images [1797, 64] and their digits, as ``sklearn.datasets.load_digits`` gives them.

    From scikit-learn's own file where it lies: importing scikit-learn takes longer than reading it.
    """
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            rows = np.loadtxt(path, delimiter=",")
            return rows[:, :-1], rows[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images, labels


@cache
def _images() -> Images:
    images, labels = _read()
    order = _order(len(labels))
    ends = {"validation": (0, HELD_OUT), "test": (HELD_OUT, 2 * HELD_OUT), "train": (2 * HELD_OUT, len(order))}
    places = {split: order[slice(*ends[split])] for split in SPLITS}
    squares = images.reshape(-1, SIDE, SIDE)
    pixels = {split: squares[places[split]] for split in SPLITS}
    classes = {split: labels[places[split]].astype(np.int64) for split in SPLITS}
    content = [array.tobytes() for split in SPLITS for array in (patches(pixels[split]), classes[split])]
    return Images(pixels, classes, places, BRIGHTEST, digest("digits 1", *content))


class Digits(LabelledImages):
    """The ``digits`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits all but the test examples in another way.
    """

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        super().__init__(_images(), PATCH, facts or own_facts(), seed, fold)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The images that scikit-learn brings."""
    return Digits(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
