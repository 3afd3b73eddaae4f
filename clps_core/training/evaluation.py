"""Loss and scores on held-out examples. Start at scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Batch, TaskData
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.work import Scores
from clps_core.work.batch import DeviceBatch, to_device
from clps_core.work.losses import cross_entropy
from clps_core.work.writing import written_pairs

if TYPE_CHECKING:
    from clps_core.model.transformer import Transformer

__all__ = [
    "DeviceBatch",
    "cross_entropy",
    "evaluate",
    "evaluating",
    "real_tokens",
    "scored",
    "to_device",
    "without_smoothing",
]


def real_tokens(batch: Batch) -> int:
    """Tokens of a batch as counted in tokens per second: source and target, no padding.

    Positions of ``inputs`` that hold something (tokens or image patches), and, for an
    encoder-decoder, the scored target positions.
    """
    sources = int(np.prod(batch.inputs.shape[:2])) if batch.input_mask is None else int(batch.input_mask.sum())
    targets = 0 if batch.decoder_inputs is None else int((batch.labels != IGNORED).sum())
    return sources + targets


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; the model's mode comes back afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def scored(
    model: nn.Module,
    data: TaskData,
    config: RunConfig,
    placement: Placement,
    split: str = "validation",
    *,
    loops: int | None = None,
    each: Callable[[Tensor, DeviceBatch], None] | None = None,
) -> Scores:
    """The task's scores of ``model`` on the first ``eval_examples`` of ``split``; a fixed set in a fixed order.

    ``loss`` is that of training, without label smoothing. ``loops``: how often the core runs; as the map has it by
    default. ``each`` is given the model's output for each batch, too.
    """
    work = TASKS.work(config.data.task)
    scores = work.scores(without_smoothing(config), work.loss)
    with evaluating(model), placement.autocast():
        for batch in data.evaluation(split, config.train.eval_examples, config.train.micro_batch):
            on_device = to_device(batch, placement.device)
            output = model(
                on_device.inputs,
                input_mask=on_device.input_mask,
                decoder_inputs=on_device.decoder_inputs,
                loops=loops,
            )
            if getattr(scores, "reads_written", False):
                pairs = written_pairs(cast("Transformer", model), data, on_device, loops)
                on_device = replace(on_device, written=tuple(pairs))
            scores.add(output, on_device)
            if each is not None:
                each(output, on_device)
    found: Scores = scores
    return found


def evaluate(
    model: nn.Module,
    data: TaskData,
    config: RunConfig,
    placement: Placement,
    split: str = "validation",
    *,
    loops: int | None = None,
) -> dict[str, float]:
    """The values of ``scored``, by metric."""
    return scored(model, data, config, placement, split, loops=loops).values()


def without_smoothing(config: RunConfig) -> RunConfig:
    """``config`` as evaluations measure its loss."""
    return config.model_copy(update={"optim": config.optim.model_copy(update={"label_smoothing": 0.0})})
