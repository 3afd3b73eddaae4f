"""Undo and redo on the Design page: the designs before and after those that are shown. Start at record.

The history is the session's. Every step also has an address, so that the browser's Back and Forward are steps of
the same history (``find``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app import state

if TYPE_CHECKING:
    from app.design.designs import Designs

__all__ = ["MOST_STEPS", "History", "find", "go_to", "history", "record"]

MOST_STEPS = 100


class History(NamedTuple):
    """``past`` ends with the step before, ``future`` begins with the step after."""

    past: tuple[Designs, ...] = ()
    future: tuple[Designs, ...] = ()


def history() -> History:
    """The history of this session."""
    found: History | None = st.session_state.get(state.DESIGNS_HISTORY)
    return found or History()


def record(before: Designs | None, after: Designs) -> None:
    """A step from ``before`` to ``after``; which design is looked at is no step."""
    if before is None or before.content == after.content:
        return
    past = (*history().past, before)[-MOST_STEPS:]
    st.session_state[state.DESIGNS_HISTORY] = History(past)


def find(shown: Designs, good: Callable[[Designs], bool]) -> Designs | None:
    """The nearest step before ``shown``, else after it, that is ``good``; going there keeps the others as they are."""
    past, future = history()
    for at in reversed(range(len(past))):
        if good(past[at]):
            return go_to(History(past[:at], (*past[at + 1 :], shown, *future)), past[at])
    for at, one in enumerate(future):
        if good(one):
            return go_to(History((*past, shown, *future[:at]), future[at + 1 :]), one)
    return None


def go_to(wanted: History, designs: Designs) -> Designs:
    """Show ``designs``, with ``wanted`` before and after them."""
    st.session_state[state.DESIGNS_HISTORY] = wanted
    st.session_state[state.DESIGNS] = designs
    state.renew_fields()
    return designs
