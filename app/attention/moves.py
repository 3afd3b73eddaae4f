"""What moves: how each layer and each loop changes the states of one input. Start at what_moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from app import state
from app.attention.layer_matrices import layer_matrices
from app.attention.moves_figures import course_figure, courses, paths_figure
from app.attention.moves_numbers import course_numbers, paths_numbers
from app.attention.pictures import Shown
from app.attention.source import Question, Turned, look_of
from app.look.address_choice import address_choice
from app.look.figure_table import Figure, Row, figure_table
from app.look.plotted import plotted
from app.look.widget_value import follow_url
from app.look.working import let_out
from app.services import models
from clps_core.analysis.convergence import Convergence
from clps_core.glossary import meaning
from clps_core.moves import MOST_PATHS, RunMoves
from clps_core.numbers import NOTHING
from clps_core.serving import Question as Asked
from clps_core.serving import ReadMoves
from clps_core.shapes import stack_layers
from clps_core.shown import visible
from clps_core.store import Run
from clps_core.words import _, ngettext

__all__ = ["convergence_sentence", "what_moves", "with_patience"]

Found = TypeVar("Found")
LOOP_COLOUR = "transparent"
MOST_ROWS = 8
"""Loops whose figures stand open on the page; more are one click away."""


def what_moves(runs: Sequence[Run], question: Question, turned: Sequence[Turned], shown: Sequence[Shown]) -> None:
    """The states of every run under ``question``: convergence, course, trajectories, and matrices of layers.

    ``shown``: what the files of each run's figures say of it.
    """
    said = {one.run.id: one for one in shown}
    stack = choose_stack(runs)
    asked = _asked_positions()
    found = with_patience(
        [_question(run, question, how, stack, asked) for run, how in zip(runs, turned, strict=True)],
        _("Following the states ..."),
    )
    _side_by_side(runs, found, _loops)
    if any(one.loop is not None for one in found):
        st.caption(_loops_caption())
    _side_by_side(runs, found, lambda run, one: _course(said[run.id], one, found))
    st.caption(
        _(
            "**Seen:** for each executed layer, the distance and the angle between its input and its output, "
            "the cosine between its update and that of the layer before, and the distance from its output to "
            "the last state, relative to the length of the last state. All are means over the positions of "
            "this one input, before the final norm. Marks with the same letter have the same matrices. **Not "
            "proved:** that a small step matters little."
        )
    )
    _choose_positions(found[0], len(runs))
    _side_by_side(runs, found, lambda run, one: _paths(said[run.id], one))
    st.caption(
        _(
            "**Seen:** the states of the chosen tokens from the input (ring) to the last layer (large mark "
            "with its token), on the plane in which these states differ most. The colour and letter of a mark "
            "show the layer. Each run has its own plane, so directions cannot be compared between runs. **Not "
            "proved:** that states at the same place on the plane are equal. Other directions are not shown."
        )
    )
    layer_matrices(runs, question, turned, stack, shown)


def with_patience(questions: Sequence[Asked[Found]], sentence: str) -> list[Found]:
    """The answers to ``questions``, which a person waits for under ``sentence`` where they are not kept."""
    service, place = models(), st.empty()
    kept = [service.kept_answer(one) for one in questions]
    try:
        if any(one is None for one in kept):
            place.progress(sum(one is not None for one in kept) / len(kept), text=sentence)
            let_out()
        return [service.ask(asked) if answer is None else answer for asked, answer in zip(questions, kept, strict=True)]
    finally:
        place.empty()


def choose_stack(runs: Sequence[Run]) -> str:
    """The stack whose states are followed; a choice where the model has two."""
    names = {"encoder": _("Encoder"), "decoder": _("Decoder")}
    there = [stack for stack in names if all(stack in stack_layers(run.config.model) for run in runs)]
    known = there or list(stack_layers(runs[0].config.model))
    if len(known) == 1:
        return known[0]
    return address_choice("attention", state.STACK, {stack: names[stack] for stack in known}, _("Stack"))


def _question(run: Run, question: Question, turned: Turned, stack: str, positions: tuple[int, ...]) -> ReadMoves:
    look = look_of(run, question, turned)
    return ReadMoves(look.folder, look.stamp, look, stack, positions)


def _side_by_side(runs: Sequence[Run], found: Sequence[RunMoves], draw: Callable[[Run, RunMoves], None]) -> None:
    for run, one, column in zip(runs, found, st.columns(len(runs)), strict=True):
        with column:
            draw(run, one)


# Loops


def _loops(run: Run, found: RunMoves) -> None:
    loop = found.loop
    if loop is None:
        st.markdown(_("No whole layers repeat here, so there are no loops to follow."))
        return
    st.markdown(convergence_sentence(loop))
    rows = [
        Row(
            _("Loop {loop}", loop=place + 1),
            LOOP_COLOUR,
            [
                Figure(f"{loop.relative[place]:.3f}", f"{loop.steps[place]:.6g}"),
                _said(loop.ratios[place - 1] if place else None),
                _said(loop.turns[place - 1] if place else None),
                f"{loop.degrees[place]:.1f}°",
            ],
        )
        for place in range(len(loop.steps))
    ]
    columns = [
        (_("Loop"), ""),
        (
            _("Step"),
            _("Distance between the states before and after the loop, relative to the length of the state after it"),
        ),
        (_("Relative length"), _("Length of this step, relative to the step before it")),
        (_("Cosine"), meaning("cosine", _("Here: between this step and the one before it."))),
        (_("Angle"), _("Between the state before the loop and the state after it")),
    ]
    with st.expander(_("Values for every loop"), expanded=len(rows) <= MOST_ROWS, key=f"attention.loop.{run.id}"):
        figure_table(_("What each loop does to the state"), columns, rows, tight=True)


def _said(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def convergence_sentence(loop: Convergence) -> str:
    """What the loops that ran did to the state, by the rule of ``analysis.convergence``."""
    loops = len(loop.steps)
    ran = ngettext("{n} loop", "{n} loops", loops)
    if loop.reading == "still":
        return _("**The state does not move** in {loops}.", loops=ran)
    if loop.reading == "alone":
        return _("**One loop** is too few to see whether the state settles. Choose more loops.")
    if loop.reading == "circles" and loop.returns is not None:
        return _(
            "**The state comes back.** After loop {now} it is closer than half a step to where it was after "
            "loop {before}.",
            now=loop.returns[0],
            before=loop.returns[1],
        )
    last = loop.steps[-1] / loop.steps[0] if loop.steps[0] else None
    share = NOTHING if last is None else f"{100 * last:.0f}"
    if loop.reading == "shrinks" and loop.rate is not None:
        return _(
            "**The steps get smaller** from loop to loop, on average to {rate} % of the step before. The last "
            "of {loops} has {share} % of the length of the first; it is shorter at {smaller} of {positions} "
            "positions.",
            rate=f"{100 * loop.rate:.0f}",
            loops=ran,
            share=share,
            smaller=loop.smaller,
            positions=loop.positions,
        )
    if loop.reading == "shrinks":
        return _(
            "**The steps get smaller** from loop to loop, until the state does not move any more ({loops}).", loops=ran
        )
    if loop.reading == "grows" and loop.rate is not None:
        return _(
            "**The steps get larger** from loop to loop, on average to {rate} % of the step before.",
            rate=f"{100 * loop.rate:.0f}",
        )
    if loop.reading == "drifts":
        return _(
            "**The state drifts:** the last steps of {loops} have about the same length and direction. The "
            "state turns by {degrees}° in the last loop, by {first}° in the first.",
            loops=ran,
            degrees=f"{loop.degrees[-1]:.1f}",
            first=f"{loop.degrees[0]:.1f}",
        )
    if last is None:
        return _("**The steps have no clear trend** in {loops}.", loops=ran)
    return _(
        "**The steps have no clear trend:** the last of {loops} has {share} % of the length of the first.",
        loops=ran,
        share=share,
    )


def _loops_caption() -> str:
    return _(
        "**Seen:** how far each loop of the same layers moves the state of this input, averaged over its positions. "
        "The steps get smaller (larger) if every step is smaller (larger) than the one before, by 5 % or more on "
        "average. The state comes back if its distance to an earlier state is less than half the shortest step since "
        "then. It drifts if the last two steps differ by at most 5 % in length and have the same direction (cosine "
        "0.9 or more). **Not proved:** a fixed point. More loops or another input may do something else; choose more "
        "loops to see."
    )


# Course and trajectories


def _course(shown: Shown, found: RunMoves, beside: Sequence[RunMoves]) -> None:
    said = "; ".join(
        f"{title}: {', '.join(NOTHING if value is None else f'{value:.2f}' for value in values)}"
        for title, values in courses(found)
    )
    plotted(
        course_figure(found, beside),
        key=f"attention.course.{shown.run.id}",
        alt=_("How each executed layer moves the state. {said}.", said=said),
        title=_("{run}: how each executed layer moves the state", run=shown.label),
        about=shown.about,
        name=("moves", shown.run.id, found.stack),
        numbers=lambda: course_numbers(found),
    )


def _paths(shown: Shown, found: RunMoves) -> None:
    tokens = ", ".join(visible(found.positions[place]) for place in found.drawn)
    plotted(
        paths_figure(found),
        key=f"attention.paths.{shown.run.id}",
        alt=_("States of these tokens on a plane, from the input to the last layer: {tokens}.", tokens=tokens),
        title=_("{run}: states on the plane in which they differ most", run=shown.label),
        about=shown.about,
        name=("states", shown.run.id, found.stack),
        numbers=lambda: paths_numbers(found),
    )


def _asked_positions() -> tuple[int, ...]:
    """The places that the address names."""
    parts = state.read_text(state.POSITIONS)[:80].split(",")
    return tuple(dict.fromkeys(int(part) for part in parts if re.fullmatch(r"[0-9]{1,6}", part)))[:MOST_PATHS]


def _choose_positions(found: RunMoves, runs: int) -> None:
    """Which tokens are drawn; of two runs, the same places."""
    key = "attention.positions"
    follow_url(key, list(found.drawn))
    labels = found.positions

    def chosen() -> None:
        places = [place for place in st.session_state[key] if isinstance(place, int)]
        state.write(**{state.POSITIONS: ",".join(map(str, places)) or None})

    st.multiselect(
        _("Tokens to draw"),
        range(len(labels)),
        format_func=lambda place: f"{place}: {visible(labels[place])}" if place in range(len(labels)) else str(place),
        key=key,
        max_selections=MOST_PATHS,
        help=None if runs == 1 else _("The same positions are drawn for both runs."),
        on_change=chosen,
    )
