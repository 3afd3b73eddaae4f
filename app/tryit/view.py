"""The Try it page below its header: the input, then one card for each run's answer. Start at tried."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation, state
from app.attention.typed import typed_input
from app.depth.source import deep
from app.look.widget_value import follow_url
from app.look.working import let_out
from app.runs.names import run_names
from app.services import escape_markdown, show_problem
from app.sound.spectrogram import drawn
from app.tryit.answer import answer_card
from app.tryit.choosing import choose_settings
from app.tryit.pictures import answer_picture
from app.tryit.source import Growing, grow, held_out
from clps_core.data.masking import MASK, mask_a_word
from clps_core.data.wav import wav_bytes
from clps_core.serving.questions import TypedExample
from clps_core.store import Run
from clps_core.words import _

__all__ = ["tried"]

LONGEST_LABEL = 60
MOST_ACROSS = 3


def tried(runs: Sequence[Run]) -> None:
    """Input, settings and answers for ``runs``, which must be of one task and not be empty."""
    place = st.empty()
    place.caption(_("Reading the model ..."))
    let_out()
    examples = held_out(runs[0])
    place.empty()
    _examples(runs[0], examples)
    question = typed_input(runs[0], with_target=False)
    if question is None:
        return
    settings = choose_settings(runs)
    if runs[0].facts.masked and MASK not in question.text:  # said once, not by every run
        st.info(
            escape_markdown(
                _('Your text has no gap to fill. Write {mask} in place of a word, or press "Mask a word".', mask=MASK)
            ),
            icon=":material/info:",
        )
        return
    answers = [Growing(run, question, settings) for run in runs]
    right, sound = st.empty(), st.empty()
    places = _card_places(runs)
    for is_all in grow(answers):
        for one, here in zip(answers, places, strict=True):
            if is_all or one.done:
                continue
            _so_far(one, here)
        if not is_all:
            let_out()
    _expected(answers, right)
    _played(answers, sound)
    for number, (one, here) in enumerate(zip(answers, places, strict=True)):
        with here.container():
            _card(one, number)
    st.caption(_caption(answers))


def _examples(run: Run, examples: Sequence[TypedExample]) -> None:
    """A list of held-out examples, and a dice that takes one of them."""
    if not examples and not run.facts.masked:
        return
    labels = {place: _label(one) for place, one in enumerate(examples)}
    asked = state.read_text(state.TEXT) or (run.facts.example_inputs[0] if run.facts.example_inputs else "")
    options = {name: state.read_text(name) or run.facts.example_options.get(name, "") for name in run.facts.options}
    current = next((place for place, one in enumerate(examples) if _is_asked(one, asked, options)), None)

    def take(place: int | None) -> None:
        if place in labels:
            state.write(**{state.TEXT: examples[place].text, **examples[place].options})

    with st.container(horizontal=True, vertical_alignment="bottom"):
        if examples and run.facts.input_kind not in ("image", "sound"):  # these are chosen by their number already
            follow_url("tryit.example", current)
            st.selectbox(
                _("Held-out example"),
                list(labels),
                index=None,
                format_func=lambda place: labels.get(place, str(place)),
                key="tryit.example",
                placeholder=_("Choose one, or type your own below"),
                on_change=lambda: take(st.session_state["tryit.example"]),
                help=_("Inputs that the runs were not trained on."),
            )
        if examples:
            st.button(
                _("Random example"),
                icon=":material/casino:",
                on_click=lambda: take(secrets.choice(list(labels))),
            )
        if run.facts.masked:
            st.button(
                _("Mask a word"),
                icon=":material/ink_eraser:",
                help=_("Puts {mask} in place of a random word of your text. A mask stands for one token.", mask=MASK),
                on_click=lambda: state.write(**{state.TEXT: mask_a_word(asked, secrets.choice)}),
            )


def _is_asked(one: TypedExample, text: str, options: Mapping[str, str]) -> bool:
    return one.text == text and all(options.get(name) in ("", value) for name, value in one.options.items())


def _label(one: TypedExample) -> str:
    text = " ".join(one.text.split())
    short = text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]} ..."
    values = (" ".join(value.split()) for value in one.options.values())
    return " · ".join([short, *(one if len(one) <= LONGEST_LABEL else f"{one[:LONGEST_LABEL]} ..." for one in values)])


def _card_places(runs: Sequence[Run]) -> list[st.delta_generator.DeltaGenerator]:
    """Where each run's answer stands, below the run's name; up to three next to each other, as far as there is room."""
    names = run_names(list(runs))
    places = []
    with st.container(horizontal=True, key="cards_answers" if len(runs) <= MOST_ACROSS else "cards_paired"):
        for run in runs:
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{escape_markdown(names[run.id])}**")
                places.append(st.empty())
    return places


def _so_far(one: Growing, here: st.delta_generator.DeltaGenerator) -> None:
    answer = one.answer
    if answer is None:
        here.caption(_("Reading the model ..."))
    else:
        here.markdown(escape_markdown(answer.answer) + " ▌")


def _expected(answers: Sequence[Growing], here: st.delta_generator.DeltaGenerator) -> None:
    found = [one.answer.right_answer for one in answers if one.answer is not None and one.answer.right_answer]
    if found:
        here.markdown(_("Correct answer: {answer}", answer=f"**{escape_markdown(found[0])}**"))


def _played(answers: Sequence[Growing], here: st.delta_generator.DeltaGenerator) -> None:
    """The sound that was read, to listen to."""
    found = [one.answer.sound for one in answers if one.answer is not None and one.answer.sound is not None]
    if found:
        here.audio(wav_bytes(found[0]), format="audio/wav")


def _card(one: Growing, number: int) -> None:
    if one.problem or one.answer is None:
        show_problem(one.problem)
        return
    answer_card(one.answer, one.run, one.settings, one.steps, key=f"tryit.answer.{number}")
    if one.answer.spectrogram is not None:
        drawn(one.answer.spectrogram, one.answer.aligned, written=() if one.run.facts.writes else None)
    answer_picture(one.answer, one.run, one.steps, key=f"tryit.answer.{number}")
    with st.container(horizontal=True):
        query = {state.TEXT: one.question.text, **one.question.options}
        navigation.link("attention", _("Attention for this input"), query={state.RUN: one.run.id, **query})
        if not one.run.active and deep(one.run) is not None:
            navigation.link("depth", _("This input at every depth"), query={state.RUNS: one.run.id, **query})


def _caption(answers: Sequence[Growing]) -> str:
    if answers[0].run.facts.marks:
        return _(
            "Marked: the most probable spans of the context; the answer has a frame. Probabilities are shares among "
            "all possible spans."
        )
    if answers[0].run.facts.num_queries:
        return _(
            "Each box is that of one query, with its most probable class. Queries that found nothing are left out."
        )
    if not any(one.answer is not None and one.answer.pieces for one in answers):
        return ""
    if answers[0].run.facts.ctc:
        return _(
            "Tokens with a darker background are less probable to the model. Select one to see the alternatives where "
            "the model is surest of it; a dash is CTC's blank: nothing is written there."
        )
    if answers[0].run.facts.masked:
        return _(
            "The darker the background of a token that fills a gap, the less probable it is to the model. Select one "
            "to see the alternatives."
        )
    return _(
        "Tokens with a darker background are less probable to the model. Select one to see the alternatives, with "
        "the model's own probabilities (before temperature, top k and top p)."
    )
