"""How similar two attention patterns are. Start at attention_similarity.

Shape letters: L layers, H heads, Q queries, K keys. A row of attention is a probability distribution
over keys; two layers are compared row by row by the Jensen-Shannon divergence (Lin 1991, "Divergence
measures based on the Shannon entropy", eq. 4.1, both weights 1/2) in bits::

    JSD(p, r) = H((p + r) / 2) - (H(p) + H(r)) / 2        0 = equal, 1 = no key in common

The similarity of two heads is 1 minus the mean of that over the queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["attention_similarity", "jensen_shannon", "similarity_to_first"]

Array = NDArray[Any]


def jensen_shannon(one: Array, other: Array) -> Array:
    """Divergence of the distributions on the last axis, in bits: 0 (equal) to 1 (disjoint).

    Rows are scaled to sum to 1; a row of zeros counts as equal to another row of zeros and as disjoint
    from anything else. Leading axes broadcast. Raises ``ConfigError`` where the last axes differ.
    """
    if one.shape[-1] != other.shape[-1]:
        raise ConfigError(
            _(
                "distributions must have the same number of entries. Got {one} and {other}.",
                one=one.shape[-1],
                other=other.shape[-1],
            )
        )
    p, r = _distributions(one), _distributions(other)
    middle = (p + r) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(r, middle)) / 2
    empty = (p.sum(axis=-1) == 0) != (r.sum(axis=-1) == 0)
    return np.clip(np.where(empty, 1.0, divergence), 0.0, 1.0)


def attention_similarity(one: Array, other: Array, *, causal: bool = False) -> Array:
    """1 - mean Jensen-Shannon divergence over queries; [..., Q, K] twice -> [...].

    With ``causal`` the first query is left out (if there are others): it can look at nothing but itself,
    so it would be equal everywhere and flatter every pair.
    """
    first = 1 if causal and one.shape[-2] > 1 else 0
    return np.asarray(1.0 - jensen_shannon(one[..., first:, :], other[..., first:, :]).mean(axis=-1))


def similarity_to_first(attention: Array, layers: Sequence[int], *, causal: bool = False) -> Array:
    """Each of ``layers`` against the first of them, head by head: [L, H, Q, K] -> [len(layers), H]."""
    chosen = attention[list(layers)]
    return attention_similarity(chosen[:1], chosen, causal=causal)


def _distributions(weights: Array) -> Array:
    values = np.asarray(weights, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(values, total, out=np.zeros_like(values), where=total > 0))


def _relative_entropy(p: Array, q: Array) -> Array:
    """Sum of p log2(p / q) over the last axis, with 0 log 0 = 0; ``q`` is positive wherever ``p`` is."""
    ratio = np.divide(p, q, out=np.ones_like(q), where=p > 0)
    return np.asarray((p * np.log2(ratio)).sum(axis=-1))
