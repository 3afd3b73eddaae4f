"""Where two plans share differently. Start at compare_plans.

The number of a slot is only its name, so maps are compared as partitions: a site differs where the sites that use its
weight are not the same in both plans. Only sites count that both plans have; the others are told apart as ``only``.
No torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clps_core.numbers import layer_list
from clps_core.sharing.map import SharingMap, Site, Slot
from clps_core.sharing.plan import SharingPlan
from clps_core.words import _, listed, ngettext

__all__ = ["Mark", "PlanDifference", "compare_plans", "difference_sentences"]

Mark = Literal["", "sharing", "reading", "lora", "only"]
"""How a site differs; empty where it does not."""


@dataclass(frozen=True)
class PlanDifference:
    """What differs between two plans.

    ``common``: the sites that both have. Of these, ``sharing`` share their weight with other sites, ``reading`` have a
    weight in one plan alone or read another layer, ``lora`` have another rank. ``only``: the sites of the first plan
    that the second has no place for, and the other way round. ``beside``: what differs beside the map, by its name in
    the notation; ``core`` stands for the part that is looped.
    """

    common: int
    sharing: frozenset[Site]
    reading: frozenset[Site]
    lora: frozenset[Site]
    only: tuple[frozenset[Site], frozenset[Site]]
    beside: tuple[str, ...]

    @property
    def same_map(self) -> bool:
        """Whether both plans have the same sites, and these share and read alike."""
        return not (self.sharing or self.reading or any(self.only))

    def mark(self, side: int, site: Site) -> Mark:
        """How ``site`` of the first plan (``side`` 0) or the second (1) differs."""
        if site in self.only[side]:
            return "only"
        if site in self.reading:
            return "reading"
        if site in self.sharing:
            return "sharing"
        return "lora" if site in self.lora else ""


def compare_plans(first: SharingPlan, second: SharingPlan) -> PlanDifference:
    """Compare two plans of any families, depths and widths; swapping them swaps nothing but ``only``."""
    slots = dict(first.map.items()), dict(second.map.items())
    common = slots[0].keys() & slots[1].keys()
    ranks = first.lora_ranks(), second.lora_ranks()
    users = _users(first.map, common), _users(second.map, common)
    alike: dict[tuple[Slot, Slot], bool] = {}
    sharing, reading = set(), set()
    for site in common:
        here, there = slots[0][site], slots[1][site]
        if here is None or there is None:
            if here is not there or first.computed_by(*site) != second.computed_by(*site):
                reading.add(site)
            continue
        if (here, there) not in alike:
            alike[here, there] = users[0][here] == users[1][there]
        if not alike[here, there]:
            sharing.add(site)
    return PlanDifference(
        len(common),
        frozenset(sharing),
        frozenset(reading),
        frozenset(site for site in common if ranks[0].get(site, 0) != ranks[1].get(site, 0)),
        (frozenset(slots[0].keys() - common), frozenset(slots[1].keys() - common)),
        _beside(first, second),
    )


def _users(mapping: SharingMap, common: Iterable[Site]) -> dict[Slot, frozenset[Site]]:
    """Slot -> those of the ``common`` sites that use it."""
    kept = frozenset(common)
    return {slot: kept.intersection(mapping.sites(slot)) for slot in mapping.slots}


def _beside(first: SharingPlan, second: SharingPlan) -> tuple[str, ...]:
    names = ("depth_embedding", "layer_scale", "inject", "train_loops")
    found = [name for name in names if getattr(first.extras, name) != getattr(second.extras, name)]
    shared = first.execution.keys() & second.execution.keys()
    cores = ([(plan.execution[stack].core, plan.execution[stack].fixed is None) for stack in sorted(shared)]
             for plan in (first, second))  # fmt: skip
    one, other = cores
    return (*found, "core") if one != other else tuple(found)


def difference_sentences(
    found: PlanDifference, plans: tuple[SharingPlan, SharingPlan], names: tuple[str, str]
) -> list[str]:
    """``found`` in words; ``names`` are what the two designs are called."""
    if not found.common:
        return [_("The two designs have no stack in common, so no site can be compared."), *_only(found, plans, names)]
    said = []
    if found.same_map:
        said.append(_("Both designs share weights in the same way."))
    elif not (found.sharing or found.reading):
        said.append(_("The sites that both designs have are shared in the same way."))
    if found.sharing:
        said.append(
            ngettext(
                "Of {common} sites that both designs have, {n} shares its weights differently.",
                "Of {common} sites that both designs have, {n} share their weights differently.",
                len(found.sharing),
                common=f"{found.common:,}",
            )
        )
    if found.reading:
        said.append(
            ngettext(
                "{n} site has weights in only one of the designs, or reads another layer.",
                "{n} sites have weights in only one of the designs, or read another layer.",
                len(found.reading),
            )
        )
    if found.lora:
        said.append(ngettext("LoRA differs at {n} site.", "LoRA differs at {n} sites.", len(found.lora)))
    said += _only(found, plans, names)
    if found.beside:
        titles = {
            "depth_embedding": _("the depth signal"), "layer_scale": _("the scale of each layer"),
            "inject": _("whether the core gets its input again"), "train_loops": _("the random loops in training"),
            "core": _("the part that is looped"),
        }  # fmt: skip
        said.append(_("Other differences: {what}.", what=listed(titles[name] for name in found.beside)))
    return said


def _only(found: PlanDifference, plans: tuple[SharingPlan, SharingPlan], names: tuple[str, str]) -> list[str]:
    """What one design has and the other lacks: whole stacks, layers, components."""
    said = []
    for side, (name, sites) in enumerate(zip(names, found.only, strict=True)):
        own, other = plans[side].map, plans[1 - side].map
        for stack in dict.fromkeys(one for one in own.stacks if any(site.stack == one for site in sites)):
            if stack not in other.stacks:
                one = _("an encoder") if stack == "encoder" else _("a decoder")
                said.append(_("Only {name} has {stack}.", name=name, stack=one))
                continue
            extra = range(other.num_layers(stack), own.num_layers(stack))
            parts = [part for part in own.components(stack) if part not in other.components(stack)]
            if extra:
                layers = layer_list(extra)
                said.append(_("Only {name} has the layers {layers} of the {stack}.", name=name, layers=layers,
                              stack=_("encoder") if stack == "encoder" else _("decoder")))  # fmt: skip
            if parts:
                rows = ", ".join(f"{stack}.{part}" for part in parts)
                said.append(_("Only {name} has {parts}.", name=name, parts=rows))
    return said
