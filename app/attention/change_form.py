"""A menu that scales, swaps or patches: it writes one change more into the address. Start at change_form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from app import state
from app.attention.changed import change_title, layer_title
from app.attention.source import Question, run_label
from app.look.widget_value import follow_url
from app.services import escape_markdown
from clps_core.analysis.edits import parts_of
from clps_core.analysis.patches import Side
from clps_core.inspection import Inspection
from clps_core.shown import visible
from clps_core.store import Run
from clps_core.words import _

__all__ = ["change_form", "tell_positions"]

STATE = "state"
MOST_TOLD = 40
"""Positions whose tokens are listed."""
Place = tuple[str, int]
"""A stack and an executed position in it."""


def change_form(runs: Sequence[Run], sides: Sequence[Side], question: Question) -> st.delta_generator.DeltaGenerator:
    """The button and what opens under it; returns where ``tell_positions`` may say what stands where."""
    with st.popover(_("Scale, swap or patch"), icon=":material/experiment:"):
        kinds = {"scale": _("Scale"), "swap": _("Swap"), "patch": _("Patch")}
        kind = st.segmented_control(
            _("Kind of change"), list(kinds), format_func=lambda one: kinds.get(one, one), default="patch",
            required=True, key="attention.change.kind", label_visibility="collapsed",
        )  # fmt: skip
        if kind == "scale":
            _scale(sides)
        elif kind == "swap":
            _swap(sides)
        else:
            _patch(runs, question, sides)
        return st.empty()


def tell_positions(place: st.delta_generator.DeltaGenerator, answer: Inspection) -> None:
    """Number and token of each position of the input, for who chooses some."""
    if st.session_state.get("attention.change.kind", "patch") != "patch":
        return
    told = [_("Positions of this input: {listed}", listed=_listed(answer.source_labels))]
    if answer.target_labels:
        told.append(_("Positions of the decoder: {listed}", listed=_listed(answer.target_labels)))
    if answer.image is None:
        place.caption("  \n".join(told))


def _listed(labels: Sequence[str]) -> str:
    shown = [f"{at} **{escape_markdown(visible(one)) or ' '}**" for at, one in enumerate(labels[:MOST_TOLD])]
    return " · ".join([*shown, *(["…"] if len(labels) > MOST_TOLD else [])])


def _add(name: str, text: str) -> None:
    """One change more in the address."""
    state.write(**{name: [*dict.fromkeys([*st.query_params.get_all(name), text])]})


def _scale(sides: Sequence[Side]) -> None:
    st.caption(_("Multiplies what a part adds to the state: 0 leaves it out, 0.5 halves it, 2 doubles it."))
    titles = {
        str(part): change_title(part, stacks=len(side.plan.execution))
        for side in sides
        for part in parts_of(side.plan, side.heads, side.loops)
    }
    part = st.selectbox(
        _("Part"), list(titles), format_func=lambda one: titles.get(one, one), key="attention.change.part"
    )
    factor = st.number_input(_("Factor"), 0.0, 100.0, 0.5, step=0.1, format="%g", key="attention.change.factor")
    text = f"{part}*{factor:.4f}".rstrip("0").rstrip(".") if factor else str(part)
    _add_button(_("Scale this part"), partial(_add, state.WITHOUT, text))


def _swap(sides: Sequence[Side]) -> None:
    st.caption(
        _("Two executed layers exchange their weights. What belongs to the position, such as a depth signal, "
"stays there.")
    )  # fmt: skip
    places = _places(sides)
    one = _layer_field(_("First layer"), places, sides, "one")
    other = _layer_field(_("Second layer"), places, sides, "other", first=len(places) - 1)
    text = f"{one[0]}.{one[1]}<>{other[0]}.{other[1]}"
    _add_button(_("Swap these layers"), partial(_add, state.WITHOUT, text), disabled=one == other)


def _patch(runs: Sequence[Run], question: Question, sides: Sequence[Side]) -> None:
    st.caption(_("Replaces what a layer computes with what a layer of another forward pass computed."))
    kinds = {STATE: _("State after a layer"), "attention": _("Attention of a layer")}
    if any("cross_q" in side.plan.map.components("decoder") for side in sides if "decoder" in side.plan.execution):
        kinds["cross_attention"] = _("Cross-attention of a layer")
    what = st.selectbox(
        _("What to replace"), list(kinds), format_func=lambda one: kinds.get(one, one), key="attention.change.what"
    )
    places = [one for one in _places(sides) if what != "cross_attention" or one[0] == "decoder"]
    here, there = st.columns(2)
    with here:
        to = _layer_field(_("Target"), places, sides, "to")
        at = _heads_or_positions(what, sides, "here")
    with there:
        source = _layer_field(_("Source"), places, sides, "from")
        of = _heads_or_positions(what, sides, "there") if what != STATE else ""
        if what == STATE:
            _source_field(runs[0], question)
    if what != STATE:
        _source_field(runs[0], question)
    if len(runs) > 1:
        _run_field(runs)
    middle = "" if what == STATE else f".{what}"
    text = f"{to[0]}.{to[1]}{at if what == STATE else middle + at}={source[0]}.{source[1]}{middle}{of}"
    _add_button(_("Add this patch"), partial(_add, state.PATCH, text))


def _heads_or_positions(what: str, sides: Sequence[Side], name: str) -> str:
    """What stands behind the layer: [3,last] for states, .1 for one head."""
    if what != STATE:
        heads = st.selectbox(
            _("Head"), [None, *range(max(side.heads for side in sides))], key=f"attention.change.head.{name}",
            format_func=lambda one: _("all heads") if one is None else _("Head {head}", head=one),
        )  # fmt: skip
        return "" if heads is None else f".{heads}"
    typed = st.text_input(
        _("Positions"),
        key="attention.change.positions",
        max_chars=200,
        placeholder=_("all positions that both have"),
        help=_("Positions count from 0. `3`: position 3 in both inputs. `3:5`: position 5 of the other input goes "
               "into position 3 of this one. `last`: the last position of each input. Separate several with commas."),
    )  # fmt: skip
    cleaned = re.sub(r"\s", "", typed)
    return f"[{cleaned}]" if cleaned else ""


def _places(sides: Sequence[Side]) -> list[Place]:
    """Every executed layer that one of the runs has."""
    found = {
        (stack, place): None
        for side in sides
        for stack, execution in side.plan.execution.items()
        for place in range(len(execution.layers(side.loops)))
    }
    return list(found)


def _layer_field(label: str, places: Sequence[Place], sides: Sequence[Side], name: str, first: int = 0) -> Place:
    stacks = max(len(side.plan.execution) for side in sides)
    chosen: Place = st.selectbox(
        label,
        places,
        index=first,
        format_func=lambda one: layer_title(*one, stacks=stacks),
        key=f"attention.change.{name}",
    )
    return chosen


def _source_field(run: Run, question: Question) -> None:
    """The input of the other pass, of all patches; in the address."""
    text, key = state.read_text(state.PATCH_TEXT), f"attention.change.text.{run.task}"
    help_text = _("All patches take states from this input. Leave it empty to use the same input without changes.")

    def written() -> None:
        value = st.session_state[key]
        state.write(**{state.PATCH_TEXT: None if value is None else str(value)})

    if run.facts.input_kind == "image":
        last = max(1, run.facts.test_size) - 1
        follow_url(key, int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) <= last else None)
        st.number_input(
            _("Other test image, 0 to {last}", last=last), 0, last, None, key=key, help=help_text, on_change=written,
            placeholder=_("the same image"),
        )  # fmt: skip
        return
    examples = [one for one in run.facts.example_inputs if one != question.text]
    follow_url(key, text or None)
    st.selectbox(
        _("Other input"),
        list(dict.fromkeys([*examples, *([text] if text else [])])),
        index=None,
        key=key,
        accept_new_options=True,
        placeholder=_("the same input"),
        help=help_text,
        on_change=written,
    )


def _run_field(runs: Sequence[Run]) -> None:
    """Whether the other pass is the run's own or the other run's; in the address, for all patches."""
    here, there = (run.config.model.d_model for run in runs)
    if here != there:
        st.caption(
            _("The states of these runs have {here} and {there} dimensions. Patches between runs need the same "
"width (d_model).",
              here=here, there=there)
        )  # fmt: skip
        return
    names = {"own": _("the same run"), "other": _("the other run")}
    key = "attention.change.run"
    follow_url(key, "other" if state.read_text(state.PATCH_RUN) == "other" else "own")

    def written() -> None:
        state.write(**{state.PATCH_RUN: "other" if st.session_state[key] == "other" else None})

    st.radio(
        _("Take states from"),
        list(names),
        format_func=lambda one: names.get(one, one),
        key=key,
        horizontal=True,
        help=_("The other run: {one} gets what {other} computed, and vice versa.",
               one=run_label(runs[0]), other=run_label(runs[1])),
        on_change=written,
    )  # fmt: skip


def _add_button(label: str, click: Callable[[], None], *, disabled: bool = False) -> None:
    st.button(label, key="attention.change.add", type="primary", disabled=disabled, on_click=click)
