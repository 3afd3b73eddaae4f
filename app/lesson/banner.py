"""The open lesson above the page: its note and question, and what it hides or locks there. Start at lesson_banner."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from app import navigation, state
from app.lesson.answers import answered, keep_answer
from app.lesson.opened import Opened, begin, leave, open_step
from app.lesson.parts import parts_of, selector, unknown_parts
from app.look.assets import asset
from app.services import escape_markdown, store
from clps_core.lesson_answers import MOST_ANSWER
from clps_core.lessons import Step, lesson_id
from clps_core.notes import harmless_markdown
from clps_core.store.records import is_run_id
from clps_core.words import _

__all__ = ["lesson_banner"]

RUNS = (state.RUN, state.RUNS)
"""Parameters of an address that name runs; on Attention also the run beside."""
MOST_NAMED = 5
"""Runs that a sentence names."""


def lesson_banner(page: str) -> None:
    """Draw it above ``page``, if a lesson is open; nothing else is drawn by a lesson."""
    opened = begin()
    if opened is None:
        return
    step, here = opened.step, page == opened.step.page
    with st.container(border=True, key="lesson", gap="small"):
        _head(opened)
        if not opened.verified:
            st.caption(
                _(
                    "Not verified: this lesson was made on another server, or was changed. Its texts do not come from "
                    "this server."
                ),
            )
        if gone := _gone(opened.step):
            names = ", ".join(gone)
            st.caption(
                escape_markdown(
                    _("This step shows runs that are not on this server: {names}. Note and question stay.", names=names)
                )
            )
        if not here:
            _elsewhere(opened)
        _told(opened)
        _ways(opened)
        if here:
            _focus(page, step)


def _head(opened: Opened) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        told = _("Lesson")
        if len(opened.lesson.steps) > 1:
            told = _("Lesson · step {n} of {all}", n=opened.number + 1, all=len(opened.lesson.steps))
        st.html(f'<div class="clps-eyebrow">{escape(told)}</div>', width="content")
        st.button(_("Leave the lesson"), icon=":material/close:", key="lesson.leave", type="tertiary", on_click=leave)
    st.header(escape_markdown(opened.lesson.title), anchor=False)


def _gone(step: Step) -> list[str]:
    """The runs of its address that the store does not have."""
    names = (*RUNS, state.BESIDE) if step.page == "attention" else RUNS
    named = [one.strip() for name, value in step.query if name in names for one in value.split(",")]
    asked = list(dict.fromkeys(one for one in named if is_run_id(one)))[: state.MAX_RUNS]
    here = {run.id for run in store().some_runs(asked)} if asked else set()
    return [one for one in asked if one not in here][:MOST_NAMED]


def _told(opened: Opened) -> None:
    """Note and question, beside each other where there are both."""
    step = opened.step
    note, question = st.columns([3, 2], gap="medium") if step.note and step.question else (st.container(),) * 2
    if step.note:
        note.markdown(harmless_markdown(step.note))
    if step.question:
        with question:
            _question(opened)


def _elsewhere(opened: Opened) -> None:
    """A way back, where the reader went to another page."""
    facts = next((one for one in navigation.PAGES if one.name == opened.step.page), None)
    if facts is None:
        st.caption(_("This version of CLPS Lab does not have the page {page} of this step.", page=opened.step.page))
    elif st.button(_("Back to {page}", page=facts.title), icon=":material/undo:", key="lesson.back"):
        open_step(opened)


def _question(opened: Opened) -> None:
    """What is asked, with the answer that is kept; it can be changed."""
    lesson, step, number = lesson_id(opened.lesson), opened.step, opened.number
    key, kept = f"lesson.answer.{lesson}.{number}", answered(lesson, number)
    label = escape_markdown(step.question)

    def keep() -> None:
        answer = st.session_state.get(key)
        text = answer.strip() if isinstance(answer, str) else ""
        keep_answer(opened.lesson, number, text, verified=opened.verified)

    if step.options:
        places = [*step.options]
        st.radio(
            label,
            places,
            format_func=escape_markdown,
            index=places.index(kept) if kept in places else None,
            key=key,
            on_change=keep,
        )
    else:
        st.text_area(label, kept, key=key, max_chars=MOST_ANSWER, height=80, on_change=keep)
        st.button(_("Keep the answer"), key=f"{key}.keep")  # leaving the field keeps it; this says how
    if kept:
        st.caption(_("Your answer is kept."))


def _ways(opened: Opened) -> None:
    last = len(opened.lesson.steps) - 1
    if not last:
        return
    with st.container(horizontal=True):
        if opened.number and st.button(_("Previous step"), icon=":material/arrow_back:", key="lesson.previous"):
            open_step(_at(opened, opened.number - 1))
        if opened.number < last and st.button(
            _("Next step"), icon=":material/arrow_forward:", key="lesson.next", type="primary"
        ):
            open_step(_at(opened, opened.number + 1))


def _at(opened: Opened, number: int) -> Opened:
    return Opened(opened.token, opened.lesson, opened.verified, number)


def _focus(page: str, step: Step) -> None:
    """Hide and lock, and say what: of names that nobody here knows nothing reaches the style."""
    hidden, locked = selector(page, step.hide), selector(page, step.lock)
    told = []
    if step.hide and (parts := _titles(page, step.hide)):
        told.append(_("Hidden for this lesson: {parts}.", parts=parts))
    if step.lock and (parts := _titles(page, step.lock)):
        told.append(_("Locked for this lesson: {parts}.", parts=parts))
    if unknown := unknown_parts(page, (*step.hide, *step.lock)):
        told.append(_("This page does not have these parts of the lesson: {parts}.", parts=", ".join(unknown)))
    if told:
        st.caption(escape_markdown(" ".join(told)))
    rules = [asset("lesson/banner.css")]
    if hidden:
        rules.append(f":is({hidden}) {{ display: none !important; }}")
    if locked:
        rules.append(f":is({locked}) {{ opacity: 0.55; pointer-events: none; }}")
    locks = f'<span hidden data-clps-locks="{escape(locked)}"></span>' if locked else ""
    with st.container(key="lesson_rules"):
        st.html(
            f"<style>{' '.join(rules)}</style>{locks}<script>{asset('lesson/locked.js')}</script>",
            unsafe_allow_javascript=True,
        )


def _titles(page: str, names: Sequence[str]) -> str:
    known = parts_of(page)
    return ", ".join(known[one].title for one in names if one in known)
