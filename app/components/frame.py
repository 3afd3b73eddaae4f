"""What stands around every page: the name in the sidebar, and each page's header."""

from __future__ import annotations

import streamlit as st

from app import navigation

__all__ = ["frame", "header"]


def frame() -> None:
    """Draw what every page has, once per run of the script, before the page."""
    st.logo(":material/layers:", size="large")


def header(name: str) -> None:
    """The page's title and the question it answers."""
    facts = navigation.page(name)
    st.title(facts.title, anchor=False)
    st.caption(facts.question)
