"""In which language this session reads. Start at session_language."""

from __future__ import annotations

import threading

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import state
from clps_core.words import ask_language

__all__ = ["read_by_session", "session_language"]


class _Known(threading.local):
    """The language of the session that this thread draws: a page asks for it about two thousand times."""

    context: object = None
    language: str | None = None


_known = _Known()


def read_by_session() -> None:
    """From now on texts are put into the language of the session that is being drawn, as it has chosen by now."""
    _known.context = None
    ask_language(session_language)


def session_language() -> str | None:
    """The language that this session chose; ``None``: the server's, also where no session is drawn."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return None
    if _known.context is not context:
        chosen = st.session_state.get(state.LANGUAGE)
        _known.context, _known.language = context, chosen if isinstance(chosen, str) else None
    return _known.language
