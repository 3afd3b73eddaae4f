"""The Train page's sweeps, from the choice to the queue. Start at pick_way, then sweep_section."""

from __future__ import annotations

import streamlit as st

from app import state
from app.services import desk, show_problem, store
from app.sweep.card import pick_sweep, sweep_card
from app.sweep.estimate import sweep_estimate
from app.sweep.file import sweep_file
from app.sweep.form import sweep_form
from app.train.form import train_form, write_address
from clps_core.config import Resolved, build_config
from clps_core.errors import ClpsError
from clps_core.sweeps import Sweep, expand, sweep_from_plain
from clps_core.words import _, ngettext

__all__ = ["STRATEGIES", "pick_way", "start_button", "sweep_results", "sweep_section"]

STRATEGIES = "strategies"
KEY, LINK = "train.way", "train.way_link"


def pick_way() -> str:
    """What the runs differ in: ``strategies``, ``fields``, or what a ``file`` says. The address says it, too."""
    ways = {STRATEGIES: _("Strategies"), "fields": _("Any field: a sweep"), "file": _("A sweep's file")}
    session, address = st.session_state, st.query_params.get(state.WAY, "")
    if KEY not in session or (address and address != session.get(LINK)):
        asked, problem = state.read_choice(state.WAY, list(ways))
        if problem:
            show_problem(problem)
        session[KEY] = asked[0] if asked else STRATEGIES
    chosen = st.segmented_control(
        _("What differs"), list(ways), format_func=ways.__getitem__, key=KEY, required=True, persist_state="session"
    )
    way = chosen or STRATEGIES  # a browser that has drawn nothing yet answers with nothing
    session[LINK] = "" if way == STRATEGIES else way
    state.write(**{state.WAY: session[LINK]})
    return way


def sweep_section(way: str) -> None:
    """A form or a file, what it costs, and the button."""
    asked = train_form() if way == "fields" else None
    found: Sweep | None = None
    configs: list[Resolved] = []
    try:
        found = sweep_file() if asked is None else sweep_from_plain(sweep_form(asked))
        configs = desk().checked(expand(found))
    except ClpsError as error:
        show_problem(str(error))
    if found is not None and configs:
        if asked is not None:
            write_address(build_config(asked.base), asked)
        sweep_estimate(store(), found, configs)
    if start_button(len(configs)) and found is not None:
        _queue(found, configs)


def sweep_results(way: str) -> None:
    """The sweep of the address; where sweeps are made, the newest one without being asked."""
    if way != STRATEGIES or state.given(state.SWEEP):
        found = pick_sweep(store())
        if found is not None:
            sweep_card(store(), found)


def start_button(runs: int) -> bool:
    """The button that queues; off while nothing can be."""
    label = ngettext("Train {n} run", "Train {n} runs side by side", runs) if runs else _("Train")
    return st.button(label, type="primary", icon=":material/play_arrow:", disabled=not runs)


def _queue(found: Sweep, configs: list[Resolved]) -> None:
    try:
        runs = desk().submit(configs, found.name, sweep=found.plain())
    except ClpsError as error:
        show_problem(str(error))
        return
    state.write(**{state.SWEEP: runs[0].comparison_id})
