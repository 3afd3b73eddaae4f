"""The permutations of 8 numbers, and where k hops lead. numpy only; start at permutations and after."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import permutations as all_orders
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.generated import mixed, split_by_content

__all__ = ["NUMBERS", "after", "line", "permutations", "queries", "returned", "splits"]

NUMBERS = 8
Array = NDArray[Any]


@cache
def permutations() -> Array:
    """int64 [40320, 8]: every permutation f as f(0) ... f(7), in lexicographic order; its place is its number."""
    return np.array(list(all_orders(range(NUMBERS))), dtype=np.int64)


@cache
def splits() -> Mapping[str, Array]:
    """The numbers of the permutations of each split: a tenth is never trained on."""
    return split_by_content(np.arange(len(permutations())))


def after(tables: Array, hops: int) -> Array:
    """f applied ``hops`` times to each of 0 ... 7, for ``tables`` [B, 8]: int64 [B, 8]."""
    found = np.broadcast_to(np.arange(NUMBERS), tables.shape)
    for _hop in range(hops):
        found = np.take_along_axis(tables, found, axis=1)
    return found


def queries(numbers: Array) -> Array:
    """The order in which a held-out permutation is asked for its values, from its number: int64 [B, 8]."""
    return np.argsort(mixed(numbers[:, None] * NUMBERS + np.arange(NUMBERS), 2), axis=1)


def returned(numbers: Array, hops: int) -> float:
    """Share of questions whose answer is the number that was asked: what the guess x scores."""
    return float((after(permutations()[numbers], hops) == np.arange(NUMBERS)).mean())


def line(number: int) -> str:
    """A permutation as a person types it."""
    return " ".join(map(str, permutations()[number].tolist()))
