"""The designs that the Design page compares: one model, several strategies. Start at Designs and open_designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

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
    sharing_map,
)
from clps_core.errors import ClpsError, ConfigError
from clps_core.presets import PRESETS
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import SharingMap, Site, parse_strategy
from clps_core.sharing.notation import repaint
from clps_core.sharing.strategies import FAMILIES, NORM_FOLLOWS
from clps_core.spec import to_spec
from clps_core.tasks import TASKS
from clps_core.words import _

__all__ = [
    "DEFAULT_STRATEGIES",
    "Costed",
    "Designs",
    "Origin",
    "apply_action",
    "component_sizes",
    "costed",
    "counted_model",
    "current_designs",
    "open_designs",
    "origins",
    "painted_sites",
    "save_designs",
    "trainable",
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
    """One design that fits: its place in the list, its map and what it costs."""

    index: int
    strategy: str
    map: SharingMap
    counts: Counts


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
    """Remember ``designs`` in this session and in the URL, which stays bare while they are the default."""
    query = {} if designs.query == default_designs().query else designs.query
    state.write(**{name: query.get(name) for name in (state.SPEC, state.STRATEGY)})
    st.session_state[state.DESIGNS] = designs
    st.session_state[state.DESIGNS_URL] = (query.get(state.SPEC, ""), tuple(query.get(state.STRATEGY, ())))


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
            mapping = sharing_map(model, SharingConfig(strategy=strategy))
            found.append(Costed(index, strategy, mapping, count(model, mapping)))
        except ClpsError as error:
            problems.append(_("{strategy} is left out: {problem}", strategy=strategy, problem=error))
    return found, problems


@dataclass(frozen=True)
class Origin:
    """Something to start a design from: a task's small model, or the sizes of a paper."""

    name: str
    title: str
    source: str
    designs: Designs


def origins() -> list[Origin]:
    """The tasks' models first, then each paper's model with all its published strategies."""
    found = [
        Origin(task.name, task.title, task.summary, Designs(build_config({"data": {"task": task.name}})))
        for task in TASKS.values()
    ]
    tasks = {task.family: task.name for task in TASKS.values()}
    models: dict[ModelConfig, list[str]] = {}
    for preset in PRESETS.values():
        models.setdefault(preset.model, []).append(preset.name)
    for model, names in models.items():
        first = PRESETS[names[0]]
        base = build_config({"data": {"task": tasks[model.family]}}).model_copy(update={"model": model})
        given = dict.fromkeys(["none", *(PRESETS[name].sharing.strategy for name in names)])
        if len(given) == 1:
            given["all"] = None
        title = first.title.partition(":")[0]
        found.append(Origin(names[0], title, first.source, Designs(base, tuple(given))))
    return found


def apply_action(designs: Designs, action: Mapping[str, Any]) -> Designs:
    """What a person did on the map; ``action`` came from a browser, so nothing in it is taken on trust.

    Raises ``ConfigError`` for what does not exist.
    """
    at = action.get("design")
    if not isinstance(at, int) or not 0 <= at < len(designs.strategies):
        raise ConfigError(_("a design must be one of those shown. Got {got!r}.", got=str(at)[:40]))
    match action.get("kind"):
        case "choose":
            return replace(designs, chosen=at)
        case "remove":
            return designs.without(at)
        case "paint":
            return _painted(designs, at, action)
    raise ConfigError(_("an action must be choose, remove or paint. Got {got!r}.", got=str(action.get("kind"))[:40]))


def _painted(designs: Designs, at: int, action: Mapping[str, Any]) -> Designs:
    layer, slot = action.get("layer"), action.get("slot")
    if not isinstance(layer, int) or not isinstance(slot, int):
        raise ConfigError(
            _("a layer and a slot must be whole numbers. Got {layer!r} and {slot!r}.", layer=layer, slot=slot)
        )
    model = counted_model(designs.config("none"))
    stacks = {stack: (layers, tuple(block_shapes(model, stack))) for stack, layers in stack_layers(model).items()}
    sites = painted_sites(
        stacks, str(action.get("stack")), str(action.get("component")), layer, str(action.get("scope"))
    )
    return designs.with_strategy(repaint(designs.strategies[at], stacks, sites, slot), at)


def painted_sites(
    stacks: Mapping[str, tuple[int, Sequence[str]]], stack: str, component: str, layer: int, scope: str
) -> list[Site]:
    """The sites that painting one cell means: itself, its whole family, or its whole layer (norms follow).

    Raises ``ConfigError`` for a cell that the model does not have.
    """
    components = stacks[stack][1] if stack in stacks else ()
    if component not in components:
        raise ConfigError(
            _(
                "a cell must be one of the map's. Got {stack!r}, {component!r}.",
                stack=stack[:40],
                component=component[:40],
            )
        )
    names: Sequence[str] = (component,)
    if scope != "cell" and component not in NORM_FOLLOWS:
        family = next(members for members in FAMILIES.values() if component in members)
        names = family if scope == "family" else [name for name in components if name not in NORM_FOLLOWS]
    return [Site(stack, layer, name) for name in names if name in components]


def component_sizes(model: ModelConfig) -> dict[tuple[str, str], int]:
    """Parameters of one site of each (stack, component)."""
    return {
        (stack, component): sum(prod(shape) for _name, shape in shapes)
        for stack in stack_layers(model)
        for component, shapes in block_shapes(model, stack).items()
    }


def trainable(designs: Designs, fitting: Sequence[str]) -> Designs:
    """What "Train" starts with: these designs, or for a paper's sizes its strategies on the task's small model.

    Raises ``ConfigError`` where nothing of it can be trained.
    """
    if designs.base.model.vocab_size is None:
        for strategy in fitting:
            resolve(designs.config(strategy))
        return replace(designs, strategies=tuple(fitting))
    small = Designs(build_config({"data": {"task": designs.base.data.task}}), ("none",))
    for strategy in fitting:
        for text in (strategy, strategy.partition(":")[0]):
            try:
                resolve(small.config(parse_strategy(text).text))
            except ClpsError:
                continue
            small = small.with_strategy(text)
            break
    return small
