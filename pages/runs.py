"""How is the training going? The runs of a comparison, live: table, curves, logs."""

from collections.abc import Hashable

import streamlit as st

from app import navigation, state
from app.chart.run_curves import run_curves
from app.depth.source import link_to_depth
from app.look.address_choice import address_choice
from app.look.frame import header
from app.look.ticking import ticking
from app.runs.all_runs import VIEWS, all_runs
from app.runs.fork import fork_dialog
from app.runs.picker import pick_comparison
from app.runs.table import queue_line, run_log, run_table, wait_words
from app.services import page_guard, store
from clps_core.jobs import service
from clps_core.words import _

TICK_SECONDS = 1.0


def page() -> None:
    header("runs")
    if address_choice("runs", state.VIEW, VIEWS, _("What to list")) == "all":
        all_runs(store())
        return
    runs = pick_comparison(store())
    if not runs:
        return
    active = any(run.active for run in runs)
    asked = st.session_state.get(state.RUNS_FORK)
    ticks = active and asked is None  # a tick that comes while the dialog closes makes the browser drop the address
    ticking("runs", live, TICK_SECONDS if ticks else None, pulse)([run.id for run in runs], active)
    for run in store().some_runs([asked] if asked else []):
        fork_dialog(store(), run)


def pulse(run_ids: list[str], was_active: bool) -> Hashable:
    """What ``live`` shows: of the runs, and of the queue they may wait in."""
    if was_active:
        service.ensure_supervisor(store())
    moved = store().pulse(run_ids)
    if not was_active:
        return moved
    queue, status = service.queue_state(store()), service.supervisor_status(store())
    waits = tuple(wait_words(queue.turns[one]) for one in run_ids if one in queue.turns)
    return moved, queue.words, queue.held, status.busy, status.slots, waits


@page_guard()
def live(run_ids: list[str], was_active: bool) -> None:
    """What moves; ticks only while something is active."""
    runs = store().some_runs(run_ids, places=False)
    active = any(run.active for run in runs)
    if active != was_active or len(runs) < len(run_ids):
        st.rerun()
    queue = service.queue_state(store())
    with st.container():  # also when it is empty: what follows keeps its place on the page
        if active:
            queue_line(queue, service.supervisor_status(store()))
    run_table(store(), runs, queue.turns)
    run_log(runs)
    loss = st.segmented_control(
        _("Loss"),
        ["train", "validation"],
        default="train",
        required=True,
        format_func={"train": _("Training loss"), "validation": _("Loss on validation data")}.__getitem__,
        key="runs.loss",
        persist_state="session",
        label_visibility="collapsed",
    )
    run_curves(store(), runs, key="runs", loss=loss)
    with st.container(horizontal=True):
        navigation.link("compare", _("Compare these runs"), query={state.RUNS: state.run_ids(runs)})
        navigation.link("tryit", _("Try them"), query={state.RUNS: state.run_ids(runs)})
        navigation.link("attention", _("Look inside"), query={state.RUN: runs[0].id})
        link_to_depth(runs)


page()
