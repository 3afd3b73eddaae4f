"""What runs of ``hops`` do: they say where each number leads."""

from __future__ import annotations

import torch
from torch import Tensor

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED
from clps_core.tasks.hops.rules import NUMBERS
from clps_core.work import Loss
from clps_core.work.batch import DeviceBatch
from clps_core.work.positions import PositionScores, answer, loss

__all__ = ["HopScores", "answer", "loss", "scores"]


class HopScores(PositionScores):
    """``loss``, ``accuracy``, and ``moved_accuracy``: over the questions whose answer is not the number asked."""

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        super().__init__(config, loss)
        self._moved: Tensor | None = None

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, T, V] and their labels."""
        super().add(output, batch)
        moved = (batch.labels != IGNORED) & (batch.labels != batch.inputs - NUMBERS)
        sums = torch.stack([((output.argmax(-1) == batch.labels) & moved).sum(), moved.sum()])
        self._moved = sums if self._moved is None else self._moved + sums

    def values(self) -> dict[str, float]:
        """By metric."""
        right, asked = (0, 0) if self._moved is None else self._moved.tolist()
        return {**super().values(), "moved_accuracy": right / max(1, asked)}


def scores(config: RunConfig, loss: Loss, /) -> HopScores:
    """New scores for an evaluation."""
    return HopScores(config, loss)
