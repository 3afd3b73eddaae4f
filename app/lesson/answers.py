"""What who looks answered in lessons; kept in the home, or for this visit where they have no name here."""

from __future__ import annotations

import streamlit as st

from app import state
from app.classes.joining import answered as classes_know
from app.people.identity import person
from app.services import store
from clps_core.lesson_answers import Answers, keep_answers, read_answers, with_answer
from clps_core.lessons import Lesson, lesson_id

__all__ = ["answered", "keep_answer"]


def answered(lesson: str, step: int) -> str:
    """The answer that is kept; empty for none."""
    return _answers().get(lesson, {}).get(step, "")


def keep_answer(lesson: Lesson, step: int, answer: str, *, verified: bool) -> None:
    """Keep it, for this visit in any case; an empty one takes it back.

    A class is told of a ``verified`` lesson only: others can be made by any of its members, and as many as they like.
    """
    st.session_state[state.LESSON_ANSWERS] = found = with_answer(_answers(), lesson_id(lesson), step, answer)
    if (who := person(store().home)) is not None:
        keep_answers(store().home, who.owner, found)
        if verified:
            classes_know(who.owner, lesson)


def _answers() -> Answers:
    """Read once a visit, as Learn's progress is."""
    found = st.session_state.get(state.LESSON_ANSWERS)
    if not isinstance(found, dict):
        who = person(store().home)
        found = read_answers(store().home, who.owner) if who is not None else {}
        st.session_state[state.LESSON_ANSWERS] = found
    return found
