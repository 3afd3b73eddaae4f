"""The dialog that is open on the Design page, if one is. Start at open_dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app import state
from app.design.beside import run_design, with_design
from app.design.beside_dialog import beside_dialog
from app.design.designs import Costed, Designs, cost, current_designs, save_designs
from app.design.paper_gallery import papers_dialog
from app.design.run_dialog import run_dialog
from app.design.strategy_form import add_dialog
from clps_core.config import ModelConfig
from clps_core.store import Run

__all__ = ["open_dialog"]


def open_dialog(
    designs: Designs, found: Sequence[Costed], here: Costed | None, model: ModelConfig, add: Callable[[str], None]
) -> None:
    """Draw it; ``found`` are the designs that fit ``model``, ``here`` the one that is looked at, ``add`` adds one."""
    asked = st.session_state.get(state.DESIGN_DIALOG)
    if asked == "papers":
        papers_dialog()
    elif asked == "add":
        add_dialog(model, add)
    elif asked == "run":
        run_dialog(_take_design, lambda run: _take_map(model, run))
    elif asked == "beside" and here is not None:
        beside_dialog(designs, found, here)


def _take_design(run: Run) -> None:
    save_designs(with_design(current_designs(), run_design(run)))
    state.renew_fields()


def _take_map(model: ModelConfig, run: Run) -> None:
    cost(model, run.strategy)  # raises where it does not fit these sizes
    save_designs(current_designs().with_strategy(run.strategy))
