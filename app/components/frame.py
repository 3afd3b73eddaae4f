"""What stands around every page: the name in the sidebar, each page's header, and how it is presented."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from app import navigation, presenting
from app.components.assets_folder import asset
from clps_core.words import _

__all__ = ["MARK", "SIDEBAR_WIDTH", "frame", "header"]

ASSETS = Path(__file__).parents[1] / "assets"
MARK = str(ASSETS / "mark.svg")
SIDEBAR_WIDTH = 224
"""Pixels: six short names need no more, and a window of 800 pixels has them to spare."""

_busy_bar = st.components.v2.component("clps.busy_bar", js=asset("busy_bar.js"))


def frame() -> None:
    """Draw what every page has, once per run of the script, before the page."""
    st.logo(MARK, size="large")
    presenting.begin()
    # One element in both cases: what stands below keeps its place, and what it holds, when the switch is turned.
    styles = [ASSETS / "frame.css", *([ASSETS / "present.css"] if presenting.is_on() else [])]
    st.html(f"<style>{''.join(style.read_text(encoding='utf-8') for style in styles)}</style>")
    _busy_bar(key="busy_bar", data={"label": _("Working")})
    with st.container(key="clps_history"):
        script = (ASSETS / "history.js").read_text(encoding="utf-8")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def header(name: str) -> None:
    """The page's name, small, the question it answers as the title, and the switch to show it to a room."""
    facts = navigation.page(name)
    with st.container(gap=None):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(f'<div class="clps-eyebrow">{escape(facts.title)}</div>', width="content")
            st.toggle(
                _("Present"),
                key=presenting.SWITCH,
                width="content",
                help=_("Large type and thick lines without the side bar: for a projector, or from a distance."),
                on_change=presenting.turned,
            )
        st.title(facts.question, anchor=False)
