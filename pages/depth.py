"""What does more depth do? Trained runs whose repeated layers run more or fewer times than in training."""

import streamlit as st

from app.look.frame import header
from app.look.working import opening
from clps_core.words import _


def page() -> None:
    header("depth")
    st.markdown(
        _(
            "Layers that repeat can run more or fewer times than in training, so depth can change without new "
            "parameters. Vary it, and see what the same weights do."
        )
    )
    with opening(_("Looking for runs whose layers repeat ..."), "app.depth.page"):
        from app.depth.page import choices, depth_runs, turned

        runs = depth_runs()
    if not runs:
        return
    shown, loops = choices(runs)
    turned(shown, loops)


page()
