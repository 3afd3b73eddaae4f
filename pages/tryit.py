"""What does a trained run answer? One input for one run, or for several of one task next to each other."""

import streamlit as st

from app.look.frame import header
from app.look.ticking import ticking
from app.look.working import opening
from app.services import page_guard
from clps_core.words import _

TICK_SECONDS = 3.0


def page() -> None:
    header("tryit")
    with opening(_("Looking for trained runs ..."), "app.tryit.view"):
        from app.attention.source import runs_with_weights
        from app.tryit.choosing import choose_runs, shown_runs
        from app.tryit.view import tried

        runs = runs_with_weights()
    if not runs:
        ticking("waiting", waiting, TICK_SECONDS)()
        return
    shown = shown_runs(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_runs(runs, shown)
    if shown:
        tried(shown)


@page_guard()
def waiting() -> None:
    """Nothing has weights yet: say what is missing, and go on by itself when it is there."""
    from app.attention.chosen import nothing_to_see
    from app.attention.source import runs_with_weights

    if runs_with_weights():
        st.rerun()
    nothing_to_see()


page()
