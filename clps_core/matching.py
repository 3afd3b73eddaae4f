"""Another scheme at the same budget: the design that stores, computes or caches as much. Start at match. No torch.

"How wide must ``all`` be until it stores what ``none`` stores?" is ALBERT's question (Lan et al. 2020, arXiv
1909.11942). The counter answers it: dials are turned one after the other, the coarse ones first, each to the value
whose figure is nearest to the original's.

* *depth*: ``num_layers`` (with ``num_decoder_layers``, where that is given, in proportion);
* *width*: ``d_model``, in steps that the heads divide; ``d_ff`` keeps its part of the width;
* *d_ff*: the width of the feed-forward network, in steps of 8 from 1024 on, else of 1: it fills in between widths;
* *steps*: ``train.steps``, so that the whole schedule, warm-up included, ends at the original's operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from clps_core.analysis.counts import Counts, count
from clps_core.analysis.nearest import TOO_LARGE, nearest_value
from clps_core.analysis.steps import tokens_per_step
from clps_core.config import (
    ModelConfig,
    RunConfig,
    SharingConfig,
    build_config,
    completed,
    flat,
    longest_input,
    sharing_plan,
    validated,
)
from clps_core.config.model import MOST_WIDTH
from clps_core.errors import ConfigError
from clps_core.numbers import compact
from clps_core.schemes.catalogue import SCHEMES, strategy_of_scheme
from clps_core.sharing import parse_strategy
from clps_core.words import N_, Words, _

__all__ = [
    "CHANGES", "CLOSE", "DIALS", "MEASURES", "NO_LIMITS", "USUAL", "Change", "Dial", "Limits", "Match", "Measure",
    "counted_model", "grid_of", "match", "turned",
]  # fmt: skip

Measure = Literal["parameters", "flops", "kv_cache"]
Dial = Literal["depth", "width", "d_ff", "steps"]

MEASURES: Mapping[str, str] = Words(
    {
        "parameters": N_("stored parameters"),
        "flops": N_("training FLOPs"),
        "kv_cache": N_("bytes of KV cache per token"),
    }
)
DIALS: tuple[Dial, ...] = ("depth", "width", "d_ff", "steps")
"""In the order in which they are turned."""
CHANGES: Mapping[Measure, tuple[Dial, ...]] = {
    "parameters": ("depth", "width", "d_ff"),
    "flops": DIALS,
    "kv_cache": ("depth", "width"),
}
"""The dials that change a figure."""
USUAL: Mapping[Measure, tuple[Dial, ...]] = {
    "parameters": ("width", "d_ff"),
    "flops": ("steps",),
    "kv_cache": ("width",),
}
CLOSE = 0.01
"""A miss of more than this part of the target is told as a problem."""
MOST_DEPTH, MOST_FFN, MOST_STEPS = 512, 262_144, 10_000_000
COARSE_FFN, FFN_STEP = 1024, 8
"""From this width on, feed-forward networks go in steps that matrix units like."""


@dataclass(frozen=True)
class Limits:
    """What a server allows one run: ``steps``, and ``executed`` parameters; ``None`` is no limit."""

    steps: int | None = None
    executed: int | None = None


NO_LIMITS = Limits()


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
    per token. ``asked``: the dials that could be turned.
    """

    original: RunConfig
    config: RunConfig
    measure: Measure
    asked: tuple[Dial, ...]
    target: int
    got: int
    original_counts: Counts
    counts: Counts

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
        return _(
            "With another {dials} alone, {scheme} cannot have {target} {what}: the nearest design has {got}, {miss}. "
            "Let something else change, too.",
            dials=_(" or ").join(self.asked),
            scheme=self.config.sharing.strategy,
            target=compact(self.target),
            what=MEASURES[self.measure],
            got=compact(self.got),
            miss=f"{100 * self.part:+.1f} %",
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
    original = _Point.of(config)
    own = original.counts()
    target = original.figure(measure, own)
    if not target:
        raise ConfigError(_("a match must have something to reach. Got a design without a KV cache. Match another."))
    point = original.with_model(dict(sizes)).with_strategy(strategy)
    for dial in asked:
        found = _turn(dial, point, measure, target, limits)
        if found is not None:
            point = turned(dial, point, found)
    counts = point.counts()  # raises where the scheme fits at no value of any dial
    _check_limits(point, counts, limits)
    return Match(config, point.config, measure, asked, target, point.figure(measure, counts), own, counts)


def counted_model(config: RunConfig) -> ModelConfig:
    """The model to count: with a vocabulary of its own (a paper's) as it is, else what the task completes.

    Raises ``ConfigError`` where model and task do not fit.
    """
    if config.model.vocab_size is None:
        return completed(config).model
    if config.model.max_positions is None:
        return config.model.model_copy(update={"max_positions": longest_input(config)})
    return config.model


@dataclass(frozen=True)
class _Point:
    """One design on the way: what people gave (``config``), its complete ``model``, and what a step reads."""

    config: RunConfig
    model: ModelConfig
    tokens: int

    @classmethod
    def of(cls, config: RunConfig) -> _Point:
        model = counted_model(config)
        return cls(config, model, tokens_per_step(config.model_copy(update={"model": model})))

    def with_model(self, sizes: Mapping[str, Any]) -> _Point:
        """Raises ``ConfigError`` where the sizes do not fit each other; that waits where nothing is counted yet."""
        given = self.config.model.model_copy(update=dict(sizes))
        return _Point(
            self.config.model_copy(update={"model": given}), self.model.model_copy(update=dict(sizes)), self.tokens
        )

    def with_strategy(self, strategy: str) -> _Point:
        sharing = SharingConfig(strategy=strategy)
        return _Point(self.config.model_copy(update={"sharing": sharing}), self.model, self.tokens)

    def with_steps(self, steps: int) -> _Point:
        """A warm-up that followed from the number of steps follows from the new one; another stays, if it fits."""
        optim, train = self.config.optim, self.config.train
        warmup = min(optim.warmup_steps, steps)
        if optim.warmup_steps == _usual_warmup(self.config.data.task, train.steps):
            warmup = _usual_warmup(self.config.data.task, steps)
        update = {
            "train": train.model_copy(update={"steps": steps}),
            "optim": optim.model_copy(update={"warmup_steps": warmup}),
        }
        return _Point(self.config.model_copy(update=update), self.model, self.tokens)

    def counts(self) -> Counts:
        """Raises ``ConfigError`` where model and scheme do not fit."""
        model = validated(ModelConfig, self.model.model_dump())
        return count(model, sharing_plan(model, self.config.sharing))

    def figure(self, measure: Measure, counts: Counts) -> int:
        if measure == "parameters":
            return counts.unique_parameters
        if measure == "kv_cache":
            return counts.kv_cache_bytes_per_token
        return counts.train_flops_per_token * self.tokens * self.config.train.steps


def _usual_warmup(task: str, steps: int) -> int:
    return build_config({"data": {"task": task}, "train": {"steps": steps}}).optim.warmup_steps


def grid_of(dial: Dial, point: _Point, limits: Limits = NO_LIMITS) -> range:
    """The values that a dial has, at the sizes of ``point``."""
    model = point.model
    if dial == "depth":
        return range(1, min(MOST_DEPTH, max(32, 2 * model.num_layers)) + 1)
    if dial == "width":
        step = 1 if model.head_dim else model.num_heads * (2 if model.positions == "rotary" else 1)
        least = max(step, model.embedding_size or 1)
        most = min(MOST_WIDTH, MOST_FFN * model.d_model // model.d_ff)
        return range(-(-least // step) * step, most + 1, step)
    if dial == "d_ff":
        step = FFN_STEP if model.d_ff >= COARSE_FFN and model.d_ff % FFN_STEP == 0 else 1
        return range(step, MOST_FFN + 1, step)
    return range(1, min(MOST_STEPS, limits.steps or MOST_STEPS) + 1)


def turned(dial: Dial, point: _Point, value: int) -> _Point:
    """``point`` with one dial at ``value``, and what follows from it."""
    model = point.model
    if dial == "depth":
        sizes = {"num_layers": value}
        if model.num_decoder_layers is not None:
            sizes["num_decoder_layers"] = max(1, _in_proportion(model.num_decoder_layers, value, model.num_layers))
        return point.with_model(sizes)
    if dial == "width":
        return point.with_model({"d_model": value, "d_ff": max(1, _in_proportion(model.d_ff, value, model.d_model))})
    return point.with_model({"d_ff": value}) if dial == "d_ff" else point.with_steps(value)


def _current(dial: Dial, point: _Point) -> int:
    model = point.model
    return {
        "depth": model.num_layers,
        "width": model.d_model,
        "d_ff": model.d_ff,
        "steps": point.config.train.steps,
    }[dial]


def _turn(dial: Dial, point: _Point, measure: Measure, target: int, limits: Limits) -> int | None:
    """The value of one dial that comes nearest to ``target``; ``None`` where the scheme fits at none."""
    grid, current = grid_of(dial, point, limits), _current(dial, point)
    if dial == "steps":
        per_step = point.counts().train_flops_per_token * point.tokens
        return nearest_value(grid, lambda steps: per_step * steps, target, current)
    figure = _figures(dial, point, measure, limits)
    if dial == "depth":  # a core that loops may store less in more layers, so every depth is looked at
        found = {value: there for value in grid if (there := figure(value)) is not None and there < TOO_LARGE}
        return min(found, key=lambda at: (abs(found[at] - target), abs(at - current), at), default=None)
    usual = min(max(current, grid.start), grid[-1])
    turned(dial, point, usual).counts()  # raises, instead of a search through sizes that never fit
    return nearest_value(grid, figure, target, current)


def _figures(dial: Dial, point: _Point, measure: Measure, limits: Limits) -> Callable[[int], float | None]:
    """The figure at each value of a dial that changes the model; ``None`` where the scheme does not fit."""

    def figure(value: int) -> float | None:
        there = turned(dial, point, value)
        try:
            counts = there.counts()
        except ConfigError:  # such as a rank of LoRA above a small width
            return None
        if limits.executed is not None and counts.executed_parameters > limits.executed:
            return TOO_LARGE
        return there.figure(measure, counts)

    return figure


def _in_proportion(size: int, after: int, before: int) -> int:
    """``size`` times ``after / before``, rounded half up, in whole numbers."""
    return (2 * size * after + before) // (2 * before)


def _check_limits(point: _Point, counts: Counts, limits: Limits) -> None:
    for what, limit, got in (
        (_("executed parameters"), limits.executed, counts.executed_parameters),
        (_("steps"), limits.steps, point.config.train.steps),
    ):
        if limit is not None and got > limit:
            raise ConfigError(
                _(
                    "the matched design must have at most {limit:,} {what} on this server. Its smallest has {got:,}. "
                    "Start from a smaller design.",
                    limit=limit,
                    what=what,
                    got=got,
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
        raise ConfigError(_("a match must be in one of {known}. Got {got!r}.", known=known, got=str(measure)[:40]))
    able = CHANGES[measure]  # type: ignore[index]
    asked = USUAL[measure] if change is None else tuple(change)  # type: ignore[index]
    bad = next((dial for dial in asked if dial not in able), None)
    if bad is not None or not asked:
        raise ConfigError(
            _(
                "what may change must be of {able} to match {what}. Got {got}.",
                able=", ".join(able),
                what=MEASURES[measure],
                got=_("nothing") if bad is None else str(bad)[:40],
            )
        )
    return tuple(dial for dial in DIALS if dial in asked)
