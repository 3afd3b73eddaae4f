"""Which runs are looked into. Start at choose_run and choose_beside.

The URL is the truth: widgets are set from it and write back to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, state
from app.attention.source import no_weights, run_label
from app.look.widget_value import follow_url
from app.services import show_problem, store
from clps_core.store import Run
from clps_core.store.records import ACTIVE
from clps_core.words import _

__all__ = ["choose_beside", "choose_run", "come_back", "leave_trace", "nothing_to_see"]


def nothing_to_see() -> None:
    """What stands on the page while no run has weights: what is missing, and the way to it."""
    with st.container(border=True):
        if store().runs(status=ACTIVE, limit=1):
            st.markdown(_("**No run has weights yet.** This page opens after the first checkpoint of a run."))
            navigation.link("runs", _("Watch the runs"))
        else:
            st.markdown(_("**There is no trained run yet.** Train one. You can look inside it during training, too."))
            navigation.link("train", _("Train a comparison"))


def choose_run(runs: Sequence[Run]) -> Run | None:
    """The run of the URL, with a list to choose another; ``None`` where that run cannot be shown, and why.

    Where the URL names none, a telling one of ``runs``, which must not be empty; the URL names it from then on. Where
    its run is gone for good, the one beside it takes its place.
    """
    asked, problem = state.read_run()
    current = _named(runs, asked[0]) if asked else None
    if asked and current is None:
        problem = _not_here(asked[0])
        others = state.read_beside().values
        if others and _is_gone(asked[0]) and (current := _named(runs, others[0])) is not None:
            state.write(**{state.BESIDE: None, state.PATCH_RUN: None})
    if problem:
        show_problem(problem)
    if not state.given(state.RUN):
        current = _most_telling(runs)
    if current is not None:
        state.write(**{state.RUN: current.id})
    by_id = {run.id: run for run in runs}

    def changed() -> None:
        if (wanted := by_id.get(st.session_state["attention.run"])) is None:
            return  # the browser answered with a label that the list has no more
        # What was typed stays where it can still be read: in runs of the same task.
        other = current is not None and wanted.task != current.task
        options = current.facts.options if current is not None else ()
        task_facts = (
            *(state.TEXT, state.TARGET, state.PATCH_TEXT, state.KIND, state.LAYER, state.HEAD, state.METRIC),
            *options,
        )
        forgotten = dict.fromkeys(
            (state.SLOT, state.BESIDE, state.STEP, state.PATCH_RUN, *(task_facts if other else ()))
        )
        state.write(**{**forgotten, state.RUN: wanted.id})

    follow_url("attention.run", current.id if current is not None else None)
    st.selectbox(
        _("Run"),
        list(by_id),
        index=0 if current is not None else None,
        format_func=lambda one: run_label(by_id[one]) if one in by_id else str(one),
        key="attention.run",
        placeholder=_("Choose a run"),
        on_change=changed,
    )
    return current


def _named(runs: Sequence[Run], asked: str) -> Run | None:
    """The run with the id ``asked``, or the only one whose id begins so."""
    found = [run for run in runs if run.id == asked] or [run for run in runs if run.id.startswith(asked)]
    return found[0] if len(found) == 1 else None


def choose_beside(run: Run, runs: Sequence[Run]) -> Run | None:
    """A second run of the same task that sees the same input, or none."""
    by_id = {one.id: one for one in runs if one.task == run.task and one.id != run.id}
    asked, problem = state.read_beside()
    found = _named(list(by_id.values()), asked[0]) if asked else None
    if asked and found is None:
        problem = _not_beside(run, runs, asked[0])
    if problem:
        show_problem(problem)

    def chosen() -> None:
        wanted = st.session_state["attention.beside"]
        state.write(**{state.BESIDE: wanted if wanted in by_id else None})  # a label may have gone from the list

    follow_url("attention.beside", None if found is None else found.id)
    st.selectbox(
        _("Compare with"),
        list(by_id),
        format_func=lambda one: run_label(by_id[one]) if one in by_id else str(one),
        index=None,
        key="attention.beside",
        placeholder=_("no other run"),
        disabled=not by_id,
        on_change=chosen,
    )
    return found


def come_back() -> None:
    """A visit without an address goes on where this session left the page."""
    if not set(st.query_params) - set(state.OF_EVERY_PAGE):
        state.write(**st.session_state.get(state.ATTENTION_SEEN, {}))


def leave_trace() -> None:
    """Remember the address for ``come_back``."""
    seen = st.query_params.to_dict()
    st.session_state[state.ATTENTION_SEEN] = {name: seen[name] for name in seen if name not in state.OF_EVERY_PAGE}


def _not_here(run_id: str) -> str:
    known = store().some_runs([run_id])
    if not known:
        return _("there is no run {id}. It may have been deleted; choose from the list.", id=run_id)
    return no_weights(known[0])


def _is_gone(run_id: str) -> bool:
    """Whether a run without weights will not have any: it was deleted, or has ended."""
    known = store().some_runs([run_id])
    return not (known and known[0].active)


def _not_beside(run: Run, runs: Sequence[Run], run_id: str) -> str:
    other = _named(runs, run_id)
    if other is None:
        return _not_here(run_id)
    if other.id == run.id:
        return _("the two runs must be different. Got {id} twice. Choose another.", id=run.id)
    return _(
        "both runs must have the same task. Got {one} and {other}. Choose another.",
        one=run.facts.title, other=other.facts.title,
    )  # fmt: skip


def _most_telling(runs: Sequence[Run]) -> Run:
    """A finished run of the newest comparison, one whose layers share weights if there is one."""
    finished = [run for run in runs if run.status == "finished"] or list(runs)
    newest = [run for run in finished if run.comparison_id == finished[0].comparison_id]
    return next((run for run in newest if run.strategy != "none" and run.config.model.num_layers > 1), newest[0])
