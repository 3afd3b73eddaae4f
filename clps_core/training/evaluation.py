"""Loss and scores on held-out examples. Start at evaluate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch, TaskData
from clps_core.training.device import DevicePlan

__all__ = ["DeviceBatch", "cross_entropy", "evaluate", "evaluating", "real_tokens", "to_device"]


@dataclass(frozen=True)
class DeviceBatch:
    """A ``Batch`` as tensors on the run's device."""

    inputs: Tensor
    input_mask: Tensor | None
    decoder_inputs: Tensor | None
    labels: Tensor


def to_device(batch: Batch, device: str) -> DeviceBatch:
    """Copy ``batch``; from pinned memory to a GPU, so that the copy does not wait for it."""

    def moved(array: Array | None) -> Tensor | None:
        if array is None:
            return None
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)

    inputs, labels = moved(batch.inputs), moved(batch.labels)
    assert inputs is not None
    assert labels is not None
    return DeviceBatch(inputs, moved(batch.input_mask), moved(batch.decoder_inputs), labels)


def real_tokens(batch: Batch) -> int:
    """Tokens of a batch as counted in tokens per second: source and target, no padding.

    Positions of ``inputs`` that hold something (tokens or image patches), and, for an
    encoder-decoder, the scored target positions.
    """
    sources = int(np.prod(batch.inputs.shape[:2])) if batch.input_mask is None else int(batch.input_mask.sum())
    targets = 0 if batch.decoder_inputs is None else int((batch.labels != IGNORED).sum())
    return sources + targets


def cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0, reduction: str = "mean") -> Tensor:
    """Cross-entropy in fp32 of ``logits`` [..., V] over the positions of ``labels`` [...] that count."""
    return functional.cross_entropy(
        logits.flatten(0, -2).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
        reduction=reduction,
    )


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


def evaluate(
    model: nn.Module,
    data: TaskData,
    config: RunConfig,
    plan: DevicePlan,
    split: str = "validation",
    *,
    loops: int | None = None,
) -> dict[str, float]:
    """Scores of ``model`` on the first ``eval_examples`` of ``split``; a fixed set in a fixed order.

    ``loops``: how often the core runs; as the map has it by default.

    ``loss``: mean cross-entropy per scored position, without label smoothing, in nats.
    ``perplexity`` (language models): exp(loss). ``accuracy`` (classes). ``token_accuracy``: share of
    positions whose most likely token is right, given the right tokens before it. ``exact_match``
    (encoder-decoder): share of examples whose *greedy decoding* is right as a whole. That needs no
    decoding: a greedy answer equals the target exactly if each most likely token, given the target's
    tokens before it, is the target's next one (by induction over positions).
    """
    loss = torch.zeros((), dtype=torch.float64, device=plan.device)
    right, exact = torch.zeros_like(loss), torch.zeros_like(loss)
    scored = examples = 0
    with evaluating(model), plan.autocast():
        for batch in data.evaluation(split, config.train.eval_examples, config.train.batch_size):
            on_device = to_device(batch, plan.device)
            labels = on_device.labels
            logits = model(
                on_device.inputs,
                input_mask=on_device.input_mask,
                decoder_inputs=on_device.decoder_inputs,
                loops=loops,
            )
            loss += cross_entropy(logits, labels, reduction="sum")
            hits = logits.argmax(-1) == labels
            right += hits.sum()
            exact += (hits | (labels == IGNORED)).reshape(len(labels), -1).all(1).sum()
            scored += int((batch.labels != IGNORED).sum())
            examples += len(batch.labels)
    mean_loss = float(loss) / max(1, scored)
    accuracy = float(right) / max(1, scored)
    if config.model.output == "classes":
        return {"loss": mean_loss, "accuracy": accuracy}
    values = {"loss": mean_loss, "token_accuracy": accuracy}
    if config.model.family == "encoder_decoder":
        return values | {"exact_match": float(exact) / max(1, examples)}
    return values | {"perplexity": math.exp(min(mean_loss, 700.0))}
