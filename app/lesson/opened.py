"""Which lesson is open in this session: the address says it, on every page. Start at begin."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import navigation, state
from app.services import show_problem, store
from clps_core.errors import ClpsError, ConfigError
from clps_core.lessons import Lesson, Step, from_token, to_token
from clps_core.owners import Signer

__all__ = ["Opened", "begin", "leave", "open_step", "start_lesson"]


@dataclass(frozen=True)
class Opened:
    """A lesson as it is open: ``token`` is its link's, ``verified`` whether this server signed it.

    ``number`` counts its steps from 0 on.
    """

    token: str
    lesson: Lesson
    verified: bool
    number: int

    @property
    def step(self) -> Step:
        """The step that is shown."""
        return self.lesson.steps[self.number]


def begin() -> Opened | None:
    """Take over what the address asks for, once per run of the script; then the address says what is open.

    A link without the number of a step is the way in: it leads to the page of the first one.
    """
    token = st.query_params.get(state.LESSON)
    held = st.session_state.get(state.LESSON_OPENED)
    if token is None:
        if isinstance(held, Opened):
            state.write(**_parameters(held))
            return held
        return None
    if not isinstance(held, Opened) or held.token != token:
        try:
            held = Opened(token, *from_token(token, _signer()), number=0)
        except ConfigError as error:
            st.session_state.pop(state.LESSON_OPENED, None)
            show_problem(str(error))
            return None
    asked = state.read_number(state.LESSON_STEP, len(held.lesson.steps) + 1)
    if not asked:
        open_step(Opened(held.token, held.lesson, held.verified, 0))
        asked = 1
    found = Opened(held.token, held.lesson, held.verified, asked - 1)
    st.session_state[state.LESSON_OPENED] = found
    return found


def open_step(opened: Opened) -> None:
    """Go to its step's page, in the state that the lesson gives it. Stays here, with a sentence, if there is none."""
    st.session_state[state.LESSON_OPENED] = opened
    step = opened.step
    if step.page in (facts.name for facts in navigation.PAGES):
        navigation.go(step.page, query={**_free(step), **_parameters(opened)})
    state.write(**_parameters(opened))


def _free(step: Step) -> dict[str, list[str]]:
    """The parameters of its address, without the one that Streamlit lets nobody write while its widget is drawn.

    From one step on Compare to another, the quality to reach stays as it is.
    """
    query = step.parameters()
    if st.session_state.get(state.PAGE) == "compare":
        query.pop(state.QUALITY, None)
    return query


def start_lesson(lesson: Lesson) -> None:
    """Open ``lesson``, which is this server's own, at its first step."""
    open_step(Opened(to_token(lesson, Signer.of_home(store().home)), lesson, True, 0))


def leave() -> None:
    """The page stays, without the lesson."""
    st.session_state.pop(state.LESSON_OPENED, None)
    state.write(**{state.LESSON: None, state.LESSON_STEP: None})


def _parameters(opened: Opened) -> dict[str, str]:
    return {state.LESSON: opened.token, state.LESSON_STEP: str(opened.number + 1)}


def _signer() -> Signer | None:
    """``None`` where this server's key cannot be read: the lesson opens all the same, unverified."""
    try:
        return Signer.of_home(store().home)
    except ClpsError:
        return None
