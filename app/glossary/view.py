"""What the glossary's page shows: a search, a choice of page, and the terms that are left. Start at glossary."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from app import navigation, state
from app.learn.chapters import CHAPTERS
from app.look.address_choice import address_choice
from app.look.assets import asset
from app.look.tables import quiet
from app.look.widget_value import widget_default
from app.services import escape_markdown, show_problem
from clps_core.errors import ConfigError
from clps_core.glossary import MAX_SEARCH, SHOWN_ON, TERMS, TOPIC_TITLES, TOPICS, Term, searched, term
from clps_core.words import _, ngettext

__all__ = ["glossary"]

ALL = "all"
FEW = 3
"""So many found terms or fewer are shown as cards, with the ways to where they are used."""


def glossary() -> None:
    """Draw the term of the address, if one is asked for, then the search and what it finds."""
    asked = state.read_text(state.TERM)
    if asked:
        try:
            _card(term(asked))
        except ConfigError as error:
            show_problem(str(error))
    found = _asked()
    if not found:
        st.markdown(quiet(_("No term matches. Try fewer or other words.")))
        return
    st.caption(ngettext("{n} term", "{n} terms", len(found)))
    if len(found) <= FEW:
        for one in found:
            _card(one)
        return
    for topic, terms in TOPICS.items():
        left = [one for one in terms if one in found]
        if left:
            st.header(TOPIC_TITLES[topic], anchor=False)
            st.html(f"<style>{asset('glossary/glossary.css')}</style>{_list(left)}")


def _asked() -> list[Term]:
    """The terms of the chosen page that the search finds."""
    text = _search()
    shown = {facts.name: facts.title for facts in navigation.PAGES if facts.name in SHOWN_ON}
    page = address_choice("glossary", state.ON, {ALL: _("All pages"), **shown}, _("Terms of"), visible=True, many=True)
    return searched(text, [one for one in TERMS.values() if page in (ALL, *one.pages)])


def _search() -> str:
    key = f"glossary.{state.FIND}"
    chosen = state.read_text(state.FIND)[:MAX_SEARCH]

    def typed() -> None:
        state.write(**{state.FIND: st.session_state[key].strip() or None})

    st.text_input(
        _("Search the glossary"),
        value=widget_default(key, chosen) or "",
        max_chars=MAX_SEARCH,
        key=key,
        placeholder=_("A term, a symbol such as d_model, or any words"),
        on_change=typed,
    )
    return chosen


def _list(terms: Sequence[Term]) -> str:
    """A definition list; all text is escaped."""
    return f'<dl class="clps-terms">{"".join(map(_entry, terms))}</dl>'


def _entry(one: Term) -> str:
    symbols = "".join(f"<code>{escape(symbol)}</code>" for symbol in one.symbols)
    small = "".join(f"<small>{escape(line)}</small>" for line in _details(one))
    return f"<div><dt>{escape(one.title)}{symbols}</dt><dd>{escape(one.text)}{small}</dd></div>"


def _details(one: Term) -> list[str]:
    """Other names, and the unit."""
    found = [_("Also: {names}", names=one.also)] if one.also else []
    return [*found, _("Unit: {unit}", unit=one.unit)] if one.unit else found


def _card(one: Term) -> None:
    """One term, with the ways to the pages that use it and to the chapter that teaches it."""
    symbols = "".join(f" `{symbol}`" for symbol in one.symbols)
    with st.container(border=True):
        st.header(f"{escape_markdown(one.title)}{symbols}", anchor=False)
        st.markdown(escape_markdown(one.text))
        if details := _details(one):
            st.caption(escape_markdown(" · ".join(details)))
        if one.source:
            source = f"[{escape_markdown(one.source.name)}]({one.source.link})"
            st.caption(_("Source: {source}", source=source))
        with st.container(horizontal=True):
            for chapter in CHAPTERS:
                if chapter.key == one.chapter:
                    navigation.link("learn", chapter.title(), query={state.CHAPTER: chapter.key})
            for name in one.pages:
                if name != "learn":
                    navigation.link(name)
