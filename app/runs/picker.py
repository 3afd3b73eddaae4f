"""Which runs a page shows: read from the URL, chosen from lists, written back. Start at pick_comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from app import navigation, state
from app.look.formatting import date_time
from app.look.widget_value import widget_default
from app.runs.names import named_apart
from app.runs.notes import note_of
from app.runs.shelf_menu import comparison_menu
from app.services import desk, show_problem
from clps_core.shown import isolated
from clps_core.store import Comparison, Run, Store
from clps_core.store.found import count_archived
from clps_core.words import _, ngettext

__all__ = ["comparison_label", "nothing_yet", "pick_comparison", "pick_runs", "runs_of_url"]

MOST_COMPARISONS = 200
MOST_NOTES = 4
"""Comparisons whose notes Compare shows at once."""
ONLY_MINE = "runs.only_mine"
"""Key of the switch that leaves out other people's comparisons, on Runs and Compare alike."""
SHOW_ARCHIVED = "runs.show_archived"
"""Key of the switch that lists the archive, too, on Runs and Compare alike."""


def runs_of_url(store: Store) -> list[Run]:
    """The runs that ``?runs=`` names and that exist; a sentence stands on the page about all others."""
    asked, problem = state.read_runs()
    if problem:
        show_problem(problem)
    found = store.some_runs(asked)
    missing = [run_id for run_id in asked if run_id not in {run.id for run in found}]
    if missing:
        show_problem(
            ngettext(
                "there is no run {ids}. It may have been deleted; choose from the list.",
                "there are no runs {ids}. They may have been deleted; choose from the list.",
                len(missing),
                ids=", ".join(missing[:8]),
            )
        )
    return found


def nothing_yet() -> None:
    """What stands where runs would, and the way to the first ones."""
    with st.container(border=True):
        st.markdown(_("**Nothing has been trained here yet.**"))
        st.markdown(
            _("Start a comparison: the same task, data and seed with different sharing. It appears here immediately.")
        )
        navigation.link("train", _("Train a comparison"))


def comparison_label(comparison: Comparison, zone: tzinfo, *, mine: bool = False) -> str:
    """A comparison in one line: name, number of runs, date, and on a shared server whether it is the person's own.

    A browser answers with a label, so it must be the same a minute later: no age.
    """
    count = ngettext("{n} run", "{n} runs", len(comparison.run_ids))
    parts = [isolated(comparison.name), count, date_time(comparison.created_at, zone), *([_("yours")] if mine else [])]
    parts += [_("archived")] if comparison.archived_at is not None else []
    return " · ".join(parts)


def _zone() -> tzinfo:
    """The time zone of the browser, UTC where it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ValueError, OSError):  # no such zone, or none are installed
        return UTC


def _shown_and_listed(store: Store) -> tuple[list[Run], list[Comparison], dict[str, str]]:
    """The runs to show, the comparisons to choose from, newest first, and what these are called.

    The address names the runs that are shown, also where the page chose them: a copy shows the same ones later.
    Where it names none that exist, none is shown.
    """
    comparisons = store.comparisons(archived=bool(st.session_state.get(SHOW_ARCHIVED)))
    shown = runs_of_url(store)
    if not {run.comparison_id for run in shown} <= {one.id for one in comparisons}:
        comparisons = store.comparisons()  # what the address names is listed, also from the archive
    owner = desk().marked_owner
    mine = {one.id for one in comparisons if owner is not None and one.owner == owner}
    filtered = mine if mine and st.session_state.get(ONLY_MINE) else {one.id for one in comparisons}
    hidden = () if st.session_state.get(SHOW_ARCHIVED) else {one.id for one in comparisons if one.archived_at}
    offered = [one for one in comparisons if one.id in filtered and one.id not in hidden][:MOST_COMPARISONS]
    if not offered and not shown:
        if comparisons or count_archived(store):
            st.info(_("All runs here are archived."))
            _switches(store)
        else:
            nothing_yet()
        return [], [], {}
    if not state.given(state.RUNS):
        shown = _remembered(store, offered)
        state.write(**{state.RUNS: state.run_ids(shown)})
    if shown:
        st.session_state[state.RUNS_SEEN] = [run.id for run in shown]
    places = {one.id for one in offered} | {run.comparison_id for run in shown}
    listed = [one for one in comparisons if one.id in places]
    zone = _zone()
    return shown, listed, _told_apart({one.id: comparison_label(one, zone, mine=one.id in mine) for one in listed})


def _told_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """Id -> its label, with the id's end where others have the same: a browser answers with a label, not with an id."""
    seen = Counter(labels.values())
    return {one: label if seen[label] == 1 else f"{label} ({one[-4:]})" for one, label in labels.items()}


def _switches(store: Store) -> None:
    """A choice between everybody's runs and the person's own, if there are others; whether to show archived ones."""
    if desk().marked_owner is not None:
        st.toggle(_("Only my runs"), key=ONLY_MINE, persist_state="session", width="content")
    if st.session_state.get(SHOW_ARCHIVED) or count_archived(store):
        st.toggle(_("Show archived"), key=SHOW_ARCHIVED, persist_state="session", width="content")


def pick_comparison(store: Store) -> list[Run]:
    """The runs of one comparison (or those of the URL, whatever they are), with a list to choose another.

    Nothing where there are none, or none of those that the URL names; the page has said so then.
    """
    shown, comparisons, names = _shown_and_listed(store)
    if not comparisons:
        return []
    members = {one.id: one.run_ids for one in comparisons}
    current = next((one.id for one in comparisons if set(one.run_ids) == {run.id for run in shown}), None)
    if not shown:
        names[""] = _("Choose a comparison")
    elif current is None:
        names[""] = ngettext("{n} run from the address", "{n} runs from the address", len(shown))
    key = "runs.comparison"
    default = widget_default(key, current or "")

    def chosen() -> None:
        # A label that the browser had and the list has no more (deleted, renamed elsewhere) chooses nothing.
        if wanted := members.get(st.session_state[key]):
            state.write(**{state.RUNS: state.run_ids(wanted)})

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Comparison"),
            list(names),
            index=0 if default is None else list(names).index(default),
            format_func=lambda one: names.get(one, one),
            key=key,
            on_change=chosen,
        )
        for one in comparisons:
            if one.id == current:
                comparison_menu(store, one, place="runs")
        _switches(store)
    for one in comparisons:
        if one.id == current:
            note_of(one, place="runs")
    return shown


def _remembered(store: Store, comparisons: Sequence[Comparison]) -> list[Run]:
    """What a visit without an address shows: what this session saw last, else what works now, else the newest."""
    seen = store.some_runs(st.session_state.get(state.RUNS_SEEN, ()))
    if seen:
        return seen
    working = {job.comparison_id for job in store.active_jobs() if job.trains}
    newest = next((one for one in comparisons if one.id in working), comparisons[0])
    return store.some_runs(newest.run_ids[: state.MAX_RUNS])


def pick_runs(store: Store) -> list[Run]:
    """Any runs of any comparisons, for comparing: two lists, one of comparisons and one of their runs."""
    shown, comparisons, labels = _shown_and_listed(store)
    if not comparisons:
        return []
    members = {one.id: one.run_ids for one in comparisons}
    chosen_ids = {run.id for run in shown}
    sources = [one.id for one in comparisons if chosen_ids & set(one.run_ids)]
    offered = {run.id: run for run in store.some_runs(run_id for source in sources for run_id in members[source])}
    names = _told_apart(named_apart(list(offered.values())))
    first_sources = widget_default("compare.comparisons", sources)
    first_runs = widget_default("compare.runs", [run_id for run_id in offered if run_id in chosen_ids])

    # A browser answers with labels: one that the list has no more (deleted, renamed elsewhere) chooses nothing.
    def comparisons_chosen() -> None:
        now = [source for source in st.session_state["compare.comparisons"] if source in members]
        kept = [run_id for source in now if source in sources for run_id in members[source] if run_id in chosen_ids]
        added = [run_id for source in now if source not in sources for run_id in members[source]]
        state.write(**{state.RUNS: state.run_ids(kept + added)})
        st.session_state[state.RUNS_SEEN] = kept + added

    def runs_chosen() -> None:
        now = [run_id for run_id in st.session_state["compare.runs"] if run_id in offered]
        state.write(**{state.RUNS: state.run_ids(now)})

    left, right = st.columns(2)
    left.multiselect(
        _("Comparisons"),
        list(labels),
        default=first_sources,
        format_func=lambda one: labels.get(one, one),
        key="compare.comparisons",
        on_change=comparisons_chosen,
    )
    right.multiselect(
        _("Runs"),
        list(offered),
        default=first_runs,
        format_func=lambda one: names.get(one, one),
        key="compare.runs",
        on_change=runs_chosen,
    )
    _switches(store)
    for one in comparisons:
        if one.id in sources[:MOST_NOTES]:
            note_of(one, place="compare")
    return shown
