"""One input at every depth: what is answered, and how far each layer carries the hidden state. Start at inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from html import escape

import streamlit as st

from app import state
from app.attention.typed import typed_input
from app.chart.run_curves import short_names
from app.depth.figures import movement_figure
from app.depth.source import DeepRun, answers_of
from app.look.assets import asset
from app.look.colours import strategy_colours
from app.look.formatting import percent
from app.look.plotted import plotted
from app.look.widget_value import follow_url
from app.services import escape_markdown, show_problem
from clps_core.inspection import Inspection
from clps_core.words import _, listed, ngettext

__all__ = ["inside", "marked"]

Answers = Mapping[str, Mapping[int, Inspection]]


def inside(runs: Sequence[DeepRun], loops: Mapping[str, tuple[int, ...]]) -> None:
    """The input, its answers at each depth, and the movement at one."""
    st.header(_("One input at every number of loops"), anchor=False)
    question = typed_input(runs[0].run, with_target=False)
    if question is None:
        return
    found, problems = answers_of(runs, lambda one: loops[one.run.id], question)
    for problem in problems:
        show_problem(problem)
    runs = [one for one in runs if found[one.run.id]]
    if not runs:
        return
    right = _right(found)
    if right is not None:
        st.caption(_("Correct answer: {answer}", answer=f"**{escape_markdown(right)}**"))
    _answers(runs, found)
    st.caption(
        _(
            "**Seen:** the most probable output for each number of loops. Characters that differ from {reference} "
            "are marked. **Not proved:** that the layers reason step by step. An early answer that looks half "
            "finished is only what the last layers make of an early state.",
            reference=_("the correct answer") if right is not None else _("the answer at the trained number of loops"),
        )
    )
    _movements(runs, found)


def _movements(runs: Sequence[DeepRun], found: Answers) -> None:
    """How each run's layers carry the hidden state at one number of loops."""
    st.header(_("How far does each layer move the hidden state?"), anchor=False)
    chosen = _choose_loops(runs, found)
    names = short_names([one.run for one in runs])
    shown = {one.run.id: found[one.run.id][chosen] for one in runs if chosen in found[one.run.id]}
    moves = [move for answer in shown.values() for move in answer.movement.values()]
    tops = (max(max(move.distance) for move in moves), max(max(move.degrees) for move in moves))
    for one in runs:
        if one.run.id in shown:
            _movement(one, names[one.run.id], shown[one.run.id], chosen, tops)
    st.caption(
        _(
            "**Seen:** how far each executed layer moves the hidden state of this one input: the Euclidean distance "
            "and the angle between the layer's input and output, averaged over positions (as in figure 1 of the "
            "ALBERT paper, arXiv 1909.11942). Layers of one stack with the same letter use the same matrices. **Not "
            "proved:** that a small distance means that a layer does nothing, or that the states converge. A small "
            "change can matter much."
        )
    )


def _right(found: Answers) -> str | None:
    return next((answer.right_answer for points in found.values() for answer in points.values()), None)


def _answers(runs: Sequence[DeepRun], found: Answers) -> None:
    """A table: one row per number of loops, one column per run."""
    names = short_names([one.run for one in runs])
    depths = sorted({loops for points in found.values() for loops in points})
    colours = strategy_colours(one.run.strategy for one in runs)
    head = "".join(
        f'<th scope="col"><i style="background:{colours[one.run.strategy]}"></i>'
        f"<bdi>{escape(names[one.run.id])}</bdi></th>"
        for one in runs
    )
    body = "".join(
        f'<tr><th scope="row">{loops}</th>{"".join(_cell(one, found[one.run.id], loops) for one in runs)}</tr>'
        for loops in depths
    )
    title, heading = escape(_("The answer at each number of loops"), quote=True), escape(_("Loops"))
    st.html(
        f"<style>{asset('depth/answers.css')}</style>"
        f'<div class="clps-answers" tabindex="0" role="region" aria-label="{title}"><table><caption>{title}'
        f'</caption><thead><tr><th scope="col">{heading}</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(one: DeepRun, points: Mapping[int, Inspection], loops: int) -> str:
    answer = points.get(loops)
    if answer is None:
        return "<td>–</td>"
    trained = points.get(one.own_loops)
    reference = answer.right_answer
    if reference is None and trained is not None:
        reference = trained.prediction
    nothing, was_trained = escape(_("(nothing)")), escape(_("a number of loops used in training"))
    text = marked(answer.prediction, reference) or f"<em>{nothing}</em>"
    sure = f" <small>{escape(percent(answer.guesses[0].probability, 0))}</small>" if answer.image is not None else ""
    right = ' <b class="right">✓</b>' if answer.right_answer is not None and answer.is_right else ""
    ring = f' <span title="{was_trained}">○</span>' if one.dial.was_trained(loops) else ""
    return f"<td><bdi>{text}</bdi>{sure}{right}{ring}</td>"


def marked(text: str, reference: str | None) -> str:
    """``text`` as HTML, with what ``reference`` does not have in its place marked."""
    if reference is None or text == reference:
        return escape(text)
    parts = []
    for tag, start, stop, _from, _to in SequenceMatcher(None, text, reference, autojunk=False).get_opcodes():
        piece = escape(text[start:stop])
        if piece:
            parts.append(piece if tag == "equal" else f"<mark>{piece}</mark>")
    return "".join(parts)


def _choose_loops(runs: Sequence[DeepRun], found: Answers) -> int:
    """At how many loops the hidden state is looked into; the first run's depth of training by default."""
    depths = sorted({loops for points in found.values() for loops in points})
    asked = state.read_number(state.LOOPS, depths[-1] + 1)
    own = runs[0].own_loops
    chosen = asked if asked in depths else own if own in depths else depths[0]
    if len(depths) > 1:
        follow_url("depth.loops", chosen)
        st.select_slider(
            _("Number of loops"),
            depths,
            key="depth.loops",
            on_change=lambda: state.write(**{state.LOOPS: str(st.session_state["depth.loops"])}),
        )
    return int(chosen)


def _movement(one: DeepRun, name: str, answer: Inspection, loops: int, tops: tuple[float, float]) -> None:
    names = {"encoder": _("Encoder"), "decoder": _("Decoder")}
    layers = one.dial.layers(loops)
    counts = [
        _(
            "{sign} {stack}: {layers}",
            sign=sign,
            stack=names[stack].lower(),
            layers=ngettext("{n} layer", "{n} layers", layers[stack]),
        )
        for sign, stack in zip("●■", answer.movement, strict=False)
    ]
    st.markdown(
        ngettext(
            "**{run}** at {n} loop: {layers}",
            "**{run}** at {n} loops: {layers}",
            loops,
            run=escape_markdown(name),
            layers=listed(counts),
        )
    )
    said = "; ".join(
        _("{stack}: {values}", stack=names[stack], values=", ".join(f"{value:.2f}" for value in move.distance))
        for stack, move in answer.movement.items()
    )
    plotted(
        movement_figure(answer.movement, names, tops),
        key=f"depth.movement.{one.run.id}",
        alt=_("Distance between input and output of each executed layer. {said}.", said=said),
        title=_("{run}: distance between input and output of each executed layer", run=name),
        about=f"{one.run.id}",
    )
