"""Read handwritten digits: 8x8 grey images as 16 patches of 2x2. Start at Digits.

The images are scikit-learn's ``load_digits`` (1,797 of the UCI set *Optical Recognition of Handwritten
Digits*). Values are scaled from 0..16 to 0..1. One fixed shuffle makes the splits.
Images have no names: the parts of a cross-validation go by an image's place in that set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    SPLITS,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    step_generator,
)
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.digits import facts as own_facts
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Digits", "load", "patches"]

SIDE = 8
PATCH = 2
BRIGHTEST = 16.0
HELD_OUT = 180
"""Images of validation, and as many of test."""
LONGEST_TYPED = 2_000


@dataclass(frozen=True)
class _Images:
    patches: Mapping[str, Array]
    """float32 [n, 16, 4] of each split."""
    labels: Mapping[str, Array]
    """int64 [n] of each split."""
    fingerprint: str


def patches(images: Array) -> Array:
    """float32 [n, 16, 4] in 0..1 from images [n, 8, 8] in 0..16: patches in rows, pixels of each in rows."""
    across = SIDE // PATCH
    cut = images.reshape(-1, across, PATCH, across, PATCH).swapaxes(2, 3)
    return (cut.reshape(-1, across * across, PATCH * PATCH) / BRIGHTEST).astype(np.float32)


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
def _images() -> _Images:
    images, labels = _read()
    order = _order(len(labels))
    ends = {"validation": (0, HELD_OUT), "test": (HELD_OUT, 2 * HELD_OUT), "train": (2 * HELD_OUT, len(order))}
    cut = patches(images.reshape(-1, SIDE, SIDE))
    pixels = {split: cut[order[slice(*ends[split])]] for split in SPLITS}
    classes = {split: labels[order[slice(*ends[split])]].astype(np.int64) for split in SPLITS}
    content = [array.tobytes() for split in SPLITS for array in (pixels[split], classes[split])]
    return _Images(pixels, classes, digest("digits 1", *content))


@lru_cache(maxsize=16)
def _folded(fold: Fold) -> _Images:
    whole = _images()
    places = _order(sum(len(labels) for labels in whole.labels.values()))
    keys = places[:HELD_OUT] + places[2 * HELD_OUT :]
    held_out = np.array([fold.holds(key) for key in keys])
    pixels, classes = (
        np.concatenate([arrays["validation"], arrays["train"]]) for arrays in (whole.patches, whole.labels)
    )
    return _Images(
        {**whole.patches, "validation": pixels[held_out], "train": pixels[~held_out]},
        {**whole.labels, "validation": classes[held_out], "train": classes[~held_out]},
        fold.name(whole.fingerprint),
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[^\s,;\[\]()]+", text)


class Digits:
    """The ``digits`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits all but the test examples in another way.
    """

    pad_id = bos_id = eos_id = -1

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed = seed
        self._images = _images() if fold is None else _folded(fold)
        self.fingerprint = self._images.fingerprint

    def images(self, split: str) -> Array:
        """float32 [n, 16, 4] patches of ``split``."""
        return self._images.patches[split]

    def classes(self, split: str) -> Array:
        """int64 [n]: which digit each image of ``split`` shows."""
        return self._images.labels[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Images drawn evenly, with replacement."""
        generator = step_generator(self.fingerprint, self.seed, step)
        return self._batch("train", generator.integers(len(self.classes("train")), size=batch_size))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The split's images in their (shuffled) order."""
        check_split(split)
        count = min(limit, len(self.classes(split)))
        for start in range(0, count, batch_size):
            yield self._batch(split, np.arange(start, min(start + batch_size, count)))

    def _batch(self, split: str, places: Array) -> Batch:
        return Batch(
            inputs=self.images(split)[places], input_mask=None, decoder_inputs=None, labels=self.classes(split)[places]
        )

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` of always answering the most frequent digit there, ``loss`` of always giving the shares."""
        check_split(split)
        accuracy, loss = constant_answer(self.classes(split)[:limit])
        return {"accuracy": accuracy, "loss": loss}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """float32 [1, 16, 4] of a test image's number (``"17"``) or of 64 values from 0 to 16, row by row."""
        if len(text) > LONGEST_TYPED:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=LONGEST_TYPED,
                    got=len(text),
                )
            )
        words = _words(text)
        if len(words) == 1:
            return self.images("test")[[self._number(words[0])]]
        if len(words) != SIDE * SIDE:
            raise DataError(
                _(
                    "an image must be 8 rows of 8 values from 0 to 16, or the number of a test image. "
                    "Got {got} values.",
                    got=len(words),
                )
            )
        return patches(np.array([self._value(word) for word in words]).reshape(1, SIDE, SIDE))

    def _number(self, word: str) -> int:
        last = len(self.classes("test")) - 1
        if not re.fullmatch(r"[0-9]{1,9}", word) or int(word) > last:
            raise DataError(
                _("the number of a test image must be from 0 to {last}. Got {got!r}.", last=last, got=word[:40])
            )
        return int(word)

    def _value(self, word: str) -> float:
        value = float(word) if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{0,6})?", word, re.ASCII) else -1.0
        if not 0 <= value <= BRIGHTEST:
            raise DataError(_("each value must be a number from 0 to 16. Got {got!r}. Change it.", got=word[:40]))
        return value

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A classifier has no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The digit that a test image shows; nobody knows it of a typed one."""
        words = _words(text)
        return str(self.classes("test")[self._number(words[0])]) if len(words) == 1 else None

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: what is not a number is refused."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The digit of one class number."""
        return " ".join(str(label) for label in np.asarray(tokens).reshape(-1).tolist())

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Where each patch lies, for patches [N, 4] or [1, N, 4]; otherwise the class numbers as text."""
        shape = np.shape(tokens)
        if shape[-1:] == (PATCH * PATCH,) and len(shape) > 1:
            across = SIDE // PATCH
            return [
                _("row {row}, column {column}", row=place // across + 1, column=place % across + 1)
                for place in range(shape[-2])
            ]
        return [str(label) for label in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test images by number, with the digit they show."""
        shown = self.classes("test")[:count].tolist()
        return [Example(str(place), str(label)) for place, label in enumerate(shown)]

    def tokenizer_json(self) -> str:
        """Empty: there are no tokens."""
        return ""


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The images that scikit-learn brings."""
    return Digits(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
