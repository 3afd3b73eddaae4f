"""Who you are on a shared server, at the foot of the sidebar; nothing elsewhere. Start at identity_panel."""

from __future__ import annotations

import streamlit as st

from app import state
from app.people import login
from app.people.identity import become_teacher, resign
from app.services import desk, escape_markdown, show_problem, store
from clps_core.errors import ClpsError
from clps_core.jobs.desk import Desk
from clps_core.words import _

__all__ = ["identity_panel"]

CODE = "identity.code"


def identity_panel() -> None:
    """One line, and the ways to be somebody else: log in or out, show or put away the teacher's code."""
    try:
        here = desk()
    except ClpsError:  # pages that need the store or the policy say what is wrong with it
        return
    if not here.policy.shared:
        return
    by_login = login.is_wanted(here.policy)
    with st.sidebar, st.container(key="identity", gap="xsmall"):
        if told := st.session_state.pop(state.IDENTITY_PROBLEM, None):
            show_problem(told)
        if here.person is None:
            _stranger(here, by_login)
        else:
            role = _("a teacher") if here.person.teacher else _("you")
            st.caption(f"{escape_markdown(here.person.name)} · {role}", help=_whose(by_login))
            _ways(here, by_login)


def _whose(by_login: bool) -> str:
    if by_login:
        return _("Runs that you start belong to this login.")
    return _(
        "Runs that you start belong to this browser. If you lose its cookie, the runs are kept, but nobody except a "
        "teacher can control them."
    )


def _stranger(here: Desk, by_login: bool) -> None:
    if not by_login:
        st.caption(here.unknown[0].upper() + here.unknown[1:])
    elif problem := login.problem():
        st.caption(_("You can look at everything, but not train."))
        show_problem(problem)
    else:
        st.caption(_("You can look at everything. Log in to train."))
        st.button(_("Log in"), icon=":material/login:", on_click=st.login, width="stretch")


def _ways(here: Desk, by_login: bool) -> None:
    assert here.person is not None
    if by_login:
        st.button(_("Log out"), icon=":material/logout:", on_click=st.logout, type="tertiary")
    if here.policy.teacher_code is None:
        return
    if here.person.teacher:
        if not here.policy.is_teacher(here.person.name):
            st.button(_("Stop being a teacher"), icon=":material/school:", on_click=_resigned, type="tertiary")
        return
    with st.popover(_("I am a teacher"), icon=":material/school:", type="tertiary"), st.form(CODE, border=False):
        st.text_input(_("The teachers' code"), type="password", key="identity.typed", max_chars=200)
        st.form_submit_button(_("Use this code"), on_click=_shown)


def _shown() -> None:
    here = desk()
    try:
        if here.person is not None:
            become_teacher(store().home, here.person, st.session_state.pop("identity.typed", ""))
    except ClpsError as error:
        st.session_state[state.IDENTITY_PROBLEM] = str(error)


def _resigned() -> None:
    here = desk()
    if here.person is not None:
        resign(store().home, here.person)
