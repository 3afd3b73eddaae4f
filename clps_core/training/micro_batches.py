"""A batch in parts that are worked through one after the other. Start at parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import Array, Batch
from clps_core.work.losses import labels_that_count

__all__ = ["counted", "parts"]

COUNTED = "counted"
"""What a task's work may offer beside its loss, see ``work.Work``."""


def counted(work: object, batch: Batch, config: RunConfig) -> int:
    """How many things of ``batch`` the loss of ``work`` is the mean over: labels, unless the task says otherwise."""
    own: Callable[[Batch, RunConfig], int] | None = getattr(work, COUNTED, None)
    return labels_that_count(batch) if own is None else own(batch, config)


def parts(work: object, batch: Batch, config: RunConfig) -> Iterator[tuple[Batch, float]]:
    """``batch`` [B, ...] in ``train.accumulate`` parts of about equal size, each with its share of the batch's loss.

    Shares add up to 1: the sum of each part's loss times its share is the loss of the whole batch, which counts every
    real token alike, and not a mean of means. Parts in which nothing counts are left out.
    """
    number = config.train.accumulate
    ends = [len(batch.labels) * part // number for part in range(number + 1)]
    cut = [_part(batch, slice(*both)) for both in pairwise(ends)]
    counts = [counted(work, one, config) for one in cut]
    if not any(counts):
        yield batch, 1.0
        return
    for one, count in zip(cut, counts, strict=True):
        if count:
            yield one, count / sum(counts)


def _part(batch: Batch, rows: slice) -> Batch:
    def of(array: Array | None) -> Any:
        return None if array is None else np.ascontiguousarray(array[rows])

    return replace(
        batch,
        inputs=of(batch.inputs),
        input_mask=of(batch.input_mask),
        decoder_inputs=of(batch.decoder_inputs),
        labels=of(batch.labels),
        grades=of(batch.grades),
        boxes=of(batch.boxes),
    )
