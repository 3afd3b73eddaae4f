"""Facts in words, and how much of something is used: Streamlit's own tables and bars. Start at facts_table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.services import escape_markdown

__all__ = ["FACTS_WIDTH", "facts_table", "meter", "quiet", "word_table"]

FACTS_WIDTH = 544
"""Pixels: all that stands in pairs ends at one line."""


def facts_table(alt: str, facts: Mapping[str, str], *, wide: bool = False) -> None:
    """Name -> what is so, as Markdown, one below the other. ``wide``: across the page, for whole sentences."""
    shown = {escape_markdown(name): text for name, text in facts.items()}
    st.table(shown, border="horizontal", width="stretch" if wide else FACTS_WIDTH, alt=alt)


def word_table(alt: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Title -> the texts below it; all of it is text, not Markdown."""
    shown = {escape_markdown(title): list(map(escape_markdown, texts)) for title, texts in columns.items()}
    st.table(shown, border="horizontal", hide_index=True, hide_header=False, alt=alt)


def meter(text: str, part: float) -> None:
    """A bar of how much is done or used, 0 to 1, under ``text``, which is Markdown."""
    st.progress(min(1.0, max(0.0, part)), text=text)


def quiet(text: str) -> str:
    """As Markdown: what says that there is nothing to see."""
    return f":gray[{escape_markdown(text)}]"
