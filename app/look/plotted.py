"""A plotly figure on a page: with a name for those who do not see it, and larger for a room. Start at plotted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.look import presenting
from app.look.charts import CONFIG

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["plotted"]


def plotted(figure: Figure, *, key: str, alt: str) -> None:
    """Draw ``figure``; ``alt`` says in a sentence what it shows."""
    shown = presenting.enlarged(figure) if presenting.is_on() else figure
    st.plotly_chart(shown, key=key, config=CONFIG | {"displayModeBar": False}, alt=alt)
