"""The fields for an input of a run's task. Start at typed_input.

The URL is the truth: widgets are set from it and write back to it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import state
from app.attention.source import Question
from app.drawing.field import image_field
from app.look.widget_value import follow_url
from app.services import show_problem
from app.sound.bring import sound_field
from clps_core.opened import LONGEST_TEXT
from clps_core.store import Run
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["typed_input"]


def typed_input(run: Run, *, with_target: bool = True) -> Question | None:
    """The fields for an input of the run's task, set from the URL, first filled with an example.

    ``None`` where there is no input yet: the fields say what to do.
    ``with_target``: a target can be typed too, where the task has one.
    """
    task = run.facts
    text = state.read_text(state.TEXT) or task.example_inputs[0] if task.example_inputs else state.read_text(state.TEXT)
    with_target = with_target and task.typed_target
    chosen = {name: values for name, values in task.options.items() if values}
    widths = [5, *[2 for _name in chosen], *([3] if with_target else [])]
    columns = iter(st.columns(widths, vertical_alignment="bottom"))
    with next(columns):
        asked = _text_field(task, text)
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
    return None if asked is None else Question(asked, options, target)


def _text_field(task: TaskFacts, text: str) -> str | None:
    if task.input_kind == "image":
        return image_field(task, text)
    key = f"attention.text.{task.name}"
    if task.input_kind == "sound":
        return sound_field(task, text, key=key)
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
