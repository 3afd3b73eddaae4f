"""Running scores that tasks share. Start at TokenScores."""

from __future__ import annotations

import torch
from torch import Tensor

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED
from clps_core.work import Loss
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import cross_entropy, token_loss

__all__ = ["TokenScores"]


class TokenScores:
    """Loss and share of right labels, added up on the device.

    ``loss``: the mean over all that counts. ``accuracy``: the share of labels that are the most likely one.
    ``exact``: the share of examples whose labels all are.
    """

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        self.config, self._loss = config, loss
        self._sums: Tensor | None = None

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, T, V] (classes: [B, V]) and their labels."""
        labels = batch.labels
        counts = labels != IGNORED
        hits = output.argmax(-1) == labels
        if self._loss is token_loss:  # as a sum: exact where batches differ in length
            loss = cross_entropy(output, labels, reduction="sum").double()
        else:
            loss = self._loss(output, batch, self.config).double() * counts.sum()
        exact = (hits | ~counts).reshape(len(labels), -1).all(1).sum()
        examples = torch.full_like(exact, len(labels))
        sums = torch.stack([loss, *(one.double() for one in (hits.sum(), exact, counts.sum(), examples))])
        self._sums = sums if self._sums is None else self._sums + sums

    def _mean(self, place: int, of: int) -> float:
        sums = [0.0] * 5 if self._sums is None else self._sums.tolist()
        return float(sums[place]) / max(1.0, sums[of])

    @property
    def total(self) -> float:
        """Loss of all labels that count together."""
        return 0.0 if self._sums is None else float(self._sums[0])

    @property
    def loss(self) -> float:
        """Mean loss of a label that counts."""
        return self._mean(0, 3)

    @property
    def accuracy(self) -> float:
        """Share of labels that count whose most likely value is right."""
        return self._mean(1, 3)

    @property
    def exact(self) -> float:
        """Share of examples that are right as a whole."""
        return self._mean(2, 4)
