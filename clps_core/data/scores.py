"""Scores of predictions that need nothing but numpy. Start at exact_match."""

from __future__ import annotations

import numpy as np

from clps_core.data.base import IGNORED, Array

__all__ = ["exact_match", "token_accuracy"]


def exact_match(predicted: Array, labels: Array, eos: int) -> Array:
    """Which examples are right as a whole: bool [B].

    ``predicted`` int [B, P]: generated tokens, bos not among them; what follows the first ``eos`` does
    not count. ``labels`` int [B, T]: the right tokens, ``eos`` last, ``IGNORED`` in the padding. An
    answer that never ends is wrong, and so is one that ends early.
    """
    width = max(predicted.shape[1], labels.shape[1])
    given = _until_eos(_widened(predicted, width, eos), eos)
    wanted = _until_eos(np.where(labels == IGNORED, eos, labels), eos)
    ended = (predicted == eos).any(axis=1)
    right: Array = (given == _widened(wanted, width, eos)).all(axis=1) & ended
    return right


def token_accuracy(predicted: Array, labels: Array) -> tuple[int, int]:
    """(right, scored) over the positions of ``labels`` [B, T] that count; ``predicted`` has its shape."""
    scored = labels != IGNORED
    return int(((predicted == labels) & scored).sum()), int(scored.sum())


def _widened(tokens: Array, width: int, fill: int) -> Array:
    return np.pad(tokens, ((0, 0), (0, width - tokens.shape[1])), constant_values=fill)


def _until_eos(tokens: Array, eos: int) -> Array:
    """Everything from the first ``eos`` of each row on becomes ``eos``."""
    return np.where(np.maximum.accumulate(tokens == eos, axis=1), eos, tokens)
