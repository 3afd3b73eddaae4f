"""Ways between the chapters: buttons, since a link to the page one is on leaves the browser's address as it was."""

from __future__ import annotations

import streamlit as st

from app import state

__all__ = ["way_to"]


def way_to(chapter: str | None, label: str, *, key: str, icon: str = ":material/school:") -> None:
    """A button that opens the chapter of that key; ``None`` is the list of all."""
    st.button(label, icon=icon, key=key, on_click=lambda: state.write(**{state.CHAPTER: chapter}))
