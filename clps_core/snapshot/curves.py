"""The curves of a snapshot, thinned and ready for JSON. Start at charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from clps_core.metrics import metric_named
from clps_core.store import Point, Run, Store
from clps_core.words import _

__all__ = ["MOST_POINTS", "charts"]

MOST_POINTS = 500
"""Of one curve, as the store's coarse curves have."""


def charts(store: Store, runs: Sequence[Run], names: Mapping[str, str], places: Mapping[str, int]) -> dict[str, Any]:
    """The curves of runs of one task. ``names``: of the runs; ``places``: of their designs, which colours go by.

    The chart to show first comes first: the task's metric on validation data.
    """
    facts = runs[0].facts
    wanted = [("validation", facts.metric), ("validation", "loss"), ("train", "loss")]
    wanted += [("validation", name) for name in facts.metrics]
    shown = []
    for split, name in dict.fromkeys(wanted):
        lines = [_line(store, run, split, name, place) for place, run in enumerate(runs)]
        lines = [line for line in lines if line["x"]]
        if lines:
            shown.append({**_axis(split, name), "lines": lines})
    return {
        "title": facts.title,
        "runs": [{"name": names[run.id], "design": places[run.id], "active": run.active} for run in runs],
        "curves": shown,
    }


def _axis(split: str, name: str) -> dict[str, Any]:
    where = {"validation": _("validation"), "train": _("training")}.get(split, split)
    judge = metric_named(name)
    return {
        "label": _("{metric}, {split}", metric=judge.title, split=where),
        "scale": judge.scale,
        "unit": judge.unit,
    }


def _line(store: Store, run: Run, split: str, name: str, place: int) -> dict[str, Any]:
    """One run's curve; ``x``: steps, ``t``: seconds, ``y``: values (``null`` where there is no number)."""
    points = _thinned(store.curve(run.id, split, name, coarse=True))
    return {
        "run": place,
        "x": [point.step for point in points],
        "t": [round(point.seconds, 2) for point in points],
        "y": [float(f"{point.value:.6g}") if math.isfinite(point.value) else None for point in points],
    }


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """At most ``MOST_POINTS`` of ``points``, evenly, with the first and the last."""
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(place * last / (MOST_POINTS - 1))] for place in range(MOST_POINTS)]
