"""Which model is better, and what does it cost? Runs against each other."""

from collections.abc import Hashable

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
from app.look.ticking import ticking
from app.runs.picker import pick_runs
from app.services import page_guard, store
from app.sweep.across import across_runs
from app.sweep.card import sweep_card, sweep_of_runs
from clps_core.store import Run
from clps_core.words import _

TICK_SECONDS = 2.0
GROUPS = "compare.groups"
"""In the session: the designs of each task as the table has them, and the colour of each strategy."""
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
    every = TICK_SECONDS if active else None
    # Three parts: a tick draws what has news, and what each takes is small.
    ticking("compare", measured, every, pulse)(ids, active)
    ticking("compare_curves", curves, every, curves_pulse)(ids)
    ticking("compare_costs", costs, every, costs_pulse)()
    match_section(store(), runs)
    written_section(runs)
    confusion_section(runs)
    what_differs(store(), runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        take_away(store(), runs)
        navigation.link("tryit", _("Try them"), query={state.RUNS: state.run_ids(runs)})
        link_to_depth(runs)


def pulse(run_ids: list[str], was_active: bool) -> Hashable:  # noqa: ARG001 - given what measured is given
    """What ``measured`` shows."""
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
            st.subheader(members[0].facts.title, anchor=False)
        groups.append(figures(store(), members, colours, alone=len(by_task) == 1))
    st.session_state[GROUPS] = groups, colours


def curves_pulse(run_ids: list[str]) -> Hashable:
    """What ``curves`` shows."""
    return store().pulse(run_ids)


@page_guard()
def curves(run_ids: list[str]) -> None:
    """The live chart of each task, over the chosen axis."""
    axis = address_choice(
        "compare",
        state.X,
        AXES,
        _("Curves over"),
        visible=True,
        help=_(
            "Runs that are equal on one axis may differ on another: with the same steps, more loops need more FLOPs. "
            "Tokens and FLOPs are computed from the config, at the model's full length with padding, for forward and "
            "backward passes."
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
