"""What stands around every page: the name in the sidebar, each page's header, and how it is presented."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from app import navigation, state
from app.look import presenting
from app.look.assets import asset
from app.look.language import language_switch, tell_address
from clps_core.glossary import SHOWN_ON
from clps_core.words import _, html_language

__all__ = ["MARK", "SIDEBAR_WIDTH", "frame", "header"]

MARK = str(Path(__file__).parent / "mark.svg")
SIDEBAR_WIDTH = 224
"""Pixels: six short names need no more, and a window of 800 pixels has them to spare."""


def frame() -> None:
    """Draw what every page has, once per run of the script, before the page."""
    st.logo(MARK, size="large")
    presenting.begin()
    _invisible()
    tell_address()


def _invisible() -> None:
    """The style sheet and the scripts of every page.

    One element, whatever is switched on: what stands below keeps its place, and what it holds. And one of the
    lightest, as it is drawn with every click.
    """
    styles = ["look/frame.css", *(["look/present.css"] if presenting.is_on() else [])]
    working = escape(_("Working"))
    language = escape(html_language())
    words = f'<span hidden data-clps-working="{working}" data-clps-language="{language}"></span>'
    names = ("look/history.js", "look/busy_bar.js", "look/page_language.js")
    scripts = (f"<script>{asset(name)}</script>" for name in names)
    with st.container(key="clps_invisible"):
        st.html(f"<style>{''.join(map(asset, styles))}</style>{words}{''.join(scripts)}", unsafe_allow_javascript=True)


def header(name: str) -> None:
    """The page's name, small, the question it answers as the title, and the switches: language, and for a room."""
    facts = navigation.page(name)
    with st.container(gap=None):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(f'<div class="clps-eyebrow">{escape(facts.title)}</div>', width="content")
            with st.container(key="clps_header", horizontal=True, vertical_alignment="center", width="content"):
                language_switch()
                if name in SHOWN_ON:
                    navigation.link(
                        "glossary", query={state.ON: name}, help=_("What the terms and symbols of this page mean.")
                    )
                st.toggle(
                    _("Presentation mode"),
                    key=presenting.SWITCH,
                    width="content",
                    help=_("Large text and thick lines, without the side bar: for a projector or a large room."),
                    on_change=presenting.turned,
                )
        st.title(facts.question, anchor=False)
