"""One scheme at one depth: its map as plain integers, and what it costs. Start at card.

Every figure comes from ``analysis.counts``, on the reader's model or on a standard one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clps_core.analysis.counts import Counts, count, unshared
from clps_core.config import ModelConfig, SharingConfig, sharing_plan, validated
from clps_core.schemes.catalogue import get_scheme
from clps_core.schemes.scheme import Family, Scheme
from clps_core.sharing import SharingMap, SharingPlan, Slot
from clps_core.sharing.rules import Core
from clps_core.sharing.sources import REUSE_KINDS

__all__ = ["STANDARD_LAYERS", "Card", "MapRow", "card", "standard_model"]

STANDARD_LAYERS = 6
STANDARD_SIZES: dict[str, Any] = {
    "d_model": 512,
    "d_ff": 2048,
    "num_heads": 8,
    "vocab_size": 32_000,
    "max_positions": 512,
    "activation": "relu",
}
"""The base sizes of Vaswani et al. 2017 (arXiv 1706.03762, table 3), with a round vocabulary."""


@dataclass(frozen=True)
class MapRow:
    """The slots of one component, layer by layer; ``None`` where a layer has no such weight.

    Rows that share a weight with another row are numbered together, and ``tied_to`` names the first of
    them: ``k=@q`` gives the row of ``k`` the numbers of ``q``.
    """

    stack: str
    component: str
    slots: tuple[int | None, ...]
    tied_to: str | None = None


@dataclass(frozen=True)
class Card:
    """A scheme drawn and counted; ``baseline`` is the same model without it.

    ``sources``: stack -> kind of reuse -> the layer each layer reads, only where some layer reads
    another's. ``cores``: stack -> (prelude, core, coda) where a part is repeated.
    """

    scheme: Scheme
    strategy: str
    model: ModelConfig
    plan: SharingPlan
    rows: tuple[MapRow, ...]
    sources: Mapping[str, Mapping[str, tuple[int, ...]]]
    cores: Mapping[str, Core]
    counts: Counts
    baseline: Counts

    @property
    def unique_parameters(self) -> int:
        """Stored once per slot."""
        return self.counts.unique_parameters

    @property
    def executed_parameters(self) -> int:
        """Counted at every use."""
        return self.counts.executed_parameters

    @property
    def kv_cache_bytes_per_token(self) -> int:
        """Bytes of keys and values that one generated token adds, 16 bits each."""
        return self.counts.kv_cache_bytes_per_token

    @property
    def saved_parameters(self) -> int:
        """Stored parameters fewer than the baseline's; negative where the scheme adds some."""
        return self.baseline.unique_parameters - self.unique_parameters

    @property
    def saved_share(self) -> float:
        """The same as a part of what the baseline's layers store (of what stands outside them, for such a scheme)."""
        inside = sum(layer.new for stack in self.baseline.by_layer.values() for layer in stack)
        outside = self.baseline.unique_parameters - inside
        return self.saved_parameters / (outside if self.scheme.kind == "outside" else inside)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        figures = ("unique_parameters", "executed_parameters", "kv_cache_bytes_per_token", "train_flops_per_token")
        return {
            **self.scheme.as_dict(),
            "strategy": self.strategy,
            "rows": {f"{row.stack}.{row.component}": list(row.slots) for row in self.rows},
            "tied": {f"{row.stack}.{row.component}": row.tied_to for row in self.rows if row.tied_to},
            "sources": {
                stack: {kind: list(layers) for kind, layers in kinds.items()} for stack, kinds in self.sources.items()
            },
            "cores": {stack: list(core) for stack, core in self.cores.items()},
            "counts": {name: getattr(self.counts, name) for name in figures},
            "baseline": {name: getattr(self.baseline, name) for name in figures},
            "saved_parameters": self.saved_parameters,
            "saved_share": round(self.saved_share, 4),
            "model": self.model.model_dump(mode="json"),
        }


def standard_model(family: Family, num_layers: int = STANDARD_LAYERS) -> ModelConfig:
    """The model that cards are counted on when none is given."""
    return validated(ModelConfig, {**STANDARD_SIZES, "family": family, "num_layers": num_layers})


def card(
    scheme: Scheme | str,
    num_layers: int | None = None,
    model: ModelConfig | None = None,
    *,
    strategy: str | None = None,
) -> Card:
    """``scheme`` (or its name) at ``num_layers`` executed layers per stack of ``model``.

    ``num_layers`` is by default the model's own depth; ``strategy`` draws other options than the
    scheme's defaults. Raises ``ConfigError`` where scheme, sizes and depth do not fit.
    """
    found = get_scheme(scheme) if isinstance(scheme, str) else scheme
    plain = model or standard_model(found.family)
    if num_layers is not None:
        stacks = {"num_layers": num_layers, "num_decoder_layers": None}
        plain = validated(ModelConfig, {**plain.model_dump(), **stacks})
    sized = validated(ModelConfig, {**plain.model_dump(), **found.sizes})
    sharing = SharingConfig.model_validate({"strategy": strategy or found.strategy_at(sized.num_layers)})
    plan = sharing_plan(sized, sharing)
    return Card(
        scheme=found,
        strategy=sharing.strategy,
        model=sized,
        plan=plan,
        rows=_rows(plan.map),
        sources=_sources(plan),
        cores={stack: one.core for stack, one in plan.execution.items() if one.core is not None},
        counts=count(sized, plan),
        baseline=unshared(plain),
    )


def _rows(mapping: SharingMap) -> tuple[MapRow, ...]:
    """The map's rows as integers; rows that share a slot count on together."""
    leaders = _leaders(mapping)
    numbers: dict[str, dict[Slot, int]] = {}
    for site, slot in mapping.items():
        if slot is not None:
            known = numbers.setdefault(leaders[site.stack, site.component], {})
            known.setdefault(slot, len(known))
    found = []
    for (stack, component), slots in mapping.rows:
        name, leader = f"{stack}.{component}", leaders[stack, component]
        row = tuple(None if slot is None else numbers[leader][slot] for slot in slots)
        found.append(MapRow(stack, component, row, None if leader == name else leader))
    return tuple(found)


def _leaders(mapping: SharingMap) -> dict[tuple[str, str], str]:
    """For each row the first row that it shares a weight with, however indirectly (itself without one)."""
    leaders = {key: f"{key[0]}.{key[1]}" for key, _slots in mapping.rows}
    order = {name: position for position, name in enumerate(leaders.values())}
    for slot in mapping.slots:
        together = {leaders[site.stack, site.component] for site in mapping.sites(slot)}
        first = min(together, key=order.__getitem__)
        leaders = {key: first if leader in together else leader for key, leader in leaders.items()}
    return leaders


def _sources(plan: SharingPlan) -> dict[str, dict[str, tuple[int, ...]]]:
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for stack, reuse in plan.reuse.items():
        kinds = {
            kind: tuple(reuse.source(kind, layer) for layer in range(reuse.num_layers))
            for kind in REUSE_KINDS
            if reuse.consumers(kind)
        }
        if kinds:
            found[stack] = kinds
    return found
