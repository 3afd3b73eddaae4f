"""The designs of papers to start from: grouped by paper, with a search. Start at papers_dialog.

Figures are the presets' own; that the counter gives them to the digit, a test holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app import state
from app.design.designs import Designs, current_designs, save_designs
from app.design.origins import current_origin, origins, published_beside
from app.look.assets import asset, script
from app.look.colours import strategy_colour
from app.look.component import component
from app.look.dialog import dialog
from app.look.formatting import compact, exact, memory, strategy_name
from app.services import escape_markdown
from app.state import renew_fields
from clps_core.presets import Preset
from clps_core.words import N_, _, kept_by_language, sentences

__all__ = ["open_papers_dialog", "papers_dialog", "papers_payload", "published_line"]

_component = component(
    "clps.paper_gallery",
    html='<div class="gallery papers"></div>',
    css=asset("design/gallery.css") + asset("design/paper_gallery.css"),
    js=script("design/sharing_thumb.js", "design/gallery.js", "design/paper_gallery.js"),
)


def open_papers_dialog() -> None:
    """Open the dialog in the next run of the page."""
    st.session_state[state.DESIGN_DIALOG] = "papers"


def close() -> None:
    """The next run of the page is without the dialog."""
    st.session_state[state.DESIGN_DIALOG] = None


@dialog(N_("Start from a paper"), width="large", on_dismiss=close)
def papers_dialog() -> None:
    """Draw it; what is chosen becomes the page's sizes and designs."""
    if st.session_state.get(state.DESIGN_DIALOG) != "papers":
        st.rerun()
    key = "paper_gallery"

    def acted() -> None:
        origin = origins().get(str(st.session_state[key].get("preset")))
        if origin is not None:
            save_designs(replace(origin.designs, beside=current_designs().beside))
            renew_fields()
            close()

    _component(key=key, data=papers_payload(), on_preset_change=acted)


@kept_by_language(maxsize=8)
def papers_payload() -> dict[str, Any]:
    """What the browser gets."""
    papers: dict[str, list[dict[str, str]]] = {}
    for origin in origins().values():
        if origin.preset is not None:
            papers.setdefault(origin.group, []).append(_row(origin.preset))
    words = {
        "search": _("Search papers, models and schemes"),
        "none": _("No paper's design matches."),
        "published": _("published"),
        "counted": _("counted"),
    }
    return {"papers": [{"title": title, "presets": rows} for title, rows in papers.items()], "words": words}


def _row(preset: Preset) -> dict[str, str]:
    model, strategy = preset.model, preset.sharing.strategy
    layers = str(model.num_layers)
    if model.family == "encoder_decoder":
        layers = f"{model.num_layers} + {model.decoder_layers}"
    ours = exact(preset.exact)
    return {
        "name": preset.name,
        "title": preset.title,
        "sizes": _("{layers} layers, d_model {width}", layers=layers, width=model.d_model),
        "strategy": strategy_name(strategy),
        "colour": strategy_colour(strategy),
        "published": _figure(preset, preset.published or ""),
        "counted": memory(preset.exact) if preset.counted == "kv_cache_bytes_per_token" else compact(preset.exact),
        "exact": ours,
        "what": _what(preset),
        "note": preset.note,
    }


def _figure(preset: Preset, printed: str) -> str:
    if preset.counted == "kv_cache_bytes_per_token" and printed.isdigit():
        return memory(int(printed))
    return printed


def _what(preset: Preset) -> str:
    return {
        "all": _("parameters"),
        "non_embedding": _("parameters without embeddings"),
        "kv_cache_bytes_per_token": _("of KV cache per token"),
    }[preset.counted]


def published_line(designs: Designs) -> None:
    """Where the sizes come from, when they are a paper's: its figure beside ours, and its note."""
    origin = current_origin(designs)
    if origin is None or origin.preset is None:
        return
    preset = origin.preset
    printed, ours = published_beside(preset)
    parts = [f"**{escape_markdown(preset.title)}** ({escape_markdown(preset.source)})"]
    figure = _("counted {count} {what}", count=exact(ours), what=_what(preset))
    if printed:
        figure = _("published {printed}, {counted}", printed=_figure(preset, printed), counted=figure)
    parts.append(escape_markdown(f"{strategy_name(preset.sharing.strategy)}: {figure}."))
    if preset.note:
        parts.append(escape_markdown(preset.note))
    st.caption(sentences(parts))
