"""A batch on the run's device. Start at to_device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clps_core.data.base import Array, Batch
from clps_core.data.spans import Spans

__all__ = ["DeviceBatch", "to_device"]


@dataclass(frozen=True)
class DeviceBatch:
    """A ``Batch`` as tensors on the run's device; ``spans`` stay where they are.

    ``written``: in an evaluation whose scores ask for it, the (greedily written, right) text of each example.
    """

    inputs: Tensor
    input_mask: Tensor | None
    decoder_inputs: Tensor | None
    labels: Tensor
    grades: Tensor | None = None
    spans: Spans | None = None
    label_bytes: Tensor | None = None
    boxes: Tensor | None = None
    written: tuple[tuple[str, str], ...] = ()


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
    decoder_inputs, grades = moved(batch.decoder_inputs), moved(batch.grades)
    return DeviceBatch(
        inputs,
        moved(batch.input_mask),
        decoder_inputs,
        labels,
        grades,
        batch.spans,
        moved(batch.label_bytes),
        moved(batch.boxes),
    )
