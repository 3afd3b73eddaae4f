"""The designs compared and the chosen one's map, to look at and to paint. Start at sharing_map.

Columns are layers in order of execution, rows are components; equal colour *and* letter within one
row mean literally the same weights. A click on a cell offers other slots; what was chosen comes back
as an ``Action``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.colours import ink_on, slot_colour, slot_letter, strategy_colour
from app.components.assets_folder import asset
from app.designs import Costed
from app.formatting import compact, exact, percent, strategy_name
from clps_core.sharing import SharingMap
from clps_core.sharing.strategies import FAMILIES, NORM_FOLLOWS
from clps_core.words import _, ngettext

__all__ = ["component_title", "sharing_map"]

MAX_DRAWN = 64
"""Layers drawn per stack: beyond it the picture says how many more there are."""

_component = st.components.v2.component(
    "clps.sharing_map", html='<div class="map"></div>', css=asset("sharing_map.css"), js=asset("sharing_map.js")
)


def sharing_map(
    designs: Sequence[Costed],
    chosen: int,
    sizes: dict[tuple[str, str], int],
    on_action: Callable[[dict[str, Any]], None],
) -> None:
    """Draw ``designs`` with number ``chosen`` (its place in the list a person sees) opened.

    ``sizes``: parameters of one (stack, component). ``on_action`` gets what a person did, as it came
    from the browser and therefore unchecked: ``{"kind": "choose" | "remove" | "paint", "design": 0, ...}``.
    """
    key = "sharing_map"

    def acted() -> None:
        action = st.session_state[key].get("action")
        if isinstance(action, dict):
            on_action(action)

    most = max((slot.index for design in designs for slot in design.map.slots), default=0)
    unshared = max(design.counts.executed_parameters for design in designs)
    opened = next((place for place, design in enumerate(designs) if design.index == chosen), 0)
    _component(
        key=key,
        data={
            "designs": [_design(design, unshared, sizes) for design in designs],
            "chosen": opened,
            "looks": [_look(index) for index in range(min(most, MAX_DRAWN) + 2)],
            "words": _words(),
        },
        on_action_change=acted,
    )


def component_title(component: str) -> str:
    """A component as people write it: Q, cross K, FFN in."""
    titles = {
        "q": _("Q"), "k": _("K"), "v": _("V"), "o": _("O"),
        "cross_q": _("cross Q"), "cross_k": _("cross K"), "cross_v": _("cross V"), "cross_o": _("cross O"),
        "ffn_in": _("FFN in"), "ffn_gate": _("FFN gate"), "ffn_out": _("FFN out"),
        "norm_attn": _("norm"), "norm_cross": _("norm"), "norm_ffn": _("norm"),
    }  # fmt: skip
    return titles.get(component, component)


def _family(component: str) -> str:
    source = NORM_FOLLOWS.get(component, component)
    return next(name for name, members in FAMILIES.items() if source in members)


def _family_title(family: str) -> str:
    return {"attention": _("attention"), "cross_attention": _("cross-attention"), "ffn": _("FFN")}[family]


def _design(design: Costed, unshared: int, sizes: dict[tuple[str, str], int]) -> dict[str, Any]:
    stored = design.counts.unique_parameters
    return {
        "text": design.strategy,
        "index": design.index,
        "title": strategy_name(design.strategy),
        "colour": strategy_colour(design.strategy),
        "stored": _("{count} stored", count=compact(stored)),
        "share": percent(stored / unshared, 0),
        "stacks": [_stack(design.map, stack, sizes) for stack in design.map.stacks],
    }


def _stack(mapping: SharingMap, stack: str, sizes: dict[tuple[str, str], int]) -> dict[str, Any]:
    layers = mapping.num_layers(stack)
    title = _("Encoder") if stack == "encoder" else _("Decoder")
    distinct = len(set(mapping.layer_groups(stack)))
    return {
        "name": stack,
        "title": title,
        "note": ngettext(
            "{n} layer, {distinct} distinct", "{n} layers, {distinct} distinct", layers, distinct=distinct
        ),
        "alt": _("{title}: components by layers, each cell names its slot", title=title),
        "layers": min(layers, MAX_DRAWN),
        "more": _("and {count} more layers", count=layers - MAX_DRAWN) if layers > MAX_DRAWN else "",
        "rows": [
            {
                "component": component,
                "title": component_title(component),
                "family": _family(component),
                "family_title": _family_title(_family(component)),
                "norm": component in NORM_FOLLOWS,
                "size": exact(sizes[stack, component]),
                "slots": [
                    None if slot is None else min(slot.index, MAX_DRAWN + 1)
                    for slot in mapping.row(stack, component)[:MAX_DRAWN]
                ],
            }
            for component in mapping.components(stack)
        ],
    }


def _look(index: int) -> dict[str, str]:
    colour = slot_colour(index)
    return {"letter": slot_letter(index), "colour": colour, "ink": ink_on(colour)}


def _words() -> dict[str, str]:
    """Texts for the script; the fields in braces are filled in there."""
    return {
        "layer": _("layer"),
        "remove": _("Remove {name}"),
        "cell": _("{stack}, layer {layer}, {component}: slot {letter}"),
        "at_layer": _("layer {layer}"),
        "idle_title": _("Who shares what"),
        "idle": _("Point at a cell to see every layer that uses the same weights. Click it to give it other ones."),
        "letters": _("Colours and letters count within one row: A of Q and A of K are different weights."),
        "used_by": _("Used by layers {layers}: {size} parameters stored once, used {count} times."),
        "used_alone": _("Used by layer {layers} alone: {size} parameters."),
        "click": _("Click the cell to change its slot."),
        "scope": _("Change"),
        "scope_cell": _("this cell"),
        "scope_family": _("all of {family}"),
        "scope_layer": _("the whole layer"),
        "slot": _("to slot"),
        "use_slot": _("Use slot {letter}"),
        "new_slot": _("Use a new slot"),
    }
