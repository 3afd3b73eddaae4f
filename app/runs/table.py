"""The table of runs: status, progress, best metric, reasons, and what can be done. Start at run_table."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Literal

import streamlit as st

from app import navigation, state
from app.chart.live_chart import LineStyle
from app.chart.run_curves import line_styles
from app.compare.summary import Measured, Summary
from app.look.formatting import compact, duration, metric, speed
from app.runs.actions import open_log, run_menu, score_if_asked, show_refusal
from app.runs.notes import ICON as NOTE_ICON
from app.runs.notes import shown_note
from app.runs.timing import seconds_left
from app.services import desk, escape_markdown, show_problem
from clps_core.errors import ClpsError
from clps_core.jobs.desk import Desk
from clps_core.jobs.names import given_name
from clps_core.jobs.service import QueueState, SupervisorStatus, Turn
from clps_core.metrics import metric_named
from clps_core.shown import visible
from clps_core.store import Run, Store
from clps_core.words import _, in_a_sentence

__all__ = ["queue_line", "run_log", "run_table", "status_of", "wait_words"]

WIDTHS = (2.9, 3.0, 1.9, 1.6, 0.7)
MOST_ROWS = 12
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 5", "4 2 1 2 1 2", "1 4", "14 3 3 3")
MARKS = (
    '<circle cx="15" cy="6" r="4"/>',
    '<rect x="11.5" y="2.5" width="7" height="7"/>',
    '<path d="M15 1l5 9.5H10z"/>',
    '<path d="M15 .5l4.500 5.500-4.500 5.500-4.500-5.500z"/>',
    '<path d="M13.300 1h3.400v3.300H20v3.400h-3.300V11h-3.400V7.700H10V4.300h3.300z"/>',
    '<path d="M15 0l1.600 4 4.400.3-3.300 2.700 1 4.500-3.700-2.400-3.700 2.400 1-4.500L9 4.300l4.400-.3z"/>',
)
"""The same dashes and marks as in ``draw.js``."""


def run_table(store: Store, runs: Sequence[Run], turns: Mapping[str, Turn]) -> None:
    """One row per run, with its actions; 12 rows at a time. ``turns``: where the waiting ones stand."""
    with st.container():  # what comes and goes must not move what follows
        score_if_asked(runs)
        show_refusal()
    styles = {style.id: style for style in line_styles(runs)}
    rows = _page_of(runs)
    figures = {one.run.id: one for one in Measured.of(store, rows).summaries()}
    best = metric_named(figures[rows[0].id].metric).title
    titles = (_("Run"), _("Progress"), _("Best {metric}", metric=in_a_sentence(best)), _("Parameters"), "")
    for column, title in zip(st.columns(WIDTHS), titles, strict=True):
        column.caption(title)
    parents = {run.id: run for run in store.some_runs({run.parent_id for run in rows if run.parent_id}, places=False)}
    asked_by = desk()
    for run in rows:
        _row(store, figures[run.id], styles[run.id], turns.get(run.id), asked_by)
        if run.start_from:
            _origin(run, parents.get(run.parent_id or ""))


def wait_words(turn: Turn) -> str:
    """A waiting run's place and when it starts; a longer reason stands under its row or above all."""
    parts = [_("place {place} in the queue", place=turn.place)]
    if turn.cause == "share":
        parts.append(_("waiting for other runs of the same owner"))
    elif turn.cause == "full":
        parts.append(_("waiting for disk space"))
    elif turn.starts_in is not None:
        soon = turn.starts_in <= 1
        parts.append(_("starts next") if soon else _("starts in about {time}", time=duration(turn.starts_in)))
    return " · ".join(parts)


def _origin(run: Run, parent: Run | None) -> None:
    """Which run a fork began with, and the way to both."""
    which = {"best": _("best"), "last": _("last")}.get(run.start_from or "", str(run.start_from))
    if parent is None:
        st.caption(_("A fork, from the {which} weights of a run that was deleted.", which=which))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if run.config.train.begin_step:
            told = _(
                "Continues training, with the optimiser, from step {step} of", step=f"{run.config.train.begin_step:,}"
            )
        else:
            told = _("A fork, from the {which} weights of", which=which)
        st.caption(told, width="content")
        if st.button(
            escape_markdown(parent.name), key=f"parent.{run.id}", type="tertiary", help=_("Compare only these two")
        ):
            navigation.go("runs", query={state.RUNS: state.run_ids([parent, run])})


def _page_of(runs: Sequence[Run]) -> Sequence[Run]:
    if len(runs) <= MOST_ROWS:
        return runs
    pages = -(-len(runs) // MOST_ROWS)
    number = st.pagination(pages, key="runs.page")
    return runs[(number - 1) * MOST_ROWS : number * MOST_ROWS]


def _row(store: Store, figures: Summary, style: LineStyle, turn: Turn | None, asked_by: Desk) -> None:
    run = figures.run
    name, progress, best, parameters, actions = st.columns(WIDTHS, vertical_alignment="center")
    words, colour = status_of(run)
    with name.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.html(_name(style, given_name(run)), width="content")
        st.badge(words, color=colour)
        if asked_by.is_mine(run):
            st.badge(_("yours"), color="gray")
    progress.progress(run.progress, text=_progress(run, turn))
    best.markdown(_best(figures))
    parameters.markdown(_parameters(run))
    shut = ".shut" if st.session_state.get(state.RUNS_FORK) == run.id else ""  # or it hides the dialog
    # The label is for those who hear the page; frame.css shows the three dots alone.
    with actions.popover(
        _("Actions of {run}", run=escape_markdown(style.name)),
        icon=":material/more_vert:",
        help=_("Log, retry, fork, delete ..."),
        type="tertiary",
        key=f"actions.{run.id}{shut}",
    ):
        run_menu(store, run, asked_by, scored=figures.test is not None)
    if run.reason and run.status == "failed":
        with st.container(horizontal=True, vertical_alignment="center"):
            show_problem(run.reason)
            if not asked_by.why_not("log", run):
                label, icon = _("Log"), ":material/article:"
                st.button(label, icon=icon, key=f"why.{run.id}", on_click=open_log, args=(run.id,), width="content")
    elif run.reason:
        st.caption(escape_markdown(run.reason))
    if run.tags:
        st.caption(" · ".join(escape_markdown(f"#{tag}") for tag in run.tags))
    if run.notes:
        with st.expander(_("Note"), icon=NOTE_ICON, key=f"noted.{run.id}"):
            shown_note(run.notes)


def _name(style: LineStyle, given: str | None) -> str:
    """The line as the charts draw it, its name there, and below it the name that somebody gave the run."""
    dash = DASHES[style.dash % len(DASHES)]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 12" fill="{style.colour}">'
        f'<line x1="0" y1="6" x2="30" y2="6" stroke="{style.colour}" stroke-width="2.5" stroke-dasharray="{dash}"/>'
        f"{MARKS[style.mark % len(MARKS)]}</svg>"
    )
    source = base64.b64encode(picture.encode()).decode()
    below = f'<br><span style="font-size:.85rem;opacity:.75"><bdi>{escape(given)}</bdi></span>' if given else ""
    return (
        '<div style="display:flex;gap:.6rem;align-items:center">'
        f'<img src="data:image/svg+xml;base64,{source}" width="30" height="12" alt=""><span>'
        f"<bdi><b>{escape(style.name)}</b></bdi>{below}</span></div>"
    )


Colour = Literal["gray", "blue", "green", "red", "orange"]


def status_of(run: Run) -> tuple[str, Colour]:
    """How a run stands, in words, and the colour of that."""
    if run.active and run.stop_requested:
        return _("stopping"), "orange"
    if run.status == "finished" and run.step < run.steps:
        return _("ended early"), "green"
    known: Mapping[str, tuple[str, Colour]] = {
        "queued": (_("queued"), "gray"),
        "running": (_("running"), "blue"),
        "finished": (_("finished"), "green"),
        "failed": (_("failed"), "red"),
        "cancelled": (_("cancelled"), "gray"),
        "paused": (_("paused"), "orange"),
    }
    return known.get(run.status, (run.status, "gray"))


def _progress(run: Run, turn: Turn | None) -> str:
    parts = [_("{step} of {steps}", step=f"{run.step:,}", steps=f"{run.steps:,}")]
    if run.status == "running":
        left = seconds_left(run)
        parts.append(_("{time} left", time=duration(left)) if left is not None else _("starting"))
        if run.tokens_per_second:
            parts.append(speed(run.tokens_per_second))
    elif run.status == "queued":
        parts = [wait_words(turn) if turn is not None else _("waiting")]
    elif run.seconds:
        parts.append(_("took {time}", time=duration(run.seconds)))
    return " · ".join(parts)


def _best(figures: Summary) -> str:
    if figures.best is None:
        return "–"
    step, value = figures.best
    best = _("**{value}** at step {step}", value=metric(figures.metric, value), step=f"{step:,}")
    if figures.test_value is None:
        return best
    return best + "  \n" + _("{value} on test", value=metric(figures.metric, figures.test_value))


def _parameters(run: Run) -> str:
    if run.unique_parameters is None or run.executed_parameters is None:
        return "–"
    if run.unique_parameters == run.executed_parameters:
        return f"**{compact(run.unique_parameters)}**"
    used = _("executed: {count}", count=compact(run.executed_parameters))
    return f"**{compact(run.unique_parameters)}** {used}"


def run_log(runs: Sequence[Run]) -> None:
    """The log that was asked for in the table, as plain text, newest lines last."""
    run = next((run for run in runs if run.id == st.session_state.get(state.RUNS_LOG)), None)
    if run is None:
        return
    with st.container(border=True):
        title, close = st.columns((6, 1), vertical_alignment="center")
        title.markdown(_("**Log of {name}**", name=escape_markdown(run.name)))
        close.button(_("Close"), key="runs.close_log", on_click=open_log, args=(None,), width="stretch")
        try:
            text = desk().log_text(run.id)
        except ClpsError as error:
            show_problem(str(error))  # here: a log that cannot be read must not take the curves below with it
            return
        st.code(visible(text, keep="\n\t") or _("The log is empty so far."), language=None, wrap_lines=True, height=320)


def queue_line(state_of: QueueState, status: SupervisorStatus) -> None:
    """What the machine is doing, in one line; a warning where nothing starts before somebody does something."""
    if state_of.held:
        st.warning(escape_markdown(state_of.words), icon=":material/hourglass_disabled:")
    elif state_of.waiting:
        st.caption(escape_markdown(state_of.words))
    else:
        st.caption(_("{busy} of {slots} slots busy", busy=status.busy, slots=status.slots))
