"""Batches of texts of about one length, and how long batches become by padding. Start at by_length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clps_core.data.base import Array, step_generator

__all__ = ["POOLED", "by_length", "padded_length"]

POOLED = 16
"""Batches that are drawn together where texts of one batch are to be about equally long."""


def by_length(lengths: Array, fingerprint: str, seed: int, step: int, batch_size: int) -> Array:
    """int64 [batch_size]: places of the examples of ``step``, about equally long among themselves.

    Examples of ``POOLED`` steps are drawn together, evenly and with replacement; sorted by their ``lengths``, they make
    as many batches, which come in a random order. So every example is as likely as without this. A pure function.
    """
    pool, turn = divmod(step, POOLED)
    generator = step_generator(fingerprint, seed, pool)
    drawn = generator.integers(len(lengths), size=POOLED * batch_size)
    part = generator.permutation(POOLED)[turn]
    ordered = drawn[np.argsort(lengths[drawn], kind="stable")]
    return ordered[part * batch_size : (part + 1) * batch_size]


def padded_length(lengths: Sequence[int], batch_size: int, multiple: int, longest: int, *, sorted_: bool) -> float:
    """The mean length of batches of ``batch_size`` texts, padded to their longest (see ``padded``).

    ``lengths``: of texts of which each is as likely. ``sorted_``: batches are those of ``by_length``.
    """
    found = np.minimum(np.sort(np.asarray(lengths)), longest)
    found = np.minimum(-(-found // multiple) * multiple, longest)
    count = len(found)
    if sorted_:  # of the sorted examples of a pool each batch is a part, as long as the part's last
        ends = np.arange(1, POOLED + 1) / POOLED
        return float(found[np.minimum((ends * count).astype(np.int64), count - 1)].mean())
    shares = (np.arange(count + 1) / count) ** batch_size
    return float(found @ np.diff(shares))  # the probability that the longest of a batch is this one
