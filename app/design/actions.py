"""What can be done with all designs at once: undo, redo, add one, train them. Start at design_actions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation
from app.design.designs import Costed, Designs, step_back, step_forward
from app.design.history import history
from app.design.origins import trainable
from app.design.side_by_side import open_beside_dialog
from app.design.strategy_form import open_add_dialog
from clps_core.words import _

__all__ = ["design_actions"]


def design_actions(designs: Designs, found: Sequence[Costed]) -> None:
    """The heading of the designs with its buttons; ``found`` are those that fit."""
    past, future = history()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(_("Designs"), anchor=False, width="stretch")
        st.button(
            _("Undo"), icon=":material/undo:", on_click=step_back, disabled=not past,
            help=_("Undo the last edit. Ctrl-Z and the browser's Back button do the same."),
        )  # fmt: skip
        st.button(
            _("Redo"), icon=":material/redo:", on_click=step_forward, disabled=not future,
            help=_("Redo the edit that was undone. Ctrl-Y does the same."),
        )  # fmt: skip
        st.button(
            _("Compare side by side"), icon=":material/compare_arrows:", on_click=open_beside_dialog,
            disabled=not found, help=_("Show two designs side by side and mark the differences."),
        )  # fmt: skip
        st.button(_("Add a design"), icon=":material/add:", on_click=open_add_dialog)
        if st.button(_("Train this comparison"), type="primary", icon=":material/play_circle:", disabled=not found):
            navigation.go("train", query=trainable(designs, [design.strategy for design in found]).query)
