"""Add two long numbers, digit by digit from the right. Start at Sums.

A sequence has three tokens for each digit place, last place first: a digit of each number, then ``=``, whose label is
the digit of the sum. The numbers have a 0 in front, so that the sum has room. A hash of the last two digits of both
numbers says which split a sum belongs to.
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
from clps_core.data.labelled import guess_loss
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.sums import FAR, rules
from clps_core.tasks.sums import facts as own_facts
from clps_core.tasks.sums.rules import EQUALS, WIDTH
from clps_core.words import _

__all__ = ["Sums", "load"]


class Sums(Drawn[rules.Sums]):
    """The ``sums`` task: see the module, ``Drawn``, and ``TaskData`` for the methods."""

    VERSION = "sums 1"
    all_beginnings = staticmethod(rules.endings)
    held_out = staticmethod(rules.held_out)
    told = staticmethod(rules.told)
    drawn = staticmethod(rules.drawn)

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        super().__init__(seed, facts or own_facts(), fold)

    @staticmethod
    def content(lines: rules.Sums) -> bytes:
        """See ``Drawn``."""
        return lines.tokens.tobytes()

    @staticmethod
    def labelled(sums: rules.Sums) -> Batch:
        """See ``Drawn``."""
        tokens = sums.tokens
        labels, grades = np.full_like(tokens, IGNORED), np.zeros_like(tokens)
        labels[:, WIDTH - 1 :: WIDTH], grades[:, WIDTH - 1 :: WIDTH] = sums.answers, np.minimum(sums.back, FAR)
        return Batch(tokens, None, None, labels, grades)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of adding with a carry from the digits before only; ``loss``: of giving that digit its share."""
        share, *parts = rules.guessed_shares(self.scored_lines(split, limit))
        return {
            "loss": guess_loss(share, 10),
            "accuracy": share,
            **dict(zip(self.facts.graded, parts, strict=False)),
        }

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A sum such as ``384 + 57``, of numbers with at most the task's digits: int64 [1, 3 C]."""
        one, other = self._typed(text)
        width = max(len(one), len(other)) + 1
        digits = np.array([[int(digit) for digit in number.zfill(width)[::-1]] for number in (one, other)])
        return rules.Sums(digits[None].astype(np.int64)).tokens

    def _typed(self, text: str) -> tuple[str, str]:
        found = re.fullmatch(r"\s*([0-9]{1,99})\s*\+\s*([0-9]{1,99})\s*=?\s*", text[:400], re.ASCII)
        if found is None or max(map(len, found.groups())) > self.dial or len(text) > 400:
            raise DataError(
                _(
                    "the input must be a sum of two whole numbers of at most {most} digits, such as {example}. "
                    "Got {got!r}.",
                    most=self.dial,
                    example="384 + 57",
                    got=text.strip()[:60],
                )
            )
        return found[1], found[2]

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The sum."""
        return str(sum(map(int, self._typed(text))))

    def scored(self, inputs: Array) -> Array:
        """The last position of each digit place."""
        return np.arange(WIDTH - 1, inputs.shape[1], WIDTH)

    def name(self, token: int) -> str:
        """A digit, or ``=``."""
        return "=" if token == EQUALS else str(token)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The sum as people write it: the last answer is its first digit."""
        written = "".join(self.name(token) for token in np.asarray(tokens).reshape(-1)[::-1].tolist())
        return written.lstrip("0") or "0"

    def input_text(self, tokens: Array) -> str:
        """A sum [3 C] as a person types it."""
        return rules.line(tokens.reshape(-1, WIDTH).T[: WIDTH - 1])

    def guess(self, inputs: Array, place: int, token: int) -> str:  # noqa: ARG002
        """``3: 7``: which digit from the right, and what it may be."""
        return f"{place // WIDTH + 1}: {self.name(token)}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """The digits and ``=``."""
        return [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test sums, with what they add up to."""
        lines = [rules.line(one) for one in self.scored_lines("test", count).digits]
        return [Example(text, self.right_answer(text)) for text in lines]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Sums(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
