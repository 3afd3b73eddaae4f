"""Take the design of a run, or only its sharing map. Start at run_dialog."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import state
from app.design.own_runs import choose_own_run
from app.look.dialog import dialog
from app.look.formatting import strategy_name
from app.services import escape_markdown, show_problem
from clps_core.errors import ClpsError
from clps_core.store import Run
from clps_core.words import N_, _

__all__ = ["open_run_dialog", "run_dialog"]

Take = Callable[[Run], None]


def open_run_dialog() -> None:
    """Open the dialog in the next run of the page."""
    st.session_state[state.DESIGN_DIALOG] = "run"


def close() -> None:
    """The next run of the page is without the dialog."""
    st.session_state[state.DESIGN_DIALOG] = None


@dialog(N_("Use the design of a run"), width="medium", on_dismiss=close)
def run_dialog(take_design: Take, take_map: Take) -> None:
    """Draw it; what is taken is handed to ``take_design`` or ``take_map``, whose ``ClpsError`` is shown here."""
    if st.session_state.get(state.DESIGN_DIALOG) != "run":
        st.rerun()
    run = choose_own_run("design.run")
    if run is not None:
        said = _("{name} · {strategy}", name=strategy_name(run.strategy), strategy=run.strategy)
        st.markdown(f"**{escape_markdown(run.facts.title)}**  \n{escape_markdown(said)}")

    def taken(take: Take) -> None:
        if run is None:
            return
        try:
            take(run)
        except ClpsError as error:
            st.session_state[state.DESIGNS_PROBLEM] = str(error)
            return
        close()

    with st.container(horizontal=True):
        st.button(
            _("Use the whole design"), type="primary", key="design.run.design", disabled=run is None,
            on_click=taken, args=(take_design,), help=_("Its sizes and other settings replace those on this page."),
        )  # fmt: skip
        st.button(
            _("Use only its sharing map"), key="design.run.map", disabled=run is None, on_click=taken,
            args=(take_map,),
            help=_("Its strategy, at the sizes on this page. With a different number of layers, a rule may give a "
"different map."),
        )  # fmt: skip
    problem = st.session_state.pop(state.DESIGNS_PROBLEM, None)
    if problem:
        show_problem(problem)
