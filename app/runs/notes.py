"""Notes of runs and comparisons: shown as Markdown that can do nothing, and edited. Start at note_of.

Whoever may see a run may read its note; its owner or a teacher writes it, through the desk.
"""

from __future__ import annotations

import zlib

import streamlit as st

from app import state
from app.services import desk, escape_markdown
from clps_core.errors import ClpsError
from clps_core.notes import MAX_NOTE, harmless_markdown
from clps_core.store import Comparison, Run
from clps_core.words import _

__all__ = ["ICON", "note_field", "note_of", "shown_note"]

ICON = ":material/sticky_note_2:"


def note_of(one: Run | Comparison, *, place: str) -> None:
    """The note, with a way to change it for those who may; ``place`` tells several of one page apart."""
    may = desk().why_not("note", one) is None
    name = escape_markdown(one.name)
    if one.notes:
        with st.expander(_("Note of {name}", name=name), icon=ICON, expanded=True, key=f"{place}.noted.{one.id}"):
            shown_note(one.notes)
            if may:
                _edited(one, _("Edit the note"), place=place)
    elif may:
        _edited(one, _("Add a note to {name}", name=name), place=place)


def _edited(one: Run | Comparison, label: str, *, place: str) -> None:
    with st.popover(label, icon=":material/edit:", type="tertiary", key=f"{place}.edit.{one.id}"):
        note_field(one, place=place)


def shown_note(note: str | None) -> None:
    """The note as its reader sees it: no HTML, no picture from elsewhere, no link but to a web address."""
    if note:
        st.markdown(harmless_markdown(note))


def note_field(one: Run | Comparison, *, place: str) -> None:
    """The field and its button; what somebody else has written meanwhile begins another field."""
    old = one.notes or ""
    key = f"{place}.note.{one.id}.{zlib.crc32(old.encode())}"

    def kept() -> None:
        try:
            text = st.session_state[key]
            desk().note(one.id, text) if isinstance(one, Run) else desk().note_comparison(one.id, text)
        except ClpsError as error:
            st.session_state[state.RUNS_PROBLEM] = str(error)

    st.text_area(
        _("Note"),
        old,
        key=key,
        max_chars=MAX_NOTE,
        height=160,
        help=_(
            "Markdown: **bold**, lists, tables, links to http and https. Everybody who can see the run can read it."
        ),
    )
    st.button(_("Save the note"), icon=":material/save:", key=f"{place}.keep.{one.id}", on_click=kept)
