"""One or two runs under one input: their answers, then their attention. Start at panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from app.attention.answer import attention_answer
from app.attention.change_form import tell_positions
from app.attention.changed import changed_caption, changed_sentence
from app.attention.lens import lens_caption, lens_table
from app.attention.matters import what_matters
from app.attention.moves import what_moves
from app.attention.pictures import Shown, lens_picture
from app.attention.source import (
    Question,
    Turned,
    head_view,
    inspect,
    kept_inspection,
    read_lens,
    run_label,
    typed_input,
)
from app.attention.tie import prove_the_tie
from app.attention.training import while_it_learned
from app.attention.views import (
    choose_kind,
    choose_view,
    explore,
    grid_view,
    kind_sentence,
    kinds_of,
    same_weights,
    sharing_of,
    similarity_sentence,
)
from app.attention.what_if import choose_turned
from app.design.sharing_sentences import sharing_sentences
from app.look.working import let_out
from app.services import escape_markdown
from clps_core.inspection import Inspection
from clps_core.store import Run
from clps_core.words import _

__all__ = ["panels"]

SHOWN = "attention.shown"
"""Session key: the question and the runs that the answers and maps on the page belong to."""
WITHOUT_KIND = ("lens", "matters", "moves", "tie")
"""Views of the whole model, not of one kind of attention."""
UNPATCHED = ("moves", "tie")
"""Views that follow what is left out, scaled or swapped, and not what is put in from another pass."""


def panels(runs: Sequence[Run]) -> None:
    """Draw everything below the choice of runs, for one run or for two side by side."""
    kinds = kinds_of(runs[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view()
        kind = choose_kind(kinds) if view not in WITHOUT_KIND else kinds[0]
    if view == "matters":
        what_matters(runs)
        return
    if view == "training":
        # Kept at fixed inputs: what is typed has no part in it, so neither its field nor its answer is here.
        while_it_learned(runs, kind)
        return
    question = typed_input(runs[0])
    turned, positions = choose_turned(runs, question)
    if view in UNPATCHED and any(one.patching for one in turned):
        st.caption(_("Patches are not made in this view."))
        turned = [replace(one, patching=None) for one in turned]
    place = st.empty()
    answers = _answers(runs, question, turned, place)
    tell_positions(positions, answers[0])
    with place.container():
        for run, answer, column in zip(runs, answers, st.columns(len(runs)), strict=True):
            with column:
                _name(run, runs)
                attention_answer(answer, weights=_weights(run, answer), key=f"attention.answer.{runs.index(run)}")
        _changed(runs, answers, turned)
        if view not in WITHOUT_KIND:
            _caption(runs, kind)
        if view == "lens":
            _lenses(runs, answers, question, turned)
        elif view == "moves":
            what_moves(runs, question, turned)
        elif view == "tie":
            prove_the_tie(runs, question, turned)
        else:
            {"grid": _grids, "layers": _layers, "bertviz": _bertviz}[view](runs, answers, kind, question, turned)


def _answers(
    runs: Sequence[Run],
    question: Question,
    turned: Sequence[Turned],
    place: st.delta_generator.DeltaGenerator,
) -> list[Inspection]:
    """What each run does with ``question``; until it is known, ``place`` says so and shows no other input's answer."""
    named = question.name(*(run.id for run in runs), *map(str, turned))
    kept = [kept_inspection(run, question, one) for run, one in zip(runs, turned, strict=True)]
    # A run that is followed has new weights again and again: its last answer to the same input may stay meanwhile.
    if not all(kept) and st.session_state.get(SHOWN) != named:
        place.progress(sum(map(bool, kept)) / len(runs), text=_("Reading the model ..."))
        let_out()
    st.session_state[SHOWN] = None
    try:
        answers = [one or inspect(run, question, how) for run, one, how in zip(runs, kept, turned, strict=True)]
    except Exception:
        place.empty()  # or it would say for ever that the model is being read, beside the sentence why it cannot be
        raise
    st.session_state[SHOWN] = named
    return answers


def _name(run: Run, runs: Sequence[Run]) -> None:
    """Which run a column shows, where there are two."""
    if len(runs) > 1:
        st.caption(f"**{escape_markdown(run_label(run))}**")


def _caption(runs: Sequence[Run], kind: str) -> None:
    """Who looks at whom, and for one run what its layers share; of two, each column says it."""
    shared = "" if len(runs) > 1 else sharing_sentences(sharing_of(runs[0], kind))
    st.caption(f"{kind_sentence(kind, two_stacks=len(kinds_of(runs[0])) > 1)} {shared}")


def _changed(runs: Sequence[Run], answers: Sequence[Inspection], turned: Sequence[Turned]) -> None:
    """What is changed inside each run, and what that does to its answer."""
    if not any(one.changes or one.missing for one in turned):
        return
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if said := changed_sentence(runs[place], turned[place], answers[place]):
                st.markdown(said)
    st.caption(changed_caption())


def _grids(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    selected = None
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if len(runs) > 1:
                st.caption(sharing_sentences(sharing_of(runs[place], kind)))
            view = grid_view(answers[place], kind, question.name(runs[place].id, kind, str(turned[place])))
            shown = _shown(runs[place], answers[place], question, turned[place])
            exact = answers[place].attention[kind]
            selected = explore(view, shown, key=f"attention.grid.{place}", follow=selected, exact=exact)


def _layers(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            name = question.name(runs[place].id, kind, str(turned[place]))
            shown = _shown(runs[place], answers[place], question, turned[place])
            same_weights(answers[place], sharing_of(runs[place], kind), name, shown, beside=place > 0)
    st.caption(similarity_sentence())


def _lenses(runs: Sequence[Run], answers: Sequence[Inspection], question: Question, turned: Sequence[Turned]) -> None:
    st.caption(lens_caption())
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            lens = read_lens(runs[place], question, turned[place])
            name = question.name(runs[place].id, "lens", str(turned[place]))
            lens_table(lens, name=name, key=f"attention.lens.{place}")
            shown = _shown(runs[place], answers[place], question, turned[place])
            lens_picture(shown, lens, key=f"attention.lens.{place}")


def _shown(run: Run, answer: Inspection, question: Question, turned: Turned) -> Shown:
    """What a figure of ``answer`` says in its file."""
    options = ", ".join(question.options.values())
    patched = turned.patching
    changes = (*turned.left_out, *(patched.patches if patched else ()))
    changed = _("changed: {changes}", changes=", ".join(changes)) if changes else ""
    if patched is not None and patched.text:
        changed += " " + _("(patched from “{text}”)", text=patched.text)
    loops = _("loops {loops}", loops=turned.loops) if turned.loops else ""
    text = " · ".join(
        filter(None, [question.text, options, question.target_text and f"→ {question.target_text}", loops, changed])
    )
    return Shown(run, run_label(run), answer.step, text)


def _bertviz(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    from app.attention.bertviz import bertviz_caption, bertviz_view

    bertviz_caption()
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            title = _("BertViz head view: {run}", run=run_label(runs[place]))
            draw = partial(head_view, runs[place], question, turned[place], kind)
            bertviz_view(answers[place], kind, draw, title=title, key=f"attention.bertviz.{place}")


def _weights(run: Run, answer: Inspection) -> str:
    if not run.active:
        return _("Weights of step {step}.", step=answer.step)
    return _(
        "Weights of the latest checkpoint: step {step} of {steps}, still training.", step=answer.step, steps=run.steps
    )
