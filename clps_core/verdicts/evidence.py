"""Statistics of several differences at once, and how many more seeds would settle one. No torch, scipy when asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from clps_core.sweeps.results import ERROR, FEWEST_PAIRS, Spread

__all__ = ["MOST_SEEDS", "POWER", "Needed", "holm", "more_seeds"]

POWER = 0.8
"""The probability that this many seeds decide it, if difference and spread stay the same."""
MOST_SEEDS = 1000
"""More seeds than this are no advice."""


class Needed(NamedTuple):
    """``seeds`` more would show a difference, or that there is none beyond the margin."""

    seeds: int
    shows: Literal["difference", "as_good"]


def holm(values: Sequence[float]) -> list[float]:
    """p values of a family of tests, adjusted: at most 5 % of such families have a wrong one at 0.05 (Holm 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, highest = [1.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        found[place] = highest
    return found


@lru_cache(maxsize=4096)
def more_seeds(gap: Spread, margin: float, family: int = 1) -> Needed | None:
    """How many pairs beside those of ``gap`` would settle it in ``POWER`` of all cases; ``None`` beyond ``MOST_SEEDS``.

    It is assumed that the difference and its standard deviation are as measured, which few pairs tell only roughly.
    Each test is made at 5 % divided by ``family``, the hardest of Holm's steps.
    """
    if not gap.deviation or gap.count < FEWEST_PAIRS:
        return None
    error = ERROR / max(1, family)
    mean, spread = abs(gap.mean), gap.deviation
    shown = _least(lambda count: _power_of_difference(count, mean / spread, error), gap.count)
    equal = None
    if mean < margin:
        equal = _least(lambda count: _power_of_equality(count, mean, spread, margin, error), gap.count)
    found = [Needed(shown - gap.count, "difference")] if shown is not None else []
    found += [Needed(equal - gap.count, "as_good")] if equal is not None else []
    return min(found, default=None)


def _least(power: Callable[[int], float], beside: int) -> int | None:
    """The fewest pairs, more than ``beside``, with enough ``power``, which grows with them."""
    low, high = beside, beside + MOST_SEEDS
    if power(high) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _power_of_difference(count: int, effect: float, error: float) -> float:
    """Of the two-sided paired t test, for a difference of ``effect`` standard deviations: the noncentral t."""
    from scipy.special import nctdtr, stdtrit  # type: ignore[import-untyped]

    shift = effect * math.sqrt(count)
    if shift > 30:  # beyond, the series of the noncentral t may not end
        return 1.0
    return 1.0 - float(nctdtr(count - 1, shift, float(stdtrit(count - 1, 1 - error / 2))))


def _power_of_equality(count: int, mean: float, spread: float, margin: float, error: float) -> float:
    """At least this, of two one-sided tests that the true difference is nearer to 0 than ``margin``."""
    from scipy.special import nctdtr, stdtrit

    bar, unit = float(stdtrit(count - 1, 1 - error)), spread / math.sqrt(count)
    above, below = (mean + margin) / unit, (margin - mean) / unit
    missed = [0.0 if shift > 30 else float(nctdtr(count - 1, shift, bar)) for shift in (above, below)]
    return max(0.0, 1.0 - sum(missed))
