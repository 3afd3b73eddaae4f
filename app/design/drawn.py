"""A design as plain data for the browser to draw: rows of letters, what reads what, marks and their legend.

Start at drawn_stacks; ``sharing_map.js`` draws it. No streamlit here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.look.colours import ink_on, slot_colour, slot_letter
from app.look.strategy_names import target_name
from clps_core.sharing import SharingMap, SharingPlan, Slot
from clps_core.sharing.sources import REUSE_KINDS
from clps_core.sharing.strategies import NORM_FOLLOWS, SUBLAYERS
from clps_core.words import _, ngettext

__all__ = ["MAX_DRAWN", "component_title", "drawn_stacks", "legend", "looks", "slot_numbers", "stack_title"]

MAX_DRAWN = 192
"""Layers drawn per stack: beyond it the picture says how many more there are."""

Key = tuple[str, str]


def component_title(component: str) -> str:
    """A component as people write it beside a row: Q, cross K, FFN in, norm."""
    return _("norm") if component in NORM_FOLLOWS else target_name(component)


def stack_title(stack: str) -> str:
    """Encoder or Decoder."""
    return _("Encoder") if stack == "encoder" else _("Decoder")


def looks(count: int) -> list[dict[str, str]]:
    """Letter and colours of slots 0 to ``count - 1``."""
    colours = [slot_colour(index) for index in range(count)]
    return [
        {"letter": slot_letter(index), "colour": colour, "ink": ink_on(colour)} for index, colour in enumerate(colours)
    ]


def slot_numbers(mapping: SharingMap) -> tuple[dict[Slot, int], dict[Key, Key]]:
    """The number by which each slot is lettered, and for each row the first row that it shares a weight with.

    Rows that share weights, however indirectly, count on together: ``k=@q`` gives K the letters of Q.
    """
    leader = {key: key for key, _slots in mapping.rows}
    order = list(leader)
    for slot in mapping.slots:
        rows = {leader[site.stack, site.component] for site in mapping.sites(slot)}
        if len(rows) > 1:
            first = min(rows, key=order.index)
            leader = {key: first if one in rows else one for key, one in leader.items()}
    numbers: dict[Slot, int] = {}
    used: dict[Key, int] = {}
    for slot in mapping.slots:
        site = mapping.sites(slot)[0]
        group = leader[site.stack, site.component]
        numbers[slot] = used.get(group, 0)
        used[group] = numbers[slot] + 1
    return numbers, leader


def drawn_stacks(plan: SharingPlan, sizes: Mapping[Key, int]) -> list[dict[str, Any]]:
    """Every stack of ``plan``; ``sizes`` are the parameters of one (stack, component)."""
    numbers, leader = slot_numbers(plan.map)
    return [_stack(plan, stack, sizes, numbers, leader) for stack in plan.map.stacks]


def _stack(
    plan: SharingPlan, stack: str, sizes: Mapping[Key, int], numbers: dict[Slot, int], leader: dict[Key, Key]
) -> dict[str, Any]:
    mapping = plan.map
    layers, title = mapping.num_layers(stack), stack_title(stack)
    shown = min(layers, MAX_DRAWN)
    distinct = _distinct(plan, stack)
    return {
        "name": stack,
        "title": title,
        "note": ngettext(
            "{n} layer runs, {distinct} distinct", "{n} layers run, {distinct} distinct", layers, distinct=distinct
        ),
        "alt": _("{title}: one row per component, one column per layer; each cell shows its slot", title=title),
        "layers": shown,
        "more": ngettext("and {n} more layer", "and {n} more layers", layers - shown) if layers > shown else "",
        "core": _core(plan, stack),
        "input": _input(plan, stack, shown),
        "scale": plan.extras.layer_scale,
        "reads": _reads(plan, stack, shown),
        "rows": [
            _row(plan, (stack, component), shown, sizes, numbers, leader) for component in mapping.components(stack)
        ],
    }


def _distinct(plan: SharingPlan, stack: str) -> int:
    """How many different layers a stack has; LoRA and a scale of its own make a layer different from all others."""
    loose = {site.layer for site, _rank in plan.lora if site.stack == stack}
    groups = plan.map.layer_groups(stack)
    own = range(len(groups)) if plan.extras.layer_scale else loose
    return len({(group, layer if layer in own else None) for layer, group in enumerate(groups)})


def _row(
    plan: SharingPlan,
    key: Key,
    shown: int,
    sizes: Mapping[Key, int],
    numbers: dict[Slot, int],
    leader: dict[Key, Key],
) -> dict[str, Any]:
    component = key[1]
    sublayer = next(name for name, members in SUBLAYERS.items() if NORM_FOLLOWS.get(component, component) in members)
    ranks = {site.layer: rank for site, rank in plan.lora if (site.stack, site.component) == key}
    return {
        "component": component,
        "title": component_title(component),
        "sublayer": sublayer,
        "sublayer_title": target_name(sublayer),
        "norm": component in NORM_FOLLOWS,
        "ends": component in ("o", "cross_o", "ffn_out"),
        "size": f"{sizes[key]:,}",
        "group": ".".join(leader[key]),
        "tie": _tie(key, leader[key]),
        "slots": [None if slot is None else numbers[slot] for slot in plan.map.row(*key)[:shown]],
        "lora": max(ranks.values(), default=0),
    }


def _tie(key: Key, leader: Key) -> str:
    """What stands beside a row that has the weights of an earlier one."""
    if key == leader:
        return ""
    if key[1] == leader[1]:
        return _("= {other}", other=target_name(leader[0]))
    same_stack = key[0] == leader[0]
    return _("= {other}", other=target_name(leader[1] if same_stack else ".".join(leader)))


def _core(plan: SharingPlan, stack: str) -> dict[str, Any] | None:
    execution = plan.execution[stack]
    if execution.core is None or execution.loops < 2:
        return None
    prelude, repeated, _coda = execution.core
    label = ngettext("{n} layer × {loops}", "{n} layers × {loops}", repeated, loops=execution.loops)
    if plan.extras.train_loops is not None:
        fewest, most = plan.extras.train_loops
        label = _("{core}, in training {fewest} to {most}", core=label, fewest=fewest, most=most)
    note = _("The number of loops can be changed after training.")
    if execution.fixed:
        note = _("The number of loops is fixed. {why}", why=execution.fixed)
    return {"start": prelude, "layers": repeated, "loops": execution.loops, "label": label, "note": note}


def _input(plan: SharingPlan, stack: str, shown: int) -> list[list[str]] | None:
    """Per layer, what is added to its input: ``depth``, ``learned`` or ``inject``; ``None`` where nothing is."""
    extras = plan.extras
    starts: set[int] = set()
    if extras.inject != "none":
        begins = sorted(plan.execution[stack].starts())
        starts = set(begins if extras.inject == "concat" else begins[1:])
    depth = {"none": [], "sinusoidal": ["depth"], "learned": ["learned"]}[extras.depth_embedding]
    marks = [[*depth, *(["inject"] if layer in starts else [])] for layer in range(shown)]
    return marks if any(marks) else None


def _reads(plan: SharingPlan, stack: str, shown: int) -> list[dict[str, Any]]:
    """Per kind of reuse: the source of each layer, the components that are therefore absent, and the lanes.

    A lane holds buses (source, consumers) that do not overlap.
    """
    reuse = plan.reuse[stack]
    found = []
    for kind, components in REUSE_KINDS.items():
        consumers = sorted(layer for layer in reuse.consumers(kind) if layer < shown)
        if not consumers:
            continue
        buses: dict[int, list[int]] = {}
        for layer in consumers:
            buses.setdefault(reuse.source(kind, layer), []).append(layer)
        lanes: list[list[dict[str, Any]]] = []
        for source, readers in sorted(buses.items()):
            lane = next((lane for lane in lanes if lane[-1]["to"][-1] < source), None)
            if lane is None:
                lanes.append(lane := [])
            lane.append({"from": source, "to": readers})
        found.append(
            {
                "what": _("keys and values") if kind == "kv_source" else _("attention"),
                "title": _("K, V of") if kind == "kv_source" else _("attention of"),
                "after": components[-1],
                "components": list(components),
                "sources": [reuse.source(kind, layer) for layer in range(shown)],
                "lanes": lanes,
            }
        )
    return found


def legend(plan: SharingPlan) -> list[dict[str, str]]:
    """A sentence for every mark that the map of ``plan`` shows, and for no other."""
    found: list[dict[str, str]] = []

    def say(mark: str, text: str) -> None:
        found.append({"mark": mark, "text": text})

    cores = [core for stack in plan.map.stacks if (core := _core(plan, stack))]
    if cores:
        say("core", _("This part repeats. {note}", note=cores[0]["note"]))
    kinds = {kind for reuse in plan.reuse.values() for kind in REUSE_KINDS if reuse.consumers(kind)}
    if "kv_source" in kinds:
        say("absent", _("No weights here: the layer reads the keys and values of the layer shown in the cell."))
    if "attention_source" in kinds:
        say("absent", _("No weights here: the layer uses the attention of the layer shown in the cell."))
    if any(key != leader for key, leader in slot_numbers(plan.map)[1].items()):
        say("tie", _("Tied rows: the same letter in both rows is the same weight."))
    ranks = sorted({rank for _site, rank in plan.lora})
    if ranks:
        say("lora", _("LoRA: each layer adds its own matrix of rank {ranks}.", ranks=", ".join(map(str, ranks))))
    if plan.extras.layer_scale:
        say("scale", _("Each layer has its own scale on the output of a branch."))
    depth = {
        "sinusoidal": _("A fixed signal tells each layer its depth."),
        "learned": _("A learned vector tells each layer its depth."),
    }
    if plan.extras.depth_embedding in depth:
        say("learned" if plan.extras.depth_embedding == "learned" else "depth", depth[plan.extras.depth_embedding])
    if plan.extras.inject != "none":
        say("inject", _("The core receives the prelude's output again at every loop."))
    return found
