"""How long runs take: left, and before they are queued. No streamlit here. Start at Pace.

The best knowledge is the run itself; then runs of the same task on this machine, whatever their size (``Pace``);
then figures measured once on a laptop-class core. What was used is always said.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clps_core.analysis.steps import operations_per_step, tokens_per_step
from clps_core.config import RunConfig
from clps_core.store import Run, Store

__all__ = [
    "OPERATIONS_PER_SECOND",
    "Pace",
    "operations_per_step",
    "seconds_for_all",
    "seconds_left",
    "tokens_per_step",
]

OPERATIONS_PER_SECOND = 2.0e10
"""Training operations a second of one run where nothing was measured yet: a small model on one CPU core."""
STEP_SECONDS = 0.015
"""What a step costs however small the model is, where nothing was measured yet."""
USUAL_WEIGHT = 0.1
"""How much that counts beside a measured size: enough where there is only one."""
MOST_RUNS_LOOKED_AT = 40
FEWEST_STEPS = 20


@dataclass(frozen=True)
class Pace:
    """Seconds of a step, and of each of its operations; ``runs`` is how many were measured (0: a guess)."""

    step_seconds: float
    operation_seconds: float
    runs: int

    @classmethod
    def of(cls, store: Store, task: str) -> Pace:
        """From the newest runs of ``task`` that got far enough here, not elsewhere; else the guess."""
        measured: dict[float, list[float]] = {}
        count = 0
        for run in store.runs(limit=400):
            if run.task != task or run.step < FEWEST_STEPS or run.seconds <= 0 or run.imported:
                continue
            measured.setdefault(operations_per_step(run.config), []).append(run.seconds / run.step)
            count += 1
            if count == MOST_RUNS_LOOKED_AT:
                break
        return cls(*_fitted({size: statistics.median(times) for size, times in measured.items()}), count)

    def seconds(self, config: RunConfig) -> float:
        """What the whole of ``config`` takes."""
        return (self.step_seconds + operations_per_step(config) * self.operation_seconds) * config.train.steps


def _fitted(measured: Mapping[float, float]) -> tuple[float, float]:
    """Seconds of a step and of an operation that explain ``measured``: operations of a step -> its seconds.

    Least squares of the relative errors, neither part below zero. By operations alone the time of small models,
    which is mostly the step's own, would promise hours for one twice as wide. So that one size says something, too,
    the usual time of a step without operations stands among the measured ones, at most half of theirs.
    """
    if not measured:
        return STEP_SECONDS, 1 / OPERATIONS_PER_SECOND
    points = [(0.0, min([STEP_SECONDS, *(seconds / 2 for seconds in measured.values())])), *measured.items()]
    costs = np.array([(1.0, operations) for operations, _seconds in points])
    costs /= np.array([[seconds] for _operations, seconds in points])
    wanted = np.ones(len(points))
    costs[0], wanted[0] = costs[0] * USUAL_WEIGHT, USUAL_WEIGHT
    for columns in ([0, 1], [1], [0]):  # where one part would be negative, the other explains it alone
        parts = np.zeros(2)
        parts[columns] = np.linalg.lstsq(costs[:, columns], wanted)[0]
        if (parts >= 0).all() and (parts[1] > 0 or columns == [0]):
            break
    return float(parts[0]), float(parts[1])


def seconds_for_all(durations: Sequence[float], slots: int, busy: Sequence[float] = ()) -> float:
    """When the last of ``durations`` ends if they start in this order as ``slots`` become free.

    ``busy``: seconds until each run that is already there, running or queued, will be done on its slot.
    """
    free = [0.0] * max(1, slots)
    for seconds in (*busy, *durations):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def seconds_left(run: Run) -> float | None:
    """Until ``run`` is done, by its own speed; ``None`` before that is known."""
    if run.step >= 1 and run.seconds > 0:
        return (run.steps - run.step) * run.seconds / run.step
    return None
