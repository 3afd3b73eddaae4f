"""What can be done with a run: the menu at the end of its row. Start at run_menu.

Every action goes through the desk. What somebody may not do to somebody else's run is said in one sentence;
what cannot be done now is there, disabled, and says why. An error stands above the table (``show_refusal``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from app import navigation, state
from app.attention.source import weights_of
from app.runs.fork import open_fork_dialog, why_no_fork
from app.runs.notes import note_field
from app.runs.shelf_menu import forget_shown, keeping
from app.services import desk, escape_markdown, models, show_problem
from clps_core.errors import ClpsError
from clps_core.jobs.desk import Desk
from clps_core.serving import ScoreTest
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["open_log", "run_menu", "score_if_asked", "show_refusal"]

SCORE = "runs.score"
"""The run whose test score was asked for and is not made yet."""
SCORE_SECONDS = 60.0
"""What it may take here; the command line has more patience."""


def run_menu(store: Store, run: Run, asked_by: Desk, *, scored: bool) -> None:
    """The buttons of ``run``; draw it in the popover of its row. ``scored``: whether it has its test score."""
    st.caption(_("{name}, id {run_id}", name=escape_markdown(run.name), run_id=run.id))
    if asked_by.why_not("cancel", run):
        st.markdown(
            _("This run belongs to somebody else. Only its owner or a teacher may stop it, delete it or read its log.")
        )
        _looking(run)
        return
    keeping(run, asked_by, place="run")
    note_field(run, place="run")
    _action(_("Show the log"), ":material/article:", f"log.{run.id}", lambda: open_log(run.id))
    if run.active:
        _stopping(run)
        if run.status == "queued":
            _moving(run, asked_by)
    else:
        _going_on(store, run)
    _fork(store, run)
    if run.active:
        return
    if run.status == "finished" and not scored:
        _action(
            _("Score on the test split"),
            ":material/grading:",
            f"score.{run.id}",
            lambda: ask_for_score(run.id),
            note=_("The best weights are scored once. How long this takes depends on the number of test examples."),
        )
    _looking(run)
    sure = st.checkbox(_("Yes, delete this run with its weights and curves"), key=f"sure.{run.id}")
    why = None if sure else _("Tick the box first. Deleted runs cannot be restored.")
    _action(_("Delete"), ":material/delete:", f"delete.{run.id}", lambda: _delete(run.id), why)


def _looking(run: Run) -> None:
    """The ways to what a run has learnt."""
    navigation.link("tryit", _("Try it"), query={state.RUNS: run.id})
    navigation.link("attention", _("Look inside"), query={state.RUN: run.id})
    navigation.link("attention", _("What matters in this run"), query={state.RUN: run.id, state.VIEW: "matters"})


def _stopping(run: Run) -> None:
    """Stop it for now, or for good."""
    why = _("It is already stopping: it writes a checkpoint first.") if run.stop_requested else None
    _action(_("Pause"), ":material/pause:", f"pause.{run.id}", lambda: desk().pause(run.id), why)
    _action(_("Cancel"), ":material/cancel:", f"cancel.{run.id}", lambda: desk().cancel(run.id), why)


def _moving(run: Run, asked_by: Desk) -> None:
    """Move before or behind all other waiting runs."""
    priority, allowed, why = _("Its priority is {number} now.", number=run.priority), asked_by.highest_priority, None
    if run.priority >= allowed:
        why = _("Its priority is {number}, the highest you can set.", number=run.priority)
        why += "" if allowed else " " + _("To start it before your other runs, move those to the back.")
    _action(
        _("Move to the front"),
        ":material/vertical_align_top:",
        f"front.{run.id}",
        lambda: desk().set_priority(run.id, "front"),
        why,
        note=priority,
    )
    _action(
        _("Move to the back"),
        ":material/vertical_align_bottom:",
        f"back.{run.id}",
        lambda: desk().set_priority(run.id, "back"),
        note=priority,
    )


def _going_on(store: Store, run: Run) -> None:
    """From its last checkpoint where it has one; what failed can also be tried from its first step."""
    if run.status == "finished":
        return
    kept = store.artefacts(run.id, "last")
    if run.status != "failed":
        label = _("Continue from step {step}", step=f"{kept[-1].step:,}") if kept else _("Start again")
        _action(label, ":material/replay:", f"resume.{run.id}", lambda: desk().resume(run.id))
        return
    if kept:
        label = _("Retry from step {step}", step=f"{kept[-1].step:,}")
        _action(label, ":material/replay:", f"retry.{run.id}", lambda: desk().retry(run.id))
    _action(
        _("Retry from the beginning"),
        ":material/restart_alt:",
        f"anew.{run.id}",
        lambda: desk().retry(run.id, anew=True),
        note=_("What it has learned is discarded; its log is kept."),
    )


def _fork(store: Store, run: Run) -> None:
    """The dialog belongs to the whole page, so the whole page is drawn again."""
    why = why_no_fork(store, run)
    note = why or _("Start a new run from this one's weights, with other settings.")
    if st.button(
        _("Fork ..."),
        icon=":material/fork_right:",
        key=f"fork.{run.id}",
        disabled=why is not None,
        help=note,
        width="stretch",
    ):
        open_fork_dialog(run.id)
        st.rerun()


def _action(
    label: str, icon: str, key: str, do: Callable[[], object], why_not: str | None = None, *, note: str | None = None
) -> None:
    """A button whose error, if any, is shown above the table; ``why_not``: it cannot be pressed, and this is why."""

    def clicked() -> None:
        try:
            do()
        except ClpsError as error:
            st.session_state[state.RUNS_PROBLEM] = str(error)

    st.button(
        label,
        icon=icon,
        key=key,
        on_click=clicked,
        disabled=why_not is not None,
        help=why_not or note,
        width="stretch",
    )


def _delete(run_id: str) -> None:
    desk().delete(run_id)
    forget_shown([run_id])


def ask_for_score(run_id: str) -> None:
    """Have it made at the next drawing, which can say that it goes on."""
    st.session_state[SCORE] = run_id


def score_if_asked(runs: Sequence[Run]) -> None:
    """Make the test score that was asked for; like every look into a model, one at a time for all browsers."""
    run = next((run for run in runs if run.id == st.session_state.get(SCORE)), None)
    if run is None:
        return
    with st.spinner(_("Scoring {name} on the test split ...", name=escape_markdown(run.name))):
        try:
            desk().score_test(run.id, score=partial(_scored, run))
        except ClpsError as error:
            st.session_state[state.RUNS_PROBLEM] = str(error)
        finally:
            st.session_state.pop(SCORE, None)


def _scored(run: Run, folder: Path) -> tuple[int, Mapping[str, float]]:
    """The step of its best weights and their metrics on the test split, from the model service."""
    _which, stamp = weights_of(run) or ("best", (0, 0))
    found = models().ask(ScoreTest(folder, stamp, seconds=SCORE_SECONDS))
    return found.step, found.metrics


def open_log(run_id: str | None) -> None:
    """Show this run's log under the table; ``None`` closes it."""
    st.session_state[state.RUNS_LOG] = run_id


def show_refusal() -> None:
    """Why the last click did nothing, once."""
    problem = st.session_state.pop(state.RUNS_PROBLEM, None)
    if problem:
        show_problem(problem)
