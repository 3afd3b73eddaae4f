"""Chapter: the map of who uses which weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.design.designs import Costed, component_sizes, cost
from app.design.painting import paint
from app.design.sharing_map import map_preview
from app.learn.chapter import Chapter, Choice, Source
from app.look.strategy_names import name_of
from app.services import show_problem
from clps_core.config import ModelConfig
from clps_core.errors import ClpsError
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

SCHEME, PAINTED, PROBLEM = "learn.map.scheme", "learn.map.painted", "learn.map.problem"
MODEL = ModelConfig(
    family="decoder", num_layers=6, d_model=64, d_ff=128, num_heads=4, vocab_size=1000, max_positions=128
)
SCHEMES = ("all", "cycle:3", "sequence:3", "cycle_rev:3", "sandwich")
TARGET = "sandwich"


def _letters(strategy: str) -> str:
    """Which weights the layers use, a letter for each: ``ABCABC``; rows that differ are not told apart."""
    return "".join(chr(ord("A") + number) for number in _partition(strategy)[0])


def _partition(strategy: str) -> tuple[tuple[int, ...], ...]:
    """For each row of the map its layers' slots, numbered by first use: equal for maps that mean the same."""
    rows = []
    for _key, slots in cost(MODEL, strategy).map.rows:
        numbers: dict[object, int] = {}
        rows.append(tuple(numbers.setdefault(slot, len(numbers)) for slot in slots))
    return tuple(rows)


def _claim() -> str:
    return _(
        "A sharing map says which layers use the same weights. If all parts of a layer are shared in the same way, "
        "one row of letters is enough: equal letters are one stored layer."
    )


def _asks() -> str:
    return _(
        "Six layers, numbered from 0; three of them are stored. In the scheme {scheme}, which layer has the weights of "
        "layer 0?",
        scheme=name_of("cycle:3"),
    )


def _right() -> str:
    letters = _letters("cycle:3")
    return str(letters.index(letters[0], 1))


def _why() -> str:
    return _(
        "{cycle} reads {letters}: after the third layer it begins again. {sequence} runs each layer twice in a row: "
        "{other}.",
        cycle=name_of("cycle:3"),
        letters=_letters("cycle:3"),
        sequence=name_of("sequence:3"),
        other=_letters("sequence:3"),
    )


def _act() -> None:
    scheme = st.segmented_control(
        _("Scheme"), SCHEMES, default=SCHEMES[0], format_func=name_of, key=SCHEME, required=True, wrap=True
    )
    _map(cost(MODEL, scheme or SCHEMES[0]), "learn.map.shown", None)
    st.markdown(_("**Paint it yourself**"))
    st.markdown(
        _(
            "The map below shares nothing. Make a sandwich of it: the first and the last layer keep their own "
            "weights, the four in the middle use one stored layer. Select a cell, then the whole layer, then the "
            "weights it gets."
        )
    )
    painted = str(st.session_state.get(PAINTED, "none"))
    _map(cost(MODEL, painted), "learn.map.own", _painted)
    if problem := st.session_state.pop(PROBLEM, None):
        show_problem(str(problem))
    _told(painted)


def _map(design: Costed, key: str, act: Any) -> None:
    map_preview(design, component_sizes(MODEL), act, key)


def _painted(action: Mapping[str, Any]) -> None:
    if action.get("kind") != "paint":
        return
    try:
        st.session_state[PAINTED] = paint(MODEL, str(st.session_state.get(PAINTED, "none")), action)
    except ClpsError as error:
        st.session_state[PROBLEM] = str(error)


def _told(painted: str) -> None:
    """Whether the painted map is the wanted one, and what is still missing."""
    wanted, got = _partition(TARGET), _partition(painted)
    if got == wanted:
        st.success(
            _("That is the sandwich. In writing: {text}. It stores {n} parameters.",
              text=painted, n=f"{cost(MODEL, painted).counts.unique_parameters:,}"),
            icon=":material/check_circle:",
        )  # fmt: skip
        return
    done = sum(one == other for one, other in zip(got, wanted, strict=True))
    st.caption(
        ngettext(
            "{done} of {n} row is as it should be.", "{done} of {n} rows are as they should be.", len(wanted), done=done
        )
    )


def _seen() -> str:
    half = {name_of(one): cost(MODEL, one).counts.unique_parameters for one in ("cycle:3", "sequence:3", "cycle_rev:3")}
    same = len(set(half.values())) == 1
    names = ", ".join(half)
    if same:
        return _(
            "{names} store equally many parameters ({n}). They differ only in which layers are the same.",
            names=names,
            n=f"{next(iter(half.values())):,}",
        )
    return _("The map says which layers are the same, and so how many parameters are stored.")


def _open() -> str:
    return _(
        "Other schemes share parts of a layer, or relax the ties. A map does not say which scheme is best. Papers "
        "disagree: with equally many stored layers cycle was better than sequence in some, and not in others."
    )


CHAPTER = Chapter(
    "map",
    lambda: _("The map: who uses which weights"),
    7,
    lambda: _(
        "Many schemes have been proposed. Those of this chapter differ in one thing: which layers use the same weights."
    ),
    _claim,
    Choice(
        _asks,
        lambda: {str(layer): _("Layer {n}", n=layer) for layer in (1, 3, 5)},
        _right,
        _why,
    ),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("How many layers does the map ABBBBC store?"),
            lambda: {str(n): str(n) for n in (2, 3, 6)},
            lambda: str(len(set("ABBBBC"))),
            lambda: _("Three letters, so three stored layers: the first, the last, and one for the four in between."),
        ),
        Choice(
            lambda: _("Which map is ALBERT's, which shares all layers?"),
            lambda: {"all": "AAAAAA", "sequence": "AABBCC", "none": "ABCDEF"},
            lambda: "all",
            lambda: _("One letter only: one stored layer runs in all six places."),
        ),
        Choice(
            lambda: _("Two maps, AABB and BBAA. Do they differ?"),
            lambda: {
                "no": _("No: letters are only names"),
                "yes": _("Yes: the first layers use other weights"),
            },
            lambda: "no",
            lambda: _(
                "Both say the same: the first two layers share weights, and so do the last two. Letters only "
                "name weights."
            ),
        ),
    ),
    (
        Source(
            "Takase & Kiyono 2021, Lessons on Parameter Sharing across Layers in Transformers",
            "https://arxiv.org/abs/2104.06022",
            lambda: _("Names and compares sequence, cycle and cycle reversed."),
        ),
        Source(
            "Reid et al. 2021, Subformer",
            "https://arxiv.org/abs/2101.00234",
            lambda: _("The sandwich: only the layers in the middle share their weights."),
        ),
        Source(
            "Bae et al. 2025, Mixture-of-Recursions",
            "https://arxiv.org/abs/2507.10524",
            lambda: _("Cycle was better than sequence in all four settings that were tried."),
        ),
    ),
    uses=("layer",),
)
