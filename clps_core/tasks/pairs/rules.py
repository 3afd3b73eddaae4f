"""Which pairs there are, and their values. numpy only; start at pairs and values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.generated import mixed

__all__ = ["SYMBOLS", "frequent", "halves", "line", "pairs", "values"]

SYMBOLS = 64
Array = NDArray[Any]


@cache
def pairs(count: int) -> Array:
    """int64 [count]: the first pairs in the order of a hash; the pair (a, b) is the number 64 a + b."""
    return np.argsort(mixed(np.arange(SYMBOLS**2), 4))[:count]


def values(numbers: Array) -> Array:
    """int64: the value of each pair, one of 64, by another hash."""
    return (mixed(numbers, 5) % np.uint64(SYMBOLS)).astype(np.int64)


def halves(count: int) -> Mapping[str, Array]:
    """Split -> its pairs. All are trained; every other one is for validation, the rest for tests."""
    whole = pairs(count)
    return {"train": whole, "validation": whole[::2], "test": whole[1::2]}


def frequent(numbers: Array) -> float:
    """Share of ``numbers`` that is right with the most frequent value of each first symbol among them."""
    right = [np.bincount(values(numbers[numbers // SYMBOLS == one])).max(initial=0) for one in range(SYMBOLS)]
    return float(np.sum(right) / max(1, len(numbers)))


def line(number: int) -> str:
    """A pair as a person types it."""
    return f"{number // SYMBOLS} {number % SYMBOLS}"
