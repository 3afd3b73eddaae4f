"""How far the person who looks has come; kept in the home, or for this visit where they have no name here."""

from __future__ import annotations

import streamlit as st

from app import state
from app.people.identity import person
from app.services import store
from clps_core.learning import Progress, keep_progress, read_progress
from clps_core.policy import Person

__all__ = ["progress", "save"]


def progress() -> Progress:
    """Read once a visit: two tabs of one person may differ until one is reloaded; the last one to save wins."""
    found = st.session_state.get(state.LEARNT)
    if not isinstance(found, Progress):
        who = _who()
        found = read_progress(store().home, who.owner) if who is not None else Progress()
        st.session_state[state.LEARNT] = found
    return found


def save(found: Progress) -> None:
    """Keep it, for this visit in any case."""
    st.session_state[state.LEARNT] = found
    if (who := _who()) is not None:
        keep_progress(store().home, who.owner, found)


def _who() -> Person | None:
    return person(store().home)
