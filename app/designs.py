"""The designs that the Design page compares: one model, several strategies. Start at Designs and open_designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import streamlit as st

from app import state
from clps_core.analysis.counts import Counts, count
from clps_core.config import (
    ModelConfig,
    RunConfig,
    SharingConfig,
    build_config,
    longest_input,
    resolve,
    sharing_plan,
)
from clps_core.errors import ClpsError, ConfigError
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import SharingMap, SharingPlan, parse_strategy
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
]

DEFAULT_STRATEGIES = ("none", "all", "cycle")


@dataclass(frozen=True)
class Designs:
    """``base`` is what all designs have in common; ``chosen`` is the strategy whose map is shown."""

    base: RunConfig
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    chosen: int = 1

    def __post_init__(self) -> None:
        kept = max(0, min(self.chosen, len(self.strategies) - 1))
        object.__setattr__(self, "chosen", kept)

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
        """What stands in the URL for these designs."""
        return {state.SPEC: to_spec(self.config("none")), state.STRATEGY: list(self.strategies)}


@dataclass(frozen=True)
class Costed:
    """One design that fits: its place in the list, what it means at the model's sizes, and what it costs.

    ``unshared``: what the same model stores without any sharing, reuse or extras.
    """

    index: int
    strategy: str
    plan: SharingPlan
    counts: Counts
    unshared: int

    @property
    def map(self) -> SharingMap:
        """Which layer uses which weights."""
        return self.plan.map

    @property
    def share(self) -> float:
        """Stored parameters as a part of the unshared model's."""
        return self.counts.unique_parameters / self.unshared


def default_designs() -> Designs:
    """What a person sees first."""
    return Designs(build_config())


def open_designs() -> tuple[Designs, list[str]]:
    """The designs of the URL if it has changed, else those of this session; and what was wrong with the URL.

    What the URL does not say, or says badly, stays as it was in this session, or as it is by default.
    """
    session = st.session_state
    asked = (st.query_params.get(state.SPEC, ""), tuple(st.query_params.get_all(state.STRATEGY)))
    known: Designs | None = session.get(state.DESIGNS)
    if known is not None and (asked == ("", ()) or asked == session.get(state.DESIGNS_URL)):
        return known, []
    fallback = known or default_designs()
    spec, strategies = state.read_spec(), state.read_strategies()
    problems = [problem for problem in (spec.problem, strategies.problem) if problem]
    base = spec.config or fallback.base
    try:
        counted_model(base)
    except ClpsError as error:
        base = fallback.base
        problems.append(str(error))
    texts = strategies.values
    if not texts:
        asked_for = base.sharing.strategy
        texts = fallback.strategies if asked_for in fallback.strategies else ("none", asked_for)
    return Designs(base, texts), problems


def current_designs() -> Designs:
    """The designs of this session; for callbacks, which run before the page."""
    known: Designs | None = st.session_state.get(state.DESIGNS)
    return known or default_designs()


def save_designs(designs: Designs) -> None:
    """Remember ``designs`` in this session and in the URL, the default ones, too: a copy shows the same ones later."""
    query = designs.query
    state.write(**query)
    st.session_state[state.DESIGNS] = designs
    st.session_state[state.DESIGNS_URL] = (query[state.SPEC], tuple(query[state.STRATEGY]))


def counted_model(config: RunConfig) -> ModelConfig:
    """The model to count: with a vocabulary of its own (a paper's) as it is, else what the task completes.

    Raises ``ConfigError`` where model and task do not fit.
    """
    if config.model.vocab_size is None:
        return resolve(config).model
    if config.model.max_positions is None:
        return config.model.model_copy(update={"max_positions": longest_input(config)})
    return config.model


def costed(designs: Designs) -> tuple[list[Costed], list[str]]:
    """Every design that fits the model, and a sentence for each that does not."""
    model = counted_model(designs.config("none"))
    found, problems = [], []
    for index, strategy in enumerate(designs.strategies):
        try:
            found.append(cost(model, strategy, index))
        except ClpsError as error:
            problems.append(_("{strategy} is left out: {problem}", strategy=strategy, problem=error))
    return found, problems


def cost(model: ModelConfig, strategy: str, index: int = 0) -> Costed:
    """One strategy at the sizes of ``model``; raises ``ConfigError`` where it does not fit."""
    plan = sharing_plan(model, SharingConfig(strategy=strategy))
    return Costed(index, strategy, plan, count(model, plan), _unshared(model))


@lru_cache(maxsize=64)
def _unshared(model: ModelConfig) -> int:
    return count(model, SharingConfig(strategy="none")).unique_parameters


def component_sizes(model: ModelConfig) -> dict[tuple[str, str], int]:
    """Parameters of one site of each (stack, component)."""
    return {
        (stack, component): sum(prod(shape) for _name, shape in shapes)
        for stack in stack_layers(model)
        for component, shapes in block_shapes(model, stack).items()
    }
