"""How a complete grid's differences divide among its fields: a functional analysis of variance. Start at grid_of.

In a grid each value of a field meets each value of all others, so the mean over the others is the field's own effect,
what two fields add together beyond both is their interaction, and the squares of all of these add up to the variance
of the grid (Fisher 1925; Hooker 2007). With several seeds, what a configuration's runs differ in beyond what a seed
does to all configurations is chance: against it each effect is tested (an F test in blocks).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from clps_core.sweeps.fields import Varied
from clps_core.sweeps.results import Configuration, _by_replicate

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Grid", "grid_of", "holm"]


ROUNDING = 1e-12
"""Shares below this are none."""


@dataclass(frozen=True)
class Grid:
    """``cells``: each configuration's mean quality, one axis per field (in the order of ``fields``).

    ``runs``: the same with a last axis for the seeds and folds that all configurations have, at least two of them;
    ``None`` if there are not that many.
    """

    fields: tuple[Varied, ...]
    cells: np.ndarray
    runs: np.ndarray | None

    @property
    def replicates(self) -> int:
        """How many seeds and folds all configurations have in common; 1 where they have no two."""
        return 1 if self.runs is None else self.runs.shape[-1]

    @property
    def total(self) -> float:
        """The variance of the configurations' means."""
        return float(self.cells.var())

    def share(self, places: Sequence[int]) -> float:
        """The part of ``total`` that the fields at ``places`` explain together and no fewer of them, 0 to 1."""
        return _part(self.cells, places) / self.total if self.total > 0 else 0.0

    def shares(self, places: Sequence[int]) -> list[float]:
        """The same in the grid of each seed alone; empty without several."""
        if self.runs is None:
            return []
        grids = [self.runs[..., at] for at in range(self.replicates)]
        return [_part(one, places) / float(one.var()) for one in grids if one.var() > 0]

    @property
    def chance(self) -> float | None:
        """The variance of one run that is neither its configuration's nor its seed's; ``None`` for single runs."""
        if self.runs is None:
            return None
        flat = self.runs.reshape(-1, self.replicates)
        rest = flat - flat.mean(1, keepdims=True) - flat.mean(0, keepdims=True) + flat.mean()
        return float((rest**2).sum()) / self._freedom

    @property
    def _freedom(self) -> int:
        return (self.cells.size - 1) * (self.replicates - 1)

    def p_value(self, places: Sequence[int]) -> float | None:
        """How often chance alone makes such an effect or a larger one; ``None`` where chance is not known."""
        chance = self.chance
        if chance is None:
            return None
        if self.share(places) <= ROUNDING:
            return 1.0
        steps = math.prod(self.cells.shape[place] - 1 for place in places)
        means = self.runs.mean(-1) if self.runs is not None else self.cells
        effect = self.replicates * means.size * _part(means, places) / steps
        if chance == 0:
            return 0.0
        from scipy.special import fdtrc  # type: ignore[import-untyped]  # not at start: only sweeps need it

        return float(fdtrc(steps, self._freedom, effect / chance))


def grid_of(configurations: Sequence[Configuration], fields: Sequence[Varied]) -> Grid | None:
    """The grid that ``configurations`` fill, each combination of values once; ``None`` where they do not."""
    import numpy as np

    shape = [len(field.values) for field in fields]
    if not shape or math.prod(shape) != len(configurations):
        return None
    cells = np.full(shape, np.nan)
    places = [tuple(field.place(one) for field in fields) for one in configurations]
    if len(set(places)) < len(places):
        return None
    replicates = [_by_replicate(one) for one in configurations]
    common = [key for key in replicates[0] if all(key in found for found in replicates)]
    runs = np.full((*shape, len(common)), np.nan)
    for place, one, found in zip(places, configurations, replicates, strict=True):
        cells[place] = one.best.mean if one.best is not None else np.nan
        runs[place] = [found[key] for key in common]
    return Grid(tuple(fields), cells, runs if len(common) > 1 else None)


def _part(cells: np.ndarray, places: Sequence[int]) -> float:
    """The variance of the effect of the axes at ``places``, without those of fewer of them."""
    import numpy as np

    effect = np.zeros(1)
    for size in range(len(places) + 1):
        for kept in combinations(places, size):
            others = tuple(axis for axis in range(cells.ndim) if axis not in kept)
            effect = effect + (-1) ** (len(places) - size) * cells.mean(axis=others, keepdims=True)
    return float((effect**2).mean())


def holm(values: Sequence[float]) -> list[float]:
    """The p values of several tests, raised so that with all of them one error in 20 stays one (Holm 1979)."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    raised, least = [0.0] * len(values), 0.0
    for rank, at in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[at]))
        raised[at] = least
    return raised
