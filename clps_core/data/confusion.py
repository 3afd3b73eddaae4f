"""Which classes a run takes for which: counted on the test split, kept in the run's folder. Start at Confusion.

A run counts it with its test score, at its end; ``clps runs confusion`` and Compare count it for one that has not. It
is kept as plain data, and it may come from anybody: what cannot be read is as if it were not there.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.data.base import Array, TaskData
from clps_core.data.scores import macro_f1
from clps_core.files import read_json
from clps_core.shown import not_a_formula, visible

__all__ = ["FILE", "ClassFigures", "Confused", "Confusion", "as_csv", "class_names", "keep_confusion", "kept_confusion"]

FILE = "confusion.json"
LARGEST = 32 << 20
"""Bytes of a kept matrix; one of a thousand classes and as many test examples as anybody has takes less."""
MOST_CLASSES = 2000
LONGEST_NAME = 200


@dataclass(frozen=True)
class ClassFigures:
    """One class: how many test examples it has, how many answers name it, how many of these are right.

    ``precision`` is ``None`` where nothing was taken for it, ``recall`` where there is no example of it, ``f1`` where
    there is neither.
    """

    name: str
    examples: int
    said: int
    right: int

    @property
    def precision(self) -> float | None:
        """The share of the answers with this class that are right."""
        return self.right / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """The share of the examples of this class that are answered right."""
        return self.right / self.examples if self.examples else None

    @property
    def f1(self) -> float | None:
        """2 hits / (examples of it + answers with it)."""
        both = self.examples + self.said
        return 2 * self.right / both if both else None


@dataclass(frozen=True)
class Confused:
    """``count`` of the ``of`` examples of class number ``right`` were taken for ``said``."""

    right: int
    said: int
    count: int
    of: int


@dataclass(frozen=True)
class Confusion:
    """``counts`` int64 [C, C] (right, said) of the test examples, with the weights of ``step``."""

    step: int
    classes: tuple[str, ...]
    counts: Array

    @property
    def examples(self) -> int:
        """How many test examples were counted."""
        return int(self.counts.sum())

    @property
    def right(self) -> int:
        """How many of them got their own class: the diagonal."""
        return int(np.trace(self.counts))

    @property
    def accuracy(self) -> float:
        """The share of right answers; that of the test score."""
        return self.right / max(1, self.examples)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that are right or said somewhere."""
        return macro_f1(self.counts)

    @cached_property
    def shares(self) -> Array:
        """float64 [C, C]: of the examples of each class, the share that was taken for each; NaN without examples."""
        rows = self.counts.sum(1, keepdims=True).astype(np.float64)
        found: Array = np.divide(self.counts, rows, out=np.full(self.counts.shape, np.nan), where=rows > 0)
        return found

    @cached_property
    def figures(self) -> tuple[ClassFigures, ...]:
        """Each class, in the order of ``classes``."""
        columns = (self.counts.sum(1), self.counts.sum(0), np.diag(self.counts))
        numbers = zip(*(column.tolist() for column in columns), strict=True)
        return tuple(ClassFigures(name, *three) for name, three in zip(self.classes, numbers, strict=True))

    @cached_property
    def confused(self) -> tuple[Confused, ...]:
        """All pairs that are confused, the most frequent first."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        rows, columns = np.nonzero(wrong)
        found = sorted(zip((-wrong[rows, columns]).tolist(), rows.tolist(), columns.tolist(), strict=True))
        return tuple(Confused(right, said, -minus, self.figures[right].examples) for minus, right, said in found)

    def most_confused(self, limit: int) -> list[int]:
        """The numbers of at most ``limit`` classes, in their order: all, or those of the most frequent confusions."""
        if len(self.classes) <= limit:
            return list(range(len(self.classes)))
        found: dict[int, None] = {}
        for pair in self.confused:
            new = [one for one in (pair.right, pair.said) if one not in found]
            if len(found) + len(new) > limit:
                break
            found |= dict.fromkeys(new)
        by_size = sorted(range(len(self.classes)), key=lambda place: -self.figures[place].examples)
        for place in by_size:  # where few are confused: also the largest
            if len(found) >= limit:
                break
            found.setdefault(place)
        return sorted(found)


def keep_confusion(folder: Path, found: Confusion) -> None:
    """Write it into the run's ``folder``, whole or not at all; raises ``OSError``."""
    rows, columns = np.nonzero(found.counts)
    counts = zip(rows.tolist(), columns.tolist(), found.counts[rows, columns].tolist(), strict=True)
    plain = {"split": "test", "step": found.step, "classes": found.classes, "counts": list(counts)}
    temporary = folder / f".{FILE}.{os.getpid()}.writing"
    try:
        temporary.write_text(json.dumps(plain, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        temporary.replace(folder / FILE)
    finally:
        temporary.unlink(missing_ok=True)


def kept_confusion(folder: Path) -> Confusion | None:
    """What lies in the run's ``folder``; ``None`` where there is none that can be read."""
    try:
        return _read(read_json(folder, FILE, limit=LARGEST))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _read(plain: Any) -> Confusion:
    names, step, entries = plain["classes"], plain["step"], plain["counts"]
    known = isinstance(names, list) and 0 < len(names) <= MOST_CLASSES
    if not known or not all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names):
        raise ValueError
    if type(step) is not int or step < 0 or not all(type(one) is int for entry in entries for one in entry):
        raise ValueError
    found = np.array(entries, dtype=np.int64).reshape(-1, 3)  # raises ValueError for rows of another length
    rows, columns, counts = found.T
    if found.size and (found.min() < 0 or max(rows.max(), columns.max()) >= len(names) or counts.max() > 2**40):
        raise ValueError
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    table[rows, columns] = counts
    return Confusion(step, tuple(map(visible, names)), table)


def as_csv(found: Confusion) -> str:
    """A row for each right class: how many of its examples were taken for each class, and its figures."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["right \\ said", *map(not_a_formula, found.classes), "examples", "precision", "recall", "f1"])
    for one, row in zip(found.figures, found.counts.tolist(), strict=True):
        figures = ["" if value is None else repr(value) for value in (one.precision, one.recall, one.f1)]
        writer.writerow([not_a_formula(one.name), *row, one.examples, *figures])
    return out.getvalue()


def class_names(data: TaskData, count: int) -> tuple[str, ...]:
    """What the task calls each of its ``count`` classes."""
    return tuple(visible(data.decode([label])[:LONGEST_NAME]) for label in range(count))
