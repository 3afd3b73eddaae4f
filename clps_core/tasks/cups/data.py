"""The shell game: where is the ball after each swap? Start at Cups.

A sequence is the cup that hides the ball (tokens 0 to 2), then swaps (3 to 5); the label at each swap is where the ball
is then. The first cup, which is its own answer, is not scored. Which games are held out, a hash of their first cup and
first five swaps says: from the fifth swap on nothing of a held-out game was ever seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    fold_of,
)
from clps_core.data.drawn import Drawn
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.cups import facts as own_facts
from clps_core.tasks.cups import rules
from clps_core.tasks.cups.rules import CUPS, SWAPS, Games
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Cups", "load"]

LONGEST_TYPED = 400
"""Characters of a typed game."""


class Cups(Drawn[Games]):
    """The ``cups`` task: see the module, ``Drawn``, and ``TaskData`` for the methods."""

    VERSION = "cups 1"
    all_beginnings = staticmethod(rules.prefixes)
    held_out = staticmethod(rules.held_out)
    told = staticmethod(Games.held_out)

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        super().__init__(seed, facts or own_facts(), fold)

    @staticmethod
    def drawn(generator: np.random.Generator, beginnings: Array, dial: int) -> Games:
        """See ``Drawn``."""
        return Games.of(beginnings, generator.integers(len(SWAPS), size=(len(beginnings), dial - rules.PREFIX)))

    @staticmethod
    def content(lines: Games) -> bytes:
        """See ``Drawn``."""
        return lines.swaps.tobytes()

    @staticmethod
    def labelled(games: Games) -> Batch:
        """See ``Drawn``."""
        labels = np.full((len(games.starts), 1 + games.swaps.shape[1]), IGNORED, dtype=np.int64)
        labels[:, 1:] = rules.ball(games.starts, games.swaps)
        return Batch(np.concatenate([games.starts[:, None], CUPS + games.swaps], axis=1), None, None, labels)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of the best fixed cup after each swap; ``loss``: of the cups' shares after each swap."""
        games = self.scored_lines(split, limit)
        places = rules.ball(games.starts, games.swaps)
        each = [constant_answer(column) for column in places.T]
        return {
            "loss": float(np.mean([loss for _accuracy, loss in each])),
            "accuracy": rules.constant_accuracy(places),
            "late_accuracy": rules.constant_accuracy(places[:, -rules.late(self.dial) :]),
            **{name: accuracy for name, (accuracy, _loss) in zip(self.facts.graded, each, strict=True)},
        }

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A game such as ``2 1-3 2-3``, cups counted from 1, of at most the task's swaps: int64 [1, 1 + T]."""
        start, swaps = self._typed(text)
        return np.array([[start, *(CUPS + swap for swap in swaps)]], dtype=np.int64)

    def _typed(self, text: str) -> tuple[int, list[int]]:
        words = text.split() if len(text) <= LONGEST_TYPED else []
        swaps = [_swap(word) for word in words[1:]]
        fine = words and re.fullmatch("[1-3]", words[0]) and swaps and None not in swaps
        if not fine or len(swaps) > self.dial:
            raise DataError(
                _(
                    "the input must be the first cup (1 to 3) and 1 to {most} swaps such as 1-3, separated by "
                    "spaces: {example}. Got {got!r}.",
                    most=self.dial,
                    example=" ".join(self.facts.example_inputs[0].split()[:4]),
                    got=text.strip()[:60],
                )
            )
        return int(words[0]) - 1, [swap for swap in swaps if swap is not None]

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """Where the ball is after each swap."""
        start, swaps = self._typed(text)
        return self.decode(rules.ball(np.array([start]), np.array([swaps]))[0])

    def scored(self, inputs: Array) -> Array:
        """The positions of the swaps."""
        return np.arange(1, inputs.shape[1])

    def name(self, token: int) -> str:
        """A cup, counted from 1, or a swap."""
        return str(token + 1) if token < CUPS else "↔".join(str(cup + 1) for cup in SWAPS[token - CUPS])

    def guess(self, inputs: Array, place: int, token: int) -> str:  # noqa: ARG002
        """``12: 3``: after how many swaps, and under which cup."""
        return f"{place}: {self.name(token)}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Cups from 1, and swaps as ``1↔3``."""
        return [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test games, with where the ball is after each swap."""
        games = self.scored_lines("test", count)
        lines = [rules.line(int(start), swaps) for start, swaps in zip(games.starts, games.swaps, strict=True)]
        return [Example(text, self.right_answer(text)) for text in lines]


def _swap(word: str) -> int | None:
    """The place in ``SWAPS`` of ``1-3`` or ``3-1``."""
    found = re.fullmatch("([1-3])[-↔]([1-3])", word)
    pair = tuple(sorted((int(found[1]) - 1, int(found[2]) - 1))) if found else ()
    return SWAPS.index(pair) if pair in SWAPS else None


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Cups(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
