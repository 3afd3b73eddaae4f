"""Whether the state settles while the same layers run again and again. Start at convergence.

A loop's step is the way from the state before it to the state after it. The reading follows one stated rule, from the
mean steps alone; it says what happened in the loops that ran, not what would happen in more of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.movement import turns

__all__ = ["CLOSE", "STEADY", "STILL", "STRAIGHT", "Convergence", "Reading", "convergence"]

STILL = 1e-6
"""Steps shorter than this part of the state are none."""
STEADY = 0.05
"""Steps get smaller, or larger, where each does so and by at least this part on average."""
STRAIGHT = 0.9
"""Two steps with at least this cosine go in one direction."""
CLOSE = 0.5
"""A state has come back to an earlier one where it is nearer to it than this part of the step that led there."""

Reading = Literal["alone", "still", "shrinks", "circles", "grows", "drifts", "unsteady"]


@dataclass(frozen=True)
class Convergence:
    """What R loops did to the state under one input; values are means over the positions.

    ``steps``: R Euclidean lengths; ``relative``: each in lengths of the state after it. ``degrees``: R angles between
    the states before and after, a state without a direction left out. ``ratios``: R - 1, a step's length in lengths of
    the step before it; ``None`` where that was none. ``turns``: R - 1 cosines between a step and the one before it.
    ``rate``: the geometric mean of the ratios, ``None`` where one is missing. ``smaller``: at how many of ``positions``
    the last step is shorter than the first. ``reading``: ``alone`` (one loop), ``still``, ``shrinks`` (every step is
    shorter than the one before), ``circles``, ``grows``, ``drifts`` (the last steps are about equal) or ``unsteady``.
    ``returns``: where it circles, after which loop the state was back, and where it had been (0: before the first).
    """

    steps: tuple[float, ...]
    relative: tuple[float, ...]
    degrees: tuple[float, ...]
    ratios: tuple[float | None, ...]
    turns: tuple[float | None, ...]
    rate: float | None
    smaller: int
    positions: int
    reading: Reading
    returns: tuple[int, int] | None = None


def convergence(states: NDArray[np.floating]) -> Convergence:
    """Of the states ``[R + 1, P, D]`` before the first loop and after each."""
    values = states.astype(np.float64)
    moved = np.linalg.norm(values[1:] - values[:-1], axis=-1)
    length = np.linalg.norm(values[1:], axis=-1)
    steps = moved.mean(1)
    relative = (moved / np.where(length > 0, length, np.inf)).mean(1)
    is_still = steps <= STILL * np.linalg.norm(values, axis=-1).max()
    ratios = tuple(
        None if still else float(after / before)
        for before, after, still in zip(steps[:-1], steps[1:], is_still[:-1], strict=True)
    )
    known = [one for one in ratios if one is not None]
    all_known = bool(known) and len(known) == len(ratios) and min(known) > 0
    onward, returns = turns(values[:-1], values[1:]), _returns(values, steps)
    reading = _reading(steps, is_still, known, onward, returns)
    return Convergence(
        steps=tuple(map(float, steps)),
        relative=tuple(map(float, relative)),
        degrees=tuple(_angle(one, other) for one, other in pairwise(values)),
        ratios=ratios,
        turns=onward,
        rate=float(np.exp(np.mean(np.log(known)))) if all_known else None,
        smaller=int((moved[-1] < moved[0]).sum()),
        positions=values.shape[1],
        reading=reading,
        returns=returns if reading == "circles" else None,
    )


def _angle(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The mean angle of the positions whose two states have a direction, in degrees; 0 where none has."""
    size = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    known = size > 0
    if not known.any():
        return 0.0
    cosine = np.clip((one * other).sum(-1)[known] / size[known], -1.0, 1.0)
    return float(np.degrees(np.arccos(cosine)).mean())


def _reading(
    steps: NDArray[np.floating],
    is_still: NDArray[np.bool_],
    ratios: list[float],
    onward: tuple[float | None, ...],
    returns: tuple[int, int] | None,
) -> Reading:
    if is_still.all():
        return "still"
    if len(steps) == 1:
        return "alone"
    if not ratios:
        return "unsteady"  # it moved in the last loop alone
    moving = np.flatnonzero(~is_still)
    stops = bool(len(moving) == moving[-1] + 1)  # once it stands still it stays so
    average = float(np.exp(np.mean(np.log(np.maximum(ratios, STILL)))))
    if stops and max(ratios) < 1 and average <= 1 - STEADY:
        return "shrinks"
    if returns is not None:
        return "circles"
    if not is_still.any() and min(ratios) > 1 and average >= 1 + STEADY:
        return "grows"
    last = [one or 0.0 for one in onward[-2:]]
    if len(last) == 2 and not is_still.any() and abs(ratios[-1] - 1) <= STEADY and min(last) >= STRAIGHT:
        return "drifts"
    return "unsteady"


def _returns(values: NDArray[np.floating], steps: NDArray[np.floating]) -> tuple[int, int] | None:
    """The first loop after which the state is back near one that it had at least two loops before, and that one."""
    for now in range(2, len(values)):
        for before in range(now - 2, -1, -1):
            away = float(np.linalg.norm(values[now] - values[before], axis=-1).mean())
            if away < CLOSE * steps[before:now].min():
                return now, before
    return None
