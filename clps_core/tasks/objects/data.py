"""Pictures of several digits with their boxes. Start at Objects; ``rules.py`` puts a picture together.

A digit image belongs to the split that the task ``digits`` gives it, so no held-out picture shows a digit or a
fragment that training has. A training picture is a function of (fingerprint, seed, step) and its place in the batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
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
from clps_core.data.detection import (
    BOX_WEIGHT,
    NOTHING_WEIGHT,
    OVERLAP_WEIGHT,
    Found,
    Seen,
    average_precision,
    box_overlaps,
    general_overlap,
    said_of,
)
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.digits.data import Digits
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.objects import facts as own_facts
from clps_core.tasks.objects import rules
from clps_core.words import _

__all__ = ["USUAL_CLUTTER", "Objects", "constant_boxes", "load"]

USUAL_CLUTTER = 3
MOST_CONSTANT = 40
CONSTANT_GRID = 8
"""Constant boxes are tried at this many places across and down, for every class."""


@lru_cache(maxsize=8)
def _glyphs(fold: Fold | None) -> tuple[Mapping[str, rules.Glyphs], str]:
    """The digit images of each split, and the fingerprint of the images and splits."""
    digits = Digits(0, fold)
    across = rules.DIGIT // 2
    found = {}
    for split in SPLITS:
        cut = digits.images(split).reshape(-1, across, across, 2, 2)
        images = cut.swapaxes(2, 3).reshape(-1, rules.DIGIT, rules.DIGIT)
        found[split] = rules.glyphs_of(images, digits.classes(split))
    return found, digits.fingerprint


@lru_cache(maxsize=16)
def _held_out(fold: Fold | None, split: str, most: int, clutter: int) -> tuple[rules.Picture, ...]:
    """The pictures of ``validation`` or ``test``."""
    glyphs, _fingerprint = _glyphs(fold)
    return tuple(
        rules.draw(glyphs[split], most, clutter, step_generator(f"clps objects {split} {most}", 0, place))
        for place in range(rules.HELD_OUT)
    )


class Objects:
    """The ``objects`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits the digit images of training and validation in another
    way. ``clutter``: fragments in a picture.
    """

    pad_id = bos_id = eos_id = -1

    def __init__(
        self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None, clutter: int | None = None
    ) -> None:
        self.facts: TaskFacts = facts or own_facts()
        assert self.facts.difficulty is not None
        self.seed, self.most, self._fold = seed, self.facts.difficulty, fold
        self.clutter = USUAL_CLUTTER if clutter is None else clutter
        self._train, images = _glyphs(fold)[0]["train"], _glyphs(fold)[1]
        self.fingerprint = digest("objects 1", images, self.most, self.clutter)

    def pictures(self, split: str) -> tuple[rules.Picture, ...]:
        """All pictures of ``validation`` or ``test``."""
        check_split(split)
        return _held_out(self._fold, split, self.most, self.clutter)

    def images(self, split: str) -> Array:
        """float32 [n, 16, 4]: the digit images of ``split``, as the task ``digits`` has them."""
        return Digits(0, self._fold).images(split)

    def batch(self, step: int, batch_size: int) -> Batch:
        """New pictures, of training's digit images."""
        generator = step_generator(self.fingerprint, self.seed, step)
        return self._batch(
            [rules.draw(self._train, self.most, self.clutter, generator) for _place in range(batch_size)]
        )

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Held-out pictures in a fixed order."""
        pictures = self.pictures(split)[:limit]
        for start in range(0, len(pictures), batch_size):
            yield self._batch(pictures[start : start + batch_size])

    def _batch(self, pictures: Sequence[rules.Picture]) -> Batch:
        labels = np.full((len(pictures), self.most), IGNORED, dtype=np.int64)
        boxes = np.zeros((len(pictures), self.most, 4), dtype=np.float32)
        for row, one in enumerate(pictures):
            labels[row, : len(one.classes)], boxes[row, : len(one.classes)] = one.classes, one.boxes
        inputs = rules.cut_to_patches(np.stack([one.pixels for one in pictures]))
        return Batch(inputs, None, None, labels, boxes=boxes)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of constant boxes for every class (``constant_boxes``), and always the most frequent number of objects.

        ``loss``: of queries that all give one box, and the classes by their shares.
        """
        pictures = self.pictures(split)[:limit]
        right = [Seen(one.classes, one.boxes) for one in pictures]
        always = constant_boxes(right, self.facts.num_classes or 0)
        counts = np.array([len(one.classes) for one in pictures])
        return {
            **average_precision([always] * len(right), right),
            "counting_accuracy": constant_answer(counts)[0],
            "loss": _constant_loss(right, self.facts.num_classes or 0, self.facts.num_queries or 0),
        }

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """float32 [1, 64, 16] of a test picture's number, such as ``17``."""
        return rules.cut_to_patches(self._numbered(text).pixels)

    def _numbered(self, text: str) -> rules.Picture:
        word, last = text.strip(), rules.HELD_OUT - 1
        if not re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) or int(word) > last:
            raise DataError(
                _("the number of a test picture must be from 0 to {last}. Got {got!r}.", last=last, got=word[:40])
            )
        return self.pictures("test")[int(word)]

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """The decoder reads no target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_objects(self, text: str) -> tuple[Found, ...]:
        """The digits of a test picture and their boxes."""
        one = self._numbered(text)
        return tuple(
            Found(self.decode([label]), (box[0], box[1], box[2], box[3]))
            for label, box in zip(one.classes.tolist(), one.boxes.tolist(), strict=True)
        )

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The digits of a test picture in order, such as ``3 7 7``."""
        return said_of(self.right_objects(text))

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: what is not a number is refused."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The digits of class numbers; of the number after them, no object."""
        return " ".join(self.token_labels(tokens))

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Where each patch lies, for patches [N, 16] or [1, N, 16]; otherwise the class numbers in words."""
        shape = np.shape(tokens)
        if shape[-1:] == (rules.PATCH**2,) and len(shape) > 1:
            across = rules.SIDE // rules.PATCH
            return [
                _("row {row}, column {column}", row=place // across + 1, column=place % across + 1)
                for place in range(shape[-2])
            ]
        return [
            _("no object") if label == rules.CLASSES else str(label)
            for label in np.asarray(tokens).reshape(-1).tolist()
        ]

    def examples(self, count: int) -> list[Example]:
        """Test pictures by number, with the digits they show."""
        return [Example(str(place), self.right_answer(str(place))) for place in range(min(count, rules.HELD_OUT))]

    def tokenizer_json(self) -> str:
        """Empty: there are no tokens."""
        return ""


def constant_boxes(right: Sequence[Seen], classes: int) -> Seen:
    """The same boxes for every picture: for every class one of median size at each place of a grid.

    Each has as its score in how many of the pictures ``right`` it would be right, so that the best come first; the 40
    best of those that ever are right are kept.
    """
    all_boxes = np.concatenate([one.boxes for one in right])
    width, height = np.median(all_boxes[:, 2:], axis=0).tolist()
    across = np.linspace(width / 2, 1 - width / 2, CONSTANT_GRID)
    down = np.linspace(height / 2, 1 - height / 2, CONSTANT_GRID)
    grid = np.array([[x, y, width, height] for y in down for x in across])
    hits = np.zeros((classes, len(grid)))
    for one in right:
        inside = box_overlaps(grid, one.boxes) >= 0.5
        for kind in set(one.classes.tolist()):
            hits[kind] += inside[:, one.classes == kind].any(1)
    kinds, places = np.nonzero(hits)
    best = np.argsort(-hits[kinds, places], kind="stable")[:MOST_CONSTANT]
    kinds, places = kinds[best], places[best]
    return Seen(kinds, grid[places], hits[kinds, places] / len(right))


def _constant_loss(right: Sequence[Seen], classes: int, queries: int) -> float:
    """The loss of ``work.boxes`` where every query says the same: the median box, and the shares of the classes."""
    boxes = np.concatenate([one.boxes for one in right])
    weights = np.bincount(np.concatenate([one.classes for one in right]), minlength=classes + 1).astype(np.float64)
    weights[classes] = NOTHING_WEIGHT * (queries * len(right) - len(boxes))
    shares = weights[weights > 0] / weights.sum()
    said = -float(weights.sum() * (shares * np.log(shares)).sum())
    always = np.broadcast_to(np.median(boxes, axis=0), boxes.shape)
    apart = BOX_WEIGHT * float(np.abs(always - boxes).sum())
    return (said + apart + OVERLAP_WEIGHT * float((1 - general_overlap(always, boxes)).sum())) / len(boxes)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Pictures of the digits that scikit-learn brings."""
    data = config.data
    return Objects(data.seed, facts, fold_of(data.fold, data.folds), data.clutter)
