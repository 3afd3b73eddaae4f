"""What sharing is, in one picture: the same six layers under several strategies. Start at sharing_picture."""

from __future__ import annotations

from typing import Any

from app.look.assets import asset, script
from app.look.colours import ink_on, slot_colour, slot_letter
from app.look.component import component
from app.look.picture import Table, picture
from clps_core.sharing.rules import apply_rule
from clps_core.words import _, ngettext

__all__ = ["sharing_picture"]

LAYERS = 6
SHOWN = (("none", None), ("all", None), ("cycle", 3))

_component = component(
    "clps.sharing_picture",
    html='<div class="picture"></div>',
    css=asset("design/sharing_picture.css"),
    js=script("design/sharing_picture.js"),
)


def sharing_picture(key: str = "sharing_picture") -> None:
    """Draw it. The layers light up one after the other, once; then hovering shows who shares what."""
    _component(
        key=key,
        data={
            "panels": [_panel(rule, number) for rule, number in SHOWN],
            "words": {
                "layer": _("layer"),
                "stored": _("stored weights"),
                "parameters": _("Parameters"),
                "computation": _("Computation"),
                "play": _("Run the layers again"),
                "lesson": _(
                    "Sharing stores fewer weights. Every layer still runs, so the computation stays the same: a shared "
                    "layer gets a different input each time. (The only exception is cross-attention: all its layers "
                    "read the same encoder output, so shared keys and values are computed once.)"
                ),
            },
        },
    )
    picture(key, title=_("What sharing is"), about=_("Six layers under three strategies"), numbers=_numbers)


def _numbers() -> Table:
    rows = [
        (rule if number is None else f"{rule}:{number}", layer, slot_letter(slot))
        for rule, number in SHOWN
        for layer, slot in enumerate(apply_rule(rule, LAYERS, number))
    ]
    return Table(["strategy", "layer", "slot"], rows)


def _panel(rule: str, number: int | None) -> dict[str, Any]:
    slots = apply_rule(rule, LAYERS, number)
    stored = len(set(slots))
    titles = {"none": _("No sharing"), "all": _("All layers share"), "cycle": _("A cycle of three")}
    letters = ", ".join(slot_letter(slot) for slot in slots)
    return {
        "title": titles[rule],
        "note": ngettext("6 layers executed, {n} stored", "6 layers executed, {n} stored", stored),
        "alt": _("{title}: layers 0 to 5 use the weights {letters}.", title=titles[rule], letters=letters),
        "slots": list(slots),
        "looks": [
            {"letter": slot_letter(slot), "colour": slot_colour(slot), "ink": ink_on(slot_colour(slot))}
            for slot in range(stored)
        ],
        "stored_share": stored / LAYERS,
    }
