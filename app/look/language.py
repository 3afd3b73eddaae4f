"""In which language this session reads. Start at session_language."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import state
from clps_core.words import ask_language

__all__ = ["read_by_session", "session_language"]


def read_by_session() -> None:
    """From now on texts are put into the language of the session that is being drawn."""
    ask_language(session_language)


def session_language() -> str | None:
    """The language that this session chose; ``None``: the server's, also where no session is drawn."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    chosen = st.session_state.get(state.LANGUAGE)
    return chosen if isinstance(chosen, str) else None
