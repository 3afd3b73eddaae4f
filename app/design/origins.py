"""What a design can start from: the tasks' own small models, and the designs of papers. Start at origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from app.design.designs import Designs, cost
from clps_core.config import RunConfig, build_config, resolve
from clps_core.errors import ClpsError
from clps_core.presets import PAPERS, PRESETS, Preset
from clps_core.sharing import parse_strategy
from clps_core.tasks import TASKS, TaskFacts

__all__ = ["Origin", "current_origin", "origins", "published_beside", "trainable"]


@dataclass(frozen=True)
class Origin:
    """A task's small model, or with a ``preset`` the design of a paper."""

    name: str
    designs: Designs
    preset: Preset | None = None
    facts: TaskFacts | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.facts.title if self.facts is not None else self.preset.title if self.preset is not None else ""

    @property
    def group(self) -> str:
        """The paper's name; empty for a task's model."""
        return PAPERS[self.preset.paper] if self.preset is not None else ""

    @property
    def source(self) -> str:
        """Where it is from, or what it is."""
        return self.facts.summary if self.facts is not None else self.preset.source if self.preset is not None else ""


def origins() -> Mapping[str, Origin]:
    """The tasks' models first, then every preset with its paper's other strategies for the same sizes."""
    return _origins(tuple(TASKS.usable()))


@lru_cache(maxsize=4)
def _origins(tasks: tuple[str, ...]) -> Mapping[str, Origin]:
    known = {name: TASKS.usual(name) for name in tasks}
    found = [
        Origin(name, Designs(build_config({"data": {"task": name}})), facts=facts) for name, facts in known.items()
    ]
    for preset in PRESETS.values():
        task = ((preset.small or {}).get("data") or {}).get("task") or TASKS.of_family(preset.model.family)
        base = build_config({"data": {"task": task}}).model_copy(update={"model": preset.model})
        given = list(dict.fromkeys(["none", *(one.sharing.strategy for one in _siblings(preset))]))
        if len(given) == 1:
            given.append("all")
        designs = Designs(base, tuple(given), given.index(preset.sharing.strategy))
        found.append(Origin(preset.name, designs, preset))
    return {origin.name: origin for origin in found}


def current_origin(designs: Designs) -> Origin | None:
    """Where these sizes come from; of presets with equal sizes the one whose design is looked at, if there is one.

    Of tasks with equal sizes it is the one that is trained.
    """
    same = [one for one in origins().values() if one.designs.base.model == designs.base.model]
    same.sort(key=lambda one: one.name != designs.base.data.task)
    looked_at = designs.strategies[designs.chosen]
    exact = [one for one in same if one.preset is not None and one.preset.sharing.strategy == looked_at]
    return next(iter([*exact, *same]), None)


def published_beside(preset: Preset) -> tuple[str, int]:
    """The figure as the paper prints it (empty where it prints none), and ours of the same thing."""
    counts = cost(preset.model, preset.sharing.strategy).counts
    ours = {
        "all": counts.unique_parameters,
        "non_embedding": counts.non_embedding_parameters,
        "kv_cache_bytes_per_token": counts.kv_cache_bytes_per_token,
    }
    return preset.published or "", ours[preset.counted]


def trainable(designs: Designs, fitting: Sequence[str]) -> Designs:
    """What "Train" starts with: the ``fitting`` designs, or for a paper's sizes its small version of them.

    A strategy that the small model is too shallow for is taken at its rule's default, or left out.
    Raises ``ConfigError`` where nothing of it can be trained.
    """
    if designs.base.model.vocab_size is None and not _is_preset(designs):
        return replace(designs, strategies=tuple(fitting))
    small, scaled = _small(designs)
    found = Designs(small, ("none",))
    for strategy in fitting:
        for text in (*scaled.get(strategy, ()), strategy, _plainer(strategy)):
            try:
                resolve(found.config(parse_strategy(text).text))
            except ClpsError:
                continue
            found = found.with_strategy(text)
            break
    return found


def _siblings(preset: Preset) -> list[Preset]:
    return [one for one in PRESETS.values() if one.paper == preset.paper and one.model == preset.model]


def _is_preset(designs: Designs) -> bool:
    found = current_origin(designs)
    return found is not None and found.preset is not None


def _small(designs: Designs) -> tuple[RunConfig, dict[str, list[str]]]:
    """The small model for a paper's sizes, and per strategy how the paper's presets scale it."""
    origin = current_origin(designs)
    if origin is None or origin.preset is None or origin.preset.small is None:
        return build_config({"data": {"task": designs.base.data.task}}), {}
    config = build_config(origin.preset.small)
    scaled: dict[str, list[str]] = {}
    for one in [origin.preset, *_siblings(origin.preset)]:
        if one.small is not None:
            scaled.setdefault(one.sharing.strategy, []).append(build_config(one.small).sharing.strategy)
    return Designs(config).config("none") if config.sharing.strategy != "none" else config, scaled


def _plainer(strategy: str) -> str:
    """``cycle:9,lora=8`` -> ``cycle``: the rule alone, at its default."""
    return strategy.partition(",")[0].partition(":")[0]
