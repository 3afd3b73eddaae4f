"""The designs that the Design page compares: one model, several strategies. Start at Designs and open_designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import streamlit as st

from app import state
from app.design.history import History, find, go_to, history, record
from app.look.formatting import strategy_name
from app.services import check_use_of
from clps_core.analysis.counts import Counts, count, share_of_unshared
from clps_core.analysis.flops import flop_differences
from clps_core.config import (
    ModelConfig,
    RunConfig,
    SharingConfig,
    build_config,
    sharing_plan,
)
from clps_core.errors import ClpsError, ConfigError
from clps_core.matching import counted_model
from clps_core.presets import PRESETS
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import NAMED_STRATEGIES, SharingMap, SharingPlan, parse_strategy
from clps_core.spec import to_spec
from clps_core.words import _

__all__ = [
    "DEFAULT_STRATEGIES",
    "Costed",
    "Designs",
    "component_sizes",
    "cost",
    "costed",
    "counted_model",
    "current_designs",
    "open_designs",
    "save_designs",
    "step_back",
    "step_forward",
]

DEFAULT_STRATEGIES = ("none", "all", "cycle")
FIRST_TASK = "python-docs"
"""The task for whose sizes the page counts at first."""

Address = tuple[str, tuple[str, ...], tuple[str, ...], str, str]
"""Spec, strategies, copies, the design beside and the place of that it is beside, as they stand in the URL."""
BARE: Address = ("", (), (), "", "")


@dataclass(frozen=True)
class Designs:
    """``base`` is what all designs have in common; ``chosen`` is the strategy whose map is shown.

    ``copies``: (strategy, what it was painted from) of maps painted by hand: the name of a preset, or another
    strategy. ``beside``: the design that stands beside the chosen one, as ``beside.py`` reads it; empty for none.
    """

    base: RunConfig
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    chosen: int = 1
    copies: tuple[tuple[str, str], ...] = ()
    beside: str = ""

    def __post_init__(self) -> None:
        kept = max(0, min(self.chosen, len(self.strategies) - 1))
        object.__setattr__(self, "chosen", kept)
        object.__setattr__(self, "copies", tuple(one for one in self.copies if one[0] in self.strategies))

    @property
    def content(self) -> tuple[object, ...]:
        """All but which design is looked at."""
        return self.base, self.strategies, self.copies, self.beside

    def name(self, strategy: str) -> str:
        """What people read for a design; a painted copy bears the name of what it was painted from."""
        source = dict(self.copies).get(strategy)
        if source is None or strategy in NAMED_STRATEGIES:
            return strategy_name(strategy)
        origin = PRESETS[source].model_name if source in PRESETS else strategy_name(source)
        return _("Custom map, from {origin}", origin=origin)

    def with_strategy(self, text: str, at: int | None = None) -> Designs:
        """With ``text`` (checked, in its shortest notation) added at the end, or in the place of number ``at``."""
        wanted = parse_strategy(text).text
        texts = list(self.strategies)
        if wanted in texts:
            return replace(self, chosen=texts.index(wanted))
        if at is None:
            if len(texts) >= state.MAX_STRATEGIES:
                raise ConfigError(
                    _("at most {limit} designs can be compared. Remove one first.", limit=state.MAX_STRATEGIES)
                )
            return replace(self, strategies=(*texts, wanted), chosen=len(texts))
        texts[at] = wanted
        return replace(self, strategies=tuple(texts), chosen=at)

    def painted(self, text: str, at: int, source: str) -> Designs:
        """With number ``at`` painted to ``text``: a custom map changes; of any other a copy is made, beside it.

        ``source`` is what the copy is painted from. Raises ``ConfigError`` where there is no place for a copy.
        """
        wanted, before = parse_strategy(text).text, self.strategies[at]
        copies = dict(self.copies)
        own = before in copies or _is_custom(before)
        if wanted in self.strategies:
            rest = self.without(at) if own and wanted != before else self
            return replace(rest, chosen=rest.strategies.index(wanted))
        if own:
            renamed = {wanted: copies[before]} if before in copies else {}
            strategies = (*self.strategies[:at], wanted, *self.strategies[at + 1 :])
            return replace(self, strategies=strategies, chosen=at, copies=tuple({**copies, **renamed}.items()))
        added = self.with_strategy(wanted)
        strategies = (*self.strategies[: at + 1], wanted, *self.strategies[at + 1 :])
        return replace(added, strategies=strategies, chosen=at + 1, copies=(*self.copies, (wanted, source)))

    def without(self, at: int) -> Designs:
        """Without strategy number ``at``; the last one stays."""
        if len(self.strategies) == 1:
            return self
        chosen = self.chosen - (at < self.chosen)
        return replace(self, strategies=(*self.strategies[:at], *self.strategies[at + 1 :]), chosen=chosen)

    def only(self, indices: Sequence[int]) -> Designs:
        """With the strategies of these numbers alone, or the default ones if that leaves none."""
        kept = tuple(self.strategies[index] for index in indices)
        return replace(self, strategies=kept or DEFAULT_STRATEGIES)

    def config(self, strategy: str) -> RunConfig:
        """The run config of one design."""
        return self.base.model_copy(update={"sharing": SharingConfig(strategy=strategy)})

    @property
    def query(self) -> dict[str, str | list[str]]:
        """What stands in the URL for these designs, here and on Train."""
        return {state.SPEC: to_spec(self.config("none")), state.STRATEGY: list(self.strategies)}

    @property
    def address(self) -> Address:
        """The values of the page's parameters."""
        copies = tuple(f"{self.strategies.index(text)}:{source}" for text, source in self.copies)
        opened = str(self.chosen) if self.beside else ""
        return to_spec(self.config("none")), self.strategies, copies, self.beside, opened


def _is_custom(text: str) -> bool:
    """Whether a strategy is written in integers, at least in part."""
    strategy = parse_strategy(text)
    return any(use.name == "custom" for use in (strategy.default, *(use for _target, use in strategy.overrides)))


@dataclass(frozen=True)
class Costed:
    """One design that fits: its place in the list, what it means at the model's sizes, and what it costs.

    ``model`` has the sizes that all designs have in common; ``name`` is what people read.
    """

    index: int
    strategy: str
    plan: SharingPlan
    counts: Counts
    model: ModelConfig
    name: str = ""

    @property
    def map(self) -> SharingMap:
        """Which layer uses which weights."""
        return self.plan.map

    @property
    def share(self) -> float:
        """Stored parameters as a part of the unshared model's."""
        return share_of_unshared(self.counts.unique_parameters, self.model)

    @property
    def flop_differences(self) -> dict[str, float]:
        """Operations per token more or fewer than without sharing, by cause."""
        return _flop_differences(self.model, self.strategy)


@lru_cache(maxsize=1)
def default_designs() -> Designs:
    """What a person sees first: a language model, in which sharing changes what is stored and nothing else.

    In an encoder-decoder, layers that share cross-attention compute its keys and values once: fewer operations, too.
    """
    return Designs(build_config({"data": {"task": FIRST_TASK}}))


def open_designs() -> tuple[Designs, list[str]]:
    """The designs of the URL if it has changed, else those of this session; and what was wrong with the URL.

    What the URL does not say, or says badly, stays as it was in this session, or as it is by default.
    """
    found, problems = _found_designs()
    try:
        check_use_of(found.base.data.task, found.base.data.tokenizer)
    except ClpsError as error:  # a data set that was removed, or that is no longer shared
        return default_designs(), [*problems, str(error)]
    return found, problems


def _found_designs() -> tuple[Designs, list[str]]:
    session = st.session_state
    asked: Address = (
        st.query_params.get(state.SPEC, ""),
        tuple(st.query_params.get_all(state.STRATEGY)),
        tuple(st.query_params.get_all(state.COPIED)),
        st.query_params.get(state.BESIDE, ""),
        st.query_params.get(state.OPENED, ""),
    )
    known: Designs | None = session.get(state.DESIGNS)
    # A visit from another page has a bare address, and finds the designs as they were left. On the page itself
    # an address becomes bare by the browser's Back alone: then it stands for what that visit found.
    if asked == BARE and (known is None or session.get(state.PAGE_BEFORE) != "design"):
        session[state.DESIGNS_FOUND] = known or default_designs()
        return session[state.DESIGNS_FOUND], []
    if known is not None and asked == session.get(state.DESIGNS_URL):
        return known, []
    if known is not None:
        found: Designs = session.get(state.DESIGNS_FOUND) or default_designs()
        if asked == BARE and known.content == found.content:
            return known, []
        step = find(known, lambda one: one.content == found.content if asked == BARE else one.address == asked)
        if step is not None:
            return step, []
        if asked == BARE:
            return found, []
    return _asked_for(known or default_designs())


def _asked_for(fallback: Designs) -> tuple[Designs, list[str]]:
    """The designs of the URL; what it does not say, or says badly, is that of ``fallback``."""
    spec, strategies = state.read_spec(), state.read_strategies()
    problems = [problem for problem in (spec.problem, strategies.problem) if problem]
    problems += state.left_out(spec.config, strategies.values)
    base = spec.config or fallback.base
    try:
        counted_model(base)
    except ClpsError as error:
        base = fallback.base
        problems.append(str(error))
    texts, beside = strategies.values, state.read_text(state.BESIDE)
    copies, problem = _copies(texts) if texts else (fallback.copies, None)
    if not texts:
        asked_for = base.sharing.strategy
        texts = fallback.strategies if asked_for in fallback.strategies else ("none", asked_for)
    opened = state.read_number(state.OPENED, len(texts)) if beside else None
    found = Designs(base, texts, Designs.chosen if opened is None else opened, copies, beside)
    return found, [*problems, *([problem] if problem else [])]


def _copies(texts: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The copies that the URL names, and a sentence about one that it names badly."""
    found: dict[str, str] = {}
    problem = None
    for one in st.query_params.get_all(state.COPIED)[: state.MAX_STRATEGIES]:
        place, _colon, source = one[: state.MAX_TEXT].partition(":")
        try:
            if not (place.isascii() and place.isdigit() and len(place) < 3 and int(place) < len(texts)):
                raise ConfigError(_("there is no design with this number"))
            found[texts[int(place)]] = source if source in PRESETS else parse_strategy(source).text
        except ConfigError as error:
            problem = _(
                '"copied" in the address must be the number of a design and the design it was made from, such as '
                "2:albert-base. Got {got!r}: {why}. It is ignored.",
                got=one[:40],
                why=str(error).rstrip("."),
            )
    return tuple(found.items()), problem


def current_designs() -> Designs:
    """The designs of this session; for callbacks, which run before the page."""
    known: Designs | None = st.session_state.get(state.DESIGNS)
    return known or default_designs()


def save_designs(designs: Designs, **also: str | None) -> None:
    """Remember ``designs`` in this session, its history and the URL: the default ones, too.

    ``also`` goes into the URL in the same step, so that the browser's Back undoes both.
    """
    record(st.session_state.get(state.DESIGNS), designs)
    names = (state.SPEC, state.STRATEGY, state.COPIED, state.BESIDE, state.OPENED)
    state.write(**dict(zip(names, designs.address, strict=True)), **also)
    st.session_state[state.DESIGNS] = designs
    st.session_state[state.DESIGNS_URL] = designs.address


def step_back() -> None:
    """Undo: the designs before the last edit."""
    past, future = history()
    if past:
        shown = current_designs()
        save_designs(go_to(History(past[:-1], (shown, *future)), past[-1]))


def step_forward() -> None:
    """Redo: the designs that were taken back last."""
    past, future = history()
    if future:
        shown = current_designs()
        save_designs(go_to(History((*past, shown), future[1:]), future[0]))


def costed(designs: Designs, model: ModelConfig | None = None) -> tuple[list[Costed], list[str]]:
    """Every design that fits the model, and a sentence for each that does not; ``model``: their ``counted_model``."""
    model = model or counted_model(designs.base)
    found, problems = [], []
    for index, strategy in enumerate(designs.strategies):
        try:
            found.append(cost(model, strategy, index, designs.name(strategy)))
        except ClpsError as error:
            problems.append(_("{strategy} is left out: {problem}", strategy=strategy, problem=error))
    return found, problems


def cost(model: ModelConfig, strategy: str, index: int = 0, name: str = "") -> Costed:
    """One strategy at the sizes of ``model``; raises ``ConfigError`` where it does not fit."""
    plan, counts = _counted(model, strategy)
    return Costed(index, strategy, plan, counts, model, name or strategy_name(strategy))


# A redraw costs designs that seldom changed since the one before.
@lru_cache(maxsize=256)
def _counted(model: ModelConfig, strategy: str) -> tuple[SharingPlan, Counts]:
    plan = sharing_plan(model, SharingConfig(strategy=strategy))
    return plan, count(model, plan)


@lru_cache(maxsize=256)
def _flop_differences(model: ModelConfig, strategy: str) -> dict[str, float]:
    plan, counts = _counted(model, strategy)
    return flop_differences(model, plan, counts.context_length)


def component_sizes(model: ModelConfig) -> dict[tuple[str, str], int]:
    """Parameters of one site of each (stack, component)."""
    return {
        (stack, component): sum(prod(shape) for _name, shape in shapes)
        for stack in stack_layers(model)
        for component, shapes in block_shapes(model, stack).items()
    }
