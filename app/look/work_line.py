"""What the machine is doing, in one line. Start at work_line."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, state
from app.look.formatting import duration, strategy_name
from app.services import escape_markdown
from clps_core.store import Store
from clps_core.store.records import ActiveJob
from clps_core.timing import seconds_left
from clps_core.words import _, ngettext

__all__ = ["work_line", "work_sentence"]


def work_line(store: Store) -> bool:
    """Draw the line if anything runs or waits; returns whether it does."""
    runs = store.active_jobs()
    if not runs:
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(escape_markdown(work_sentence(runs)), width="content")
        if trainings := [run for run in runs if run.trains]:
            navigation.link("runs", _("Watch"), query={state.RUNS: state.run_ids(trainings)})
    return True


def work_sentence(runs: Sequence[ActiveJob]) -> str:
    """What is at work with its progress and time left, and how many wait."""
    running = [run for run in runs if run.status == "running"]
    waiting = sum(run.status == "queued" for run in runs)
    names = [strategy_name(run.strategy) if run.trains else run.name for run in running]
    # Of runs that are called alike the full names say what differs: seed, width ...
    names = [run.name if names.count(name) > 1 else name for name, run in zip(names, running, strict=True)]
    parts = [_progress(run, name) for run, name in zip(running[:3], names, strict=False)]
    if len(running) > 3:
        parts.append(ngettext("{n} more running", "{n} more running", len(running) - 3))
    if waiting and all(run.trains for run in runs):
        parts.append(ngettext("{n} run is waiting", "{n} runs are waiting", waiting))
    elif waiting:
        parts.append(ngettext("{n} run or evaluation is waiting", "{n} runs and evaluations are waiting", waiting))
    return " · ".join(parts)


def _progress(run: ActiveJob, name: str) -> str:
    left = seconds_left(run)
    if left is None:
        return _("{name} is starting", name=name)
    return _("{name}: {share} %, {left} left", name=name, share=int(100 * run.step / run.steps), left=duration(left))
