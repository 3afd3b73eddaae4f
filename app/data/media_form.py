"""Pictures and sounds on the Data page: what was found in a source, and what is chosen for it. Start at medium_form."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from app.data.tables import preview_table
from app.data.thumbnails import Thumbnail, thumbnails
from app.look.tables import word_table
from app.services import escape_markdown
from clps_core.own_data.child import Told
from clps_core.shown import visible
from clps_core.words import N_, Words, _, ngettext

__all__ = ["COLUMN_TITLES", "medium_form", "player"]

MOST_CLASSES = 12
"""Classes whose numbers are listed before a data set is added."""
COLUMN_TITLES = Words(
    {
        "sound": N_("Sound"),
        "seconds": N_("Seconds"),
        "transcript": N_("Transcript"),
        "split": N_("Split"),
    }
)

Choose = Callable[[str, Any], None]


def medium_form(told: Told, options: Mapping[str, Any], choose: Choose, *, key: str) -> None:
    """What ``told`` says of the first pictures or sounds, and their options.

    ``choose`` is called with an option's name and its value when a person changes it; ``options``: those chosen so far.
    """
    if told.kind == "images":
        _pictures(told.medium)
        _picture_options(told.medium, choose, key=key)
    else:
        _sounds(told)
        _sound_options(told.medium, options, choose, key=key)


def _pictures(medium: Mapping[str, Any]) -> None:
    thumbnails(_("Some of the pictures, as they would be stored"), [Thumbnail(*one) for one in medium["thumbnails"]])
    shown, count = medium["classes"][:MOST_CLASSES], medium["class_count"]
    title = _("Pictures of each class") if medium["pictures"] is not None else _("First pictures of each class")
    names, numbers = [visible(name) for name, _n in shown], [f"{n:,}" for _name, n in shown]
    word_table(title, {_("Class"): names, _("Pictures"): numbers})
    if count > len(shown):
        st.caption(ngettext("and {n} more", "and {n} more", count - len(shown)))
    if medium["splits"]:
        parts = ", ".join(f"{visible(split)} {count:,}" for split, count in medium["splits"].items())
        st.caption(escape_markdown(_("Splits that the folders give: {parts}.", parts=parts)))


def _picture_options(medium: Mapping[str, Any], choose: Choose, *, key: str) -> None:
    side, colour = f"data.side.{key}", f"data.colour.{key}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Pixels across"),
            medium["sides"],
            index=medium["sides"].index(medium["side"]),
            key=side,
            width=160,
            help=_(
                "Each picture is stored as a square of so many pixels: its middle, as large as fits. The shorter side "
                "of half of the pictures is at least {size} pixels.",
                size=medium["size"],
            ),
            on_change=lambda: choose("side", st.session_state[side]),
        )
        st.segmented_control(
            _("Colour"),
            [True, False],
            format_func=lambda one: _("In colour") if one else _("In grey"),
            default=medium["colour"],
            required=True,
            key=colour,
            help=_("In colour each pixel has three numbers. By default pictures are stored in colour if any has some."),
            on_change=lambda: choose("colour", st.session_state[colour]),
        )


def _sounds(told: Told) -> None:
    for name, address in told.medium["sounds"][:1]:
        st.caption(escape_markdown(_("The first sound: {name}", name=visible(name))))
        player(address)
    rows = {
        name: values for name, values in told.rows.items() if any(values)
    }  # no column for splits that are not given
    preview_table(replace(told, rows=rows), {name: COLUMN_TITLES[name] for name in rows}, named=True)


def player(address: str) -> None:
    """Play the WAV file that an address of data holds."""
    st.audio(base64.b64decode(address.partition(",")[2]), format="audio/wav")


def _sound_options(medium: Mapping[str, Any], options: Mapping[str, Any], choose: Choose, *, key: str) -> None:
    lower = f"data.lower.{key}"
    st.toggle(
        _("Transcripts in lower case"),
        value=bool(options.get("lower", medium["lower"])),
        key=lower,
        help=_("Each character is a class of the model. Capital letters sound like small ones."),
        on_change=lambda: choose("lower", st.session_state[lower]),
    )
