"""The student's side of a class, on Learn: join with a name of one's choice, and leave. Start at joining."""

from __future__ import annotations

import streamlit as st

from app import state
from app.services import desk, escape_markdown, show_problem, store
from clps_core.classes import MOST_NAME, Class, Classes, Member, code_of
from clps_core.errors import ClpsError
from clps_core.lessons import Lesson
from clps_core.words import _

__all__ = ["answered", "at_chapter", "joining"]


def joining() -> None:
    """One line for who is in a class, a form for who follows a class's link; nothing on a server of one person."""
    here = desk()
    if not here.policy.shared:
        if state.given(state.CLASS):
            show_problem(
                _("a class needs a shared server, which can tell people apart. This server is for one person.")
            )
        return
    if told := st.session_state.pop(state.CLASS_PROBLEM, None):
        show_problem(told)
    if here.person is None:
        if state.given(state.CLASS):
            show_problem(here.unknown)
        return
    known = Classes(store().home).of(here.person.owner)
    asked = code_of(state.read_text(state.CLASS))
    if known and (not state.given(state.CLASS) or asked == known[0].code):
        _member(*known)
    elif state.given(state.CLASS):
        with st.container(border=True):
            _form(asked)
    else:
        with st.popover(_("Join a class"), icon=":material/groups:"):
            _form(None)


def _member(one: Class, member: Member) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            _(
                "You are in the class **{name}** as **{member}**.",
                name=escape_markdown(one.name),
                member=escape_markdown(member.name),
            )
        )
        st.button(_("Leave the class"), icon=":material/logout:", type="tertiary", key="class.leave", on_click=_left)


def _form(code: str | None) -> None:
    """``code`` of the link that was followed; without one it is typed."""
    found = Classes(store().home).find(code) if code else None
    if found:
        st.markdown(_("**Join the class {name}**", name=escape_markdown(found.name)))
    elif state.given(state.CLASS):
        show_problem(_("there is no class with this code. Check the code, or ask your teacher."))
    with st.form("class.form", border=False):
        if not found:
            st.text_input(_("The code of the class"), key="class.code", max_chars=20)
        st.text_input(
            _("Your name in this class"), key="class.name", max_chars=MOST_NAME,
            help=_("Your teacher sees it beside your answers until the class is deleted. It need not be your real "
                   "name."),
        )  # fmt: skip
        st.form_submit_button(
            _("Join the class"), icon=":material/groups:", on_click=_joined, args=(found.code if found else None,)
        )


def _joined(code: str | None) -> None:
    here = desk()
    try:
        if here.person is not None:
            asked = code or code_of(st.session_state.get("class.code", "")) or ""
            Classes(store().home).join(asked, here.person.owner, st.session_state.get("class.name", ""))
            state.write(**{state.CLASS: None})
    except ClpsError as error:
        st.session_state[state.CLASS_PROBLEM] = str(error)


def _left() -> None:
    here = desk()
    if here.person is not None:
        Classes(store().home).leave(here.person.owner)


# What a class is told


def at_chapter(chapter: str) -> None:
    """The reader has opened this chapter; told once, and to a class only."""
    here = desk()
    if not here.policy.shared or here.person is None or st.session_state.get(state.CLASS_AT) == chapter:
        return
    st.session_state[state.CLASS_AT] = chapter
    Classes(store().home).at(here.person.owner, chapter)


def answered(owner: str, lesson: Lesson) -> None:
    """``owner`` answers in this lesson: their teacher can read its questions."""
    Classes(store().home).answered(owner, lesson)
