"""Names above a sound, in as many rows as they need so that none stands on another. Start at rows_of."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = ["MOST_ROWS", "rows_of"]

MOST_ROWS = 4
"""Names that fit into none of so many rows are left out."""
LETTER, WIDE_LETTER, GAP = 10.5, 17.0, 3.0
"""Pixels of a letter, of one that is as wide as high (Chinese), and between two names."""


def rows_of(names: Sequence[str], middles: Sequence[float], width: float) -> list[int | None]:
    """The row of each of ``names``, 0 the lowest, where the track has ``width`` pixels; None where it fits nowhere.

    ``middles``: from 0 to 1. Of names at the same place the one that comes first stands highest.
    """
    ends = [float("-inf")] * MOST_ROWS
    found: list[int | None] = [None] * len(names)
    for at in sorted(range(len(names)), key=lambda at: (middles[at], -at)):
        middle, half = middles[at] * width, _pixels(names[at]) / 2
        row = next((row for row, end in enumerate(ends) if middle - half >= end + GAP), None)
        found[at] = row
        if row is not None:
            ends[row] = middle + half
    return found


def _pixels(name: str) -> float:
    return sum(WIDE_LETTER if unicodedata.east_asian_width(one) in "WF" else LETTER for one in name)
