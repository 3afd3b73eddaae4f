"""A plotly figure on a page: with a name for those who do not see it, and larger for a room. Start at plotted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.look import presenting
from app.look.charts import CONFIG
from app.look.picture import Table, figure_table_of, picture

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["plotted"]


def plotted(
    figure: Figure,
    *,
    key: str,
    alt: str,
    title: str,
    about: str = "",
    name: Sequence[str] = (),
    numbers: Callable[[], Table] | None = None,
) -> None:
    """Draw ``figure``; ``alt`` says in a sentence what it shows.

    ``title``, ``about`` and ``name`` are for its files (see ``picture``). ``numbers``: of the file of
    numbers, by default what the figure itself holds.
    """
    shown = presenting.enlarged(figure) if presenting.is_on() else figure
    with st.container(gap=None):
        st.plotly_chart(shown, key=key, config=CONFIG | {"displayModeBar": False}, alt=alt)
        picture(
            key,
            title=title,
            name=name,
            about=about,
            numbers=numbers or partial(figure_table_of, figure),
        )
