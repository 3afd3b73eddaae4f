"""A sweep at a glance: how far, which configuration is best, a picture and a table of all. Start at sweep_card."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from app import navigation, state
from app.look.formatting import duration
from app.look.plotted import plotted
from app.look.ticking import ticking
from app.services import desk, escape_markdown, page_guard, show_problem
from app.sweep.across import across
from app.sweep.picture import hollow, panels, sweep_figure
from app.sweep.table import said_best, said_settings, said_spread, sweep_table
from clps_core.errors import ClpsError, JobError, NotFoundError
from clps_core.jobs import service
from clps_core.metrics import metric_named
from clps_core.store import Comparison, Run, Store
from clps_core.sweeps import SweepState, sweep_state
from clps_core.sweeps.results import Configuration, equal_to_best
from clps_core.sweeps.table import csv_text
from clps_core.sweeps.worth import worth_of_first
from clps_core.words import _, in_a_sentence, ngettext, sentences

__all__ = ["pick_sweep", "sweep_card", "sweep_of_runs"]

TICK_SECONDS = 2.0
MOST_SWEEPS = 50
SHOWN = "sweep.shown"
PROBLEM = "sweep.card_problem"
STOPPED = ("cancelled", "paused")


def pick_sweep(store: Store) -> Comparison | None:
    """The sweep that the address names, with a list to choose another; ``None`` for none.

    Where the address names none, the newest one, which it names from then on; a sentence says that one is gone.
    """
    every = [one for one in store.comparisons() if one.sweep_text is not None]
    sweeps = [one for one in every if one.archived_at is None]
    asked, problem = state.read_sweep()
    found = next((one for one in every if one.id in asked), None)
    if asked and found is None:
        problem = _("there is no sweep {id}. It may have been deleted; choose from the list.", id=asked[0])
    if problem:
        show_problem(problem)
    if not state.given(state.SWEEP) and sweeps:
        found = sweeps[0]
        state.write(**{state.SWEEP: found.id})
    listed = list(dict.fromkeys([*sweeps[:MOST_SWEEPS], *([found] if found is not None else [])]))
    if len(listed) > 1 or (listed and found is None):
        names = {one.id: f"{one.name} · {one.id}" for one in listed}
        st.session_state[SHOWN] = found.id if found is not None else None

        def chosen() -> None:
            if st.session_state[SHOWN] in names:  # not a label that the list has no more
                state.write(**{state.SWEEP: st.session_state[SHOWN]})

        st.selectbox(
            _("Sweep"),
            list(names),
            index=0 if found is not None else None,
            format_func=lambda one: names.get(one, one),
            key=SHOWN,
            placeholder=_("Choose a sweep"),
            on_change=chosen,
        )
    return found


def sweep_of_runs(store: Store, runs: Sequence[Run]) -> Comparison | None:
    """The sweep that all of ``runs`` belong to; ``None`` where there is no such."""
    ids = {run.comparison_id for run in runs}
    return next((one for one in store.comparisons() if {one.id} == ids and one.sweep_text is not None), None)


def sweep_card(store: Store, comparison: Comparison, *, link_to_compare: bool = True) -> None:
    """Draw it; it follows the runs while one is active."""
    active = any(run.active for run in store.runs(comparison=comparison.id))
    ticking(f"sweep_{comparison.id}", _card, TICK_SECONDS if active else None)(
        store, comparison, active, link_to_compare
    )


@page_guard()
def _card(store: Store, comparison: Comparison, was_active: bool, link_to_compare: bool) -> None:
    found = sweep_state(store, comparison, service.supervisor_status(store).slots)
    if not found.runs:
        return
    if any(run.active for run in found.runs) != was_active:
        st.rerun()
    with st.container(border=True):
        st.markdown(f"**{escape_markdown(comparison.name)}**")
        with st.container():  # what comes and goes must not move what follows: an open menu would close
            if problem := st.session_state.pop(PROBLEM, None):
                show_problem(problem)
        st.progress(found.progress, text=escape_markdown(_progress(found)))
        with st.container():
            if found.best is not None:
                st.markdown(_best(found, found.best))
                if (worth := worth_of_first(found, said_settings)) is not None:
                    st.caption(escape_markdown(worth))
                across(found.configurations, found.metric, found.comparison.id, lambda: _picture(found))
        sweep_table(found)
        _links(found, link_to_compare)


def _progress(found: SweepState) -> str:
    parts = [_("{n} of {total} runs ended", n=found.ended, total=len(found.runs))]
    names = {"failed": _("failed"), "cancelled": _("cancelled"), "paused": _("paused"), "running": _("running")}
    parts += [f"{n} {names[status]}" for status, n in found.statuses.items() if status in names]
    if found.seconds_left:
        parts.append(_("about {time} left", time=duration(found.seconds_left)))
    return " · ".join(parts)


def _best(found: SweepState, best: Configuration) -> str:
    said = {
        "name": escape_markdown(said_settings(best)),
        "title": in_a_sentence(metric_named(found.metric).title),
        "value": escape_markdown(said_best(best, found.metric)),
    }
    if (alike := len(equal_to_best(found.configurations))) > 1:
        said["n"] = str(alike)
        return _("{n} configurations have the same best {title}: {value}.", **said)
    if found.ended < len(found.runs):
        return _("Best so far: **{name}**, {title} {value}.", **said)
    text = _("Best: **{name}**, {title} {value}.", **said)
    if best.test is None:
        return text
    value = escape_markdown(said_spread(best.test, found.metric, len(best.runs)))
    return sentences((text, _("On the test split, scored once after training: {value}.", value=value)))


def _picture(found: SweepState) -> None:
    """Quality against each field; the table below has the same figures."""
    drawn = panels(found.configurations)
    if not drawn:
        return
    title = metric_named(found.metric).title
    fields = ", ".join(panel.field.rpartition(".")[2] for panel in drawn)
    plotted(
        sweep_figure(found.configurations, found.metric, title),
        key=f"sweep.picture.{found.comparison.id}",
        alt=_(
            "{metric} of each configuration against {fields}; the table below has the same values.",
            metric=title,
            fields=fields,
        ),
        title=_("{metric} of each configuration", metric=title),
        about=found.comparison.id,
    )
    notes = [_("The ring marks the best configuration. A line joins configurations that differ in nothing else.")]
    if any(hollow(one) for one in found.configurations if one.best):
        notes.append(
            _("Hollow points: a run failed, ended early or is not finished, so the point is based on less training.")
        )
    st.caption(sentences(notes))


def _links(found: SweepState, compare: bool) -> None:
    """The address can name only a limited number of runs: the best configurations come first."""
    query = {state.RUNS: state.run_ids(run for one in found.configurations for run in one.runs)}
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        if compare:
            navigation.link("compare", _("Compare the runs"), query=query)
        navigation.link("runs", _("Watch the runs"), query=query)
        waiting = [run for run in found.runs if run.active and desk().why_not("cancel", run) is None]
        if waiting:
            with st.popover(_("Cancel the remaining runs"), icon=":material/block:"):
                st.markdown(
                    ngettext(
                        "This stops {n} waiting or running run. What it has learned is kept, and it can be resumed.",
                        "This stops {n} waiting or running runs. What they have learned is kept, and they can be "
                        "resumed.",
                        len(waiting),
                    )
                )
                st.button(
                    _("Cancel them"), on_click=_cancel, args=(waiting,), key=f"sweep.cancel.{found.comparison.id}"
                )
        if found.best_run is not None and found.best_run.step:
            navigation.link("attention", _("Look inside the best run"), query={state.RUN: found.best_run.id})
        st.download_button(
            _("Download as CSV"),
            lambda: csv_text(found).encode(),
            file_name=f"clps-sweep-{found.comparison.id}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            type="tertiary",
            key=f"sweep.csv.{found.comparison.id}",
            help=_("One line per run with its fields and results, unrounded."),
        )
        stopped = [run for run in found.runs if run.status in STOPPED and desk().why_not("resume", run) is None]
        if stopped:
            label = ngettext("Resume {n} stopped run", "Resume {n} stopped runs", len(stopped))
            st.button(
                label,
                icon=":material/play_arrow:",
                on_click=_resume,
                args=(stopped,),
                key=f"sweep.resume.{found.comparison.id}",
                help=_("Cancelled and paused runs continue from their last checkpoint."),
            )


def _cancel(runs: Sequence[Run]) -> None:
    """The queue first: else each slot that gets free takes up the next run, only to drop it."""
    for run in sorted(runs, key=lambda run: run.status == "running"):
        with suppress(JobError, NotFoundError):  # it ended, or was deleted, a moment ago
            desk().cancel(run.id)


def _resume(runs: Sequence[Run]) -> None:
    """As many as quotas allow; the first that they do not is said."""
    try:
        for run in runs:
            with suppress(JobError, NotFoundError):  # somebody else did, or deleted it, a moment ago
                desk().resume(run.id)
        service.ensure_supervisor(desk().store)
    except ClpsError as error:
        st.session_state[PROBLEM] = str(error)
