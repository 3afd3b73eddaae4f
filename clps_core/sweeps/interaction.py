"""Whether the best strategy depends on another field's value. Start at interaction, then said.

The test is that of a two-way layout: in a complete grid with several seeds, what strategy and field do together beyond
what each does, against what chance does to single runs (``variance.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from clps_core.config.telling import field_name, said_value
from clps_core.experiment import STRATEGY
from clps_core.sweeps.fields import Varied, complete, varied
from clps_core.sweeps.importance import Effect, Importance, importance
from clps_core.sweeps.importance_words import left_out
from clps_core.sweeps.results import Configuration, Spread
from clps_core.sweeps.variance import Grid, grid_of
from clps_core.words import _, sentences

__all__ = ["Interaction", "Line", "interaction", "interaction_fields", "said"]

ERROR = 0.05
MOST_NAMED = 3


@dataclass(frozen=True)
class Line:
    """A strategy's quality over the field: ``points`` has a spread over runs for each of the field's values.

    ``None`` where the strategy has no complete configuration there.
    """

    strategy: str
    points: tuple[Spread | None, ...]


@dataclass(frozen=True)
class Interaction:
    """``lines`` over the values of ``field``; ``effect`` is of both together, of a complete grid only.

    ``best``: the best strategies by mean at each value, several where they are equal; empty where a strategy is
    missing there. ``crossing``: pairs of strategies whose order is not the same everywhere. ``others``: the fields
    that also vary, over which each point is a mean. ``problem``: why nothing is told of chance.
    """

    field: Varied
    lines: tuple[Line, ...]
    best: tuple[tuple[str, ...], ...]
    crossing: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    effect: Effect | None
    problem: str | None
    replicates: int
    left_out: int

    @property
    def larger_than_chance(self) -> bool | None:
        """Whether chance explains the interaction; ``None`` where nothing tells."""
        return None if self.effect is None or self.effect.p is None else self.effect.p < ERROR


def interaction_fields(configurations: Sequence[Configuration]) -> list[str]:
    """The fields whose interaction with the strategy can be looked at, in their order."""
    fields = varied(complete(configurations))
    if not any(one.field == STRATEGY for one in fields):
        return []
    return [one.field for one in fields if one.field != STRATEGY]


def interaction(configurations: Sequence[Configuration], field: str, sign: float) -> Interaction | None:
    """Strategy and ``field``; ``sign``: -1 where lower is better. ``None`` where either has one value only."""
    known = complete(configurations)
    fields = {one.field: one for one in varied(known)}
    if STRATEGY not in fields or field not in fields or field == STRATEGY:
        return None
    over = fields[field]
    cells: dict[tuple[Any, int], list[float]] = {}
    for one in known:
        cells.setdefault((one.values[STRATEGY], over.place(one)), []).extend(one.counted.values())
    lines = tuple(
        Line(str(strategy), tuple(Spread.of(cells.get((strategy, at), [])) for at in range(len(over.values))))
        for strategy in fields[STRATEGY].values
    )
    grid = grid_of(known, list(fields.values()))
    found = importance(known) if grid is not None else None  # not by a forest, which tests nothing
    effect = next((one for one in found.pairs if set(one.fields) == {STRATEGY, field}), None) if found else None
    return Interaction(
        over,
        lines,
        tuple(_best(lines, at, sign) for at in range(len(over.values))),
        tuple(_crossing(lines)),
        tuple(name for name in fields if name not in (STRATEGY, field)),
        effect,
        _problem(grid, found, effect),
        found.replicates if found is not None else 1,
        len(configurations) - len(known),
    )


def _best(lines: Sequence[Line], at: int, sign: float) -> tuple[str, ...]:
    means = {line.strategy: point.mean for line in lines if (point := line.points[at]) is not None}
    if len(means) < len(lines):
        return ()
    top = max(sign * mean for mean in means.values())
    return tuple(strategy for strategy, mean in means.items() if sign * mean == top)


def _crossing(lines: Sequence[Line]) -> list[tuple[str, str]]:
    found = []
    for one, other in combinations(lines, 2):
        gaps = [
            a.mean - b.mean for a, b in zip(one.points, other.points, strict=True) if a is not None and b is not None
        ]
        if any(gap > 0 for gap in gaps) and any(gap < 0 for gap in gaps):
            found.append((one.strategy, other.strategy))
    return found


def _problem(grid: Grid | None, found: Importance | None, effect: Effect | None) -> str | None:
    if grid is None or found is None:
        return _(
            "Whether this is significant cannot be tested: that needs every combination of the fields' values, as in "
            "a complete grid."
        )
    if effect is None:
        return found.problem
    if effect.p is None:
        return _(
            "Whether this is significant cannot be tested: that needs at least two seeds or folds that all "
            "configurations have."
        )
    return None


def said(one: Interaction, called: Callable[[str], str] = str) -> list[str]:
    """What the lines do, whether it is more than chance, and what was left out; ``called``: a strategy's name."""
    name = field_name(one.field.field)
    sentences = [_lines(one, name, called)]
    if one.problem is not None:
        sentences.append(one.problem)
    elif one.effect is not None and one.effect.p is not None:
        sentences.append(_test(one, one.effect, one.effect.p, name))
    if one.others:
        text = _("Each point is also a mean over {fields}.", fields=", ".join(map(field_name, one.others)))
        sentences.append(text)
    if one.left_out:
        sentences.append(left_out(one.left_out))
    return sentences


def _lines(one: Interaction, name: str, called: Callable[[str], str]) -> str:
    """What the means do, which is not yet what is shown."""
    if not any(one.best):
        return _("No value of {field} has a mean for every strategy.", field=name)
    told = {at: best for at, best in enumerate(one.best) if best}
    single = set(told.values())
    if len(single) == 1:
        names = ", ".join(called(strategy) for strategy in next(iter(single)))
        text = (
            _("{names} has the best mean at every value of {field} that can be compared.", names=names, field=name)
            if len(next(iter(single))) == 1
            else _("{names} are equally good at every value of {field}.", names=names, field=name)
        )
    else:
        parts = [f"{said_value(one.field.values[at])}: {', '.join(map(called, best))}" for at, best in told.items()]
        more = " …" if len(parts) > 2 * MOST_NAMED else ""
        text = _("The best mean by {field}: {parts}.", field=name, parts="; ".join(parts[: 2 * MOST_NAMED]) + more)
    if not one.crossing:
        return sentences((text, _("No two lines cross.")))
    pairs = [f"{called(a)} / {called(b)}" for a, b in one.crossing]
    more = " …" if len(pairs) > MOST_NAMED else ""
    return sentences((text, _("These lines cross: {pairs}.", pairs="; ".join(pairs[:MOST_NAMED]) + more)))


def _test(one: Interaction, effect: Effect, p: float, name: str) -> str:
    about = {
        "p": f"= {p:.2g}" if p >= 0.001 else "< 0.001",
        "share": f"{effect.share:.1%}",
        "field": name,
        "n": one.replicates,
    }
    if p < ERROR:
        return _(
            "The effect of the strategy depends on {field} (significant interaction: {share} of the variance; "
            "two-way ANOVA over {n} seeds or folds, p {p}, corrected for the number of pairs of fields).",
            **about,
        )
    return _(
        "The data do not show that the effect of the strategy depends on {field}: the interaction ({share} of the "
        "variance) may be random (two-way ANOVA over {n} seeds or folds, p {p}, corrected for the number of pairs of "
        "fields). They do not show the opposite either.",
        **about,
    )
