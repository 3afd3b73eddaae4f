"""Start: what sharing is, in one picture; the ready comparisons; what was trained here; the ways in."""

import streamlit as st

from app.design.sharing_picture import sharing_picture
from app.look.empty_states import empty_state
from app.look.frame import header
from app.look.ticking import ticking
from app.look.work_line import work_line
from app.runs.actions import show_refusal
from app.services import desk, page_guard, store
from app.start.comparison_card import comparison_card, featured, pinned_runs_of
from app.start.ready_card import bring_in, ready_card, ready_comparisons
from app.start.ways_in import ways_in
from clps_core.words import _

TICK_SECONDS = 2.0


@page_guard()
def ready(was_active: bool) -> None:
    if work_line(store()) != was_active:
        st.rerun()
    show_refusal()
    shipped = ready_comparisons(store(), desk())
    known = {one.comparison.id for one in shipped}
    others = [one for one in featured(store(), desk()) if one.id not in known]
    pinned = pinned_runs_of(store(), desk())
    if others or pinned:
        st.header(_("Trained here"), anchor=False)
    with st.container(horizontal=True, key="cards_here"):
        for comparison in [*others, *([pinned] if pinned else [])]:
            comparison_card(store(), comparison)
    if shipped:
        st.header(_("Ready comparisons, trained in advance"), anchor=False)
    with st.container(horizontal=True, key="cards_ready"):
        for one in shipped:
            ready_card(store(), one)
    if not (others or pinned or shipped):
        empty_state(
            _("Nothing has been trained here yet."),
            _("The first comparison trains the same small model three times, with different sharing."),
            "train",
            _("Train the first comparison"),
        )
    bring_in(store(), desk())


header("start")
sharing_picture()
with page_guard():
    active = store().has_jobs()
    ticking("ready", ready, TICK_SECONDS if active else None)(active)
st.header(_("Where to start"), anchor=False)
ways_in()
