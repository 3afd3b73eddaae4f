"""Who else uses the weights that decide where a layer looks. Start at shared_with, then AttentionSharing.

Everything here looks at the whole map: layers of the same stack, the other stack, other components, ties.
A layer that reads the keys or the probabilities of another counts with the weights of the layer it reads.
Plain integers, no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from clps_core.sharing.map import Site
from clps_core.sharing.plan import SharingPlan

__all__ = ["KIND_SITES", "AttentionSharing", "Layers", "Row", "kinds_of_family", "shared_with", "tied_kinds"]

KIND_SITES: dict[str, tuple[str, tuple[str, ...]]] = {
    "encoder": ("encoder", ("q", "k")),
    "decoder": ("decoder", ("q", "k")),
    "cross": ("decoder", ("cross_q", "cross_k")),
}
"""Attention kind -> the stack and components whose weights decide where it looks."""


Layers = tuple[int, ...]


def kinds_of_family(family: str) -> tuple[str, ...]:
    """The attention kinds that a model of this family has, in order of execution."""
    return ("encoder", "decoder", "cross") if family == "encoder_decoder" else (family,)


class Row(NamedTuple):
    """One component of one stack, over all its layers."""

    stack: str
    component: str


def shared_with(plan: SharingPlan, stack: str, layer: int, kind: str) -> dict[str, tuple[Site, ...]]:
    """Component of this attention -> all other sites that use the very same weight, in order of execution.

    ``stack`` must be the stack of ``kind``; the layer's own site is left out. For a layer that reads another
    one, these are the sites of the weight that it is computed with, the other layer's own site included.
    """
    own_stack, components = KIND_SITES[kind]
    assert stack == own_stack
    found = {}
    for component in components:
        slot = plan.map.slot(stack, plan.computed_by(stack, layer, component), component)
        sites = () if slot is None else plan.map.sites(slot)
        found[component] = tuple(site for site in sites if site != Site(stack, layer, component))
    return found


def tied_kinds(plan: SharingPlan, kind: str, others: Iterable[str]) -> tuple[dict[str, Layers], ...]:
    """Per layer of ``kind``: which layers of each of the ``others`` look with its very same query and key weights."""
    elsewhere = [other for other in others if other != kind]
    members: dict[object, dict[str, list[int]]] = {}
    for other in elsewhere:
        for layer in range(plan.map.num_layers(KIND_SITES[other][0])):
            members.setdefault(_looks_with(plan, other, layer), {}).setdefault(other, []).append(layer)
    found = []
    for layer in range(plan.map.num_layers(KIND_SITES[kind][0])):
        tied = members.get(_looks_with(plan, kind, layer), {})
        found.append({other: tuple(layers) for other, layers in tied.items()})
    return tuple(found)


def _looks_with(plan: SharingPlan, kind: str, layer: int) -> object:
    """What the queries and keys of a layer are computed with: slots, and the sites that LoRA adds something to."""
    stack, components = KIND_SITES[kind]
    ranks = plan.lora_ranks()
    sites = [Site(stack, plan.computed_by(stack, layer, component), component) for component in components]
    return tuple((plan.map.slot(*site), site if site in ranks else None) for site in sites)


@dataclass(frozen=True)
class AttentionSharing:
    """What the layers of one attention kind share, with each other and with the rest of the model."""

    plan: SharingPlan
    kind: str

    @property
    def stack(self) -> str:
        """The stack whose layers these are."""
        return KIND_SITES[self.kind][0]

    @property
    def components(self) -> tuple[str, ...]:
        """The components that decide where these layers look: queries, then keys."""
        return KIND_SITES[self.kind][1]

    @property
    def num_layers(self) -> int:
        """Layers of the stack."""
        return self.plan.map.num_layers(self.stack)

    @cached_property
    def letters(self) -> tuple[int, ...]:
        """Per layer a number; equal numbers have the same query and key weights, with what LoRA adds to them."""
        return self.plan.groups(self.stack, self.components)

    def same(self, *components: str) -> tuple[Layers, ...]:
        """The layers of the stack by the slots of ``components`` (by default all of the kind), without LoRA."""
        members: dict[object, list[int]] = {}
        for layer in range(self.num_layers):
            slots = tuple(
                self.plan.map.slot(self.stack, self.plan.computed_by(self.stack, layer, one), one)
                for one in components or self.components
            )
            members.setdefault(slots, []).append(layer)
        return tuple(tuple(layers) for layers in members.values())

    def reads(self, reuse: str) -> dict[int, int]:
        """Layer -> the layer whose keys (``kv_source``) or probabilities (``attention_source``) it reads."""
        if self.kind == "cross":
            return {}
        one = self.plan.reuse[self.stack]
        return {layer: one.source(reuse, layer) for layer in sorted(one.consumers(reuse))}

    @cached_property
    def elsewhere(self) -> Mapping[tuple[str, Row], tuple[tuple[Layers, Layers], ...]]:
        """(own component, another row of the map) -> per weight that both have: layers here, layers there."""
        pairs: dict[tuple[str, Row], dict[object, tuple[list[int], list[int]]]] = {}
        for layer in range(self.num_layers):
            for component, sites in shared_with(self.plan, self.stack, layer, self.kind).items():
                for site in sites:
                    if (site.stack, site.component) == (self.stack, component):
                        continue
                    slot = self.plan.map.slot(*site)
                    here, there = pairs.setdefault((component, Row(site.stack, site.component)), {}).setdefault(
                        slot, ([], [])
                    )
                    here.extend([layer] if layer not in here else [])
                    there.extend([site.layer] if site.layer not in there else [])
        return {
            row: tuple((tuple(here), tuple(there)) for here, there in classes.values())
            for row, classes in pairs.items()
        }

    @cached_property
    def others(self) -> tuple[Row, ...]:
        """The rows outside this attention that have a weight with more than one site, in the map's order."""
        own = {(self.stack, one) for one in self.components}
        return tuple(
            Row(*key)
            for key, slots in self.plan.map.rows
            if key not in own and any(slot is not None and len(self.plan.map.sites(slot)) > 1 for slot in slots)
        )
