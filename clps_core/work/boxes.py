"""Loss, scores and answer of a decoder of learned queries, each of which finds one thing in a picture or none.

A set is predicted: queries are matched with the right boxes one to one, at the lowest cost of all matchings, and what
is left over should say "no object" (DETR, Carion et al. 2020, arXiv 2005.12872). Start at loss.

Shape letters: B pictures, Q queries, K right boxes of a picture at most, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch
from clps_core.data.detection import (
    BOX_WEIGHT,
    NOTHING_WEIGHT,
    OVERLAP_WEIGHT,
    Found,
    Seen,
    average_precision,
    query_labels,
    said_of,
)
from clps_core.shapes import BOX_SIDES
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, image_of, refuse_target
from clps_core.work.batch import DeviceBatch

__all__ = [
    "BoxScores",
    "answer",
    "class_logits",
    "counted",
    "found_in",
    "general_overlaps",
    "loss",
    "matched",
    "scores",
    "split_output",
]


class PictureData(Protocol):
    """What task data offer beside ``TaskData`` where things are found in pictures."""

    def decode(self, tokens: Array) -> str:
        """The class of a class number."""


def split_output(output: Tensor) -> tuple[Tensor, Tensor]:
    """Class logits ``[..., C + 1]``, the last of them of no object, and boxes ``[..., 4]`` of a model's output."""
    return output[..., :-BOX_SIDES], output[..., -BOX_SIDES:]


def loss(output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor:
    """Cross-entropy of all queries' classes + 5 x L1 + 2 x (1 - GIoU) of the matched boxes, per right box.

    ``output``: [B, Q, C + 1 + 4]. "No object" counts a tenth in the cross-entropy. All three are sums over the batch
    divided by its number of right boxes.
    """
    summed, count = _summed(output, batch, config.optim.label_smoothing)
    return summed / max(1, count)


def counted(batch: Batch, _config: RunConfig, /) -> int:
    """How many right boxes ``loss`` is the mean over."""
    return int((batch.labels != IGNORED).sum())


def _summed(output: Tensor, batch: DeviceBatch, smoothing: float) -> tuple[Tensor, int]:
    """The sum over all right boxes, and how many they are."""
    assert batch.boxes is not None
    logits, boxes = split_output(output if output.dtype == torch.float64 else output.float())
    nothing = logits.shape[-1] - 1
    rows, queries, places = matched(logits, boxes, batch.labels, batch.boxes)
    classes = torch.full(logits.shape[:2], nothing, dtype=torch.int64, device=output.device)
    classes[rows, queries] = batch.labels[rows, places]
    weights = torch.ones(nothing + 1, dtype=logits.dtype, device=output.device)
    weights[nothing] = NOTHING_WEIGHT
    said = functional.cross_entropy(
        logits.flatten(0, 1), classes.flatten(), weights, reduction="sum", label_smoothing=smoothing
    )
    own, right = boxes[rows, queries], batch.boxes[rows, places].to(boxes.dtype)
    apart = (own - right).abs().sum()
    overlap = (1 - general_overlaps(own[:, None], right[:, None]).flatten()).sum()
    return said + BOX_WEIGHT * apart + OVERLAP_WEIGHT * overlap, int((batch.labels != IGNORED).sum())


@torch.no_grad()
def matched(logits: Tensor, boxes: Tensor, labels: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """int64 [M] each: picture, query and right box of every pair, by the matching of the lowest cost.

    ``logits`` [B, Q, C + 1], ``boxes`` [B, Q, 4]; ``labels`` [B, K], ``IGNORED`` where there is no box, and their boxes
    ``right`` [B, K, 4]. The cost of a pair: - probability of the right class + 5 x L1 + 2 x -GIoU. Found on the CPU by
    scipy's ``linear_sum_assignment``, whatever the device. Of more boxes than queries some stay without a query.
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    real = labels != IGNORED
    chances = logits.double().softmax(-1)
    of_class = chances.gather(-1, labels.clamp(min=0)[:, None].expand(-1, logits.shape[1], -1))
    own, other = boxes.double(), right.double()
    apart = (own[:, :, None] - other[:, None]).abs().sum(-1)
    costs = BOX_WEIGHT * apart - of_class - OVERLAP_WEIGHT * general_overlaps(own, other)
    table, there = np.nan_to_num(costs.cpu().numpy()), real.cpu().numpy()
    found: list[Array] = []
    for row, (cost, which) in enumerate(zip(table, there, strict=True)):
        places = np.flatnonzero(which)
        queries, chosen = linear_sum_assignment(cost[:, places])
        found.append(np.stack([np.full(len(queries), row), queries, places[chosen]]))
    pairs = torch.from_numpy(np.concatenate(found, 1)).to(logits.device)
    return pairs[0], pairs[1], pairs[2]


def general_overlaps(one: Tensor, other: Tensor) -> Tensor:
    """[..., n, m]: GIoU of each of the boxes ``one`` [..., n, 4] with each of ``other`` [..., m, 4].

    As ``data.detection.general_overlap``.
    """
    a, b = _corners(one)[..., :, None, :], _corners(other)[..., None, :, :]
    both = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = one[..., :, None, 2:].prod(-1) + other[..., None, :, 2:].prod(-1) - both
    around = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return both / union.clamp(min=1e-12) - (around - union) / around.clamp(min=1e-12)


def _corners(boxes: Tensor) -> Tensor:
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def class_logits(output: Tensor) -> Tensor:
    """``[..., C + 1]``: the logits of ``output`` whose softmax is how probable each class is.

    In training "no object" counts a tenth, so the model gives it a tenth of its odds: here it has them back.
    """
    logits = split_output(output)[0].clone()
    logits[..., -1] -= math.log(NOTHING_WEIGHT)
    return logits


def found_in(output: Array) -> tuple[Array, Array, Array]:
    """Of each query in ``output`` [Q, C + 1 + 4]: its most likely class that is an object, that class's probability,
    and whether it is likelier than no object (``class_logits``).
    """
    chances = class_logits(torch.from_numpy(output).double()).softmax(-1).numpy()
    return chances[:, :-1].argmax(-1), chances[:, :-1].max(-1), chances.argmax(-1) < chances.shape[-1] - 1


class BoxScores:
    """``loss``, ``ap`` and ``ap50`` as COCO defines them, and ``counting_accuracy``.

    The last one: the share of pictures in which as many queries as there are objects say that they found one. All
    queries count for the average precision, each with its most likely object.
    """

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        self.config, self._loss = config, loss
        self._batches: list[tuple[Tensor, DeviceBatch]] = []

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in [B, Q, C + 1 + 4]; all else happens at the end, since nothing may wait for a GPU here."""
        self._batches.append((output.detach(), replace(batch, inputs=batch.inputs[:, :0])))

    def values(self) -> dict[str, float]:
        """By metric."""
        total, count, right_counts = 0.0, 0, 0
        said: list[Seen] = []
        right: list[Seen] = []
        for output, batch in self._batches:
            boxes_here = int((batch.labels != IGNORED).sum())
            total += float(self._loss(output, batch, self.config)) * boxes_here
            count += boxes_here
            assert batch.boxes is not None
            labels, boxes = batch.labels.cpu().numpy(), batch.boxes.cpu().numpy()
            for row, one in enumerate(output.float().cpu().numpy()):
                classes, chances, there = found_in(one)
                real = labels[row] != IGNORED
                said.append(Seen(classes, one[:, -BOX_SIDES:], chances))
                right.append(Seen(labels[row][real], boxes[row][real]))
                right_counts += int(there.sum()) == int(real.sum())
        finite = all(np.isfinite(output.float().cpu().numpy()).all() for output, _batch in self._batches)
        precision = average_precision(said, right) if finite else {"ap": 0.0, "ap50": 0.0}
        return {
            "loss": total / max(1, count),
            **precision,
            "counting_accuracy": right_counts / max(1, len(said)),
        }


def scores(config: RunConfig, loss: Loss, /) -> BoxScores:
    """New scores for an evaluation."""
    return BoxScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """What the queries found, the most probable first."""
    data = run.data
    refuse_target(data, target_text)
    seen = capture(run.model, inputs, loops=loops)
    classes, chances, there = found_in(seen.logits)
    found = [
        Found(
            cast("PictureData", data).decode(classes[[query]]),
            cast("tuple[float, float, float, float]", tuple(seen.logits[query, -BOX_SIDES:].tolist())),
            float(chances[query]),
            int(query),
        )
        for query in np.argsort(-chances, kind="stable")
        if there[query]
    ]
    return Answer(
        seen,
        prediction=said_of(found),
        target="queries",
        target_labels=query_labels(len(classes)),
        image=image_of(inputs) if data.facts.input_kind == "image" else None,
        found=tuple(found),
    )
