"""How similar two layers are on the same tokens: linear CKA without bias. Start at Cka.

Centred kernel alignment (Kornblith et al. 2019, arXiv 1905.00414) compares which tokens a layer finds similar. It does
not change when states are rotated or scaled, and the layers may have different widths. With few vectors the usual
estimate is too high: two layers of random numbers look similar. So the estimate without bias is taken (HSIC_1, Song et
al. 2012, "Feature selection via dependence maximization") and averaged over small batches, as Nguyen et al. 2021
(arXiv 2010.15327) do.

Shape letters: L, M layers, n vectors, D numbers of a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_VECTORS", "Cka", "u_centred"]

LEAST_VECTORS = 4
"""With fewer, the estimate divides by zero."""

Array = NDArray[Any]


def u_centred(gram: Array) -> Array:
    """``[..., n, n]`` symmetric -> the same, centred so that products of two are free of bias (Szekely & Rizzo 2014).

    The diagonal is 0 and every row sums to 0. The mean product over the n (n - 3) that count is HSIC_1.
    """
    n = gram.shape[-1]
    hollow = gram * (1 - np.eye(n))
    rows = hollow.sum(-1)
    total = rows.sum(-1)
    rows = rows / (n - 2)
    centred = hollow - rows[..., :, None] - rows[..., None, :] + (total / ((n - 1) * (n - 2)))[..., None, None]
    return np.asarray(centred * (1 - np.eye(n)))


class Cka:
    """CKA between every layer of one model and every layer of another, of vectors that come batch by batch."""

    def __init__(self) -> None:
        self._between: Array = np.zeros((0, 0))
        self._own: Array = np.zeros(0)
        self._others: Array = np.zeros(0)

    def add(self, one: Array, other: Array) -> None:
        """``[L, n, D]`` and ``[M, n, D']``: states of the same ``n`` tokens, at least ``LEAST_VECTORS``."""
        assert one.shape[1] == other.shape[1] >= LEAST_VECTORS
        first = _products(one)
        second = first if other is one else _products(other)
        scale = 1.0 / (one.shape[1] * (one.shape[1] - 3))
        between = first @ second.T * scale
        if not self._between.size:
            self._between, self._own, self._others = between, _squares(first, scale), _squares(second, scale)
            return
        self._between = self._between + between
        self._own = self._own + _squares(first, scale)
        self._others = self._others + _squares(second, scale)

    def value(self) -> Array:
        """``[L, M]`` from -1 to 1: 1 for equal up to rotation and scale, near 0 for unrelated. NaN where a layer says
        the same of every token, which is like nothing."""
        size = np.sqrt(self._own[:, None] * self._others[None, :])
        found = np.divide(self._between, size, out=np.full_like(self._between, np.nan), where=size > 0)
        return np.asarray(np.clip(found, -1.0, 1.0))


def _products(states: Array) -> Array:
    """``[L, n, D]`` -> ``[L, n * n]``: the centred scalar products of each layer's vectors, on a common scale."""
    values = states.astype(np.float64)
    values -= values.mean(1, keepdims=True)  # changes nothing but the rounding
    largest = np.abs(values).max((1, 2), keepdims=True)
    # What is left of equal vectors is rounding, not a direction.
    noise = largest <= 1e-6 * np.abs(states).max((1, 2), keepdims=True)
    values = np.where(noise, 0.0, values / np.where(largest > 0, largest, 1.0))
    return u_centred(values @ values.swapaxes(-1, -2)).reshape(len(values), -1)


def _squares(products: Array, scale: float) -> Array:
    return np.asarray(np.einsum("ij,ij->i", products, products) * scale)
