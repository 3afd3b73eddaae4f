"""The design of another scheme at the same budget: the panel of Compare and of Design. Start at match_panel."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.look.assets import asset
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact
from app.match.choices import Choices, Matchable, choices
from app.services import desk, escape_markdown, show_problem
from clps_core.config.telling import field_name, said_value
from clps_core.errors import ClpsError
from clps_core.matching import MEASURES, Match, match
from clps_core.words import _

__all__ = ["match_panel"]


def match_panel(page: str, designs: Mapping[str, Matchable], first: str) -> tuple[str, Match] | None:
    """The key of a design and its match, once the panel is switched on; ``None`` where there is none.

    ``designs``: key in the address -> design; ``first`` is the key of the one that is matched at first. A match stays
    within what the person who looks at it may train.
    """
    with st.container(key=f"match_panel_{page}", gap=None):
        st.html(f"<script>{asset('match/into_view.js')}</script>", unsafe_allow_javascript=True)
        with st.container():
            return _panel(page, designs, first)


def _panel(page: str, designs: Mapping[str, Matchable], first: str) -> tuple[str, Match] | None:
    asked = choices(page, designs, first)
    # A match takes some milliseconds, so it is made for who asks only.
    if asked is None:
        return None
    found = _found(asked, designs[asked.design])
    if found is None:
        return None
    _result(found, designs[asked.design].name)
    return asked.design, found


def _found(asked: Choices, design: Matchable) -> Match | None:
    try:
        limits = desk().match_limits(design.config)
        return match(design.config, asked.scheme, asked.measure, asked.change, limits)
    except ClpsError as error:
        show_problem(str(error))
        return None


def _result(found: Match, name: str) -> None:
    """What changed, and by how much it misses."""
    columns = [(_("Field"), ""), (name, ""), (_("Matched"), "")]
    rows = [Row(field_name(one.field), "transparent", [said_value(one.before), said_value(one.after)])
            for one in found.changes]  # fmt: skip
    what = MEASURES[found.measure]
    rows.append(Row(what, "transparent", [f"{found.target:,}", f"{found.got:,}"]))
    figure_table(_("What changes"), columns, rows)
    if found.problem:
        st.warning(escape_markdown(found.problem), icon=":material/warning:")
    elif not found.missed:
        st.caption(_("The matched design has exactly the same budget."))
    else:
        miss = f"{100 * found.part:+.2f} %".replace("-", "−")
        st.caption(_("The matched design differs by {miss} ({count}).", miss=miss, count=_signed(found.missed)))


def _signed(count: int) -> str:
    return f"{'−' if count < 0 else '+'}{compact(abs(count))}"
