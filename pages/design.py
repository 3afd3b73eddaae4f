"""Design: what sharing costs and saves, for several strategies next to each other."""

from dataclasses import replace
from typing import Any

import streamlit as st

from app import state
from app.design.actions import design_actions
from app.design.counts_table import counts_figure, counts_table
from app.design.designs import (
    Costed,
    Designs,
    component_sizes,
    costed,
    counted_model,
    current_designs,
    open_designs,
    save_designs,
    step_back,
    step_forward,
)
from app.design.dialogs import open_dialog
from app.design.matching import match_section
from app.design.model_form import model_form
from app.design.painting import apply_action
from app.design.paper_gallery import published_line
from app.design.scheme_card import arithmetic_expander, scheme_cards
from app.design.sharing_map import sharing_map
from app.design.side_by_side import side_by_side
from app.look.frame import header
from app.services import show_problem
from clps_core.config import ModelConfig
from clps_core.errors import ClpsError
from clps_core.words import _


def read_form(designs: Designs, problems: list[str]) -> tuple[Designs, ModelConfig]:
    """The designs at the sizes of the form, and the model to count."""
    try:
        wanted = replace(designs, base=model_form(designs))
        return wanted, counted_model(wanted.base)
    except ClpsError as error:
        problems.append(_("{problem} The page shows the last valid sizes.", problem=error))
        return designs, counted_model(designs.base)


def changed(change: dict[str, Any] | str) -> None:
    designs = current_designs()
    steps = {"undo": step_back, "redo": step_forward}
    if not isinstance(change, str) and change.get("kind") in steps:
        steps[change["kind"]]()
        return
    try:
        save_designs(designs.with_strategy(change) if isinstance(change, str) else apply_action(designs, change))
    except ClpsError as error:
        st.session_state[state.DESIGNS_PROBLEM] = str(error)


def opened(found: list[Costed], chosen: int) -> Costed | None:
    """The design that is looked at; the first where the chosen one does not fit."""
    return next((design for design in found if design.index == chosen), found[0] if found else None)


header("design")
designs, problems = open_designs()
if st.session_state.get(state.DESIGNS) is not designs:
    state.renew_fields()
designs, model = read_form(designs, problems)
save_designs(designs)
published_line(designs)
found, unfit = costed(designs, model)
for problem in [*problems, *unfit, *filter(None, [st.session_state.pop(state.DESIGNS_PROBLEM, None)])]:
    show_problem(problem)
if unfit:
    kept = designs.only([design.index for design in found])
    st.button(_("Remove invalid designs"), on_click=save_designs, args=(kept,), icon=":material/delete:")
design_actions(designs, found)
here = opened(found, designs.chosen)
if here is not None:
    sharing_map(found, designs.chosen, component_sizes(model), changed)
    side_by_side(designs, here)
    st.header(_("Costs"), anchor=False)
    counts_table(found, designs.chosen)
    counts_figure(found)
    scheme_cards(here, model)
    arithmetic_expander(model)
    match_section(designs, found)
open_dialog(designs, found, here, model, changed)
