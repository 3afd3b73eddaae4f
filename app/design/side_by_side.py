"""The chosen design beside another one: maps, figures and fields, and what differs. Start at side_by_side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import state
from app.design.beside import beside_of, close_beside, swap, take_other
from app.design.counts_table import pair_table
from app.design.designs import Costed, Designs
from app.design.sharing_pair import sharing_pair
from app.look.tables import word_table
from app.services import escape_markdown, show_problem
from clps_core.config.telling import differing, field_name, said_value, told_apart
from clps_core.errors import ClpsError
from clps_core.exports.differences import complete_table, design_first
from clps_core.sharing.difference import compare_plans, difference_sentences
from clps_core.words import _, ngettext, sentences

__all__ = ["open_beside_dialog", "side_by_side"]

MOST_NAMED = 4
MOST_OPEN = 8
"""Fields that are listed at once; more when somebody asks."""


def open_beside_dialog() -> None:
    """Open the choice of another design in the next run of the page."""
    st.session_state[state.DESIGN_DIALOG] = "beside"


def side_by_side(designs: Designs, here: Costed) -> None:
    """Draw it where another design stands beside ``here``, the one that is looked at; else nothing."""
    if not designs.beside:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(_("Side by side"), anchor=False, width="stretch")
        swapping, taking = st.empty(), st.empty()
        st.button(_("Choose another design"), icon=":material/edit:", key="beside.choose", on_click=open_beside_dialog)
        st.button(_("Close"), icon=":material/close:", key="beside.close", on_click=close_beside)
    try:
        other = beside_of(designs.beside)
    except ClpsError as error:
        show_problem(_("the second design cannot be shown: {problem}", problem=error))
        return
    swapping.button(
        _("Swap"), icon=":material/swap_horiz:", key="beside.swap", on_click=swap, args=(here.strategy,),
        help=_("The current design becomes the second one, and the second design the current one."),
    )  # fmt: skip
    taking.button(
        _("Keep only the second"), icon=":material/input:", key="beside.take", on_click=take_other,
        help=_("The second design replaces the current one, and this comparison closes."),
    )  # fmt: skip
    pair = (here, other.design)
    tables = [complete_table(designs.config(here.strategy)), complete_table(other.config)]
    fields = design_first(differing(tables))
    if not fields:
        called = " = ".join(dict.fromkeys(escape_markdown(one.name) for one in pair))
        st.info(_("The two designs are equal in every field: {names}.", names=called), icon=":material/equal:")
        return
    names = told_apart([one.name for one in pair], tables)
    found = compare_plans(here.plan, other.design.plan)
    st.markdown(
        sentences(map(escape_markdown, difference_sentences(found, (pair[0].plan, pair[1].plan), _both(names))))
    )
    sharing_pair(pair, names, found)
    st.caption(
        _(
            "The maps are compared by which sites share a weight, for all sites that both designs have. The "
            "slots' letters are only names."
        )
    )
    pair_table(pair, names)
    _fields_table(fields, tables, names)


def _both(names: Sequence[str]) -> tuple[str, str]:
    first, second = names
    return first, second


def _fields_table(fields: Sequence[str], tables: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """The fields that differ, each with its value in both designs."""
    said = ", ".join(map(field_name, fields[:MOST_NAMED]))
    if len(fields) > MOST_NAMED:
        said = _("{names} and {n} more", names=said, n=len(fields) - MOST_NAMED)
    label = ngettext("{n} field differs: {fields}", "{n} fields differ: {fields}", len(fields), fields=said)
    with st.expander(escape_markdown(label), icon=":material/difference:", expanded=len(fields) <= MOST_OPEN):
        values = [[said_value(table.get(field)) for field in fields] for table in tables]
        titles = [_("First: {name}", name=names[0]), _("Second: {name}", name=names[1])]
        columns = {_("Field"): fields, **dict(zip(titles, values, strict=True))}
        word_table(_("Fields in which the two designs differ"), columns)
