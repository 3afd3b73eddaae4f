"""Two sharing maps side by side, with what differs marked on both. Start at sharing_pair.

What differs is told by ``clps_core.sharing.difference``: which sites share one weight, not what slots are numbered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from app.design.designs import Costed, component_sizes
from app.design.drawn import drawn_stacks, looks, slot_numbers
from app.design.sharing_map import MAP_STYLES
from app.look.assets import asset, script
from app.look.colours import slot_letter, strategy_colours
from app.look.component import component
from app.look.formatting import compact
from app.look.picture import Table, picture
from clps_core.sharing import Site
from clps_core.sharing.difference import Mark, PlanDifference
from clps_core.words import _, either

__all__ = ["pair_numbers", "pair_payload", "sharing_pair"]

_component = component(
    "clps.sharing_pair",
    html='<div class="map pair"></div>',
    css="".join(map(asset, (*MAP_STYLES, "design/sharing_pair.css"))),
    js=script("design/sharing_thumb.js", "design/sharing_grid.js", "design/sharing_pair.js"),
)


def sharing_pair(pair: Sequence[Costed], names: Sequence[str], found: PlanDifference) -> None:
    """Draw the maps of the two designs ``pair``, called ``names``; ``found`` is what differs between them."""
    _component(key="sharing_pair", data=pair_payload(pair, names, found))
    picture(
        "sharing_pair",
        title=_("Sharing maps: {first} and {second}", first=names[0], second=names[1]),
        name=("maps", *names),
        about=" · ".join(design.strategy for design in pair),
        numbers=lambda: pair_numbers(pair, names, found),
    )


def pair_payload(pair: Sequence[Costed], names: Sequence[str], found: PlanDifference) -> dict[str, Any]:
    """What the browser gets."""
    colours = strategy_colours(design.strategy for design in pair)
    drawn: list[dict[str, Any]] = [
        {
            "title": name,
            "text": design.strategy,
            "colour": colours[design.strategy],
            "stored": _("{count} stored", count=compact(design.counts.unique_parameters)),
            "stacks": _marked(design, side, found),
        }
        for side, (design, name) in enumerate(zip(pair, names, strict=True))
    ]
    rows = [row["slots"] for design in drawn for stack in design["stacks"] for row in stack["rows"]]
    most = max((slot for slots in rows for slot in slots if slot is not None), default=0)
    marks = {mark for design in drawn for stack in design["stacks"] for row in stack["rows"] for mark in row["marks"]}
    return {"designs": drawn, "looks": looks(most + 1), "words": _words(), "keys": _keys(marks - {""})}


def _keys(marks: Collection[Mark]) -> list[dict[str, str]]:
    """What a ring means on these maps, and what a dashed one does, where there are such."""
    reasons = {
        "sharing": _("shares its weights with different sites"),
        "reading": _("has weights in only one design, or reads another layer"),
        "lora": _("has LoRA of a different rank, or no LoRA"),
    }
    said = either(text for mark, text in reasons.items() if mark in marks)
    found = [{"mark": "sharing", "text": _("Differs: {reasons}", reasons=said)}] if said else []
    return [*found, *([{"mark": "only", "text": _words()["only"]}] if "only" in marks else [])]


def _marked(design: Costed, side: int, found: PlanDifference) -> list[dict[str, Any]]:
    """The stacks as the sharing map draws them, with the mark of every cell and the layers that the other one lacks."""
    stacks = drawn_stacks(design.plan, component_sizes(design.model))
    for stack in stacks:
        for row in stack["rows"]:
            sites = [Site(stack["name"], layer, row["component"]) for layer in range(stack["layers"])]
            row["marks"] = [found.mark(side, site) for site in sites]
        stack["lacking"] = [
            layer for layer in range(stack["layers"]) if all(row["marks"][layer] == "only" for row in stack["rows"])
        ]
    return stacks


def pair_numbers(pair: Sequence[Costed], names: Sequence[str], found: PlanDifference) -> Table:
    """One row per site of each design: the letter of its slot, and how it differs."""

    def rows() -> Iterator[tuple[object, ...]]:
        for side, (design, name) in enumerate(zip(pair, names, strict=True)):
            numbers, _leader = slot_numbers(design.map)
            for site, slot in design.map.items():
                letter = "" if slot is None else slot_letter(numbers[slot])
                yield name, design.strategy, *site, letter, found.mark(side, site)

    return Table(["design", "strategy", "stack", "layer", "component", "letter", "differs"], rows())


def _words() -> dict[str, str]:
    """Texts for the script; the fields in braces are filled in there."""
    return {
        "layer": _("layer"),
        "input": _("input"),
        "cell": _("{stack}, layer {layer}, {component}: slot {letter}"),
        "absent_cell": _("{stack}, layer {layer}, {component}: none, reads layer {source}"),
        "idle": _("Point at a cell to see which layers use its weights in each design."),
        "place": _("{stack} · {component} · layer {layer}"),
        "shares": _("{name}: with {others}"),
        "alone": _("{name}: separate weights"),
        "reads": _("{name}: no weights, reads layer {source}"),
        "lacks": _("{name}: this part does not exist"),
        "row": _("{component} of layers {layers}"),
        "stack_row": _("{stack} {component} of layers {layers}"),
        "lacking": _("The other design has no layer {layer}."),
        "sharing": _("Shares its weights with different sites in the other design"),
        "reading": _("Has weights in only one design, or reads another layer"),
        "lora": _("Has LoRA of a different rank in the other design, or no LoRA in one of them"),
        "only": _("Does not exist in the other design"),
    }
