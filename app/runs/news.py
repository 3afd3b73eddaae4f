"""A short notice on any page when one of the person's own runs has ended. Start at run_news."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app import navigation, state
from app.look.formatting import strategy_name
from app.runs.names import unusual
from app.services import desk, escape_markdown, page_guard, store
from clps_core.errors import ClpsError
from clps_core.store import Run
from clps_core.words import _, listed, ngettext, sentences

__all__ = ["news_text", "run_news"]

TICK_SECONDS = 3.0
WORTH_TELLING = ("finished", "failed")
"""Who pauses or cancels a run knows it."""


def run_news() -> None:
    """Tell once per session and run; look again while the person's own runs are active."""
    with contextlib.suppress(ClpsError):  # a page that needs the store says what is wrong with it
        st.fragment(_look, run_every=TICK_SECONDS if _active() else None)()


@page_guard()
def _look() -> None:
    with contextlib.suppress(ClpsError):
        active = _active()
        watched: set[str] = st.session_state.get(state.NEWS_WATCHED, set())
        told: set[str] = st.session_state.setdefault(state.NEWS_TOLD, set())
        gone = sorted(store().some_runs(watched - active - told), key=lambda run: (run.status, run.finished_at or 0.0))
        ended = [run for run in gone if run.status in WORTH_TELLING]  # failures first
        told.update(run.id for run in ended)
        st.session_state[state.NEWS_WATCHED] = active
        if ended:
            failed = any(run.status == "failed" for run in ended)
            icon = ":material/error:" if failed else ":material/check_circle:"
            st.toast(sentences((news_text(ended), _way(ended))), icon=icon, duration="long")


def _active() -> set[str]:
    """Ids of the viewer's active jobs; on a server of one person, of all."""
    here = desk()
    active = store().active_jobs()
    return {run.id for run in active if not here.policy.shared or here.is_mine(run)}


def news_text(ended: Sequence[Run]) -> str:
    """One run by its name, several by their number; never more than a line or two."""
    if len(ended) > 1:
        outcomes = Counter(_outcome(run) for run in ended)
        many = ngettext("{n} run has ended", "{n} runs have ended", len(ended))
        said = listed(f"{number} {outcome}" for outcome, number in outcomes.items())
        return _("**{many}**: {outcomes}.", many=many, outcomes=said)
    run = ended[0]
    name = escape_markdown(" · ".join([strategy_name(run.strategy), *unusual(run)]))
    text = _("**{name}**, seed {seed}: {outcome}.", name=name, seed=run.seed, outcome=_outcome(run))
    return sentences((text, escape_markdown(run.reason or "")))


def _outcome(run: Run) -> str:
    if run.status == "failed":
        return _("failed")
    early = run.step < run.steps
    return _("stopped early, at step {step}", step=f"{run.step:,}") if early else _("finished")


def _way(ended: Sequence[Run]) -> str:
    look = _("Show")
    return f"[{look}]({navigation.page('runs').name}?{state.RUNS}={state.run_ids(ended)})"
