"""The designs compared and the chosen one's map, to look at and to paint. Start at sharing_map.

Columns are layers in order of execution, rows are components; equal colour *and* letter within one
row (and its tied rows) mean literally the same weights. A click on a cell offers other weights; what
was chosen comes back as an ``Action``. ``map_preview`` is one design's map alone, without the cards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from app.design.designs import Costed
from app.design.drawn import drawn_stacks, legend, looks, slot_numbers
from app.look.assets import asset, script
from app.look.colours import slot_letter, strategy_colours
from app.look.component import component
from app.look.formatting import compact, percent
from app.look.picture import Table, picture
from clps_core.words import _

__all__ = ["MAP_FRAME", "MAP_SCRIPTS", "MAP_STYLES", "map_numbers", "map_payload", "map_preview", "sharing_map"]

Sizes = Mapping[tuple[str, str], int]
Act = Callable[[dict[str, Any]], None]

MAP_FRAME = '<div class="map"></div>'
MAP_STYLES = ("design/sharing_map.css", "design/sharing_grid.css")
MAP_SCRIPTS = tuple(f"design/sharing_{part}.js" for part in ("thumb", "grid", "aside", "map"))
_component = component("clps.sharing_map", html=MAP_FRAME, css="".join(map(asset, MAP_STYLES)), js=script(*MAP_SCRIPTS))


def sharing_map(designs: Sequence[Costed], chosen: int, sizes: Sizes, on_action: Act) -> None:
    """Draw ``designs`` with number ``chosen`` (its place in the list a person sees) opened.

    ``sizes``: parameters of one (stack, component). ``on_action`` gets what a person did, as it came
    from the browser and therefore unchecked: ``{"kind": "choose" | "remove" | "paint", "design": 0, ...}``.
    """
    opened = next((place for place, design in enumerate(designs) if design.index == chosen), 0)
    _mount("sharing_map", map_payload(designs, opened, sizes), on_action)
    _picture(designs, designs[opened], sizes, "sharing_map")


def map_preview(design: Costed, sizes: Sizes, on_action: Act | None, key: str) -> None:
    """The map of one design alone; painting works here, too, unless there is no ``on_action``."""
    data = {**map_payload([design], 0, sizes), "alone": True, "fixed": on_action is None}
    _mount(key, data, on_action or (lambda _action: None))
    _picture([design], design, sizes, key)


def _picture(designs: Sequence[Costed], opened: Costed, sizes: Sizes, key: str) -> None:
    title = _("Sharing map: {name}", name=opened.name)
    about = " · ".join([opened.strategy, _("{count} stored", count=f"{opened.counts.unique_parameters:,}")])
    picture(key, title=title, name=("map", opened.name), about=about, numbers=lambda: map_numbers(designs, sizes))


def map_numbers(designs: Sequence[Costed], sizes: Sizes) -> Table:
    """One row per site of each design: which slot it uses, with its letter, and how many parameters that has."""

    def rows() -> Iterator[tuple[object, ...]]:
        for design in designs:
            numbers, _leader = slot_numbers(design.map)
            for (stack, component_name), slots in design.map.rows:
                for layer, slot in enumerate(slots):
                    if slot is None:
                        found: tuple[object, ...] = ("", "", None)
                    else:
                        found = (slot_letter(numbers[slot]), f"{slot.pool}:{slot.index}", sizes[stack, component_name])
                    yield design.name, design.strategy, stack, component_name, layer, *found

    return Table(["design", "strategy", "stack", "component", "layer", "letter", "slot", "parameters"], rows())


def map_payload(designs: Sequence[Costed], opened: int, sizes: Sizes) -> dict[str, Any]:
    """What the browser gets."""
    colours = strategy_colours(design.strategy for design in designs)
    drawn = [_design(design, colours[design.strategy], sizes) for design in designs]
    rows = [row["slots"] for design in drawn for stack in design["stacks"] for row in stack["rows"]]
    most = max((slot for slots in rows for slot in slots if slot is not None), default=0)
    return {"designs": drawn, "chosen": opened, "looks": looks(most + 2), "words": _words(), "alone": False}


def _mount(key: str, data: dict[str, Any], on_action: Act) -> None:
    def acted() -> None:
        action = st.session_state[key].get("action")
        if isinstance(action, dict):
            on_action(action)

    _component(key=key, data=data, on_action_change=acted)


def _design(design: Costed, colour: str, sizes: Sizes) -> dict[str, Any]:
    return {
        "text": design.strategy,
        "index": design.index,
        "title": design.name,
        "colour": colour,
        "stored": _("{count} stored", count=compact(design.counts.unique_parameters)),
        "share": percent(design.share, 0),
        "legend": legend(design.plan),
        "stacks": drawn_stacks(design.plan, sizes),
    }


def _words() -> dict[str, str]:
    """Texts for the script; the fields in braces are filled in there."""
    return {
        "layer": _("layer"),
        "input": _("input"),
        "remove": _("Remove {name}"),
        "cell": _("{stack}, layer {layer}, {component}: slot {letter}"),
        "absent_cell": _("{stack}, layer {layer}, {component}: none, reads layer {source}"),
        "at_layer": _("layer {layer}"),
        "idle_title": _("Sharing map"),
        "idle": _("Point at a cell to see every layer that uses the same weights. Click a cell to change its weights."),
        "idle_fixed": _("Point at a cell to see every layer that uses the same weights."),
        "letters": _(
            "Colours and letters belong to one row and to the rows tied to it (marked =). In other rows, the "
            "same letter means different weights."
        ),
        "used_by": _("Used by layers {layers}: {size} parameters stored once, used {count} times."),
        "used_alone": _("Used by layer {layers} alone: {size} parameters."),
        "used_tied": _("One weight of {size} parameters, used {count} times:"),
        "used_row": _("{stack} {component}: layers {layers}"),
        "lora": _("Each layer adds its own matrix of rank {rank}."),
        "absent": _(
            "This layer has no {component}: it reads the {what} of layer {source}. To paint this cell, let the "
            "layer compute its own first."
        ),
        "click": _("Click the cell to change its weights."),
        "scope": _("Cells to change"),
        "scope_cell": _("this cell"),
        "scope_sublayer": _("all of {sublayer}"),
        "scope_layer": _("the whole layer"),
        "slot": _("New weights"),
        "use_slot": _("Use slot {letter}, as layer {layer}"),
        "new_slot": _("Use a new slot"),
    }
