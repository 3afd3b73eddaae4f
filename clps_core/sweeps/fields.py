"""The fields in which configurations differ, and which configurations may be compared over them. Start at varied."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clps_core.sweeps.results import Configuration

__all__ = ["Varied", "by_magnitude", "complete", "varied"]

BY_MAGNITUDE = 8.0
"""An axis is drawn on a log scale only if its largest value is at least this many times its smallest."""
FEWEST_IN_ORDER = 5
"""Two fields that never repeat a value share an axis if this many configurations have both in one order."""


@dataclass(frozen=True)
class Varied:
    """A field with more than one value: ``values``, by size where ``numeric``, else in the order of configurations.

    ``log``: its values lie more evenly by magnitude. ``with_it``: fields that change exactly where it does, so that
    nothing can tell their effects apart.
    """

    field: str
    values: tuple[Any, ...]
    numeric: bool
    log: bool
    with_it: tuple[str, ...] = ()

    def place(self, one: Configuration) -> int:
        """The place of the configuration's value among ``values``."""
        return [repr(value) for value in self.values].index(repr(one.values[self.field]))


def complete(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Those judged by whole trainings alone: no run failed, ended early or goes on, and their quality is finite."""
    return [
        one
        for one in configurations
        if one.best is not None
        and math.isfinite(one.best.mean)
        and one.finished
        and not one.cut_short
        and not any(run.active for run in one.runs)
    ]


def varied(configurations: Sequence[Configuration]) -> list[Varied]:
    """The fields that have several values among ``configurations``; those that go together as one, under the first."""
    found: list[Varied] = []
    patterns: list[list[str]] = []
    for name in configurations[0].values if configurations else ():
        given = [one.values.get(name) for one in configurations]
        pattern = [repr(value) for value in given]
        if len(set(pattern)) < 2:
            continue
        same = next((at for at, other in enumerate(patterns) if _together(pattern, other, given, found[at])), None)
        if same is not None:
            found[same] = _with(found[same], name)
            continue
        numeric = all(_is_number(value) for value in given)
        values = list(dict(zip(pattern, given, strict=True)).values())
        values = sorted(values) if numeric else values  # type: ignore[type-var]
        found.append(Varied(name, tuple(values), numeric, numeric and by_magnitude(values)))  # type: ignore[arg-type]
        patterns.append(pattern)
    return found


def by_magnitude(values: Sequence[float]) -> bool:
    """Whether the values, far apart, lie more evenly by magnitude than by size."""
    low, middle, high = min(values), statistics.median(values), max(values)
    if low <= 0 or high < BY_MAGNITUDE * low:
        return False
    if len(set(values)) == 2:  # they lie evenly both ways
        return True
    by_size = (middle - low) / (high - low)
    magnitude = math.log(middle / low) / math.log(high / low)
    return abs(magnitude - 0.5) < abs(by_size - 0.5)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _with(one: Varied, name: str) -> Varied:
    return Varied(one.field, one.values, one.numeric, one.log, (*one.with_it, name))


def _together(pattern: list[str], other: list[str], given: Sequence[Any], field: Varied) -> bool:
    """Whether each value of one field comes with one value of the other.

    Draws from a range never repeat, so that says nothing of them: they must also have the same order, or its reverse.
    """
    if not len(set(pattern)) == len(set(other)) == len(set(zip(pattern, other, strict=True))):
        return False
    if len(set(pattern)) < len(pattern):
        return True
    if len(pattern) < FEWEST_IN_ORDER or not field.numeric or not all(map(_is_number, given)):
        return False
    size = {repr(value): value for value in field.values}
    ordered = [value for _key, value in sorted(zip((size[text] for text in other), given, strict=True))]
    return ordered in (sorted(given), sorted(given, reverse=True))
