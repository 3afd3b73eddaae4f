"""Things in a picture: where they are, and how well they were found. Start at Found, then average_precision. No torch.

Boxes are [..., 4]: centre across and down, width and height, as parts of the picture, unless a name says corners
(left, top, right, bottom).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["BOX_WEIGHT", "NOTHING_WEIGHT", "OVERLAP_WEIGHT", "Found", "Seen"]
__all__ += [
    "average_precision",
    "box_overlaps",
    "corners_of",
    "general_overlap",
    "query_labels",
    "right_objects",
    "said_of",
]

Array = NDArray[Any]

BOX_WEIGHT, OVERLAP_WEIGHT, NOTHING_WEIGHT = 5.0, 2.0, 0.1
"""Of the distance of boxes, of their generalised overlap, and of the class "no object" in a loss (DETR, arXiv
2005.12872, appendix A.4); the class itself has weight 1."""
PIXELS = 1000.0
"""Width of a picture for COCO's evaluation, whose figures do not depend on it."""
MOST_PER_PICTURE = 100
"""Boxes of one picture that COCO's average precision looks at, the most probable first."""


@dataclass(frozen=True)
class Found:
    """One thing in a picture: its class in words, its ``box``, and the ``probability`` that a model gives it.

    ``query``: the number of the query that found it, from 0; of a right answer ``None``, with a probability of 1.
    """

    label: str
    box: tuple[float, float, float, float]
    probability: float = 1.0
    query: int | None = None


@dataclass(frozen=True)
class Seen:
    """The boxes [n, 4] of one picture with their classes [n] and, of an answer, their ``scores`` [n]."""

    classes: Array
    boxes: Array
    scores: Array | None = None


def said_of(found: Sequence[Found]) -> str:
    """The classes of ``found`` as text, in order: ``3 7 7``; empty for none."""
    return " ".join(sorted(one.label for one in found))


def right_objects(data: object, text: str) -> tuple[Found, ...]:
    """What is in the picture that ``text`` names, where the task's ``data`` have ``right_objects``; else nothing."""
    told: Callable[[str], tuple[Found, ...]] | None = getattr(data, "right_objects", None)
    return () if told is None else told(text)


def query_labels(count: int) -> tuple[str, ...]:
    """What ``count`` learned queries are called, in order."""
    return tuple(_("query {n}", n=number + 1) for number in range(count))


def corners_of(boxes: Array) -> Array:
    """[..., 4] left, top, right and bottom of ``boxes``."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], -1)


def box_overlaps(one: Array, other: Array) -> Array:
    """[n, m]: intersection over union of each of the boxes ``one`` [n, 4] with each of ``other`` [m, 4]."""
    a, b = corners_of(one)[:, None], corners_of(other)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    both = sides.prod(-1)
    return np.asarray(both / np.maximum(one[:, 2:].prod(-1)[:, None] + other[:, 2:].prod(-1)[None] - both, 1e-12))


def general_overlap(one: Array, other: Array) -> Array:
    """[n]: generalised intersection over union of ``one`` [n, 4] with ``other`` [n, 4], each with its own partner.

    Intersection over union, less the part of the smallest box around both that neither covers: from -1 to 1
    (Rezatofighi et al. 2019, arXiv 1902.09630).
    """
    a, b = corners_of(one), corners_of(other)
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    both = sides.prod(-1)
    union = one[:, 2:].prod(-1) + other[:, 2:].prod(-1) - both
    around = (np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])).prod(-1)
    return np.asarray(both / np.maximum(union, 1e-12) - (around - union) / np.maximum(around, 1e-12))


def average_precision(said: Sequence[Seen], right: Sequence[Seen]) -> dict[str, float]:
    """``ap`` and ``ap50`` of the answers ``said`` to pictures whose right answers are ``right``, as COCO defines them.

    ``ap50``: the mean over the classes there are of the average precision, where a box is right if its intersection
    over union with one of its class is at least 0.5; ``ap``: the mean of the same at 0.50, 0.55 ... 0.95. Computed by
    pycocotools (Lin et al. 2014, arXiv 1405.0312); raises ``DataError`` where that is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise DataError(
            _("average precision needs the package pycocotools. It is not installed. Run: pip install pycocotools")
        ) from error
    if not any(len(one.classes) for one in right):
        return {"ap": 0.0, "ap50": 0.0}
    with redirect_stdout(io.StringIO()):  # it reports its progress there
        truth, answers = COCO(), COCO()
        truth.dataset, answers.dataset = _dataset(right, right), _dataset(said, right)
        truth.createIndex()
        answers.createIndex()
        evaluation = COCOeval(truth, answers, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0.0, 1e10]], ["all"]
        evaluation.params.maxDets = [MOST_PER_PICTURE]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, 0]  # [threshold, recall, class]; -1 for a class that is not there
    known = precision[..., precision[0, 0] > -1]
    return {"ap": float(known.mean()), "ap50": float(known[0].mean())}


def _dataset(seen: Sequence[Seen], right: Sequence[Seen]) -> dict[str, Any]:
    classes = sorted({int(one) for picture in right for one in picture.classes})
    notes: list[dict[str, Any]] = []
    for picture, one in enumerate(seen):
        corners = corners_of(one.boxes.astype(np.float64)) * PIXELS
        for place, kind in enumerate(one.classes.tolist()):
            left, top, end, bottom = corners[place].tolist()
            sides = [left, top, end - left, bottom - top]
            note = {"id": len(notes) + 1, "image_id": picture, "category_id": kind, "bbox": sides, "iscrowd": 0}
            note["area"] = sides[2] * sides[3]
            if one.scores is not None:
                note["score"] = float(one.scores[place])
            notes.append(note)
    return {
        "images": [{"id": picture} for picture in range(len(seen))],
        "categories": [{"id": kind} for kind in classes],
        "annotations": notes,
    }
