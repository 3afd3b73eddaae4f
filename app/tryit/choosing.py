"""Which runs answer, and how they choose their words. Start at choose_runs and choose_settings.

The URL is the truth: widgets are set from it and write back to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app import state
from app.attention.source import no_weights
from app.depth.source import asked_loops, deep, loops_field
from app.look.widget_value import follow_url
from app.runs.names import run_names
from app.runs.picker import runs_of_url
from app.services import show_problem, store
from clps_core.predicting import USUAL_TOKENS
from clps_core.store import Run
from clps_core.words import _, ngettext

__all__ = ["MOST_SHOWN", "MOST_TOKENS", "Settings", "choose_runs", "choose_settings", "shown_runs"]

MOST_SHOWN = 4
MOST_TOKENS = 256
"""What one answer of this page may have; the command line goes further."""
COLDEST, HOTTEST = 0.01, 2.0


@dataclass(frozen=True)
class Settings:
    """How answers are made. ``tokens``: the maximum number, if the model writes; ``loops``: as in training by default.

    ``temperature``, ``top_k``, ``top_p`` and ``seed`` are those of ``model.generate.Sampling``.
    """

    tokens: int
    loops: int | None = None
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0


def shown_runs(runs: Sequence[Run]) -> list[Run]:
    """The runs of the address among ``runs``, all of one task; a sentence says why another is not shown.

    Where the address names none, one of each design of the newest comparison, which it names from then on.
    """
    if not state.given(state.RUNS):
        shown = _most_telling(runs)
        state.write(**{state.RUNS: state.run_ids(shown)})
        return shown
    named = runs_of_url(store())
    here = {run.id for run in runs}
    found = [run for run in named if run.id in here]
    without = [run for run in named if run.id not in here]
    if waiting := sum(run.active for run in without):
        text = ngettext(
            "{n} run in the address has no weights yet. They come with its first checkpoint.",
            "{n} runs in the address have no weights yet. They come with the first checkpoint of each.",
            waiting,
        )
        st.info(text, icon=":material/info:")
    for run in without:
        if not run.active:
            show_problem(no_weights(run))
    shown = [run for run in found if run.task == found[0].task][:MOST_SHOWN]
    if left := len(found) - len(shown):
        text = ngettext(
            "{n} run in the address is not shown: at most {most} runs of one task are shown.",
            "{n} runs in the address are not shown: at most {most} runs of one task are shown.",
            left,
            most=MOST_SHOWN,
        )
        st.info(text, icon=":material/info:")
    return shown


def _most_telling(runs: Sequence[Run]) -> list[Run]:
    """Of the newest comparison with a finished run, the first of each design."""
    finished = [run for run in runs if run.status == "finished"] or list(runs)
    newest = [run for run in finished if run.comparison_id == finished[0].comparison_id]
    first: dict[tuple[str, str], Run] = {}
    for run in newest:
        first.setdefault((run.task, run.strategy), run)
    return [run for run in first.values() if run.task == newest[0].task][: MOST_SHOWN - 1]


def choose_runs(runs: Sequence[Run], shown: Sequence[Run]) -> None:
    """A choice of the task, where there are several, and of its runs."""
    task = (shown or runs)[0].task
    tasks = {run.task: run.facts.title for run in reversed(runs)}
    if len(tasks) > 1:
        _choose_task(runs, tasks, task)
    offered = {run.id: run for run in runs if run.task == task}
    names = run_names(list(offered.values()))

    def chosen() -> None:
        kept = [one for one in st.session_state["tryit.runs"] if one in offered]  # not a label that has gone
        state.write(**{state.RUNS: state.run_ids(kept)})

    follow_url("tryit.runs", [run.id for run in shown])
    st.multiselect(
        _("Runs"),
        list(offered),
        format_func=lambda one: names.get(one, str(one)),
        key="tryit.runs",
        max_selections=MOST_SHOWN,
        on_change=chosen,
    )


def _choose_task(runs: Sequence[Run], tasks: dict[str, str], task: str) -> None:
    def chosen() -> None:
        wanted = st.session_state["tryit.task"]
        others = [run for run in runs if run.task == wanted]
        if not others:
            return
        # Another task cannot read what was typed for this one.
        options = next(run.facts.options for run in runs if run.task == task)
        forgotten = dict.fromkeys((state.TEXT, *options))
        state.write(**{**forgotten, state.RUNS: state.run_ids(_most_telling(others))})

    follow_url("tryit.task", task)
    st.selectbox(
        _("Task"), sorted(tasks), format_func=lambda name: tasks.get(name, name), key="tryit.task", on_change=chosen
    )


def choose_settings(shown: Sequence[Run]) -> Settings:
    """The fields that fit ``shown``: loops where a core repeats, and how tokens are drawn where the task writes."""
    task = shown[0].facts
    turned = [one for one in map(deep, shown) if one is not None]
    loops = asked_loops() if turned else None
    most = task.max_target_len or USUAL_TOKENS
    if not (turned or task.writes):
        return Settings(most)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if turned:
            loops_field("tryit", turned)
        if not task.writes:
            return Settings(most, loops)
        return _sampling_fields(Settings(most, loops), windows=task.windows)


def _sampling_fields(usual: Settings, *, windows: bool) -> Settings:
    temperature = state.read_decimal(state.TEMPERATURE, COLDEST, HOTTEST) or 0.0
    follow_url("tryit.temperature", temperature)
    st.slider(
        _("Temperature"),
        0.0,
        HOTTEST,
        step=0.1,
        key="tryit.temperature",
        help=_(
            "0: always the most probable token. 1: sampled from the model's own probabilities. Higher: more variety."
        ),
        on_change=lambda: _write(state.TEMPERATURE, st.session_state["tryit.temperature"] or None),
        width=220,
    )
    tokens = _tokens_field(usual.tokens) if windows else usual.tokens
    if not temperature:
        return Settings(tokens, usual.loops)
    top_k = state.read_number(state.TOP_K, 1_000_000) or None
    top_p = state.read_decimal(state.TOP_P, 0.01, 1.0)
    seed = state.read_number(state.DRAW, 1_000_000) or 0
    follow_url("tryit.top_k", top_k)
    st.number_input(
        _("Top k"), min_value=1, max_value=999_999, key="tryit.top_k", value=None, placeholder=_("all"),
        help=_("Sample from the k most probable tokens only."), width=150,
        on_change=lambda: _write(state.TOP_K, st.session_state["tryit.top_k"]),
    )  # fmt: skip
    follow_url("tryit.top_p", top_p)
    st.number_input(
        _("Top p"), min_value=0.01, max_value=1.0, step=0.05, key="tryit.top_p", value=None,
        placeholder=_("all"),
        help=_("Sample from the smallest set of most probable tokens whose probabilities sum to p."), width=150,
        on_change=lambda: _write(state.TOP_P, st.session_state["tryit.top_p"]),
    )  # fmt: skip
    follow_url("tryit.draw", seed)
    st.number_input(
        _("Seed"), min_value=0, max_value=999_999, key="tryit.draw", width=140,
        help=_("The same seed gives the same answer. Another seed gives another."),
        on_change=lambda: _write(state.DRAW, st.session_state["tryit.draw"] or None),
    )  # fmt: skip
    return Settings(tokens, usual.loops, temperature, top_k, top_p, seed)


def _tokens_field(usual: int) -> int:
    tokens = min(state.read_number(state.TOKENS, MOST_TOKENS + 1) or min(usual, USUAL_TOKENS), MOST_TOKENS)
    follow_url("tryit.tokens", tokens)
    st.number_input(
        _("Tokens"), min_value=1, max_value=MOST_TOKENS, key="tryit.tokens", width=140,
        help=_("Maximum number of tokens. The answer may stop earlier, at the model's last position."),
        on_change=lambda: _write(state.TOKENS, st.session_state["tryit.tokens"]),
    )  # fmt: skip
    return tokens


def _write(name: str, value: float | None) -> None:
    state.write(**{name: None if value is None else f"{value:g}"})
