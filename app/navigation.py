"""The pages: where they are, what they are called, and the question each answers. Start at PAGES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

from app import state
from clps_core.words import N_, Worded

__all__ = ["PAGES", "PageFacts", "go", "link", "name_of", "page", "remember", "streamlit_pages"]

Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class PageFacts:
    """One page: ``name`` is its file and its URL path, ``question`` is what it answers."""

    name: str
    icon: str
    title: Worded = Worded()
    question: Worded = Worded()
    default: bool = False

    @property
    def path(self) -> str:
        """The page's file as Streamlit wants it: relative to ``app/main.py``."""
        return f"../pages/{self.name}.py"


PAGES: tuple[PageFacts, ...] = (
    PageFacts("start", ":material/home:", N_("Start"), N_("What is weight sharing between layers?"), default=True),
    PageFacts("learn", ":material/school:", N_("Learn"), N_("How does weight sharing work?")),
    PageFacts("glossary", ":material/menu_book:", N_("Glossary"), N_("What does this word mean?")),
    PageFacts("design", ":material/grid_view:", N_("Design"), N_("What does sharing cost and save?")),
    PageFacts("data", ":material/database:", N_("Data"), N_("What data do you want to train on?")),
    PageFacts("train", ":material/play_circle:", N_("Train"), N_("What do you want to train?")),
    PageFacts("runs", ":material/monitoring:", N_("Runs"), N_("How is the training going?")),
    PageFacts(
        "compare", ":material/compare_arrows:", N_("Compare"), N_("Which model is better, and what does it cost?")
    ),
    PageFacts("tryit", ":material/chat:", N_("Try it"), N_("What do trained runs answer?")),
    PageFacts("attention", ":material/visibility:", N_("Attention"), N_("What does each layer look at?")),
    PageFacts("depth", ":material/layers:", N_("Depth"), N_("What does more depth do?")),
    PageFacts("system", ":material/dns:", N_("System"), N_("What is this machine doing?")),
)


def page(name: str) -> PageFacts:
    """The facts of page ``name`` (a name in the code, never one from a URL)."""
    return next(facts for facts in PAGES if facts.name == name)


def name_of(current: st.Page) -> str:
    """The name of the page that ``st.navigation`` found; the address of the default one has none."""
    return current.url_path or next(facts.name for facts in PAGES if facts.default)


def streamlit_pages() -> list[st.Page]:
    """What ``st.navigation`` needs."""
    return [
        st.Page(facts.path, title=facts.title, icon=facts.icon, url_path=facts.name, default=facts.default)
        for facts in PAGES
    ]


def remember(name: str) -> None:
    """Note that page ``name`` is drawn now, and which one was before: first of all, for a run may be cut short."""
    st.session_state[state.PAGE_BEFORE] = st.session_state.get(state.PAGE)
    st.session_state[state.PAGE] = name
    state.visited(name)


def link(name: str, label: str | None = None, *, query: Query | None = None, help: str | None = None) -> None:  # noqa: A002
    """A link to page ``name`` that keeps the session; ``query`` is what stands behind the ``?``."""
    facts = page(name)
    st.page_link(facts.path, label=label or facts.title, icon=facts.icon, query_params=query, help=help)


def go(name: str, *, query: Query | None = None) -> NoReturn:
    """Leave for page ``name`` at once."""
    st.session_state[state.PAGE] = name  # the run of the new page may be cut short by a click
    st.switch_page(page(name).path, query_params=query)
