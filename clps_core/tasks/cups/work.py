"""What runs of ``cups`` do: they say where the ball is after each swap."""

from __future__ import annotations

import torch
from torch import Tensor

from clps_core.config import RunConfig
from clps_core.tasks.cups.rules import late
from clps_core.work import Loss
from clps_core.work.batch import DeviceBatch
from clps_core.work.positions import PositionScores, answer, loss

__all__ = ["SwapScores", "answer", "loss", "scores"]


class SwapScores(PositionScores):
    """``loss``, ``accuracy``, ``late_accuracy`` of the last third of the swaps, and ``swap_1`` ... of each swap."""

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        super().__init__(config, loss)
        self._right: Tensor | None = None
        self._games = 0

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, 1 + T, V] and their labels."""
        super().add(output, batch)
        right = (output.argmax(-1) == batch.labels)[:, 1:].sum(0, dtype=torch.long)
        self._right = right if self._right is None else self._right + right
        self._games += len(batch.labels)

    def values(self) -> dict[str, float]:
        """By metric."""
        counted = [] if self._right is None else self._right.tolist()
        shares = [right / self._games for right in counted]
        last = shares[len(shares) - late(len(shares)) :]
        return {
            **super().values(),
            "late_accuracy": sum(last) / max(1, len(last)),
            **{f"swap_{place}": share for place, share in enumerate(shares, start=1)},
        }


def scores(config: RunConfig, loss: Loss, /) -> SwapScores:
    """New scores for an evaluation."""
    return SwapScores(config, loss)
