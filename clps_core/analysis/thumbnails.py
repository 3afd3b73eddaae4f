"""How small a map is shown where many stand side by side. No torch. Start at max_pooled."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

__all__ = ["FULL_LIMIT", "THUMBNAIL_SIDE", "max_pooled", "thumbnail_side"]

THUMBNAIL_SIDE = 64
"""A thumbnail has at most this many rows and columns."""
SMALLEST_SIDE = 8
THUMBNAIL_BYTES = 850_000
"""All thumbnails have at most about this many bytes: with one head of 1,024 tokens in full they stay below 2 MB."""
FULL_LIMIT = 600_000
"""Up to this many bytes, every map is sent in full."""


def thumbnail_side(maps: int) -> int:
    """How many rows and columns each of ``maps`` thumbnails has at most."""
    return max(SMALLEST_SIDE, min(THUMBNAIL_SIDE, math.isqrt(THUMBNAIL_BYTES // max(1, maps))))


def max_pooled(maps: np.ndarray, side: int = THUMBNAIL_SIDE, *, signed: bool = False) -> np.ndarray:
    """[..., rows, columns] with at most ``side`` rows and columns; each is the maximum of its share.

    ``signed``: what is farthest from 0 of its share, with its sign.
    """
    most = _pooled(maps, side, np.maximum)
    if not signed:
        return most
    least = _pooled(maps, side, np.minimum)
    return np.where(most >= -least, most, least)


def _pooled(maps: np.ndarray, side: int, largest: np.ufunc) -> np.ndarray:
    rows, columns = maps.shape[-2:]
    if rows > side:  # in slices: reduceat along this axis takes ten times as long
        edges = [(place * rows) // side for place in range(side + 1)]
        slices = [largest.reduce(maps[..., begin:end, :], axis=-2) for begin, end in pairwise(edges)]
        maps = np.stack(slices, axis=-2)
    if columns > side:
        maps = largest.reduceat(maps, (np.arange(side) * columns) // side, axis=-1)
    return maps
