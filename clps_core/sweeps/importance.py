"""How much each field matters to the quality of a sweep's configurations. Start at importance.

Importance is a share of the variance of quality over the configurations: 1 for the only field that matters. A complete
grid tells it exactly (``variance.py``). Anywhere else a random forest (scikit-learn) learns quality from the fields,
and the variance of *its* answers is divided: each field's share is that of its mean answers over all values of the
others (Hutter, Hoos & Leyton-Brown 2014). A forest that cannot foretell configurations that it was not shown knows
nothing of the fields: below ``FEWEST_EXPLAINED`` nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple

from clps_core.sweeps.fields import Varied, complete, varied
from clps_core.sweeps.results import Configuration, Spread
from clps_core.sweeps.variance import Grid, grid_of, holm
from clps_core.words import _

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Effect", "Importance", "importance"]

FEWEST = 10
"""Configurations that are no grid: with fewer a forest tells chance."""
FEWEST_EXPLAINED = 0.25
"""The least part of left-out configurations' variance that the forest must foretell."""
MOST = 1000
"""Configurations that the forest learns from, and combinations that its answers are averaged over."""
FORESTS, TREES = 8, 24
MOST_VALUES = 12
BACKGROUND = 96
SEED = 0
ALIKE = 1e-12
"""Variances below this part of the mean's square are rounding."""

Method = Literal["grid", "forest", "none"]


@dataclass(frozen=True)
class Effect:
    """What ``fields`` do (one: by itself; two: together, beyond both): ``share`` of the variance, 0 to 1.

    ``spread``: of a grid, the shares that each seed shows alone; of a forest, those of forests that learned from other
    draws of the configurations. ``p``: how often chance makes as much, corrected for the number of fields or of pairs
    (Holm); ``None`` without several seeds.
    """

    fields: tuple[str, ...]
    share: float
    spread: Spread | None
    p: float | None

    @property
    def may_be_chance(self) -> bool | None:
        """Whether chance explains it; ``None`` where nothing tells."""
        return None if self.p is None else self.p >= 0.05


@dataclass(frozen=True)
class Importance:
    """``fields`` and ``pairs`` have the largest effect first; ``rest`` is what both leave: of three fields and more.

    ``used`` of ``total`` configurations are in it. ``chance``: the share of a grid's variance that seeds alone would
    make. ``explained``: the part of unseen configurations' variance that the forest foretold. ``problem``: why nothing
    can be said; then there are no effects. ``together``: field -> those that change exactly where it does.
    """

    method: Method
    used: int
    total: int
    fields: tuple[Effect, ...] = ()
    pairs: tuple[Effect, ...] = ()
    rest: float = 0.0
    chance: float | None = None
    explained: float | None = None
    replicates: int = 1
    together: tuple[tuple[str, ...], ...] = ()
    problem: str | None = None

    @property
    def left_out(self) -> int:
        """Configurations that do not count: runs failed, ended early or go on."""
        return self.total - self.used

    def order(self) -> list[str]:
        """The fields, the most important first; empty where nothing can be said."""
        return [one.fields[0] for one in self.fields]


def importance(configurations: Sequence[Configuration]) -> Importance:
    """What the fields of ``configurations`` matter, by those of them whose runs were trained to the end."""
    known = complete(configurations)
    fields = varied(known)
    together = tuple((one.field, *one.with_it) for one in fields if one.with_it)
    base = Importance("none", len(known), len(configurations), together=together)
    if (problem := _problem(known, fields)) is not None:
        return replace(base, problem=problem)
    grid = grid_of(known, fields)
    if grid is not None:
        return _of_grid(grid, base)
    if len(known) < FEWEST:
        text = _(
            "The configurations are not a complete grid, and {n} complete configurations are too few to separate the "
            "effects of their fields: at least {fewest}, or a complete grid, are needed.",
            n=len(known),
            fewest=FEWEST,
        )
        return replace(base, problem=text)
    return _of_forest(known, fields, base)


def _problem(known: Sequence[Configuration], fields: Sequence[Varied]) -> str | None:
    if len(known) < 2:
        return _("Importance needs at least two configurations whose runs were trained to the end.")
    if not fields:
        return _(
            "No field has more than one value among the complete configurations, so the importance of fields cannot "
            "be computed."
        )
    if len(fields) == 1:
        return _(
            "Only {field} differs among the complete configurations, so it explains the whole difference.",
            field=" + ".join((fields[0].field, *fields[0].with_it)),
        )
    values = [one.best.mean for one in known if one.best is not None]
    middle = sum(values) / len(values)
    if sum((value - middle) ** 2 for value in values) / len(values) <= ALIKE * middle**2:
        return _("All complete configurations are equally good, so no field matters among these values.")
    return None


def _of_grid(grid: Grid, base: Importance) -> Importance:
    def effects(places: Sequence[tuple[int, ...]]) -> tuple[Effect, ...]:
        values = [grid.p_value(one) for one in places]
        known = [value for value in values if value is not None]
        raised: Sequence[float | None] = holm(known) if len(known) == len(values) else values
        found = [
            Effect(tuple(grid.fields[at].field for at in one), grid.share(one), Spread.of(grid.shares(one)), p)
            for one, p in zip(places, raised, strict=True)
        ]
        return tuple(sorted(found, key=lambda one: -one.share))

    count = len(grid.fields)
    fields = effects([(at,) for at in range(count)])
    pairs = effects(list(combinations(range(count), 2)))
    chance = None
    if grid.chance is not None:
        spread = grid.chance / grid.replicates * (grid.cells.size - 1) / grid.cells.size
        chance = min(1.0, spread / grid.total)
    rest = max(0.0, 1.0 - sum(one.share for one in (*fields, *pairs)))
    return replace(
        base, method="grid", fields=fields, pairs=pairs, rest=rest, chance=chance, replicates=grid.replicates
    )


def _of_forest(known: Sequence[Configuration], fields: Sequence[Varied], base: Importance) -> Importance:
    if len(known) > MOST:
        import numpy as np

        kept = np.random.default_rng(SEED).choice(len(known), MOST, replace=False)
        known = [known[at] for at in sorted(kept)]
    columns = tuple(tuple(_column(known, field)) for field in fields)
    found = _forest(columns, tuple(one.best.mean for one in known if one.best is not None))
    if not found.explained >= FEWEST_EXPLAINED:
        text = _(
            "A random forest trained on the complete configurations predicts too little of those it has not seen "
            "({part} of their variance), so nothing can be said about single fields.",
            part=f"{max(0.0, found.explained):.0%}",
        )
        return replace(base, explained=found.explained, problem=text)
    effects = [
        Effect((field.field,), share, Spread.of(spread), None)
        for field, share, spread in zip(fields, found.shares, found.draws, strict=True)
    ]
    effects.sort(key=lambda one: -one.share)
    rest = max(0.0, 1.0 - sum(one.share for one in effects))
    return replace(base, method="forest", used=len(known), fields=tuple(effects), rest=rest, explained=found.explained)


class _Forest(NamedTuple):
    """``explained``: see ``Importance``; of each field its share, and the shares in other draws."""

    explained: float
    shares: Sequence[float]
    draws: Sequence[Sequence[float]]


@lru_cache(maxsize=32)
def _forest(columns: tuple[tuple[float, ...], ...], quality: tuple[float, ...]) -> _Forest:
    """Kept: a page that follows a sweep asks again and again, and a forest takes about a second."""
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    chooser = np.random.default_rng(SEED)
    inputs, wanted = np.array(columns).T, np.array(quality) - float(np.mean(quality))
    whole = RandomForestRegressor(4 * TREES, oob_score=True, random_state=SEED, n_jobs=1).fit(inputs, wanted)
    explained = float(whole.oob_score_)
    if not explained >= FEWEST_EXPLAINED:
        return _Forest(explained, (), ())
    draws = []
    for number in range(FORESTS):
        rows = chooser.integers(0, len(wanted), len(wanted))
        forest = RandomForestRegressor(TREES, random_state=number, n_jobs=1).fit(inputs[rows], wanted[rows])
        draws.append(_forest_shares(forest.predict, inputs, chooser))
    return _Forest(explained, _forest_shares(whole.predict, inputs, chooser), list(zip(*draws, strict=True)))


def _column(known: Sequence[Configuration], field: Varied) -> list[float]:
    """A field's values as a forest splits them: numbers by size, names by their place among the values."""
    return [float(one.values[field.field] if field.numeric else field.place(one)) for one in known]


def _forest_shares(
    predict: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, chooser: np.random.Generator
) -> list[float]:
    """Each field's part of the variance of the answers, over combinations of the values that configurations have."""
    import numpy as np

    rows, columns = inputs.shape
    drawn = np.stack([inputs[chooser.integers(0, rows, BACKGROUND), at] for at in range(columns)], axis=1)
    parts = []
    for at in range(columns):
        levels = np.quantile(inputs[:, at], (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES, method="nearest")
        asked = np.repeat(drawn[None], MOST_VALUES, axis=0)
        asked[..., at] = levels[:, None]
        answers = predict(asked.reshape(-1, columns)).reshape(MOST_VALUES, BACKGROUND)
        parts.append((float(answers.mean(1).var()), float(answers.var())))
    # The same variance in other draws for each field, and never less than the fields' own parts together.
    total = max(sum(whole for _own, whole in parts) / columns, sum(own for own, _whole in parts))
    return [own / total if total > 0 else 0.0 for own, _whole in parts]
