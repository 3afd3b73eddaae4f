"""One or two runs under one input: their answers, then their attention. Start at panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from app import state
from app.attention.answer import attention_answer
from app.attention.change_form import tell_positions
from app.attention.changed import changed_caption, changed_sentence
from app.attention.difference import differences
from app.attention.heads import choose_measure, heads_caption, heads_table, measures_of, tops_of
from app.attention.heard import heard
from app.attention.lens import lens_caption, lens_table
from app.attention.maps import choose_how, how_sentence, maps_view
from app.attention.matters import what_matters
from app.attention.moves import what_moves
from app.attention.pictures import Shown, heads_picture, lens_picture
from app.attention.source import Question, Turned, head_view, inspect, kept_inspection, read_heads, read_lens, run_label
from app.attention.tie import prove_the_tie
from app.attention.training import while_it_learned
from app.attention.typed import typed_input
from app.attention.views import (
    choose_kind,
    choose_view,
    explore,
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
from clps_core.words import _, sentences

__all__ = ["panels"]

SHOWN = "attention.shown"
"""Session key: the question and the runs that the answers and maps on the page belong to."""
WITHOUT_KIND = ("lens", "matters", "moves", "tie")
"""Views of the whole model, not of one kind of attention."""
UNPATCHED = ("tie",)
"""Views that follow what is left out, scaled or swapped, and not what is put in from another pass."""


def panels(runs: Sequence[Run]) -> None:
    """Draw everything below the choice of runs, for one run or for two side by side."""
    kinds = kinds_of(runs[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view()
        kind = choose_kind(kinds) if view not in WITHOUT_KIND else kinds[0]
    if view == "matters":
        if state.given(state.PATCH):
            _unpatched()
        what_matters(runs)
        return
    if view == "training":
        if any(map(state.given, (state.WITHOUT, state.PATCH, state.LOOPS))):
            st.caption(_("This view shows the run as trained, without changes and with its own number of loops."))
        # Kept at fixed inputs: what is typed has no part in it, so neither its field nor its answer is here.
        while_it_learned(runs, kind)
        _closing()
        return
    question = typed_input(runs[0])
    if question is None:
        return
    turned, positions = choose_turned(runs, question)
    if view in UNPATCHED and any(one.patching for one in turned):
        _unpatched()
        turned = [replace(one, patching=None) for one in turned]
    place, answers = _answers(runs, question, turned)
    tell_positions(positions, answers[0])
    with place:
        for run, answer, column in zip(runs, answers, st.columns(len(runs)), strict=True):
            with column:
                _name(run, runs)
                attention_answer(answer, weights=_weights(run, answer), key=f"attention.answer.{runs.index(run)}")
                if answer.spectrogram is not None:
                    heard(run, question, turned[runs.index(run)], answer, with_attention=view == "grid")
        _changed(runs, answers, turned)
        if view not in WITHOUT_KIND:
            _caption(runs, kind, turned)
        if view == "lens":
            _lenses(runs, answers, question, turned)
        elif view == "moves":
            what_moves(runs, question, turned, _all_shown(runs, answers, question, turned))
        elif view == "tie":
            prove_the_tie(runs, question, turned, _all_shown(runs, answers, question, turned))
        else:
            shown = {"grid": _grids, "heads": _heads, "difference": _differences, "layers": _layers}
            {**shown, "bertviz": _bertviz}[view](runs, answers, kind, question, turned)
            _closing()


def _closing() -> None:
    """What attention is, and what it is not: below the views that show it. The others say so for themselves."""
    st.caption(_("Attention shows where information is read from. It does not explain the prediction."))


def _unpatched() -> None:
    st.caption(_("This view ignores patches."))


def _answers(
    runs: Sequence[Run], question: Question, turned: Sequence[Turned]
) -> tuple[st.delta_generator.DeltaGenerator, list[Inspection]]:
    """Where the answers stand, and what each run does with ``question``.

    Until that is known, the place says so and shows no other input's answer. They have no attention in them: each view
    asks for what it shows of that.
    """
    named = question.name(*(run.id for run in runs), *map(str, turned))
    kept = [kept_inspection(run, question, one, attention=False) for run, one in zip(runs, turned, strict=True)]
    # A run that is followed has new weights again and again: its last answer to the same input may stay meanwhile.
    waiting = None
    if not all(kept) and st.session_state.get(SHOWN) != named:
        # Only then: an empty place takes down what stands in it, and maps would forget what was chosen in the browser.
        waiting = st.empty()
        waiting.progress(sum(map(bool, kept)) / len(runs), text=_("Reading the model ..."))
        let_out()
    st.session_state[SHOWN] = None
    try:
        answers = [
            one or inspect(run, question, how, attention=False)
            for run, one, how in zip(runs, kept, turned, strict=True)
        ]
    except Exception:
        if waiting is not None:
            waiting.empty()  # or it would say for ever that the model is being read, beside the sentence why not
        raise
    st.session_state[SHOWN] = named
    return st.container() if waiting is None else waiting.container(), answers


def _name(run: Run, runs: Sequence[Run]) -> None:
    """Which run a column shows, where there are two."""
    if len(runs) > 1:
        st.caption(f"**{escape_markdown(run_label(run))}**")


def _caption(runs: Sequence[Run], kind: str, turned: Sequence[Turned]) -> None:
    """Who looks at whom, and for one run what its layers share; of two, each column says it."""
    shared = "" if len(runs) > 1 else _shared(runs[0], kind, turned[0])
    queries = bool(runs[0].facts.num_queries)
    st.caption(sentences((kind_sentence(kind, two_stacks=len(kinds_of(runs[0])) > 1, queries=queries), shared)))


def _shared(run: Run, kind: str, turned: Turned) -> str:
    """What the layers of ``run`` share. Another number of loops, and swaps, number the layers on the page anew."""
    said = sharing_sentences(sharing_of(run, kind))
    anew = turned.loops is not None or any("<>" in one for one in turned.left_out)
    return _("As trained: {sharing}", sharing=said) if anew else said


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
    how = choose_how()
    if how == "rollout" and kind == "cross":
        st.info(
            _("Rollout follows self-attention from layer to layer of one stack. Choose Encoder or Decoder above."),
            icon=":material/info:",
        )
        return
    if said := how_sentence(how, kind, two_stacks=len(kinds_of(runs[0])) > 1):
        st.caption(said)
    selected = None
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if len(runs) > 1:
                st.caption(_shared(runs[place], kind, turned[place]))
            view = maps_view(runs[place], question, answers[place], kind, how, turned[place])
            key = f"attention.grid.{place}" if how == "heads" else f"attention.{how}.{place}"
            shown = _shown(runs[place], answers[place], question, turned[place])
            selected = explore(view, shown, key=key, follow=selected)


def _heads(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    found = [read_heads(run, question, kind, one) for run, one in zip(runs, turned, strict=True)]
    patches = answers[0].image is not None
    measure = choose_measure(found, patches=patches)
    captions = [heads_caption(one) for one in found]
    if len(set(captions)) == 1:
        st.caption(captions[0])
    at, tops = (state.read_number(state.LAYER, 10**6) or 0, state.read_number(state.HEAD, 10**6) or 0), tops_of(found)
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            if len(set(captions)) > 1:
                st.caption(captions[place])
            name = question.name(runs[place].id, kind, "heads", str(turned[place]))
            key = f"attention.heads.{place}"
            chosen = heads_table(
                found[place], measure, tops, name=name, selected=at, key=key, patches=patches, led=place > 0
            )
            at = at if place else chosen
            shown = _shown(runs[place], answers[place], question, turned[place])
            heads_picture(shown, found[place], measures_of(patches=patches)[measure].title, measure, key=key)
    state.write(**{state.LAYER: str(at[0]), state.HEAD: str(at[1])})


def _differences(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    shown = _all_shown(runs, answers, question, turned)
    differences(runs, answers, kind, question, turned, shown)


def _layers(
    runs: Sequence[Run], answers: Sequence[Inspection], kind: str, question: Question, turned: Sequence[Turned]
) -> None:
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            shown = _shown(runs[place], answers[place], question, turned[place])
            sharing = sharing_of(runs[place], kind)
            same_weights(answers[place], sharing, question, turned[place], shown, beside=place > 0)
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


def _all_shown(
    runs: Sequence[Run], answers: Sequence[Inspection], question: Question, turned: Sequence[Turned]
) -> list[Shown]:
    return [_shown(run, answer, question, how) for run, answer, how in zip(runs, answers, turned, strict=True)]


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
    from app.attention.bertviz import bertviz_caption, bertviz_view, choose_bertviz

    which = choose_bertviz()
    bertviz_caption(which)
    for place, run in enumerate(runs):  # one below the other, each over the whole width
        _name(run, runs)
        model = which == "model"
        label = run_label(run)
        title = _("BertViz model view: {run}", run=label) if model else _("BertViz head view: {run}", run=label)
        draw = partial(head_view, run, question, turned[place], kind, which)
        heads = run.config.model.num_heads
        key = f"attention.bertviz.{which}.{place}"
        bertviz_view(answers[place], kind, heads, draw, which=which, title=title, key=key)


def _weights(run: Run, answer: Inspection) -> str:
    if not run.active:
        return _("Weights of step {step}.", step=answer.step)
    return _(
        "Weights of the latest checkpoint: step {step} of {steps}, still training.", step=answer.step, steps=run.steps
    )
