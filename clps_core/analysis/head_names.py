"""The figures that describe a head, and what a head is called where they are clear. No torch. Start at head_names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST_QUERIES", "MEASURES", "NAMED_FROM", "UNIFORM_FROM", "head_names"]

MEASURES = ("entropy", "entropy_share", "distance", "itself", "previous", "next", "first")
"""In the order in which they are told; what each of them is stands at ``heads.summary_of``."""
PLACES = ("itself", "previous", "next", "first")
UNIFORM = "uniform"
NAMED_FROM = 0.5
"""A head that gives one place at least this share of its attention has that place's name."""
UNIFORM_FROM = 0.95
"""A head whose entropy is at least this share of the largest possible one is called uniform."""
FEWEST_QUERIES = 3
"""Fewer counted queries tell no heads apart: the previous token of the second one is the first token."""


def head_names(measures: Mapping[str, NDArray[Any]], counted: int) -> tuple[tuple[str, ...], ...]:
    """Per layer and head one of ``PLACES``, ``uniform`` or nothing; ``measures``: name -> [layer, head].

    The place with the largest share names the head if that share is at least ``NAMED_FROM``; otherwise it is uniform if
    its entropy share is at least ``UNIFORM_FROM``. Nothing is named from fewer than ``FEWEST_QUERIES`` ``counted``
    queries.
    """
    layers, heads = map(int, measures["entropy"].shape)
    if counted < FEWEST_QUERIES:
        return (("",) * heads,) * layers
    places = [name for name in PLACES if name in measures]
    shares = np.nan_to_num(np.stack([measures[name] for name in places]))
    even = np.nan_to_num(measures["entropy_share"]) >= UNIFORM_FROM

    def name(layer: int, head: int) -> str:
        best = int(shares[:, layer, head].argmax())
        if shares[best, layer, head] >= NAMED_FROM:
            return places[best]
        return UNIFORM if even[layer, head] else ""

    return tuple(tuple(name(layer, head) for head in range(heads)) for layer in range(layers))
