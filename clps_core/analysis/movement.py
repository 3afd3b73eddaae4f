"""How far each executed layer carries the hidden state. Start at movement.

The two measures of figure 1 of the ALBERT paper (Lan et al. 2019, arXiv 1909.11942): the Euclidean
distance and the angle between a layer's input and its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Movement", "movement"]


@dataclass(frozen=True)
class Movement:
    """One stack under one input; one value per executed layer, each a mean over the positions.

    ``distance``: Euclidean, between input and output. ``cosine``: of their angle, -1 to 1. ``degrees``: the
    angle itself, 0 to 180. ``size``: the Euclidean norm of the layer's output. ``groups``: layers with equal
    numbers use literally the same weights.
    """

    distance: tuple[float, ...]
    cosine: tuple[float, ...]
    degrees: tuple[float, ...]
    size: tuple[float, ...]
    groups: tuple[int, ...]


def movement(inputs: NDArray[np.floating], outputs: NDArray[np.floating], groups: Sequence[int]) -> Movement:
    """Of each layer's ``inputs`` and ``outputs`` ``[layer, position, d_model]`` (``Capture``), and a group per layer.

    A vector of length zero has no direction: its cosine counts as 0.
    """
    before, after = inputs.astype(np.float64), outputs.astype(np.float64)
    assert len(groups) == len(before) == len(after)
    lengths = np.linalg.norm(after, axis=-1)
    product = np.linalg.norm(before, axis=-1) * lengths
    cosine = np.clip((before * after).sum(-1) / np.where(product > 0, product, 1.0), -1.0, 1.0)
    return Movement(
        _means(np.linalg.norm(after - before, axis=-1)),
        _means(cosine),
        _means(np.degrees(np.arccos(cosine))),
        _means(lengths),
        tuple(groups),
    )


def _means(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(map(float, values.mean(axis=1)))
