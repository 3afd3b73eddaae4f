"""The value whose figure is nearest to a target, where figures never fall as values grow. Start at nearest_value."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

__all__ = ["TOO_LARGE", "nearest_value"]

TOO_LARGE = math.inf
"""The figure of a value beyond a limit: never chosen, and neither is any larger value."""


def nearest_value(grid: Sequence[int], figure: Callable[[int], float], target: float, current: int) -> int | None:
    """The value of ``grid`` (rising) whose ``figure`` is nearest to ``target``; ``None`` where all are too large.

    ``figure`` never falls from one value to the next. Of equal distances the value nearest to ``current`` is taken,
    then the smaller one. Asks for about ``2 log2(n)`` figures, the value being n places from ``current``.
    """
    if not grid:
        return None
    search = _Search(grid, figure, current)
    below, above = search.split(lambda found: found > target)
    candidates = []
    if below is not None:
        first = search.split(lambda found: found >= search.at(below))[1]
        candidates.append(search.closest(first if first is not None else below, below))
    if above is not None and search.at(above) < TOO_LARGE:
        last = search.split(lambda found: found > search.at(above))[0]
        candidates.append(search.closest(above, last if last is not None else above))
    if not candidates:
        return None
    return grid[min(candidates, key=lambda at: (abs(search.at(at) - target), abs(grid[at] - current), grid[at]))]


class _Search:
    """The figures of a grid, each asked for once."""

    def __init__(self, grid: Sequence[int], figure: Callable[[int], float], current: int) -> None:
        self.grid, self.figure, self.current = grid, figure, current
        self.place = bisect_left(grid, current)
        self.known: dict[int, float] = {}

    def at(self, index: int) -> float:
        if index not in self.known:
            self.known[index] = self.figure(self.grid[index])
        return self.known[index]

    def split(self, over: Callable[[float], bool]) -> tuple[int | None, int | None]:
        """The last index that is not ``over``, and the first one that is."""
        left, right, near, stride = -1, len(self.grid), min(self.place, len(self.grid) - 1), 1
        while right - left > 1:
            near = min(max(near, left + 1), right - 1)
            if over(self.at(near)):
                right = near
            else:
                left = near
            if left >= 0 and right < len(self.grid):
                near = (left + right) // 2
            else:  # still on one side of the start: go on in longer and longer strides
                near = left + stride if left >= 0 else right - stride
                stride *= 2
        return (left if left >= 0 else None), (right if right < len(self.grid) else None)

    def closest(self, first: int, last: int) -> int:
        """The index from ``first`` to ``last`` whose value is nearest to ``current``; of two the smaller one."""
        place = min(max(self.place, first), last)
        before = max(place - 1, first)
        return min(before, place, key=lambda at: (abs(self.grid[at] - self.current), at))
