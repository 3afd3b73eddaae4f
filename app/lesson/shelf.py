"""The lessons that come with CLPS Lab, on Learn, and the way to make one. Start at shelf."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import streamlit as st

from app import state
from app.lesson.opened import start_lesson
from app.services import escape_markdown, show_problem
from clps_core.errors import ClpsError
from clps_core.lessons import Lesson, from_yaml
from clps_core.words import _, language, ngettext

__all__ = ["MAKE", "SHIPPED", "shelf", "shipped"]

SHIPPED = Path(__file__).resolve().parents[2] / "examples" / "lessons"
MAKE = "make"
"""Learn's ``?view=``: the form that makes a lesson."""


@lru_cache(maxsize=64)
def _read(text: str) -> Lesson:
    return from_yaml(text)


def shipped() -> list[Lesson]:
    """The lessons in ``SHIPPED``, in the order of their files' names; a sentence about one that is none.

    In the reader's language where a folder of its name has the same file.
    """
    found = []
    for path in sorted(SHIPPED.glob("*.yaml")):
        own = SHIPPED / (language() or "") / path.name
        path = own if own.is_file() else path
        try:
            found.append(_read(path.read_text(encoding="utf-8")))
        except (ClpsError, OSError, UnicodeDecodeError) as error:
            show_problem(_("the lesson {name} cannot be read: {problem}", name=path.name, problem=str(error)))
    return found


def shelf() -> None:
    """A card for each lesson."""
    with st.container(key="large_lessons"):
        st.header(_("Lessons"), anchor=False)
    st.markdown(
        _(
            "A lesson opens the dashboard's pages in a state that a teacher chose, with a note and a question on top. "
            "Teachers can make lessons of their own and pass them on as a link."
        )
    )
    for number, lesson in enumerate(shipped()):
        with st.container(border=True):
            steps = ngettext("{n} step", "{n} steps", len(lesson.steps))
            st.markdown(f"**{escape_markdown(lesson.title)}** · {steps}  \n{escape_markdown(lesson.about)}")
            if st.button(_("Open the lesson"), icon=":material/school:", key=f"lesson.open.{number}"):
                start_lesson(lesson)
    st.button(
        _("Make a lesson"), icon=":material/edit_note:", key="lesson.make",
        on_click=lambda: state.write(**{state.VIEW: MAKE, state.CHAPTER: None}),
    )  # fmt: skip
