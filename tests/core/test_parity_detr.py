"""Boxes as DETR's own criterion in transformers has them: overlaps, matching, loss and their gradients, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED
from clps_core.data.detection import box_overlaps, general_overlap
from clps_core.work import boxes as work
from clps_core.work.batch import DeviceBatch

SPECIAL = (
    # two boxes, the second of some size, as transformers needs: centre across and down, width, height
    ((0.25, 0.5, 0.5, 1.0), (0.75, 0.5, 0.5, 1.0)),  # a side in common
    ((0.25, 0.25, 0.5, 0.5), (0.75, 0.75, 0.5, 0.5)),  # a corner in common
    ((0.5, 0.5, 1.0, 1.0), (0.4, 0.6, 0.2, 0.1)),  # one inside the other
    ((0.5, 0.5, 0.5, 0.5), (0.375, 0.5, 0.25, 0.25)),  # inside, at its edge
    ((0.5, 0.5, 0.25, 0.5), (0.5, 0.5, 0.25, 0.5)),  # the same
    ((0.5, 0.5, 0.0, 0.5), (0.5, 0.5, 0.5, 0.25)),  # a line across a box
    ((0.25, 0.5, 0.0, 0.5), (0.5, 0.5, 0.5, 0.25)),  # a line at its edge
    ((0.5, 0.5, 0.0, 0.0), (0.5, 0.5, 0.5, 0.5)),  # a point in it
    ((0.0, 0.0, 0.0, 0.0), (0.75, 0.75, 0.5, 0.5)),  # a point outside it
)


def pairs(count: int = 500) -> tuple[Tensor, Tensor]:
    """[n, 4] each: random boxes and their partners, some far, most overlapping; then the special ones."""
    draw = torch.Generator().manual_seed(0)
    one, other = (torch.rand((count, 4), generator=draw, dtype=torch.float64) for _side in range(2))
    first, second = torch.tensor(SPECIAL, dtype=torch.float64).unbind(1)
    return torch.cat([one, first]), torch.cat([other, second])


@pytest.mark.parametrize("swapped", [False, True])
def test_overlaps_and_their_gradients_are_those_of_transformers(swapped: bool) -> None:
    from transformers.image_transforms import center_to_corners_format as corners
    from transformers.loss.loss_for_object_detection import box_iou, generalized_box_iou

    one, other = reversed(pairs()) if swapped else pairs()
    wanted = generalized_box_iou(corners(one), corners(other))
    assert float(wanted.min()) < -0.9
    assert float(wanted.max()) == 1.0
    torch.testing.assert_close(work.general_overlaps(one, other), wanted, rtol=0, atol=1e-11)
    plain = box_iou(corners(one), corners(other))[0].numpy()
    np.testing.assert_allclose(box_overlaps(one.numpy(), other.numpy()), plain, rtol=0, atol=1e-11)
    in_pairs = general_overlap(one.numpy(), other.numpy())
    np.testing.assert_allclose(in_pairs, wanted.diagonal().numpy(), rtol=0, atol=1e-11)

    leaves = [boxes.clone().requires_grad_() for boxes in (one, other)]
    ours = work.general_overlaps(leaves[0][:, None], leaves[1][:, None])
    theirs = generalized_box_iou(*(corners(boxes) for boxes in leaves)).diagonal()
    for mine, right in zip(*(torch.autograd.grad(overlaps.sum(), leaves) for overlaps in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("counts", [(3, 1, 4), (1, 0, 6), (8, 2, 5)], ids=str)
def test_matching_and_loss_and_their_gradients_are_those_of_detr(counts: tuple[int, ...]) -> None:
    from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

    draw, queries, classes = torch.Generator().manual_seed(1), 6, 10  # fewer queries than 8 boxes
    labels = torch.randint(classes, (len(counts), max(counts)), generator=draw)
    for row, number in enumerate(counts):
        labels[row, number:] = IGNORED
    right, said = (torch.rand((len(counts), n, 4), generator=draw) * 0.5 + 0.2 for n in (max(counts), queries))
    logits = torch.randn((len(counts), queries, classes + 1), generator=draw)
    output = torch.cat([logits, said], -1).double().requires_grad_()
    config = resolve(build_config({"data": {"task": "objects"}})).config
    batch = DeviceBatch(torch.zeros(len(counts), 1, 16), None, None, labels, boxes=right.double())
    ours = work.loss(output, batch, config)

    detr = ImageLoss(HungarianMatcher(1.0, 5.0, 2.0), classes, 0.1, ["labels", "boxes"]).double()
    detr.empty_weight[-1] = 0.1  # it was made in fp32
    given: dict[str, Any] = dict(zip(("logits", "pred_boxes"), work.split_output(output), strict=True))
    targets = [
        {"class_labels": labels[row, :number], "boxes": right[row, :number].double()}
        for row, number in enumerate(counts)
    ]
    chosen = detr.matcher(given, targets)
    rows, own, places = work.matched(given["logits"], given["pred_boxes"], labels, right)
    for row, (query, place) in enumerate(chosen):
        assert own[rows == row].tolist() == query.tolist()
        assert places[rows == row].tolist() == place.tolist()
    parts = detr(given, targets)
    # Theirs is a mean over the weights of all queries' classes, ours a sum per right box, as boxes are.
    matched = len(own)
    weights = matched + 0.1 * (len(counts) * queries - matched)
    theirs = parts["loss_ce"] * weights / sum(counts) + 5 * parts["loss_bbox"] + 2 * parts["loss_giou"]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    mine, known = (torch.autograd.grad(loss, output, retain_graph=True)[0] for loss in (ours, theirs))
    torch.testing.assert_close(mine, known, rtol=1e-9, atol=1e-12)
