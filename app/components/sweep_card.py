"""A sweep at a glance: how far, which configuration is best, all of them in a table. Start at sweep_card."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from app import navigation, state
from app.colours import strategy_colour
from app.components.figure_table import Row, figure_table
from app.components.run_curves import metric_title
from app.formatting import compact, duration, metric, strategy_name
from app.services import desk, escape_markdown, page_guard
from clps_core.errors import JobError, NotFoundError
from clps_core.jobs import service
from clps_core.store import Comparison, Run, Store
from clps_core.sweeps import SweepState, sweep_state
from clps_core.sweeps.plan import STRATEGY
from clps_core.sweeps.results import Configuration, Spread
from clps_core.words import _, ngettext

__all__ = ["pick_sweep", "sweep_card", "sweep_of_runs"]

TICK_SECONDS = 2.0
MOST_SWEEPS = 50
MOST_ROWS = 20
SHOWN = "sweep.shown"


def pick_sweep(store: Store) -> Comparison | None:
    """The sweep that the address names, else the newest one, with a list to choose another; ``None`` for none."""
    sweeps = [one for one in store.comparisons() if one.plan_text is not None][:MOST_SWEEPS]
    asked = state.read_sweep()
    found = next((one for one in sweeps if one.id == asked), sweeps[0] if sweeps else None)
    if len(sweeps) > 1 and found is not None:
        names = {one.id: f"{one.name} · {one.id}" for one in sweeps}
        st.session_state[SHOWN] = found.id

        def chosen() -> None:
            state.write(**{state.SWEEP: st.session_state[SHOWN]})

        st.selectbox(_("Sweep"), list(names), format_func=lambda one: names.get(one, one), key=SHOWN, on_change=chosen)
    return found


def sweep_of_runs(store: Store, runs: Sequence[Run]) -> Comparison | None:
    """The sweep that all of ``runs`` belong to; ``None`` where there is no such."""
    ids = {run.comparison_id for run in runs}
    return next((one for one in store.comparisons() if {one.id} == ids and one.plan_text is not None), None)


def sweep_card(store: Store, comparison: Comparison, *, link_to_compare: bool = True) -> None:
    """Draw it; it follows the runs while one is active."""
    active = any(run.active for run in store.runs(comparison=comparison.id))
    st.fragment(_card, run_every=TICK_SECONDS if active else None)(store, comparison, active, link_to_compare)


@page_guard()
def _card(store: Store, comparison: Comparison, was_active: bool, link_to_compare: bool) -> None:
    found = sweep_state(store, comparison, service.supervisor_status(store).slots)
    if not found.runs:
        return
    if any(run.active for run in found.runs) != was_active:
        st.rerun()
    with st.container(border=True):
        st.markdown(f"**{escape_markdown(comparison.name)}**")
        st.progress(found.progress, text=escape_markdown(_progress(found)))
        if found.best_run is not None:
            st.markdown(_best(found))
        _table(found)
        _links(found, link_to_compare)


def _progress(found: SweepState) -> str:
    parts = [_("{n} of {total} runs ended", n=found.ended, total=len(found.runs))]
    names = {"failed": _("failed"), "cancelled": _("cancelled"), "paused": _("paused"), "running": _("running")}
    parts += [f"{n} {names[status]}" for status, n in found.statuses.items() if status in names]
    if found.seconds_left:
        parts.append(_("about {time} left", time=duration(found.seconds_left)))
    return " · ".join(parts)


def _best(found: SweepState) -> str:
    best = found.configurations[0]
    assert best.best is not None
    said = {
        "name": escape_markdown(_name(best)),
        "title": metric_title(found.metric).lower(),
        "value": escape_markdown(_spread(best.best, found.metric, len(best.runs))),
    }
    if found.ended < len(found.runs):
        return _("Best so far: **{name}**, {title} {value}.", **said)
    return _("Best: **{name}**, {title} {value}.", **said)


def _name(one: Configuration) -> str:
    """As ``Configuration.name``, with the strategy as people read it."""
    said = [
        strategy_name(value) if field == STRATEGY else f"{field.rpartition('.')[2]} {value}"
        for field, value in one.settings.items()
    ]
    return " · ".join(said) or strategy_name(one.runs[0].strategy)


def _table(found: SweepState) -> None:
    columns = [
        (_("Configuration"), ""),
        (
            _("Best {metric}", metric=metric_title(found.metric).lower()),
            _("mean of each run's best evaluation, on held-out data"),
        ),
        (_("Runs"), _("ended, of all")),
        (_("Ended early"), _("by the sweep's rule, or for want of patience")),
        (_("Stored parameters"), _("unique: every weight counted once")),
        (_("Time of a run"), _("without waiting in the queue")),
    ]
    shown = found.configurations[:MOST_ROWS]
    rows = [
        Row(
            _name(one),
            strategy_colour(one.runs[0].strategy),
            [
                _spread(one.best, found.metric, len(one.runs)),
                f"{sum(not run.active for run in one.runs)}/{len(one.runs)}",
                str(one.ended_early or "–"),
                compact(one.runs[0].unique_parameters),
                duration(one.seconds.mean) if one.seconds else "–",
            ],
        )
        for one in shown
    ]
    figure_table(_("Configurations, best first"), columns, rows)
    notes = []
    if any(one.best and one.best.deviation is not None for one in shown):
        notes.append(
            _("± is the standard deviation over the seeds and folds of a configuration; n is how many there are.")
        )
    if (more := len(found.configurations) - len(shown)) > 0:
        notes.append(ngettext("{n} more configuration is not shown.", "{n} more configurations are not shown.", more))
    if notes:
        st.caption(" ".join(notes))


def _spread(spread: Spread | None, name: str, runs: int) -> str:
    if spread is None:
        return "–"
    text = metric(name, spread.mean)
    if spread.deviation is not None:
        text = _("{mean} ± {deviation}", mean=text, deviation=metric(name, spread.deviation))
    return _("{text} (n = {count})", text=text, count=spread.count) if runs > 1 else text


def _links(found: SweepState, compare: bool) -> None:
    """The address can name so many runs only: the best configurations come first."""
    ids = [run.id for one in found.configurations for run in one.runs][: state.MAX_RUNS]
    with st.container(horizontal=True, gap="medium"):
        if compare:
            navigation.link("compare", _("Compare the runs"), query={state.RUNS: ",".join(ids)})
        navigation.link("runs", _("Watch the runs"), query={state.RUNS: ",".join(ids)})
        if found.best_run is not None and found.best_run.step:
            navigation.link("attention", _("Look inside the best run"), query={state.RUN: found.best_run.id})
        waiting = [run for run in found.runs if run.active and desk().why_not("cancel", run) is None]
        if waiting:
            with st.popover(_("Cancel the rest"), icon=":material/block:"):
                st.markdown(
                    ngettext(
                        "{n} run that waits or runs is stopped. What it has learned stays, and it can be resumed.",
                        "{n} runs that wait or run are stopped. What they have learned stays, and they can be resumed.",
                        len(waiting),
                    )
                )
                st.button(
                    _("Cancel them"), on_click=_cancel, args=(waiting,), key=f"sweep.cancel.{found.comparison.id}"
                )


def _cancel(runs: Sequence[Run]) -> None:
    """The queue first: else each slot that gets free takes up the next run, only to drop it."""
    for run in sorted(runs, key=lambda run: run.status == "running"):
        with suppress(JobError, NotFoundError):  # it ended, or was deleted, a moment ago
            desk().cancel(run.id)
