"""Put a design together: choose a scheme, set its options, see its map and its cost, add it. Start at add_dialog.

The text of the strategy is the draft; every control reads it and writes it (``strategy_controls.py``), so
that choosing, painting and typing are three ways to the same line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from app import state
from app.design.designs import Costed, component_sizes, cost, current_designs, save_designs
from app.design.drafts import CUSTOM
from app.design.history import MOST_STEPS
from app.design.painting import paint
from app.design.scheme_gallery import scheme_gallery
from app.design.sharing_map import map_preview
from app.design.strategy_controls import draw_controls
from app.look.dialog import dialog
from app.look.formatting import compact, memory, percent, strategy_name
from app.services import escape_markdown, show_problem
from clps_core.config import ModelConfig, validated
from clps_core.errors import ClpsError
from clps_core.schemes import SCHEMES, schemes_of, strategy_of_scheme
from clps_core.shapes import stack_layers
from clps_core.sharing import parse_strategy
from clps_core.sharing.pasted import strategy_of_pasted
from clps_core.words import N_, _, ngettext

__all__ = ["add_dialog", "open_add_dialog", "take_draft"]

TYPED = "design_draft_text"
FIRST = "grouped:2"


def open_add_dialog() -> None:
    """Open the dialog; what was being put together before is still there."""
    st.session_state[state.DESIGN_DIALOG] = "add"


def close() -> None:
    """The next run of the page is without the dialog."""
    st.session_state[state.DESIGN_DIALOG] = None


def take_draft(change: Callable[[str], str] | str) -> None:
    """Change the draft. What cannot be read stays in the text field, the controls keep the last good draft."""
    session = st.session_state
    try:
        wanted = change if isinstance(change, str) else change(draft())
    except ClpsError as error:
        session[state.DESIGNS_PROBLEM] = str(error)
        return
    session[state.DESIGN_TYPED], before = wanted, draft()
    try:
        wanted = strategy_of_scheme(strategy_of_pasted(wanted))
        session[state.DESIGN_DRAFT] = parse_strategy(wanted).text
    except ClpsError:
        return
    if before != draft():
        session[state.DESIGN_DRAFTS] = [*session.get(state.DESIGN_DRAFTS, []), before][-MOST_STEPS:]
    if not isinstance(change, str) or wanted != change:
        session[state.DESIGN_TYPED] = session[state.DESIGN_DRAFT]


def undo_draft() -> None:
    """Take back the last change of the draft."""
    session = st.session_state
    *earlier, last = session.get(state.DESIGN_DRAFTS) or [draft()]
    session[state.DESIGN_DRAFTS] = earlier
    session[state.DESIGN_DRAFT] = session[state.DESIGN_TYPED] = last


def draft() -> str:
    """The strategy being put together."""
    return str(st.session_state.get(state.DESIGN_DRAFT, FIRST))


@dialog(N_("Add a design"), width="large", on_dismiss=close)
def add_dialog(model: ModelConfig, on_add: Callable[[str], None]) -> None:
    """Draw it; ``on_add`` gets the strategy that a person adds."""
    if st.session_state.get(state.DESIGN_DIALOG) != "add":
        st.rerun()
    left, right = st.columns([0.42, 0.58], gap="medium")
    with left:
        scheme_gallery(model, _used(model), lambda name: take_draft(_text_of(name, model)))
    with right:
        design = _text_line(model, on_add)
        draw_controls(model, draft(), take_draft)
        if design is not None:
            _draw_cost(design)
            map_preview(design, component_sizes(model), lambda action: _painted(model, action), "draft_map")


def _used(model: ModelConfig) -> frozenset[str]:
    """The schemes that the draft uses; none where it does not fit the model."""
    try:
        return frozenset(scheme.name for scheme in schemes_of(draft(), model))
    except ClpsError:
        return frozenset()


def _text_of(scheme: str, model: ModelConfig) -> str:
    """A scheme's strategy; for a map of one's own, one that mirrors."""
    text = SCHEMES[scheme].strategy
    if text != "custom":
        return text
    layers = min(stack_layers(model).values())
    return "-".join(str(min(layer, layers - 1 - layer)) for layer in range(layers))


def _painted(model: ModelConfig, action: dict[str, Any]) -> None:
    if action.get("kind") == "paint":
        take_draft(lambda text: paint(model, text, action))
    elif action.get("kind") == "undo":
        undo_draft()


def _text_line(model: ModelConfig, on_add: Callable[[str], None]) -> Costed | None:
    """The strategy as text and the button that adds it; returns what it means where it fits the model."""
    session = st.session_state
    typed = session.get(state.DESIGN_TYPED, draft())
    session[TYPED] = typed
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            _("The design as text"), key=TYPED, max_chars=4096, on_change=lambda: take_draft(session[TYPED].strip()),
            help=_(
                "The choices below as text, which you can copy or edit. The command line, YAML files and links use "
"the same text. You can also paste a map from a paper: 0 1 2 2 1 0, [1, 2, 2, 1] or A B B A."
            ),
        )  # fmt: skip
        st.button(
            _("Undo"), icon=":material/undo:", key="draft_undo", on_click=undo_draft,
            disabled=not session.get(state.DESIGN_DRAFTS),
        )  # fmt: skip
        place = st.empty()
    problem = session.pop(state.DESIGNS_PROBLEM, None)
    design = None
    try:
        design = cost(model, parse_strategy(strategy_of_pasted(typed)).text)
    except ClpsError as error:
        problem = problem or str(error)
    if (
        place.button(_("Add"), type="primary", icon=":material/add:", key="draft_add", disabled=design is None)
        and design
    ):
        on_add(design.strategy)
        close()
        st.rerun()
    if problem:
        show_problem(problem)
        _offer_layers(model, typed)
    return design


def _offer_layers(model: ModelConfig, typed: str) -> None:
    """Where the map that is typed has another depth than the model, a button that gives the model as many layers."""
    try:
        strategy = parse_strategy(strategy_of_pasted(typed))
        layers = len(strategy.default.integers) if strategy.default.name == CUSTOM else 0
        if not layers or set(stack_layers(model).values()) == {layers}:
            return
        sizes = {"num_layers": layers, "num_decoder_layers": None if model.num_decoder_layers is None else layers}
        cost(model.model_copy(update=sizes), strategy.text)
    except ClpsError:
        return
    label = ngettext("Set the model to {n} layer", "Set the model to {n} layers", layers)
    if st.button(label, icon=":material/layers:", key="draft_layers"):
        known = current_designs()
        changed = validated(ModelConfig, known.base.model.model_dump() | sizes)
        save_designs(replace(known, base=known.base.model_copy(update={"model": changed})))
        state.renew_fields()
        st.rerun()


def _draw_cost(design: Costed) -> None:
    counts = design.counts
    figures = [
        _(
            "{count} stored, {share} of the unshared model",
            count=compact(counts.unique_parameters),
            share=percent(design.share, 0),
        ),
        _("{count} executed", count=compact(counts.executed_parameters)),
        _("{count} FLOPs/token", count=compact(counts.train_flops_per_token)),
    ]
    if counts.kv_cache_bytes_per_token:
        figures.append(_("KV cache {size}/token", size=memory(counts.kv_cache_bytes_per_token)))
    st.markdown(f"**{escape_markdown(strategy_name(design.strategy))}**  \n:small[{'  ·  '.join(figures)}]")
