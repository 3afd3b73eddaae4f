"""Curves of runs that were read before, and the figures that follow from them. Start at Kept.

A page that ticks asks for the same curves every second, and most of them have nothing new. What a curve's newest point
says, the store knows without reading the curve. No streamlit here.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clps_core.metrics import Metric
from clps_core.store import Point, Run, Store

__all__ = ["Curve", "Figures", "Kept", "kept"]

MOST_POINTS = 200_000
"""Of all curves that are kept together: some tens of megabytes."""
MOST_QUALITIES = 4


class Figures(NamedTuple):
    """What a curve comes to; see ``summary.Summary``."""

    best: tuple[int, float] | None
    final: tuple[int, float] | None
    reached: tuple[int, float] | None
    scores: Mapping[int, float]


class Curve:
    """The finite evaluations of one run by its task's metric, and their figures for the qualities last asked for."""

    def __init__(self, points: Sequence[Point], judge: Metric) -> None:
        self.points = [point for point in points if math.isfinite(point.value)]
        self._judge = judge
        self._figures: OrderedDict[float | None, Figures] = OrderedDict()

    def figures(self, quality: float | None) -> Figures:
        """The figures, worked out once for each ``quality``, which is in the metric's unit."""
        found = self._figures.get(quality)
        if found is None:
            found = self._figures[quality] = self._worked_out(quality)
            while len(self._figures) > MOST_QUALITIES:
                self._figures.popitem(last=False)
        return found

    def _worked_out(self, quality: float | None) -> Figures:
        best: Point | None = None
        reached: Point | None = None
        for point in self.points:
            if best is None or self._judge.better(point.value, best.value):
                best = point
            if reached is None and quality is not None and not self._judge.better(quality, point.value):
                reached = point
        return Figures(
            best=(best.step, best.value) if best else None,
            final=(self.points[-1].step, self.points[-1].value) if self.points else None,
            reached=(reached.step, reached.seconds) if reached else None,
            scores={point.step: point.value for point in self.points},
        )


class Kept:
    """The curves that were read last, in this process. Safe to use from several threads."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self._most = most_points
        self._lock = threading.Lock()
        self._curves: OrderedDict[object, Curve] = OrderedDict()
        self._points = 0

    def curves(
        self, store: Store, runs: Sequence[Run], latest: Mapping[str, Mapping[str, tuple[int, float]]]
    ) -> dict[str, Curve]:
        """Run -> its curve. ``latest``: ``Store.latest`` of the runs; a curve is read where its newest point is new."""
        keys = {run.id: self._key(store, run, latest.get(run.id, {})) for run in runs}
        with self._lock:
            found = {run_id: self._curves[key] for run_id, key in keys.items() if key in self._curves}
        missing = [run for run in runs if run.id not in found]
        if missing:
            read = store.scored_curves(missing)
            for run in missing:
                found[run.id] = Curve(read[run.id], run.facts.judged_by)
        with self._lock:
            for run_id, key in keys.items():
                self._keep(key, found[run_id])
        return found

    def forget(self) -> None:
        """Begin anew, as a server that has just started."""
        with self._lock:
            self._curves.clear()
            self._points = 0

    @staticmethod
    def _key(store: Store, run: Run, latest: Mapping[str, tuple[int, float]]) -> object:
        metric = run.facts.judged_by
        newest = latest.get(f"validation.{metric.name}")
        return str(store.home), run.id, run.attempts, metric.name, metric.higher_is_better, repr(newest)

    def _keep(self, key: object, curve: Curve) -> None:
        if key in self._curves:
            self._curves.move_to_end(key)
            return
        self._curves[key] = curve
        self._points += len(curve.points) + 1
        while self._points > self._most and self._curves:
            _old, gone = self._curves.popitem(last=False)
            self._points -= len(gone.points) + 1


kept = Kept()
"""Of this server."""
