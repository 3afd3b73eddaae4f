"""A choice of one of one's own runs, with a search. Start at choose_own_run."""

from __future__ import annotations

import streamlit as st

from app.runs.names import unusual
from app.services import desk, show_problem, store
from clps_core.errors import ClpsError
from clps_core.finding import LONGEST, parse_where, with_equals
from clps_core.shown import isolated
from clps_core.store import Run
from clps_core.store.found import Found, find_runs
from clps_core.words import _

__all__ = ["choose_own_run"]

MOST_LISTED = 100


def choose_own_run(key: str) -> Run | None:
    """A search and the newest runs that it finds, one of them chosen; ``None`` where there is none.

    On a server of several people only one's own are listed.
    """
    asked = st.text_input(
        _("Search"), key=f"{key}.search", max_chars=LONGEST, placeholder=_("all runs"),
        help=_("Words from the name, task, strategy, tags or note, the start of the id, or a filter as on Runs, "
"such as num_layers>=6."),
    )  # fmt: skip
    try:
        where = with_equals(parse_where(asked.strip()), {"owner": desk().marked_owner})
        found = find_runs(store(), where, limit=MOST_LISTED)
    except ClpsError as error:
        show_problem(str(error))
        return None
    if not found.runs:
        st.info(_("No run matches.") if asked.strip() else _("You have no runs yet. Train one first."))
        return None
    return _chosen(key, found)


def _chosen(key: str, found: Found) -> Run | None:
    by_id = {run.id: run for run in found.runs}
    chosen = st.selectbox(
        _("Run"),
        list(by_id),
        format_func=lambda one: _label(by_id[one]) if one in by_id else str(one),
        key=f"{key}.run",
    )
    if found.total > len(found.runs):
        st.caption(
            _(
                "The newest {shown} of {total} runs are listed. Search to find the others.",
                shown=len(found.runs),
                total=f"{found.total:,}",
            )
        )
    return by_id.get(chosen)


def _label(run: Run) -> str:
    """A run in one line; nothing in it changes by itself."""
    return " · ".join([isolated(run.name), run.id[:8], *unusual(run)])
