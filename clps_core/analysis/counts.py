"""What a design costs, as plain integers. Start at count; no torch here.

Every figure follows from the shapes (``clps_core/shapes.py``) and the sharing map. Operations are in
``flops.py``, training memory in ``memory.py``. Definitions, each under its name in ``Counts``:

* *unique*: stored once per slot; what ``sum(p.numel() for p in model.parameters())`` gives.
* *executed*: every site of the map counts; what the same layers would store without sharing between
  layers. What lies outside the map (embeddings, heads, final norms, and the extras that loosen ties)
  counts once in both, however often it is used: a tied output layer is not sharing between layers.
* *non-embedding*: unique, less the lookup tables (token, position, token type) and less an untied
  output layer over the vocabulary. Norms, projections of a factorised embedding, patch projections,
  poolers and class heads stay in. Reproduces the non-embedding figures of Mixture-of-Recursions
  (arXiv 2507.10524, table 3); Kaplan et al. 2020 (arXiv 2001.08361) leave out the same tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from typing import Any

from clps_core.analysis.flops import MEMORY_COMPONENTS, context_length, train_flops_per_token
from clps_core.config import ModelConfig, OptimConfig, SharingConfig, sharing_plan
from clps_core.glossary import meaning
from clps_core.shapes import ExtraShape, block_shapes, extra_shapes, outer_shapes
from clps_core.sharing import SharingMap, SharingPlan, plan_of
from clps_core.sharing.map import Shapes
from clps_core.sharing.strategies import SUBLAYERS
from clps_core.words import _

__all__ = [
    "Counts", "LayerCount", "Tally", "count", "kv_cache_bytes", "layer_matrices", "of_unshared", "parameters",
    "share_of_unshared", "unshared",
]  # fmt: skip

FP32_BYTES = 4
CACHE_BYTES = 2
"""Bytes of one cached number: 16 bits, as in the papers."""
ADAMW_MOMENTS, MUON_MOMENTS = 2, 1
LOOKUP_TABLES = ("tokens", "positions", "token_types")


@dataclass(frozen=True)
class Tally:
    """Parameters stored (``unique``) and used (``executed``)."""

    unique: int
    executed: int


@dataclass(frozen=True)
class LayerCount:
    """One executed layer: what it stores, what it uses, and what no earlier layer has used (``new``)."""

    unique: int
    executed: int
    new: int


@dataclass(frozen=True)
class Counts:
    """All figures of one design; definitions at the top of this file and of ``flops.py``.

    ``by_component`` has the map's components (both stacks together) and ``embedding``, ``head``,
    ``final_norm`` for what lies outside it; ``by_part`` is the same, added up to ``attention``,
    ``cross_attention``, ``ffn``, ``norm``, ``embedding``, ``head``. The ``unique`` values of either
    add up to ``unique_parameters``; a slot that several components use counts for the first.
    Bytes are those of fp32 training; ``optimizer_bytes`` those of the optimiser that was asked about, by default AdamW
    (two moments). ``kv_cache_bytes_per_token``: keys and
    values of one generated token in all executed decoder layers, 16 bits each (0 for an encoder, and for a decoder of
    learned queries, which generates no tokens);
    ``cross_kv_cache_bytes_per_token``: the same of one source token for cross-attention.
    """

    unique_parameters: int
    executed_parameters: int
    non_embedding_parameters: int
    by_component: Mapping[str, Tally]
    by_part: Mapping[str, Tally]
    by_layer: Mapping[str, tuple[LayerCount, ...]]
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    train_flops_per_token: int
    context_length: int
    kv_cache_bytes_per_token: int
    cross_kv_cache_bytes_per_token: int

    @property
    def training_bytes(self) -> int:
        """Weights, gradients and the optimiser's state together (no activations: see ``memory.py``)."""
        return self.weight_bytes + self.gradient_bytes + self.optimizer_bytes

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data, field by field."""
        plain = asdict(self)
        plain["by_layer"] = {stack: list(layers) for stack, layers in plain["by_layer"].items()}
        return plain


def count(
    model: ModelConfig,
    sharing: SharingConfig | SharingMap | SharingPlan,
    *,
    context: int | None = None,
    optim: OptimConfig | None = None,
) -> Counts:
    """Count ``model`` under ``sharing``; a bare map has nothing beside it.

    ``context`` is the length in tokens at which attention is counted; by default the model's
    ``max_positions``. ``optim``: whose state is counted, by default
    AdamW's alone. Raises ``ConfigError`` where the sharing does not fit the model.
    """
    if isinstance(sharing, SharingConfig):
        plan = sharing_plan(model, sharing)
    else:
        plan = sharing if isinstance(sharing, SharingPlan) else plan_of(sharing)
    mapping = plan.map
    length = context_length(model, context)
    extras = _sized_extras(model, plan)
    by_component = _by_component(model, mapping) | _extras(extras) | _outer(model)
    unique, executed = _total(by_component)
    return Counts(
        unique_parameters=unique,
        executed_parameters=executed,
        non_embedding_parameters=unique - _embedding_parameters(model),
        by_component=by_component,
        by_part=_by_part(by_component),
        by_layer={stack: _layers(model, mapping, stack, extras) for stack in mapping.stacks},
        weight_bytes=unique * FP32_BYTES,
        gradient_bytes=unique * FP32_BYTES,
        optimizer_bytes=FP32_BYTES * _optimiser_numbers(model, mapping, unique, optim),
        train_flops_per_token=train_flops_per_token(model, plan, length),
        context_length=length,
        kv_cache_bytes_per_token=kv_cache_bytes(model, mapping),
        cross_kv_cache_bytes_per_token=_cross_kv_cache(model, plan),
    )


def parameters(model: ModelConfig, plan: SharingPlan) -> Tally:
    """``unique_parameters`` and ``executed_parameters`` alone, for searches: as in ``count``, at a part of the time."""
    extras = _extras(_sized_extras(model, plan))
    return Tally(*_total(_by_component(model, plan.map) | extras | _outer(model)))


def _total(by_component: Mapping[str, Tally]) -> tuple[int, int]:
    tallies = by_component.values()
    return sum(tally.unique for tally in tallies), sum(tally.executed for tally in tallies)


def _sized_extras(model: ModelConfig, plan: SharingPlan) -> list[tuple[ExtraShape, int]]:
    return [(extra, _size(extra.shapes)) for extra in extra_shapes(model, plan).values()]


def _optimiser_numbers(model: ModelConfig, mapping: SharingMap, unique: int, optim: OptimConfig | None) -> int:
    """Numbers of the optimiser's state: AdamW has two of each weight, Muon one of its matrices, an average one of all.

    Muon's matrices are those of the layers, each stored one once, as in ``training/muon.py``.
    """
    found = ADAMW_MOMENTS * unique
    if optim is not None and optim.name == "muon":
        found -= (ADAMW_MOMENTS - MUON_MOMENTS) * sum(prod(shape) for shape in layer_matrices(model, mapping))
    return found + (unique if optim is not None and optim.ema_decay else 0)


def layer_matrices(model: ModelConfig, mapping: SharingMap) -> list[tuple[int, ...]]:
    """The shape of each matrix of the layers, stored ones once: what Muon updates."""
    blocks = {stack: block_shapes(model, stack) for stack in mapping.stacks}
    firsts = [mapping.sites(slot)[0] for slot in mapping.slots]
    shapes = [shape for site in firsts for _name, shape in blocks[site.stack][site.component]]
    return [shape for shape in shapes if len(shape) == 2]


@lru_cache(maxsize=256)
def unshared(model: ModelConfig) -> Counts:
    """``model`` without any sharing, reuse or extras."""
    return count(model, SharingConfig(strategy="none"))


def of_unshared() -> tuple[str, str]:
    """How ``share_of_unshared`` is called wherever it is shown, and what it is."""
    return _("Relative size"), meaning("relative-size")


def share_of_unshared(stored: int, model: ModelConfig) -> float:
    """``stored`` parameters as a part of what the same ``model`` stores without any sharing, reuse or extras.

    Whatever a design stores counts, so LoRA and other extras do: the share may be above 1.
    """
    return stored / unshared(model).unique_parameters


def _size(shapes: Shapes) -> int:
    return sum(prod(shape) for _name, shape in shapes)


def _sizes(model: ModelConfig, stack: str) -> dict[str, int]:
    return {component: _size(shapes) for component, shapes in block_shapes(model, stack).items()}


def _by_component(model: ModelConfig, mapping: SharingMap) -> dict[str, Tally]:
    sizes = {stack: _sizes(model, stack) for stack in mapping.stacks}
    found: dict[str, Tally] = {}
    for (stack, component), (stored, used) in mapping.uses.items():
        before, size = found.get(component, Tally(0, 0)), sizes[stack][component]
        found[component] = Tally(before.unique + stored * size, before.executed + used * size)
    return found


def _outer(model: ModelConfig) -> dict[str, Tally]:
    found: dict[str, int] = {}
    for shape in outer_shapes(model).values():
        group = "final_norm" if shape.group == "norm" else shape.group
        found[group] = found.get(group, 0) + _size(shape.shapes)
    return {group: Tally(total, total) for group, total in found.items()}


def _extras(extras: Sequence[tuple[ExtraShape, int]]) -> dict[str, Tally]:
    found: dict[str, int] = {}
    for extra, size in extras:
        found[extra.group] = found.get(extra.group, 0) + size
    return {group: Tally(total, total) for group, total in found.items()}


def _embedding_parameters(model: ModelConfig) -> int:
    total = 0
    for name, shape in outer_shapes(model).items():
        if name.rpartition(".")[2] in LOOKUP_TABLES or (name == "head" and model.output == "lm"):
            total += _size(shape.shapes)
    return total


def _by_part(by_component: Mapping[str, Tally]) -> dict[str, Tally]:
    part_of = {component: part for part, members in SUBLAYERS.items() for component in members}
    found: dict[str, Tally] = {}
    for component, tally in by_component.items():
        part = part_of.get(component, "norm" if "norm" in component else component)
        before = found.get(part, Tally(0, 0))
        found[part] = Tally(before.unique + tally.unique, before.executed + tally.executed)
    return found


def _layers(
    model: ModelConfig, mapping: SharingMap, stack: str, extras: Sequence[tuple[ExtraShape, int]]
) -> tuple[LayerCount, ...]:
    sizes = _sizes(model, stack)
    beside: dict[int, int] = {}
    for extra, size in extras:
        if extra.stack == stack and extra.layer is not None:
            beside[extra.layer] = beside.get(extra.layer, 0) + size
    layers = []
    for layer in range(mapping.num_layers(stack)):
        unique = executed = new = beside.get(layer, 0)
        seen = set()
        for component, size in sizes.items():
            slot = mapping.slot(stack, layer, component)
            if slot is None:
                continue
            executed += size
            if slot not in seen:
                seen.add(slot)
                unique += size
                first = mapping.sites(slot)[0]
                new += size if (first.stack, first.layer) == (stack, layer) else 0
        layers.append(LayerCount(unique, executed, new))
    return tuple(layers)


def kv_cache_bytes(model: ModelConfig, mapping: SharingMap) -> int:
    """Bytes one generated token adds: every *executed* layer caches its own keys and values, shared or not.

    ``2 * kv_layers * num_kv_heads * head_dim * 2`` bytes (arXiv 2405.12981); a layer without
    ``k`` and ``v`` reads another layer's and adds nothing.
    """
    if "decoder" not in mapping.stacks or model.num_queries:
        return 0
    cached = sum(slot is not None for component in ("k", "v") for slot in mapping.row("decoder", component))
    return cached * model.kv_heads * model.head_size * CACHE_BYTES


def _cross_kv_cache(model: ModelConfig, plan: SharingPlan) -> int:
    """Bytes one source token adds: layers that share cross_k and cross_v keep one projection of the memory."""
    if "cross_k" not in plan.map.components(plan.map.stacks[-1]) or model.num_queries:
        return 0
    distinct = len(set(plan.groups("decoder", MEMORY_COMPONENTS)))
    return 2 * distinct * model.kv_heads * model.head_size * CACHE_BYTES
