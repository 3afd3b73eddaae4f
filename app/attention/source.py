"""Which run is looked into, with which weights, on which input. Start at choose_run and typed_input.

The URL is the truth: widgets are set from it and write back to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from app import navigation, state
from app.look.formatting import strategy_name
from app.runs.names import unusual
from app.services import models, show_problem, store
from clps_core.inspection import Inspection
from clps_core.lens import RunLens
from clps_core.opened import LONGEST_TEXT
from clps_core.patching import Patching
from clps_core.serving import DrawHeadView, InspectRun, ReadLens
from clps_core.serving.head_view import HeadView
from clps_core.store import Run
from clps_core.store.records import ACTIVE
from clps_core.tasks import TaskFacts
from clps_core.training.saved import weights_stamp
from clps_core.words import _

__all__ = [
    "AS_TRAINED",
    "Question",
    "Turned",
    "choose_beside",
    "choose_run",
    "come_back",
    "follow_url",
    "head_view",
    "inspect",
    "kept_inspection",
    "leave_trace",
    "look_of",
    "nothing_to_see",
    "read_lens",
    "run_label",
    "runs_with_weights",
    "typed_input",
    "weights_of",
]

MOST_RUNS = 300


@dataclass(frozen=True)
class Question:
    """One typed input, to be shown to one or more runs of a task."""

    text: str
    options: dict[str, str] = field(default_factory=dict)
    target_text: str = ""

    def name(self, *more: str) -> str:
        """A short text that another question, or other ``more``, does not have."""
        parts = (*more, self.text, *self.options.items(), self.target_text)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True)
class Turned:
    """How a run is looked into: ``loops`` of its core (as in training by default), and what is changed inside.

    ``missing``: changes that were asked for, in words, and that this run cannot have.
    """

    loops: int | None = None
    left_out: tuple[str, ...] = ()
    patching: Patching | None = None
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.loops} {' '.join(self.left_out)} {self.patching or ''}"

    @property
    def changes(self) -> bool:
        """Whether anything is changed inside."""
        return bool(self.left_out) or self.patching is not None


AS_TRAINED = Turned()


def runs_with_weights() -> list[Run]:
    """Runs that have a checkpoint, newest comparison first."""
    return [run for run in store().runs(limit=MOST_RUNS) if weights_of(run) is not None]


def nothing_to_see() -> None:
    """What stands on the page while no run has weights: what is missing, and the way to it."""
    with st.container(border=True):
        if store().runs(status=ACTIVE, limit=1):
            st.markdown(_("**No run has weights yet.** They come with a run's first checkpoint; this page then opens."))
            navigation.link("runs", _("Watch the runs"))
        else:
            st.markdown(
                _("**There is no trained run to look into.** Train one; it can be looked into while it learns.")
            )
            navigation.link("train", _("Train a comparison"))


def choose_run(runs: Sequence[Run]) -> Run | None:
    """The run of the URL, with a list to choose another; ``None`` where that run cannot be shown, and why.

    Where the URL names none, a telling one of ``runs``, which must not be empty; the URL names it from then on.
    """
    asked, problem = state.read_run()
    current = _named(runs, asked[0]) if asked else None
    if asked and current is None:
        problem = _not_here(asked[0])
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
    asked, problem = state.read_choice(state.BESIDE, list(by_id))
    if problem:
        show_problem(problem)

    def chosen() -> None:
        wanted = st.session_state["attention.beside"]
        state.write(**{state.BESIDE: wanted if wanted in by_id else None})  # a label may have gone from the list

    follow_url("attention.beside", asked[0] if asked else None)
    st.selectbox(
        _("Beside it"),
        list(by_id),
        format_func=lambda one: run_label(by_id[one]) if one in by_id else str(one),
        index=None,
        key="attention.beside",
        placeholder=_("no second run"),
        disabled=not by_id,
        on_change=chosen,
    )
    return by_id[asked[0]] if asked else None


def come_back() -> None:
    """A visit without an address goes on where this session left the page."""
    if not set(st.query_params) - {state.PRESENT}:
        state.write(**st.session_state.get(state.ATTENTION_SEEN, {}))


def leave_trace() -> None:
    """Remember the address for ``come_back``."""
    seen = st.query_params.to_dict()
    st.session_state[state.ATTENTION_SEEN] = {name: seen[name] for name in seen if name != state.PRESENT}


def run_label(run: Run) -> str:
    """A run in one line: what is unusual in its config tells designs apart, the id all others.

    A browser answers with a label, so nothing is in it that changes by itself, such as a status.
    """
    parts = [
        run.facts.title,
        strategy_name(run.strategy),
        *([_("fork")] if run.start_from else []),
        *unusual(run),
        _("seed {seed}", seed=run.seed),
        run.id.partition("-")[0][:8],
    ]
    return " · ".join(parts)


def _not_here(run_id: str) -> str:
    known = store().some_runs([run_id])
    if known:
        return _(
            "{run} has no weights yet: they come with its first checkpoint. Wait, or choose another run.",
            run=run_label(known[0]),
        )
    return _("there is no run {id}. It may have been deleted; choose from the list.", id=run_id)


def _most_telling(runs: Sequence[Run]) -> Run:
    """A finished run of the newest comparison, one whose layers share weights if there is one."""
    finished = [run for run in runs if run.status == "finished"] or list(runs)
    newest = [run for run in finished if run.comparison_id == finished[0].comparison_id]
    return next((run for run in newest if run.strategy != "none" and run.config.model.num_layers > 1), newest[0])


def follow_url(key: str, value: Any) -> None:
    """Let the widget ``key`` show ``value``; one that shows it already is left alone, with what is half typed."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def typed_input(run: Run, *, with_target: bool = True) -> Question:
    """The fields for an input of the run's task, set from the URL, first filled with an example.

    ``with_target``: a target can be typed too, where the task has one.
    """
    task = run.facts
    text = state.read_text(state.TEXT) or task.example_inputs[0] if task.example_inputs else state.read_text(state.TEXT)
    with_target = with_target and task.typed_target
    chosen = {name: values for name, values in task.options.items() if values}
    widths = [5, *[2 for _name in chosen], *([3] if with_target else [])]
    columns = iter(st.columns(widths, vertical_alignment="bottom"))
    with next(columns):
        text = _text_field(task, text)
    options, asks = {}, task.words().asks
    for name, values in chosen.items():
        with next(columns):
            options[name] = _option_field(name, values, asks.get(name, name))
    for name in task.options:
        if name not in chosen:
            options[name] = _typed_option(name, task, asks.get(name, name))
    target = ""
    if with_target:
        with next(columns):
            target = _target_field()
    return Question(text, options, target)


def _text_field(task: TaskFacts, text: str) -> str:
    key = f"attention.text.{task.name}"
    if task.input_kind == "image":
        last = max(1, task.test_size) - 1
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) <= last else 0
        follow_url(key, number)
        st.number_input(
            _("Number of a test image, 0 to {last}", last=last),
            min_value=0,
            max_value=last,
            key=key,
            on_change=lambda: state.write(**{state.TEXT: str(st.session_state[key])}),
        )
        return str(number)
    follow_url(key, text)

    def written() -> None:
        state.write(**{state.TEXT: st.session_state[key]})

    title = task.words().asks.get("text") or _("Your text")
    if task.input_kind == "text":
        st.text_area(title, key=key, max_chars=1000, on_change=written, height=80)
    else:
        st.text_input(title, key=key, max_chars=1000, on_change=written)
    return text


def _typed_option(name: str, task: TaskFacts, title: str) -> str:
    """A field for what is typed beside the text, such as the context of a question."""
    key = f"attention.option.{task.name}.{name}"
    text = state.read_text(name) or task.example_options.get(name, "")
    follow_url(key, text)
    st.text_area(
        title,
        key=key,
        max_chars=LONGEST_TEXT,
        height=140,
        on_change=lambda: state.write(**{name: st.session_state[key]}),
    )
    return text


def _option_field(name: str, values: Any, title: str) -> str:
    key = f"attention.option.{name}"
    asked, problem = state.read_choice(name, list(values))
    if problem:
        show_problem(problem)
    chosen = asked[0] if asked else next(iter(values))
    follow_url(key, chosen)
    st.selectbox(
        title,
        list(values),
        format_func=lambda value: values.get(value, value),
        key=key,
        on_change=lambda: state.write(**{name: st.session_state[key]}),
    )
    return chosen


def _target_field() -> str:
    key = "attention.target"
    target = state.read_text(state.TARGET)
    follow_url(key, target)
    st.text_input(
        _("Decoder target"),
        key=key,
        max_chars=200,
        placeholder=_("own prediction"),
        help=_("What the decoder reads. Leave it empty to let the model read its own greedy prediction."),
        on_change=lambda: state.write(**{state.TARGET: st.session_state[key]}),
    )
    return target


def weights_of(run: Run) -> tuple[Literal["best", "last"], tuple[int, int]] | None:
    """Which weights of ``run`` are shown, and a stamp that changes with the file; ``None`` without any."""
    which: Literal["best", "last"] = "last" if run.active else "best"
    stamp = weights_stamp(store().run_folder(run.id), which)
    return (which, stamp) if stamp is not None else None


def inspect(run: Run, question: Question, turned: Turned = AS_TRAINED) -> Inspection:
    """What ``run`` does with ``question``; answers are kept and shared between all browsers."""
    return models().ask(_asked(run, question, turned))


def kept_inspection(run: Run, question: Question, turned: Turned = AS_TRAINED) -> Inspection | None:
    """The same where it is known already; never waits for a model."""
    return models().kept_answer(_asked(run, question, turned))


def head_view(run: Run, question: Question, turned: Turned, kind: str, layer: int, limit: int) -> HeadView:
    """BertViz's view of one kind of attention in what ``inspect`` finds."""
    look = _asked(run, question, turned)
    return models().ask(DrawHeadView(look.folder, look.stamp, look, kind, layer, limit))


def read_lens(run: Run, question: Question, turned: Turned) -> RunLens:
    """What ``run`` would answer to ``question`` after each of its layers."""
    like = _asked(run, question, turned)
    given = (like.text, like.options, like.target_text, like.which, like.loops, like.left_out, like.patching)
    return models().ask(ReadLens(like.folder, like.stamp, *given))


def look_of(run: Run, question: Question, turned: Turned) -> InspectRun:
    """How ``inspect`` would look into ``run``: other questions about a run name it so."""
    return _asked(run, question, turned)


def _asked(run: Run, question: Question, turned: Turned = AS_TRAINED) -> InspectRun:
    which, stamp = weights_of(run) or ("best", (0, 0))
    options = tuple(sorted(question.options.items()))
    folder = store().run_folder(run.id)
    return InspectRun(
        folder,
        stamp,
        question.text,
        options,
        question.target_text,
        which,
        turned.loops,
        left_out=turned.left_out,
        patching=turned.patching,
    )
