"""What does each layer look at? One typed input, seen through a trained run, or through two."""

import streamlit as st

from app.look.frame import header
from app.look.ticking import ticking
from app.look.working import opening
from app.services import page_guard, store
from clps_core.errors import ClpsError
from clps_core.words import _

TICK_SECONDS = 3.0


def page() -> None:
    header("attention")
    with opening(_("Looking for trained runs ..."), "app.attention.panels"):
        from app.attention.chosen import choose_beside, choose_run, come_back
        from app.attention.source import runs_with_weights

        runs = runs_with_weights()
    if not runs:
        ticking("waiting", waiting, TICK_SECONDS)()
        return
    come_back()
    left, middle, right = st.columns([5, 4, 2], vertical_alignment="bottom")
    with left:
        run = choose_run(runs)
    if run is None:
        ticking("waiting_for", waiting_for, TICK_SECONDS)(len(runs))
        return
    with middle:
        beside = choose_beside(run, runs)
    shown = [run] if beside is None else [run, beside]
    follow = False
    if any(one.active for one in shown):
        with right:
            follow = st.toggle(_("Follow the training"), value=True, key="attention.follow", persist_state="session")
    ticking("attention", look, TICK_SECONDS if follow else None)([one.id for one in shown], follow)


@page_guard()
def waiting() -> None:
    """Nothing has weights yet: say what is missing, and go on by itself when it is there."""
    from app.attention.chosen import nothing_to_see
    from app.attention.source import runs_with_weights

    if runs_with_weights():
        st.rerun()
    nothing_to_see()


@page_guard()
def waiting_for(known: int) -> None:
    """The run that was asked for has no weights yet: look again when another run has some."""
    from app.attention.source import runs_with_weights

    if len(runs_with_weights()) != known:
        st.rerun()


@page_guard()
def look(run_ids: list[str], follow: bool) -> None:
    """Input, answer and attention; while a run is followed, this part alone runs again and again."""
    from app.attention.chosen import leave_trace
    from app.attention.panels import panels
    from app.attention.source import have_gone

    runs = store().some_runs(run_ids)
    if have_gone(run_ids) or (follow and not any(run.active for run in runs)):
        st.rerun()  # the page says which, and goes on with the others
    try:
        panels(runs)
    except ClpsError:
        if have_gone(run_ids):
            st.rerun()
        raise
    leave_trace()


page()
