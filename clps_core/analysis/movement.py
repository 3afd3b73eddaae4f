"""How far each executed layer carries the hidden state, and where to. Start at movement.

The two measures of figure 1 of the ALBERT paper (Lan et al. 2019, arXiv 1909.11942): the Euclidean
distance and the angle between a layer's input and its output. Beside them what tells more of the way: whether
successive layers go on in one direction, how far it still is to the last state, and the states on a plane.

Shape letters: L executed layers, P positions, D d_model. States [L + 1, P, D] are the first layer's input, then each
layer's output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Movement", "Plane", "cosines", "movement", "on_a_plane", "remaining", "turns"]

Floats = NDArray[np.floating]


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


def turns(inputs: Floats, outputs: Floats) -> tuple[float | None, ...]:
    """L - 1 cosines between a layer's update and that of the layer before it, each a mean over the positions.

    An update is what a layer's output differs by from its input. ``None`` where no position has two that are not 0.
    """
    updates = outputs.astype(np.float64) - inputs.astype(np.float64)
    return tuple(_mean_cosine(one, other) for one, other in pairwise(updates))


def remaining(states: Floats) -> tuple[float, ...]:
    """L + 1 distances to the last state, in lengths of the last state; each a mean over the positions.

    A last state of length 0 has no such measure: its position counts as 0.
    """
    values = states.astype(np.float64)
    length = np.linalg.norm(values[-1], axis=-1)
    return _means(np.linalg.norm(values - values[-1], axis=-1) / np.where(length > 0, length, np.inf))


def cosines(one: Floats, other: Floats) -> Floats:
    """``[L, P, D]`` and ``[M, P, D]`` -> ``[L, M]``: the cosine of two states of one position, a mean over positions.

    NaN where no position has two states with a direction.
    """
    found = [[_mean_cosine(left, right) for right in other.astype(np.float64)] for left in one.astype(np.float64)]
    return np.array([[np.nan if value is None else value for value in row] for row in found])


def _mean_cosine(one: Floats, other: Floats) -> float | None:
    size = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    if not (size > 0).any():
        return None
    return float(np.clip((one * other).sum(-1)[size > 0] / size[size > 0], -1.0, 1.0).mean())


@dataclass(frozen=True)
class Plane:
    """States where they differ most. ``points``: [L + 1, P, 2]; ``shares``: of the variance, one for each axis."""

    points: Floats
    shares: tuple[float, float]


def on_a_plane(states: Floats) -> Plane:
    """The first two principal components of all ``states``; of the two possible signs the one that ends right, above.

    Where all states are equal, all points are 0 and so are the shares.
    """
    flat = states.astype(np.float64).reshape(-1, states.shape[-1])
    left, sizes, _right = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    coordinates = np.zeros((len(flat), 2))
    count = min(2, len(sizes))
    coordinates[:, :count] = left[:, :count] * sizes[:count]
    points = coordinates.reshape(*states.shape[:-1], 2)
    points *= np.where((points[-1] - points[0]).sum(0) < 0, -1.0, 1.0)
    variance = sizes**2
    shares = np.zeros(2)
    if variance.sum() > 0:
        shares[:count] = variance[:count] / variance.sum()
    return Plane(points, (float(shares[0]), float(shares[1])))


def _means(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(map(float, values.mean(axis=1)))
