"""One or two runs under one input: their answers, then their attention. Start at panels."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.attention_answer import attention_answer
from app.components.attention_source import Question, inspect, run_label
from app.components.attention_training import while_it_learned
from app.components.attention_views import (
    choose_kind,
    choose_view,
    explore,
    grid_view,
    kind_sentence,
    same_weights,
    similarity_sentence,
    slot_sentence,
)
from app.services import escape_markdown
from clps_core.inspection import Inspection
from clps_core.store import Run
from clps_core.words import _

__all__ = ["panels"]


def panels(runs: Sequence[Run], question: Question) -> None:
    """Draw everything below the input for one run, or for two side by side."""
    with st.spinner(_("Reading the model ...")):
        answers = [inspect(run, question) for run in runs]
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if len(runs) > 1:
                st.caption(f"**{escape_markdown(run_label(runs[place]))}**")
            attention_answer(
                answers[place], weights=_weights(runs[place], answers[place]), key=f"attention.answer.{place}"
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view()
        kind = choose_kind(answers[0].kinds) if view in {"grid", "layers"} else ""
    if view == "bertviz":
        from app.bertviz_view import bertviz_view

        bertviz_view(answers[0])
    elif view == "training":
        while_it_learned(runs[0])
    else:
        slots = "" if len(runs) > 1 else slot_sentence(answers[0].groups[kind])
        st.caption(f"{kind_sentence(kind, two_stacks='cross' in answers[0].kinds)} {slots}")
        (_grids if view == "grid" else _layers)(runs, answers, kind, question)


def _grids(runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question) -> None:
    selected = None
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if len(runs) > 1:
                st.caption(slot_sentence(answers[place].groups[kind]))
            view = grid_view(answers[place], kind, question.name(runs[place].id, kind))
            selected = explore(view, key=f"attention.grid.{place}", follow=selected)


def _layers(runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question) -> None:
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            name = question.name(runs[place].id, kind)
            same_weights(answers[place], kind, name, beside=place > 0)
    st.caption(similarity_sentence())


def _weights(run: Run, answer: Inspection) -> str:
    if not run.active:
        return _("Weights of step {step}.", step=answer.step)
    return _(
        "Weights of the latest checkpoint: step {step} of {steps}, still training.", step=answer.step, steps=run.steps
    )
