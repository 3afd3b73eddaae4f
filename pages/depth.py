"""What does more depth do? Trained runs whose repeated layers run more or fewer times than in training."""

import streamlit as st

from app.components.depth_inside import inside
from app.components.depth_source import deep_runs
from app.components.depth_view import (
    choose_runs,
    choose_task,
    curves,
    loops_of,
    nothing_deep,
    shown_runs,
    train_any_depth,
)
from app.components.frame import header
from app.components.run_picker import runs_of_url
from app.services import store
from clps_core.words import _


def page() -> None:
    header("depth")
    st.markdown(
        _(
            "Layers that repeat can run more or fewer times than in training: depth becomes a dial that costs no "
            "parameters. Turn it, and see what the same weights do."
        )
    )
    runs = deep_runs()
    if not runs:
        runs_of_url(store())
        nothing_deep()
        return
    shown = shown_runs(runs)
    choose_task(runs, shown)
    left, right = st.columns((3, 1), vertical_alignment="bottom")
    with left:
        choose_runs(runs, shown)
    if not shown:
        return
    with right:
        loops = loops_of(shown)
    found = curves(shown, loops)
    if any(found.values()):
        train_any_depth(shown)
        inside(shown, loops)


page()
