"""Which model is better, and what does it cost? Runs against each other."""

from collections.abc import Hashable
from functools import partial

import streamlit as st

from app import navigation, state
from app.chart.live_chart import AXES
from app.chart.run_curves import run_curves
from app.compare.costs import quality_against_cost
from app.compare.differences import what_differs
from app.compare.matching import match_section
from app.compare.scaling import scaling
from app.compare.summary import Group
from app.compare.take_away import take_away
from app.compare.view import figures
from app.compare.written import written_section
from app.confusion.section import confusion_section
from app.depth.source import link_to_depth
from app.look.address_choice import address_choice
from app.look.colours import strategy_colours
from app.look.frame import header
from app.look.ticking import Part, ticking_parts
from app.runs.picker import pick_runs
from app.services import page_guard, store
from app.sweep.across import across_runs
from app.sweep.card import sweep_card, sweep_of_runs
from clps_core.store import Run
from clps_core.words import _

TICK_SECONDS = 2.0
# In the session: the designs of each task as the table has them, and the colour of each strategy. No docstring here:
# Streamlit would draw it on the page.
GROUPS = "compare.groups"
NONE: tuple[list[list[Group]], dict[str, str]] = ([], {})


def page() -> None:
    header("compare")
    runs = pick_runs(store())
    if not runs:
        return
    if (sweep := sweep_of_runs(store(), runs)) is not None:
        sweep_card(store(), sweep, link_to_compare=False)
    else:
        across_runs(store(), runs)
    ids, active = [run.id for run in runs], any(run.active for run in runs)
    news = partial(pulse, ids)
    parts = [
        Part("compare", partial(measured, ids, active), news),
        Part("compare_curves", partial(curves, ids), news),
        Part("compare_costs", costs, costs_pulse),
    ]
    ticking_parts(parts, TICK_SECONDS if active else None)
    match_section(store(), runs)
    written_section(runs)
    confusion_section(runs)
    what_differs(store(), runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        take_away(store(), runs)
        navigation.link("tryit", _("Try these runs"), query={state.RUNS: state.run_ids(runs)})
        link_to_depth(runs)


def pulse(run_ids: list[str]) -> Hashable:
    """What table and curves show."""
    return store().pulse(run_ids)


@page_guard()
def measured(run_ids: list[str], was_active: bool) -> None:
    """Table and verdicts of each task; keeps the designs for ``costs``, which stand below."""
    runs = store().some_runs(run_ids)
    if any(run.active for run in runs) != was_active or len(runs) < len(run_ids):
        st.rerun()
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    groups = []
    colours = strategy_colours(run.strategy for run in runs)
    for members in by_task.values():
        if len(by_task) > 1:
            st.header(members[0].facts.title, anchor=False)
        groups.append(figures(store(), members, colours, alone=len(by_task) == 1))
    if len(by_task) > 1:
        st.caption(_("Each task counts its loss in its own way: compare losses within one task only."))
    st.session_state[GROUPS] = groups, colours


@page_guard()
def curves(run_ids: list[str]) -> None:
    """The live chart of each task, over the chosen axis."""
    axis = address_choice(
        "compare",
        state.X,
        AXES,
        _("Horizontal axis"),
        visible=True,
        help=_(
            "Runs that are equal on one axis may differ on another: at the same number of steps, more loops "
            "need more FLOPs. Tokens and FLOPs are computed from the config, for the model's full length with "
            "padding, and count forward and backward passes."
        ),
    )
    runs = store().some_runs(run_ids)
    run_curves(store(), runs, key="compare", loss="validation", x=axis, axis_choice=False, mean=True)


def costs_pulse() -> Hashable:
    """What ``costs`` shows: it moves with evaluations, not with every step."""
    of_tasks, _colours = st.session_state.get(GROUPS, NONE)
    every = (one for groups in of_tasks for group in groups for one in group.summaries)
    return tuple((one.run.id, one.run.status, one.best) for one in every)


@page_guard()
def costs() -> None:
    """Quality against cost and over size, of the designs that ``measured`` has found."""
    groups, colours = st.session_state.get(GROUPS, NONE)
    quality_against_cost(groups, colours)
    scaling(groups, colours)


page()
