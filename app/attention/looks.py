"""How maps are looked at beyond the head that is chosen: faint weights made stronger, and the cell that was kept.

The browser draws both by itself and tells the server, which keeps them in the address. Start at looks_of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from app import state
from clps_core.words import _

__all__ = ["Looks", "keep_looks", "looks_of", "looks_words"]

LARGEST = 100_000


@dataclass(frozen=True)
class Looks:
    """``lift``: weights are drawn by their square root. ``kept``: the cell (query, key) whose reading stays.

    ``lines``: the head at large is drawn as lines between tokens.
    """

    lift: bool = True
    kept: tuple[int, int] | None = None
    lines: bool = False

    def header(self, *, led: bool) -> dict[str, Any]:
        """What the browser begins with; one that is led by another tells nothing."""
        kept = None if self.kept is None else list(self.kept)
        return {"lift": self.lift, "kept": kept, "as_lines": self.lines, "led": led}


def looks_of(key: str, view: str) -> tuple[Looks, Looks]:
    """What component ``key`` began with, and what it shows now of ``view``: run, input, kind.

    It begins with what the address says. As long as it stands on the page that stays its beginning, so that a click
    does not send the maps again. A cell is kept in one view: another input or run has other cells.
    """
    told = st.session_state.get(key, {}).get("looks")
    place = f"{key}.looks"
    known = st.session_state.get(place)
    if told is None or not isinstance(known, tuple):
        known = (view, _asked())
        st.session_state[place] = known
    first_view, first = known
    now = _told(told) or first
    of_view = told.get("view") if isinstance(told, dict) else first_view
    return first, now if of_view == view else replace(now, kept=None)


def keep_looks(shown: Looks) -> dict[str, str]:
    """The address's parameters for ``shown``; what is usual is left out."""
    cell = "" if shown.kept is None else f"{shown.kept[0]}-{shown.kept[1]}"
    return {state.LIFT: "" if shown.lift else "0", state.CELL: cell, state.LINES: "1" if shown.lines else ""}


def looks_words() -> dict[str, str]:
    """The switch of faint weights, and what it does."""
    return {
        "boost": _("Show faint weights"),
        "boost_help": _(
            "Colours show the square root of the attention: a weight of 1 % has a tenth of the full colour "
            "instead of a hundredth. Off: colours show the attention itself. The numbers stay the same."
        ),
    }


def _asked() -> Looks:
    cell = re.fullmatch(r"([0-9]{1,6})-([0-9]{1,6})", state.read_text(state.CELL))
    kept = None if cell is None else _cell([int(cell[1]), int(cell[2])])
    return Looks(state.read_text(state.LIFT) != "0", kept, state.read_text(state.LINES) == "1")


def _told(told: object) -> Looks | None:
    """What a browser said, unchecked until here."""
    if not isinstance(told, dict):
        return None
    return Looks(told.get("lift") is not False, _cell(told.get("kept")), told.get("lines") is True)


def _cell(found: object) -> tuple[int, int] | None:
    if not isinstance(found, list | tuple) or len(found) != 2:
        return None
    row, column = found
    if not (type(row) is int and type(column) is int and 0 <= row < LARGEST and 0 <= column < LARGEST):
        return None
    return row, column
