"""The search for the design of another scheme at the same budget. Start at match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from clps_core.analysis.counts import Counts, kv_cache_bytes, parameters
from clps_core.analysis.flops import context_length, train_flops_per_token
from clps_core.analysis.nearest import TOO_LARGE, nearest_value
from clps_core.config import RunConfig, flat
from clps_core.errors import ConfigError
from clps_core.matching.dials import DIALS, Dial, Point, current, grid_of, turned
from clps_core.matching.fitting import fits, fitting, plan_at
from clps_core.matching.limits import NO_LIMITS, Excess, Limits
from clps_core.matching.measures import CHANGES, MEASURES, USUAL, Measure
from clps_core.numbers import compact
from clps_core.schemes.catalogue import SCHEMES, strategy_of_scheme
from clps_core.sharing import SharingPlan, parse_strategy
from clps_core.words import _, either

__all__ = ["CLOSE", "Change", "Match", "match"]

CLOSE = 0.01
"""A miss of more than this part of the target is told as a problem."""
MOST_DEPTHS = 128
"""Designs of at most 64 layers have no more."""


@dataclass(frozen=True)
class Change:
    """One field of the config that the match changed."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Match:
    """``config`` is ``original`` in another scheme, whose figure ``got`` is the nearest to ``target``.

    Both figures are in the unit of ``measure``: parameters, floating-point operations of the whole schedule, bytes
    per token. ``asked``: the dials that could be turned. ``excess``: what the nearest design of all has beyond a limit
    of the server; then ``config`` is the nearest within the limits.
    """

    original: RunConfig
    config: RunConfig
    measure: Measure
    asked: tuple[Dial, ...]
    target: int
    got: int
    original_counts: Counts
    counts: Counts
    excess: Excess | None = None

    @property
    def missed(self) -> int:
        """How much more (or, negative, less) than the target."""
        return self.got - self.target

    @property
    def part(self) -> float:
        """The same as a part of the target."""
        return self.missed / self.target

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every field that differs, in the order of the config."""
        before, after = flat(self.original.as_dict()), flat(self.config.as_dict())
        return tuple(Change(name, before[name], after[name]) for name in after if before[name] != after[name])

    @property
    def problem(self) -> str | None:
        """A sentence where the nearest design is not near."""
        if abs(self.part) <= CLOSE:
            return None
        said = {
            "scheme": self.config.sharing.strategy,
            "target": compact(self.target),
            "what": MEASURES[self.measure],
            "got": compact(self.got),
            "miss": f"{100 * self.part:+.1f} %",
        }
        if self.excess is not None:
            return _(
                "With {target} {what}, {scheme} needs {needed} {limited}. This server allows {limit}. The nearest "
                "design within this limit has {got} ({miss}). Let other fields change too, or match a smaller "
                "design.",
                needed=f"{self.excess.got:,}",
                limited=self.excess.what,
                limit=f"{self.excess.limit:,}",
                **said,
            )
        return _(
            "With changes to {dials} only, {scheme} cannot have {target} {what}. The nearest design has {got} "
            "({miss}). Let other fields change too.",
            dials=either(self.asked),
            **said,
        )


def match(
    config: RunConfig,
    scheme: str,
    measure: Measure = "parameters",
    change: Sequence[str] | None = None,
    limits: Limits = NO_LIMITS,
) -> Match:
    """The design of ``scheme`` (a strategy, or a card's name) whose figure is nearest to that of ``config``.

    ``change``: the dials that may be turned (default: ``USUAL``); everything else, seeds and data included, stays.
    Raises ``ConfigError`` where the scheme fits no such design, or ``limits`` allow none; a match that is only not
    near is told by ``Match.problem``.
    """
    strategy, sizes = _scheme(scheme)
    asked = _dials(measure, change)
    return _matched(config, strategy, tuple(sorted(sizes.items())), measure, asked, limits)


@lru_cache(maxsize=64)
def _matched(
    config: RunConfig,
    strategy: str,
    sizes: tuple[tuple[str, Any], ...],
    measure: Measure,
    asked: tuple[Dial, ...],
    limits: Limits,
) -> Match:
    original = Point.of(config)
    own = original.counts()
    target = _figure(measure, own, original)
    if not target:
        raise ConfigError(
            _(
                "a design must have a KV cache before its size can be matched. Got a design without "
                "one. Match another budget."
            )
        )
    start = original.with_model(dict(sizes)).with_strategy(strategy)
    point = _searched(start, measure, asked, target, NO_LIMITS)
    counts = point.counts()  # raises where the scheme fits at no value of any dial
    excess = limits.excess(point.config.train.steps, counts.executed_parameters)
    if excess is not None:
        point = _searched(start, measure, asked, target, limits)
        counts = point.counts()
        _check_limits(limits.excess(point.config.train.steps, counts.executed_parameters))
    got = _figure(measure, counts, point)
    return Match(config, point.config, measure, asked, target, got, own, counts, excess)


def _searched(start: Point, measure: Measure, asked: Sequence[Dial], target: int, limits: Limits) -> Point:
    """``start`` with its dials turned; one at which the scheme fits nowhere is turned again after the others."""
    point, waiting = start, list(asked)
    for _round in range(2):
        stuck = []
        for dial in waiting:
            found = _nearest(dial, point, measure, target, limits)
            if found is None:
                stuck.append(dial)
            else:
                point = turned(dial, point, found)
        waiting = stuck
    return point


def _nearest(dial: Dial, point: Point, measure: Measure, target: int, limits: Limits) -> int | None:
    """The value of one dial that comes nearest to ``target``; ``None`` where the scheme fits at none."""
    grid, now = grid_of(dial, point, limits), current(dial, point)
    if dial == "steps":
        return _nearest_steps(grid, point, target)
    if dial == "depth":
        return _nearest_depth(grid, partial(_at_depth, point, measure=measure, limits=limits), target, now)
    try:
        plan = plan_at(point.model, point.config.sharing.strategy)
    except ConfigError:
        return None
    grid = fitting(grid, lambda value: turned(dial, point, value).model, plan)
    figure = _figures(dial, point, plan, measure, limits)
    return nearest_value(grid, figure, target, now)


def _nearest_depth(grid: range, figure: Callable[[int], float], target: int, now: int) -> int | None:
    """A core that loops may store less in more layers, so every depth is looked at.

    Of more than ``MOST_DEPTHS`` every n-th one is, and then those around the nearest of them: exact where figures
    never fall. The n is odd, as loops often have an even number of layers.
    """
    stride = -(-len(grid) // MOST_DEPTHS)
    stride += stride % 2 == 0
    found = {value: figure(value) for value in grid[::stride]}

    def nearest() -> int | None:
        fitting = [at for at, there in found.items() if there < TOO_LARGE]
        return min(fitting, key=lambda at: (abs(found[at] - target), abs(at - now), at), default=None)

    best = nearest()
    if best is None or stride == 1:
        return best
    place = grid.index(best)
    around = grid[max(0, place - stride + 1) : place + stride]
    found |= {value: figure(value) for value in around if value not in found}
    return nearest()


def _nearest_steps(grid: range, point: Point, target: int) -> int | None:
    try:
        per_step = point.counts().train_flops_per_token * point.tokens
    except ConfigError:
        return None
    return nearest_value(grid, lambda steps: per_step * steps, target, current("steps", point))


def _at_depth(point: Point, layers: int, measure: Measure, limits: Limits) -> float:
    """The figure at a depth; too large where the scheme does not fit."""
    there = turned("depth", point, layers)
    try:
        plan = plan_at(there.model, there.config.sharing.strategy)
    except ConfigError:
        return TOO_LARGE
    return _planned_figure(there, plan, measure, limits) if fits(there.model, plan) else TOO_LARGE


def _figures(dial: Dial, point: Point, plan: SharingPlan, measure: Measure, limits: Limits) -> Callable[[int], float]:
    """The figure at each value of a dial of width."""
    return lambda value: _planned_figure(turned(dial, point, value), plan, measure, limits)


def _planned_figure(point: Point, plan: SharingPlan, measure: Measure, limits: Limits) -> float:
    """As ``_figure`` of its counts, of which only what is asked for is worked out; too large beyond the limits."""
    model = point.model
    if measure == "parameters" or limits.executed is not None:
        stored = parameters(model, plan)
        if limits.executed is not None and stored.executed > limits.executed:
            return TOO_LARGE
        if measure == "parameters":
            return stored.unique
    if measure == "kv_cache":
        return kv_cache_bytes(model, plan.map)
    return train_flops_per_token(model, plan, context_length(model)) * point.tokens * point.config.train.steps


def _figure(measure: Measure, counts: Counts, point: Point) -> int:
    if measure == "parameters":
        return counts.unique_parameters
    if measure == "kv_cache":
        return counts.kv_cache_bytes_per_token
    return counts.train_flops_per_token * point.tokens * point.config.train.steps


def _check_limits(excess: Excess | None) -> None:
    if excess is not None:
        raise ConfigError(
            _(
                "the matched design must have at most {limit:,} {what} on this server. The smallest possible one "
                "has {got:,}. Start from a smaller design.",
                limit=excess.limit,
                what=excess.what,
                got=excess.got,
            )
        )


def _scheme(text: str) -> tuple[str, Mapping[str, Any]]:
    """The strategy, and the sizes that belong to a card which is a matter of sizes."""
    known = SCHEMES.get(text.strip())
    if known is not None and known.sizes:
        return known.strategy, known.sizes
    return parse_strategy(strategy_of_scheme(text)).text, {}


def _dials(measure: str, change: Sequence[str] | None) -> tuple[Dial, ...]:
    if measure not in MEASURES:
        known = ", ".join(MEASURES)
        raise ConfigError(
            _("the budget to match must be one of {known}. Got {got!r}.", known=known, got=str(measure)[:40])
        )
    able = CHANGES[measure]  # type: ignore[index]
    asked = USUAL[measure] if change is None else tuple(change)  # type: ignore[index]
    bad = next((dial for dial in asked if dial not in able), None)
    if bad is not None or not asked:
        raise ConfigError(
            _(
                "to match {what}, the fields that may change must be among {able}. Got {got}.",
                able=", ".join(able),
                what=MEASURES[measure],
                got=_("nothing") if bad is None else str(bad)[:40],
            )
        )
    return tuple(dial for dial in DIALS if dial in asked)
