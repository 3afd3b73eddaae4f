"""What if it ran another number of loops, or a part were not there? Start at choose_turned.

A part is named as ``clps_core.analysis.edits`` names it, by its place in the order of execution.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state
from app.attention.source import Question, Turned, follow_url, inspect
from app.depth.source import asked_loops, deep, loops_field
from app.services import escape_markdown, show_problem
from clps_core.analysis.edits import MOST_EDITS, Edit, parts_of, read_edits
from clps_core.config import sharing_plan
from clps_core.errors import ConfigError
from clps_core.sharing import SharingPlan
from clps_core.store import Run
from clps_core.words import _

__all__ = ["changed_sentence", "choose_turned", "part_title"]


def choose_turned(runs: Sequence[Run]) -> list[Turned]:
    """Fields for loops and for parts that are left out; per run, what of it applies to that run."""
    deep_runs = [deep(run) for run in runs]
    loops = [asked_loops() if one is not None else None for one in deep_runs]
    plans = [sharing_plan(run.config.model, run.config.sharing) for run in runs]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if found := [one for one in deep_runs if one is not None]:
            loops_field("attention", found)
        asked = _left_out_field(runs, plans, loops)
    return [
        Turned(count, tuple(part for part in asked if _has(run, plan, count, part)))
        for run, plan, count in zip(runs, plans, loops, strict=True)
    ]


def _left_out_field(runs: Sequence[Run], plans: Sequence[SharingPlan], loops: Sequence[int | None]) -> tuple[str, ...]:
    """The parts of the address that at least one run has; a sentence for the first that none has."""
    titles: dict[str, str] = {}
    for run, plan, count in zip(runs, plans, loops, strict=True):
        for part in parts_of(plan, run.config.model.num_heads, count):
            titles.setdefault(str(part), part_title(part, stacks=len(plan.execution)))
    named = list(dict.fromkeys(st.query_params.get_all(state.WITHOUT)))[:MOST_EDITS]
    asked = [text for text in named if text in titles]
    if unknown := [text for text in named if text not in titles]:
        whole = _("this page leaves parts out as a whole. Take {part} without its factor.", part=unknown[0])
        show_problem(_problem(runs[0], plans[0], loops[0], unknown[0]) or whole)
    key = "attention.without"
    follow_url(key, asked)

    def chosen() -> None:
        state.write(**{state.WITHOUT: [one for one in st.session_state[key] if one in titles]})

    st.multiselect(
        _("Leave out"),
        list(titles),
        format_func=lambda one: titles.get(one, str(one)),
        key=key,
        placeholder=_("nothing: the whole model"),
        help=_(
            "What is left out adds nothing to the state; all other parts run on what remains. Layers are numbered in "
            "the order in which they run: one use of shared weights can be left out while the others stay."
        ),
        on_change=chosen,
    )
    return tuple(asked)


def _problem(run: Run, plan: SharingPlan, loops: int | None, text: str) -> str:
    try:
        read_edits([text], plan, run.config.model.num_heads, loops)
    except ConfigError as error:
        return str(error)
    return ""


def _has(run: Run, plan: SharingPlan, loops: int | None, part: str) -> bool:
    return not _problem(run, plan, loops, part)


def part_title(part: Edit, *, stacks: int) -> str:
    """A part as people read it: Layer 2, FFN; with its stack where there are two."""
    sublayers = {"attention": _("attention"), "cross_attention": _("cross-attention"), "ffn": _("FFN")}
    names = [_("Layer {layer}", layer=part.place)]
    if stacks > 1:
        encoder = part.stack == "encoder"
        names = [
            _("Encoder layer {layer}", layer=part.place) if encoder else _("Decoder layer {layer}", layer=part.place)
        ]
    if part.sublayer is not None:
        names.append(sublayers[part.sublayer])
    if part.head is not None:
        names.append(_("head {head}", head=part.head))
    return ", ".join(names)


def changed_sentence(run: Run, question: Question, turned: Turned, answer: str) -> str:
    """What the run answers as it was trained, where something is left out of it; else nothing."""
    if not turned.left_out:
        return ""
    plan = sharing_plan(run.config.model, run.config.sharing)
    parts = read_edits(turned.left_out, plan, run.config.model.num_heads, turned.loops)
    listed = "; ".join(part_title(part, stacks=len(plan.execution)) for part in parts)
    whole = inspect(run, question, Turned(turned.loops)).prediction
    if whole == answer:
        return _("Without {parts}. The whole model gives the same answer.", parts=listed)
    return _(
        "Without {parts}. The whole model answers **{answer}**.",
        parts=listed,
        answer=escape_markdown(whole) or _("(nothing)"),
    )
