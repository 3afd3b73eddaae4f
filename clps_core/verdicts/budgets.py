"""In which budgets two designs are matched: stored parameters, training operations, time. Start at compared.

Operations are those of the whole schedule: a point inside a longer run is no match, as its schedule (the learning rate
above all) was made for more steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clps_core.analysis.steps import operations_per_step
from clps_core.store import Run
from clps_core.verdicts.contenders import Pair

__all__ = [
    "BUDGETS",
    "LOAD",
    "NEAR",
    "NEAR_SECONDS",
    "Budget",
    "Compared",
    "TimeProblem",
    "compared",
    "operations",
    "time_of",
]

Budget = Literal["parameters", "flops", "seconds"]
BUDGETS: tuple[Budget, ...] = ("parameters", "flops", "seconds")
NEAR = 0.01
"""Stored parameters and training operations are matched within 1 % of the larger."""
NEAR_SECONDS = 0.05
"""Seconds are matched within 5 % of the larger."""
LOAD = 1.1
"""Where CPU seconds per wall second differ by more than this factor, the machine was busier for one of the two."""

TimeProblem = Literal["not_recorded", "elsewhere", "device", "load"]
"""Why times are not compared: CPU time was not recorded; a run was trained elsewhere; other devices; uneven load."""


@dataclass(frozen=True)
class Compared:
    """How much of each budget the first of two designs takes for 1 of the second, as far as both are known.

    ``matched``: the budgets in which they are equal. ``time``: why seconds are not compared, if they are not;
    ``wall``: whether seconds are wall seconds (on a GPU), not CPU seconds.
    """

    ratios: dict[Budget, float]
    matched: tuple[Budget, ...]
    time: TimeProblem | None = None
    wall: bool = False


def operations(run: Run) -> float:
    """Training operations of its whole schedule, padding included, without those of a fork's ancestors."""
    return operations_per_step(run.config) * run.steps


def compared(pairs: Sequence[Pair]) -> Compared:
    """The budgets of two designs, by their ``pairs`` of complete runs (at least one)."""
    one, other = pairs[0]
    ratios: dict[Budget, float] = {}
    if one.unique_parameters and other.unique_parameters:
        ratios["parameters"] = one.unique_parameters / other.unique_parameters
    if (theirs := operations(other)) > 0:
        ratios["flops"] = operations(one) / theirs
    problem, wall = _time_problem(pairs), _on_gpu(one)
    if problem is None:
        ratios["seconds"] = _mean(pairs, 0, wall) / _mean(pairs, 1, wall)
    near = {"parameters": NEAR, "flops": NEAR, "seconds": NEAR_SECONDS}
    matched = tuple(name for name in BUDGETS if name in ratios and _alike(ratios[name], near[name]))
    return Compared(ratios, matched, problem, wall)


def time_of(run: Run) -> float | None:
    """The seconds that count: CPU seconds, on a GPU wall seconds; ``None`` where they are not known."""
    return (run.seconds or None) if _on_gpu(run) else (run.cpu_seconds or None)


def _alike(ratio: float, near: float) -> bool:
    return min(ratio, 1 / ratio) >= 1 - near


def _mean(pairs: Sequence[Pair], place: int, wall: bool) -> float:
    runs = [pair[place] for pair in pairs]
    return statistics.fmean([run.seconds if wall else run.cpu_seconds or 0.0 for run in runs])


def _on_gpu(run: Run) -> bool:
    return run.device is not None and not run.device.startswith("cpu")


def _time_problem(pairs: Sequence[Pair]) -> TimeProblem | None:
    runs = [run for pair in pairs for run in pair]
    if any(run.imported for run in runs):
        return "elsewhere"
    if len({run.device for run in runs}) > 1 or (not _on_gpu(runs[0]) and len({run.threads for run in runs}) > 1):
        return "device"
    if any(not time_of(run) or not run.seconds for run in runs):
        return "not_recorded"
    if not _on_gpu(runs[0]):
        loads = [
            statistics.fmean([(pair[place].cpu_seconds or 0.0) / pair[place].seconds for pair in pairs])
            for place in (0, 1)
        ]
        if max(loads) > LOAD * min(loads):
            return "load"
    return None
