"""Every way of sharing as a small picture to choose from. Start at scheme_gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.design.drawn import looks
from app.look.assets import asset, script
from app.look.component import component
from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.errors import ClpsError
from clps_core.schemes import KINDS, SCHEMES, Card, Scheme, card, standard_model
from clps_core.words import _, kept_by_language

__all__ = ["gallery_payload", "pictured", "scheme_gallery"]

_component = component(
    "clps.scheme_gallery",
    html='<div class="gallery"></div>',
    css=asset("design/gallery.css") + asset("design/scheme_gallery.css"),
    js=script("design/sharing_thumb.js", "design/gallery.js", "design/scheme_gallery.js"),
)


def scheme_gallery(model: ModelConfig, chosen: frozenset[str], on_choose: Callable[[str], None]) -> None:
    """Draw it; schemes of ``chosen`` are marked, those that a model of this family cannot have say so."""
    key = "scheme_gallery"

    def acted() -> None:
        name = st.session_state[key].get("scheme")
        if isinstance(name, str) and name in SCHEMES:
            on_choose(name)

    _component(key=key, data={**gallery_payload(model.family), "chosen": sorted(chosen)}, on_scheme_change=acted)


def gallery_payload(family: str) -> dict[str, Any]:
    """What the browser gets: kinds of schemes, each with its cards."""
    return _payload(family, tuple(SCHEMES))


@kept_by_language(maxsize=4)
def _payload(family: str, _schemes: tuple[str, ...]) -> dict[str, Any]:
    kinds = [
        {
            "title": title,
            "schemes": [
                {
                    "name": scheme.name,
                    "title": scheme.title,
                    "line": scheme.shared,
                    "source": scheme.source if scheme.source != "-" else "",
                    "texts": _texts(scheme, title),
                    "refused": _refused(family, scheme.strategy),
                    "stacks": pictured(card(scheme)),
                }
                for scheme in SCHEMES.values()
                if scheme.kind == kind
            ],
        }
        for kind, title in KINDS.items()
        if kind != "outside"
    ]
    words = {"search": _("Search the schemes"), "none": _("No scheme matches.")}
    return {"kinds": kinds, "looks": looks(16), "words": words}


def _texts(scheme: Scheme, kind: str) -> list[str]:
    """All that the scheme's card says, sentence by sentence: what the search looks through."""
    evidence = [f"{one.claim} ({one.source})" for one in scheme.evidence]
    words = (scheme.rule, scheme.shared, scheme.kept, scheme.saved, scheme.lost, scheme.beyond)
    return [text for text in (*words, *evidence, scheme.strategy, scheme.name, kind) if text]


def pictured(found: Card) -> list[dict[str, Any]]:
    """The rows of a card's map, for the small picture."""
    stacks = dict.fromkeys(row.stack for row in found.rows)
    return [
        {
            "layers": found.plan.map.num_layers(stack),
            "rows": [
                {"norm": row.component.startswith("norm"), "slots": list(row.slots)}
                for row in found.rows
                if row.stack == stack
            ],
        }
        for stack in stacks
    ]


def _refused(family: Any, strategy: str) -> str:
    """Why a model of this family cannot have the scheme; empty where it can."""
    if strategy == "custom":
        return ""
    try:
        sharing_plan(standard_model(family), SharingConfig(strategy=strategy))
    except ClpsError as error:
        return str(error)
    return ""
