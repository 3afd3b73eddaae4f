"""The loss that most tasks share. Start at token_loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Batch
from clps_core.work.batch import DeviceBatch

__all__ = ["cross_entropy", "labels_that_count", "token_loss"]


def cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0, reduction: str = "mean") -> Tensor:
    """Cross-entropy in fp32 of ``logits`` [..., V] over the positions of ``labels`` [...] that count."""
    return functional.cross_entropy(
        logits.flatten(0, -2).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
        reduction=reduction,
    )


def token_loss(output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor:
    """Mean cross-entropy of the labels that count, with the label smoothing of ``config``."""
    return cross_entropy(output, batch.labels, smoothing=config.optim.label_smoothing)


def labels_that_count(batch: Batch) -> int:
    """How many labels ``token_loss`` is the mean over."""
    return int((batch.labels != IGNORED).sum())
