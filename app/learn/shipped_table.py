"""What a comparison that ships came to: a row for each design, with its spread. Start at shipped_table."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import navigation, state
from app.look.colours import strategy_colours
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact
from app.runs.names import ready_names
from clps_core.samples.ready import READY, Ready
from clps_core.samples.shipped import figures_of
from clps_core.samples.stories import design_name, judge_of, shown_spread, test_head, title_of
from clps_core.sharing import Strategy, parse_strategy
from clps_core.words import _

__all__ = ["shipped_table", "shipped_with"]


def shipped_table(ready: Ready) -> None:
    """The table under its title, and a way to the runs."""
    figures, metric, names = figures_of(ready), judge_of(ready), ready_names(ready)
    colours = strategy_colours(one.strategy for one in figures)
    st.markdown(f"**{title_of(ready)}**")
    columns = [(_("Design"), ""), (_("Stored"), ""), (test_head(ready, metric.title), "")]
    rows = [
        Row(
            design_name(ready, one),
            colours[one.strategy],
            [compact(one.stored), shown_spread(one.spread(metric.name), metric)],
            also=names[one.design.key],
        )
        for one in figures
    ]
    figure_table(title_of(ready), columns, rows)
    navigation.link("compare", _("Open these runs"), query={state.RUNS: state.run_ids(list(ready.run_ids()))})


def shipped_with(asks: Callable[[Strategy], bool]) -> tuple[Ready, ...]:
    """The comparisons of which a design's strategy is what ``asks`` for."""
    return tuple(one for one in READY if any(asks(parse_strategy(design.strategy)) for design in one.designs))
