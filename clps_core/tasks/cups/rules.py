"""The shell game: which swaps are held out, and where the ball is. numpy only; start at Games."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.generated import mixed, split_by_content

__all__ = [
    *("CUPS", "HELD_OUT", "LEAST", "MOST", "PREFIX", "SWAPS"),
    *("Games", "ball", "constant_accuracy", "held_out", "late", "line", "prefixes"),
]

CUPS = 3
SWAPS = ((0, 1), (0, 2), (1, 2))
"""Cups that change places; a swap's token is 3 + its place here."""
PREFIX = 5
"""The number of first swaps that, with the first cup, decide whether a game is held out."""
LEAST, MOST = 6, 32
"""Swaps of a game."""
HELD_OUT = 2000
"""Games of validation, and of test; fewer if there are not enough."""
Array = NDArray[Any]
_MOVED = np.array([[1, 0, 2], [2, 1, 0], [0, 2, 1]])
"""[swap, cup] -> the cup that the ball is under afterwards."""


def ball(starts: Array, swaps: Array) -> Array:
    """Which cup hides the ball after each of ``swaps`` [B, T]: int64 [B, T]."""
    places, at = np.empty_like(swaps), starts
    for turn in range(swaps.shape[1]):
        at = places[:, turn] = _MOVED[swaps[:, turn], at]
    return places


@cache
def prefixes() -> dict[str, Array]:
    """Split -> its beginnings, as numbers below 3 x 3^5: first cup and swaps in base 3, the first cup last."""
    return dict(split_by_content(np.arange(CUPS * len(SWAPS) ** PREFIX)))


@dataclass(frozen=True)
class Games:
    """``starts`` int64 [B]; ``swaps`` int64 [B, T]."""

    starts: Array
    swaps: Array

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, part: slice) -> Games:
        return Games(self.starts[part], self.swaps[part])

    @staticmethod
    def of(begun: Array, rest: Array) -> Games:
        """The games that begin with the prefixes ``begun`` [B] and go on with the swaps ``rest`` [B, T - 5]."""
        digits = begun[:, None] // CUPS ** np.arange(PREFIX + 1) % CUPS
        return Games(digits[:, 0], np.concatenate([digits[:, 1:], rest], axis=1))

    @staticmethod
    def held_out(begun: Array, swaps: int) -> Games:
        """Up to ``HELD_OUT`` different games of ``swaps`` swaps that begin so, always the same, beginnings in turn."""
        turns = -(-4 * HELD_OUT // max(1, len(begun)))
        candidates = (np.arange(turns)[:, None] * CUPS ** (PREFIX + 1) + begun).reshape(-1)
        places = candidates[:, None] * MOST + np.arange(swaps - PREFIX)
        rest = (mixed(places, 3) % np.uint64(len(SWAPS))).astype(np.int64)
        games = Games.of(candidates % CUPS ** (PREFIX + 1), rest)
        rows = np.concatenate([games.starts[:, None], games.swaps], axis=1)
        _rows, firsts = np.unique(rows, axis=0, return_index=True)
        kept = np.sort(firsts)[:HELD_OUT]
        return Games(games.starts[kept], games.swaps[kept])


@cache
def held_out(split: str, swaps: int) -> Games:
    """The games of ``validation`` or ``test`` with this many swaps."""
    return Games.held_out(prefixes()[split], swaps)


def constant_accuracy(places: Array) -> float:
    """Share that is right of the best answer that says one fixed cup after each swap, for ``places`` [B, T]."""
    return float(np.mean([np.bincount(column, minlength=CUPS).max() / len(places) for column in places.T]))


def late(swaps: int) -> int:
    """How many swaps at the end of a game count as late: a third."""
    return swaps // 3


def line(start: int, swaps: Array) -> str:
    """A game as a person types it: ``2 1-3 2-3``, cups counted from 1."""
    return " ".join([str(start + 1), *("-".join(str(cup + 1) for cup in SWAPS[swap]) for swap in swaps)])
