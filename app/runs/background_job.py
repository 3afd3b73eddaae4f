"""An evaluation in the background as a page shows it: how far it is, and a way to stop it. Start at job_line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.look.formatting import duration
from app.services import desk, escape_markdown
from clps_core.errors import ClpsError
from clps_core.jobs.evaluations import Evaluated
from clps_core.store import Run
from clps_core.timing import seconds_left
from clps_core.words import _

__all__ = ["ask_for", "job_line", "left_problems"]


def job_line(run: Run, name: str, found: Evaluated, done: str, *, page: str) -> None:
    """A bar for an evaluation that is queued or runs, with ``done`` (how much is) and a button that stops it.

    ``page``: what its keys begin with; what a click could not do is among ``left_problems`` of that name.
    """
    job = found.job
    parts = [done]
    if job.stop_requested:
        parts.append(_("stopping"))
    elif job.status == "queued":
        parts.append(_("place {place} in the queue", place=job.queue_position))
    elif (left := seconds_left(job)) is not None:
        parts.append(_("{time} left", time=duration(left)))
    else:
        parts.append(_("starting"))
    bar, stop = st.columns((6, 1), vertical_alignment="center")
    bar.progress(job.progress, text=f"{escape_markdown(name)}: {' · '.join(parts)}")
    why_not = desk().why_not("cancel", job)
    stop.button(
        _("Cancel"),
        key=f"{page}.cancel.{run.id}",
        help=why_not or _("The results so far are kept."),
        disabled=why_not is not None or job.stop_requested is not None,
        on_click=_trying,
        args=(page, [lambda: desk().cancel(job.id)]),
        width="stretch",
    )
    if job.reason:
        st.caption(escape_markdown(job.reason))


def ask_for(kind: str, asked: Sequence[tuple[str, Sequence[str]]], *, page: str) -> None:
    """Ask for the evaluation ``kind`` of (run id, keys); for a button's ``on_click``."""

    def one(run_id: str, keys: Sequence[str]) -> Callable[[], object]:
        return lambda: desk().evaluate(kind, run_id, keys)

    _trying(page, [one(run_id, keys) for run_id, keys in asked])


def left_problems(page: str) -> list[str]:
    """Sentences of the last click, to be shown once."""
    found: list[str] = st.session_state.pop(f"{page}.problems", [])
    return found


def _trying(page: str, steps: Sequence[Callable[[], object]]) -> None:
    problems = []
    for step in steps:
        try:
            step()
        except ClpsError as error:
            problems.append(str(error))
    st.session_state[f"{page}.problems"] = list(dict.fromkeys(problems))
