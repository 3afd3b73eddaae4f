"""In which language this session reads: the chosen one, else the browser's, else the server's.

Start at session_language.
"""

from __future__ import annotations

import threading

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import state
from clps_core import catalogues
from clps_core.words import _, ask_language

__all__ = ["SWITCH", "language_switch", "read_by_session", "session_language", "tell_address"]

SWITCH = "language.switch"


class _Known(threading.local):
    """The language of the session that this thread draws: a page asks for it about two thousand times."""

    context: object = None
    language: str | None = None


_known = _Known()


def read_by_session() -> None:
    """From now on texts are put into the language of the session that is being drawn, as it has chosen by now.

    The address may choose (``?lang=zh``), once per run of the script.
    """
    asked = st.query_params.get(state.LANG)
    if asked in catalogues.names():
        _choose(asked)
    _known.context = None
    ask_language(session_language)


def session_language() -> str | None:
    """The language that this session reads; ``None``, the server's, where no session is drawn."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return None
    if _known.context is not context:
        chosen = st.session_state.get(state.LANGUAGE)
        _known.context = context
        _known.language = chosen if isinstance(chosen, str) else _unasked()
    return _known.language


def _unasked() -> str:
    """What a session reads that has chosen nothing."""
    return catalogues.best([st.context.locale]) or catalogues.of_environment()


def _choose(name: str) -> None:
    if name == _unasked():
        st.session_state.pop(state.LANGUAGE, None)
    else:
        st.session_state[state.LANGUAGE] = name


def tell_address() -> None:
    """Let the address say what was chosen, for its copies; draw a sentence where it asks for no language."""
    problem = state.read_choice(state.LANG, catalogues.names()).problem
    state.write(**{state.LANG: st.session_state.get(state.LANGUAGE)})
    if problem:
        from app.services import show_problem

        show_problem(problem)


def language_switch() -> None:
    """The languages to choose from, each as it calls itself."""
    own_names = catalogues.titles()
    if len(own_names) < 2:
        return
    reads = session_language()
    if st.session_state.get(SWITCH) != reads:
        st.session_state[SWITCH] = reads
    st.segmented_control(
        _("Language"),
        list(own_names),
        format_func=lambda name: own_names[name],
        required=True,
        key=SWITCH,
        label_visibility="collapsed",
        on_change=_switched,
    )


def _switched() -> None:
    if (name := st.session_state.get(SWITCH)) in catalogues.names():
        _choose(name)
        state.write(**{state.LANG: st.session_state.get(state.LANGUAGE)})
