"""Depths that are evaluated in the background: the button, its progress, and what is kept. Start at background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.chart.run_curves import short_names
from app.depth.source import DeepRun
from app.look.ticking import ticking
from app.runs.background_job import ask_for, job_line, left_problems
from app.services import desk, escape_markdown, page_guard, show_problem, store
from clps_core.depth import MOST_POINTS, Quality, kept_qualities, key_of
from clps_core.jobs import service
from clps_core.jobs.evaluations import Evaluated, evaluated
from clps_core.words import _, ngettext

__all__ = ["background", "kept_points", "known_of"]

KIND = "depths"
TICK_SECONDS = 1.0
PAGE = "depth"

Loops = Mapping[str, tuple[int, ...]]


def known_of(runs: Sequence[DeepRun]) -> dict[str, Evaluated]:
    """Run id -> its evaluation in the background, of the runs that have one."""
    return evaluated(store(), KIND, [one.run for one in runs])


def kept_points(runs: Sequence[DeepRun], known: Mapping[str, Evaluated]) -> dict[str, dict[int, Quality]]:
    """Run id -> loops -> what is kept of the weights that the run has now."""
    return {
        one.run.id: kept_qualities(one.run.config_text, known[one.run.id].results)
        for one in runs
        if one.run.id in known and known[one.run.id].current
    }


def background(runs: Sequence[DeepRun], loops: Loops, known: Mapping[str, Evaluated]) -> None:
    """The button that has every depth evaluated, and how far that is; draws itself again while something is active."""
    for sentence in left_problems(PAGE):
        show_problem(sentence)
    active = any(one.job.active for one in known.values())
    ticking("depth.background", _shown, TICK_SECONDS if active else None)(runs, loops, _state(known))


@page_guard()
def _shown(runs: Sequence[DeepRun], loops: Loops, drawn: object) -> None:
    known = known_of(runs)
    if _state(known) != drawn:
        st.rerun()  # the curve has a new point, or the button is there again
    names = short_names([one.run for one in runs])
    working = [one.run for one in runs if one.run.id in known and known[one.run.id].job.active]
    if working:
        service.ensure_supervisor(store())
    for run in working:
        job = known[run.id].job
        done = _("{done} of {all} depths", done=job.step, all=job.steps)
        job_line(run, names[run.id], known[run.id], done, page=PAGE)
    for one in runs:
        if (found := known.get(one.run.id)) is not None and not found.job.active:
            _ended(names[one.run.id], found)
    _button([one for one in runs if one.run not in working], loops, known)


def _state(known: Mapping[str, Evaluated]) -> object:
    """What the rest of the page depends on."""
    return sorted((run_id, len(one.results), one.current, one.job.status) for run_id, one in known.items())


def _ended(name: str, found: Evaluated) -> None:
    """What is to be said of an evaluation that has ended: why it failed, that it stopped, that its weights are gone."""
    name, job = escape_markdown(name), found.job
    if found.results and not found.current:
        text = _(
            "{run}: its weights have changed since the stored results were computed, so these are not shown.",
            run=name,
        )
        st.info(text, icon=":material/history:")
    if job.status == "failed":
        show_problem(_("{run} could not be evaluated at all depths: {why}", run=name, why=job.reason or ""))
    elif job.status in ("cancelled", "paused"):
        done = len(found.results)
        st.caption(
            ngettext(
                "{run}: stopped after {n} depth; the button continues from there.",
                "{run}: stopped after {n} depths; the button continues from there.",
                done,
                run=name,
            )
        )


def _wanted(one: DeepRun, loops: Loops) -> tuple[int, ...]:
    """Every number of loops up to the largest that is tried; where that is too many, the tried ones."""
    tried = loops[one.run.id]
    return tuple(range(1, max(tried) + 1)) if max(tried) <= MOST_POINTS else tried


def _button(runs: Sequence[DeepRun], loops: Loops, known: Mapping[str, Evaluated]) -> None:
    kept = kept_points(runs, known)
    missing = [one for one in runs if not set(_wanted(one, loops)) <= kept.get(one.run.id, {}).keys()]
    if not missing:
        depths = sum(len(points) for points in kept.values())
        text = ngettext(
            "{n} result is stored from an evaluation in the background.",
            "{n} results are stored from evaluations in the background.",
            depths,
        )
        if depths:
            st.caption(text)
        return
    refusals = {one.run.id: desk().why_not("evaluate", one.run) for one in missing}
    allowed = [one for one in missing if refusals[one.run.id] is None]
    most = max(max(_wanted(one, loops)) for one in missing)
    note = _(
        "Evaluates each number of loops up to {most}, as a job in the queue. You can close the page; the results are "
        "stored.",
        most=most,
    )
    st.button(
        _("Evaluate all depths in the background"),
        icon=":material/schedule:",
        key="depth.evaluate",
        help=note if allowed else next(iter(refusals.values())),
        disabled=not allowed,
        on_click=ask_for,
        args=(KIND, [(one.run.id, [key_of(number) for number in _wanted(one, loops)]) for one in allowed]),
        kwargs={"page": PAGE},
    )
