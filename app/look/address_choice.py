"""A choice of one out of a few that lives in the page's address. Start at address_choice."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import state
from app.look.widget_value import widget_default
from app.services import show_problem

__all__ = ["address_choice"]


def address_choice(
    page: str,
    name: str,
    choices: Mapping[str, str],
    label: str,
    *,
    first: str | None = None,
    visible: bool = False,
    help: str | None = None,  # noqa: A002 - as Streamlit calls it
    many: bool = False,
) -> str:
    """A segmented choice under the query parameter ``name``: what it is called there, never what it reads as.

    ``first`` by default, else the first of ``choices`` (value -> what is shown); a sentence says what in the
    address is none of them. ``visible``: the label stands above. ``many``: choices that fill more than one line, so
    each has a frame of its own.
    """
    asked, problem = state.read_choice(name, list(choices))
    if problem:
        show_problem(problem)
    chosen = asked[0] if asked else first or next(iter(choices))
    key = f"{page}.{name}"
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run and st.session_state.get(key) in choices:
        chosen = st.session_state[key]  # a tick brings the address it was sent with, which a click may have overtaken

    def clicked() -> None:
        if st.session_state[key] in choices:  # a browser that has drawn nothing yet answers with nothing
            state.write(**{name: st.session_state[key]})

    (st.pills if many else st.segmented_control)(
        label,
        list(choices),
        default=widget_default(key, chosen),
        format_func=lambda one: choices.get(one, one),
        key=key,
        required=True,
        label_visibility="visible" if visible else "collapsed",
        help=help,
        wrap=True,
        on_change=clicked,
    )
    return chosen
