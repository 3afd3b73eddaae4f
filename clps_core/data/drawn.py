"""The common part of tasks whose lines are newly drawn at each step and contain their answers. Start at Drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from clps_core.data.base import SPLITS, Array, Batch, Fold, check_split, digest, step_generator
from clps_core.data.labelled import LabelledLine
from clps_core.tasks import TaskFacts

__all__ = ["Drawn", "Lines"]


class Lines(Protocol):
    """Several lines; a slice of them is some of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


AnyLines = TypeVar("AnyLines", bound=Lines)


class Drawn(LabelledLine, Generic[AnyLines]):
    """A base for ``TaskData``. A hash of how a line begins, its *beginning*, says which split it belongs to.

    ``VERSION`` goes into the fingerprint: the task's name and a number that changes with what it draws. ``seed``
    decides the training batches only; ``fold`` splits all but the test examples in another way.
    """

    VERSION: ClassVar[str]

    def __init__(self, seed: int, facts: TaskFacts, fold: Fold | None = None) -> None:
        assert facts.difficulty is not None
        self.facts: TaskFacts = facts
        self.seed, self.dial = seed, facts.difficulty
        self._beginnings = self.all_beginnings()
        self._lines: Mapping[str, AnyLines] = {split: self.held_out(split, self.dial) for split in SPLITS[1:]}
        contents = (self.content(self._lines[split]) for split in SPLITS[1:])
        self.fingerprint = digest(self.VERSION, self.dial, *contents)
        if fold is not None:
            self._beginnings, validation = _folded(self.all_beginnings, self.told, fold, self.dial)
            self._lines = {**self._lines, "validation": validation}
            self.fingerprint = fold.name(self.fingerprint)

    @staticmethod
    @abstractmethod
    def all_beginnings() -> Mapping[str, Array]:
        """Split -> its beginnings, int64 [n]."""

    @staticmethod
    @abstractmethod
    def held_out(split: str, dial: int, /) -> AnyLines:
        """The lines of ``validation`` or ``test``, kept from the first call on."""

    @staticmethod
    @abstractmethod
    def told(beginnings: Array, dial: int, /) -> AnyLines:
        """Lines to be scored, always the same, all different, with these beginnings."""

    @staticmethod
    @abstractmethod
    def drawn(generator: np.random.Generator, beginnings: Array, dial: int, /) -> AnyLines:
        """One line for each of ``beginnings`` [B], the rest of it drawn."""

    @staticmethod
    @abstractmethod
    def content(lines: AnyLines, /) -> bytes:
        """What tells these lines from others, for the fingerprint."""

    @staticmethod
    @abstractmethod
    def labelled(lines: AnyLines, /) -> Batch:
        """The lines with their labels."""

    def beginnings(self, split: str) -> Array:
        """int64 [n]: how the lines of ``split`` begin, as numbers."""
        return self._beginnings[split]

    def scored_lines(self, split: str, limit: int | None) -> AnyLines:
        """The first ``limit`` lines of ``validation`` or ``test``."""
        check_split(split)
        found: AnyLines = self._lines[split][:limit]
        return found

    def batch(self, step: int, batch_size: int) -> Batch:
        """Beginnings of training drawn evenly, with replacement, each with a line of its own."""
        generator = step_generator(self.fingerprint, self.seed, step)
        chosen = generator.choice(self.beginnings("train"), size=batch_size)
        return self.labelled(self.drawn(generator, chosen, self.dial))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Held-out lines, all different, in a fixed order."""
        lines = self.scored_lines(split, limit)
        for start in range(0, len(lines), batch_size):
            yield self.labelled(lines[start : start + batch_size])


@lru_cache(maxsize=64)
def _folded(
    beginnings: Callable[[], Mapping[str, Array]], told: Callable[[Array, int], Any], fold: Fold, dial: int
) -> tuple[Mapping[str, Array], Any]:
    """Beginnings of each split, and the lines of validation, where training and validation are cut into folds."""
    whole = beginnings()
    keys = np.concatenate([whole["validation"], whole["train"]])
    held_out = np.array([fold.holds(key) for key in keys.tolist()])
    parts = {**whole, "validation": keys[held_out], "train": np.sort(keys[~held_out])}
    return parts, told(keys[held_out], dial)
