"""The depth page below its header, from the choice of runs to one input. Start at depth_runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import state
from app.depth.background import background, kept_points, known_of
from app.depth.inside import inside
from app.depth.source import DeepRun, deep_runs
from app.depth.view import (
    choose_runs,
    choose_task,
    curves,
    loops_of,
    nothing_deep,
    shown_runs,
    train_any_depth,
)
from app.runs.picker import runs_of_url
from app.services import store

__all__ = ["choices", "depth_runs", "turned"]

Loops = Mapping[str, tuple[int, ...]]


def depth_runs() -> list[DeepRun]:
    """The runs whose depth can be turned; where there is none, what is missing stands on the page."""
    runs = deep_runs()
    if not runs:
        runs_of_url(store())
        nothing_deep()
    return runs


def choices(runs: Sequence[DeepRun]) -> tuple[list[DeepRun], Loops]:
    """The fields above the curve; returns the runs that are shown, and the numbers of loops that each tries."""
    shown = shown_runs(runs)
    choose_task(runs, shown)
    left, right = st.columns((3, 1), vertical_alignment="bottom")
    with left:
        choose_runs(runs, shown)
    if not shown:
        return [], {}
    with right:
        return shown, loops_of(shown)


def turned(shown: Sequence[DeepRun], loops: Loops) -> None:
    """The curve, and one input at every depth; nothing where the address names runs that are gone."""
    if not shown:
        return
    known = known_of(shown)
    background(shown, loops, known)
    kept = kept_points(shown, known)
    working = {run_id for run_id, one in known.items() if one.job.active}
    wanted = loops
    if not state.read_text(state.DEPTHS).strip():  # what is kept costs nothing to show
        wanted = {run_id: tuple(sorted({*numbers, *kept.get(run_id, ())})) for run_id, numbers in loops.items()}
    found = curves(shown, wanted, kept, working)
    if any(found.values()) or working:
        train_any_depth(shown)
        inside(shown, loops)
