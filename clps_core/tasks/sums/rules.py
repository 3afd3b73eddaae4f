"""Sums of two numbers, column by column from the right, and where a carry comes from. numpy only; start at Sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.generated import split_by_content
from clps_core.tasks.sums import FAR

__all__ = [
    *("EQUALS", "HELD_OUT", "VOCABULARY", "WIDTH"),
    *("Sums", "drawn", "endings", "guessed_shares", "held_out", "line", "told"),
]

EQUALS = 10
"""The token at which a column is answered; 0 to 9 are digits."""
VOCABULARY = 11
WIDTH = 3
"""Tokens of a column: two digits and ``EQUALS``."""
ENDING = 2
"""The number of last digits (of both numbers) that decide whether a sum is held out."""
NINES = 0.4
"""Share of the other columns that are made to add up to 9, so that carries run far."""
HELD_OUT = 2000
"""Sums of validation, and as many of test."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Sums:
    """``digits`` int64 [B, 2, C]: two numbers, last digit first, the last column 0 and 0, so that the sum has room."""

    digits: Array

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, part: slice) -> Sums:
        return Sums(self.digits[part])

    @property
    def tokens(self) -> Array:
        """int64 [B, 3 C]: for each column both digits and ``EQUALS``."""
        count, _two, columns = self.digits.shape
        equals = np.full((count, columns, 1), EQUALS)
        return np.concatenate([self.digits.swapaxes(1, 2), equals], axis=2).reshape(count, -1)

    @property
    def answers(self) -> Array:
        """int64 [B, C]: the digits of the sum, last one first."""
        found: Array = (self.digits.sum(1) + self._carries()) % 10
        return found

    @property
    def back(self) -> Array:
        """int64 [B, C]: how many columns back it is decided whether there is a carry: 0 for the first column.

        It is the column before, unless that adds up to 9, which hands on what it gets.
        """
        found = np.zeros_like(self.digits[:, 0])
        for column in range(1, found.shape[1]):
            handed_on = (self.digits[:, :, column - 1].sum(1) == 9) & (column > 1)
            found[:, column] = np.where(handed_on, found[:, column - 1] + 1, 1)
        return found

    def guessed(self) -> Array:
        """bool [B, C]: where it is right to carry only what the two digits of the column before give."""
        before = self.digits.sum(1)[:, :-1] > 9
        right: Array = np.pad(before, ((0, 0), (1, 0))) == self._carries()
        return right

    def _carries(self) -> Array:
        totals, found = self.digits.sum(1), np.zeros_like(self.digits[:, 0])
        for column in range(1, totals.shape[1]):
            found[:, column] = (totals[:, column - 1] + found[:, column - 1]) > 9
        return found


@cache
def endings() -> dict[str, Array]:
    """Split -> its endings, as numbers below 10^4: the last two digits of both numbers."""
    return dict(split_by_content(np.arange(10 ** (2 * ENDING))))


def drawn(generator: np.random.Generator, chosen: Array, digits: int) -> Sums:
    """Sums of numbers with this many digits whose last digits are ``chosen`` [B]."""
    ends = (chosen[:, None] // 10 ** np.arange(2 * ENDING) % 10).reshape(-1, 2, ENDING)
    rest = generator.integers(10, size=(len(chosen), 2, digits - ENDING))
    nine = generator.random((len(chosen), digits - ENDING)) < NINES
    rest[:, 1] = np.where(nine, 9 - rest[:, 0], rest[:, 1])
    return Sums(np.concatenate([ends, rest, np.zeros((len(chosen), 2, 1), dtype=np.int64)], axis=2))


def told(chosen: Array, digits: int) -> Sums:
    """Up to ``HELD_OUT`` different sums, always the same, with the endings ``chosen`` in turn."""
    generator = np.random.Generator(np.random.PCG64([digits, *chosen[:8].tolist()]))
    sums = drawn(generator, np.resize(chosen, 2 * HELD_OUT), digits)
    _rows, firsts = np.unique(sums.tokens, axis=0, return_index=True)
    return Sums(sums.digits[np.sort(firsts)[:HELD_OUT]])


@cache
def held_out(split: str, digits: int) -> Sums:
    """The sums of ``validation`` or ``test``."""
    return told(endings()[split], digits)


def guessed_shares(sums: Sums) -> tuple[float, ...]:
    """The share of digits at which ``guessed`` is right: of all, then by how many columns back a carry is decided."""
    hits, back = sums.guessed(), np.minimum(sums.back, FAR)
    parts = [back >= 0, *(back == number for number in range(1, FAR + 1))]
    return tuple(float(hits[part].mean()) if part.any() else 0.0 for part in parts)


def line(digits: Array) -> str:
    """A sum [2, C] as a person types it: ``384 + 57``."""
    return " + ".join(str(int("".join(map(str, one[::-1].tolist())))) for one in digits)
