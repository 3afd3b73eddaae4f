"""Whether pages are shown to a room: large type, thick lines, no side bar. Start at is_on.

It holds for a session; the address may say it (``?present=1``), and then says it on every page.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import streamlit as st

from app import state

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["SWITCH", "begin", "enlarged", "is_on", "turned"]

SWITCH = "present.switch"
TYPE = 20
"""Pixels of the words in a figure; charts on a canvas take theirs from ``present.css``."""
LINES, MARKS, HEIGHT = 1.75, 1.5, 1.35
"""How much thicker lines, larger marks and higher figures are."""


def begin() -> None:
    """Take over what the address asks for, once per run of the script; then the address says what holds."""
    asked = st.query_params.get(state.PRESENT)
    if asked is not None:
        st.session_state[state.PRESENTING] = asked == "1"
    on = is_on()
    if st.session_state.get(SWITCH) != on:
        st.session_state[SWITCH] = on
    state.write(**{state.PRESENT: "1" if on else None})


def is_on() -> bool:
    """Whether this session presents."""
    return bool(st.session_state.get(state.PRESENTING, False))


def turned() -> None:
    """The switch was turned."""
    st.session_state[state.PRESENTING] = on = bool(st.session_state[SWITCH])
    state.write(**{state.PRESENT: "1" if on else None})


def enlarged(figure: Figure) -> Figure:
    """A copy of ``figure`` for a room: its words, lines and marks larger, itself higher."""
    figure = deepcopy(figure)
    for trace in figure.data:
        for name in ("line", "marker", "textfont", "insidetextfont"):
            if name not in trace:
                continue
            part = trace[name]
            if name == "line" and part.width:
                part.width *= LINES
            elif name == "marker" and "size" in part and isinstance(part.size, int | float):  # a bar has none
                part.size *= MARKS
            elif name.endswith("font"):
                part.size = TYPE - 2
    figure.update_layout(font_size=TYPE, legend_font_size=TYPE, hoverlabel_font_size=TYPE)
    figure.update_xaxes(tickfont_size=TYPE, title_font_size=TYPE)
    figure.update_yaxes(tickfont_size=TYPE, title_font_size=TYPE)
    figure.update_annotations(font_size=TYPE)
    if figure.layout.height:
        figure.update_layout(height=round(HEIGHT * figure.layout.height))
    return figure
