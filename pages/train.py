"""What shall be trained side by side? A matched comparison in one click, or a sweep over any field."""

import streamlit as st

from app import navigation, state
from app.look.frame import header
from app.services import desk, show_problem, store
from app.sweep.section import STRATEGIES, pick_way, start_button, sweep_results, sweep_section
from app.train.estimate import estimate
from app.train.form import Asked, train_form, write_address
from clps_core.config import Resolved, build_config
from clps_core.errors import ClpsError
from clps_core.jobs import service
from clps_core.words import _


def page() -> None:
    header("train")
    st.markdown(
        _(
            "All runs of a comparison use the same data in the same order and start from matched weights: only what "
            "you choose differs."
        )
    )
    way = pick_way()
    if way == STRATEGIES:
        comparison()
    else:
        sweep_section(way)
    sweep_results(way)


def comparison() -> None:
    """Strategies and seeds, each with each."""
    asked = train_form()
    try:
        configs = desk().checked(service.matched(asked.base, asked.strategies, asked.seeds))
    except ClpsError as error:
        show_problem(str(error))
        configs = []
    if configs:
        write_address(build_config(asked.base), asked)
        estimate(store(), configs)
    if start_button(len(configs)):
        queue(configs, asked)


def queue(configs: list[Resolved], asked: Asked) -> None:
    """Queue the runs and show them."""
    try:
        runs = desk().submit(configs, asked.name)
    except ClpsError as error:
        show_problem(str(error))
        return
    navigation.go("runs", query={state.RUNS: state.run_ids(runs)})


page()
