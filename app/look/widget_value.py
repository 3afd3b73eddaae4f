"""How a widget gets the value that the address or the page asks for. Start at widget_default."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

__all__ = ["widget_default"]

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
