"""The chapters in their order, and the page that lists them. Start at CHAPTERS."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.learn import costs, inputs, kv, layer, loops, loosened, parts, stored, the_map, when
from app.learn.chapter import Chapter
from app.learn.progress import progress
from app.learn.ways import way_to
from app.services import escape_markdown
from clps_core.words import _, ngettext

__all__ = ["CHAPTERS", "contents"]

CHAPTERS: tuple[Chapter, ...] = (
    layer.CHAPTER,
    stored.CHAPTER,
    the_map.CHAPTER,
    costs.CHAPTER,
    parts.CHAPTER,
    inputs.CHAPTER,
    loops.CHAPTER,
    kv.CHAPTER,
    loosened.CHAPTER,
    when.CHAPTER,
)


def contents(chapters: Sequence[Chapter] = CHAPTERS) -> None:
    """A card for each chapter, with how far the reader has come."""
    st.markdown(
        _(
            "Short chapters that use the real parts of this dashboard. Each asks you to predict a result before it "
            "shows it: people who predict first remember more (Kim, Reinecke and Hullman 2017). You need no GPU, and "
            "you do not wait for training."
        )
    )
    for place, chapter in enumerate(chapters):
        with st.container(border=True):
            st.header(f"{place + 1}. {escape_markdown(chapter.title())}", anchor=False)
            st.markdown(escape_markdown(chapter.begins()))
            with st.container(horizontal=True, vertical_alignment="center"):
                way_to(chapter.key, _label(chapter), key=f"learn.open.{chapter.key}")
                minutes = ngettext("{n} minute", "{n} minutes", chapter.minutes)
                st.caption(f"{_told(chapter)} · {minutes}")


def _label(chapter: Chapter) -> str:
    return _("Go on") if chapter.key in progress().predicted else _("Begin")


def _told(chapter: Chapter) -> str:
    """How far the reader is, in words."""
    answers = progress().checked.get(chapter.key, {})
    right = sum(
        number in answers and question.is_right(answers[number]) for number, question in enumerate(chapter.checks)
    )
    if right == len(chapter.checks):
        return _("Done: all questions right")
    if chapter.key in progress().predicted:
        return _("Begun: {n} of {all} questions right", n=right, all=len(chapter.checks))
    return _("Not begun")
