"""The value whose figure is nearest to a target, where figures never fall as values grow. Start at nearest_value."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain

__all__ = ["TOO_LARGE", "nearest_value"]

TOO_LARGE = math.inf
"""The figure of a value beyond a limit: never chosen, and neither is any larger value."""


def nearest_value(
    grid: Sequence[int], figure: Callable[[int], float | None], target: float, current: int
) -> int | None:
    """The value of ``grid`` (rising) whose ``figure`` is nearest to ``target``; ``None`` where no value has one.

    ``figure`` is ``None`` where a value does not fit, and never falls from one value that fits to the next. Of equal
    distances the value nearest to ``current`` is taken, then the smaller one. Asks for about ``2 log2(n)`` figures, the
    value being n places from ``current``, and for more only where values do not fit.
    """
    search = _Search(grid, figure, current)
    below, above = search.split(lambda found: found > target)
    candidates = []
    if below is not None:
        first = search.split(lambda found: found >= search.at(below))[1]
        candidates.append(search.closest(first if first is not None else below, below, current))
    if above is not None and search.at(above) < TOO_LARGE:
        last = search.split(lambda found: found > search.at(above))[0]
        candidates.append(search.closest(above, last if last is not None else above, current))
    if not candidates:
        return None
    return grid[min(candidates, key=lambda at: (abs(search.at(at) - target), abs(grid[at] - current), grid[at]))]


class _Search:
    """The figures of a grid, each asked for once."""

    def __init__(self, grid: Sequence[int], figure: Callable[[int], float | None], current: int) -> None:
        self.grid, self.figure = grid, figure
        self.start = min(bisect_left(grid, current), len(grid) - 1)
        self.known: dict[int, float | None] = {}

    def fits(self, index: int) -> bool:
        if index not in self.known:
            self.known[index] = self.figure(self.grid[index])
        return self.known[index] is not None

    def at(self, index: int) -> float:
        found = self.known[index] if self.fits(index) else None
        assert found is not None
        return found

    def split(self, over: Callable[[float], bool]) -> tuple[int | None, int | None]:
        """The last index that fits and is not ``over``, and the first one that fits and is."""
        left, right, near, stride = -1, len(self.grid), self.start, 1
        while (pivot := self._inside(left, right, near)) is not None:
            if over(self.at(pivot)):
                right = pivot
            else:
                left = pivot
            if left >= 0 and right < len(self.grid):
                near = (left + right) // 2
            else:  # still on one side of the start: go on in longer and longer strides
                near = left + stride if left >= 0 else right - stride
                stride *= 2
        return (left if left >= 0 else None), (right if right < len(self.grid) else None)

    def _inside(self, left: int, right: int, near: int) -> int | None:
        """An index between the two that fits: ``near``, or the next one from there."""
        if right - left < 2:
            return None
        near = min(max(near, left + 1), right - 1)
        order = chain(range(near, right), range(near - 1, left, -1))
        return next((at for at in order if self.fits(at)), None)

    def closest(self, first: int, last: int, current: int) -> int:
        """The index from ``first`` to ``last`` that fits and whose value is nearest to ``current``."""
        place = bisect_left(self.grid, current)
        below = next((at for at in range(min(place, last), first - 1, -1) if self.fits(at)), first)
        above = next((at for at in range(max(place, first), last + 1) if self.fits(at)), last)
        return min(below, above, key=lambda at: (abs(self.grid[at] - current), at))
