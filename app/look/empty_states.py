"""What stands where something will be: what is missing, and the way to it."""

from __future__ import annotations

import streamlit as st

from app import navigation

__all__ = ["empty_state"]


def empty_state(title: str, sentence: str, page: str, label: str, query: navigation.Query | None = None) -> None:
    """A calm box: ``title``, what an empty place means, and a link to ``page`` that fills it."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(sentence)
        navigation.link(page, label, query=query)
