"""How a widget gets the value that the address or the page asks for. Start at widget_default and follow_url."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st

__all__ = ["follow_url", "widget_default"]

Value = TypeVar("Value")


def widget_default(key: str, value: Value) -> Value | None:
    """Let the widget ``key`` show ``value``; give it what this returns as its default.

    A value that is set through the session reaches the browser with one message only. Where the next message about
    the widget comes before the browser has drawn the first (a slow machine, a part that ticks), that value is lost
    and nothing is selected. A default comes with every message, so a widget that is new on the page gets its value
    that way. One that is there already is told through the session, without a default, as Streamlit wants it.
    """
    if key not in st.session_state:
        return value
    if st.session_state[key] != value:
        st.session_state[key] = value
        return None
    return value


def follow_url(key: str, value: Any) -> None:
    """Let the widget ``key`` show ``value``; one that shows it already is left alone, with what is half typed."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
