"""What is matched with what, and in what both are equal; all of it lives in the address. Start at choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import state
from app.look.address_choice import address_choice
from app.look.formatting import strategy_name
from app.look.widget_value import widget_default
from app.services import show_problem
from clps_core.config import RunConfig
from clps_core.glossary import meaning
from clps_core.matching import CHANGES, DIALS, MEASURES, USUAL, Dial, Measure
from clps_core.schemes.catalogue import SCHEMES
from clps_core.words import _

__all__ = ["CLOSED", "Choices", "Matchable", "choices", "open_match"]

CLOSED = dict.fromkeys((state.MATCH, state.SCHEME, state.AS, state.CHANGE))
"""What ``state.write`` needs so that the panel is off."""


@dataclass(frozen=True)
class Matchable:
    """A design that another scheme can be matched with."""

    name: str
    config: RunConfig


@dataclass(frozen=True)
class Choices:
    """``design`` is the key of one; ``scheme`` is as typed; ``change`` are the dials that may be turned."""

    design: str
    scheme: str
    measure: Measure
    change: tuple[Dial, ...]


def open_match(design: str, scheme: str, measure: Measure) -> None:
    """Let the page's panel show this, with the usual dials; for callbacks."""
    state.write(**{state.MATCH: design, state.SCHEME: scheme, state.AS: measure, state.CHANGE: None})


def choices(page: str, designs: Mapping[str, Matchable], first: str) -> Choices | None:
    """The switch of the panel, and below it what there is to choose; ``None`` where it is off.

    ``designs``: key in the address -> design; ``first`` is the key of the one that is matched at first.
    """
    if not _switch(page, first):
        return None
    original, other = st.columns(2)
    with original:
        design = _design(page, designs, first)
    with other:
        scheme = _scheme(page, designs[design].config.sharing.strategy)
    measures: dict[str, str] = {name: MEASURES[name] for name in USUAL}
    measure: Measure = address_choice(page, state.AS, measures, _("Budget to match"), visible=True)  # type: ignore[assignment]
    return Choices(design, scheme, measure, _change(page, measure))


def _switch(page: str, first: str) -> bool:
    key = f"{page}.{state.MATCH}.on"

    def turned() -> None:
        state.write(**({state.MATCH: first} if st.session_state[key] else CLOSED))

    default = widget_default(key, state.given(state.MATCH))
    label = _("Match a budget with another scheme")
    return st.toggle(label, value=bool(default), key=key, on_change=turned, help=meaning("match-budget"))


def _design(page: str, designs: Mapping[str, Matchable], first: str) -> str:
    asked, problem = state.read_choice(state.MATCH, list(designs))
    if problem:
        show_problem(problem)
    names = {key: one.name for key, one in designs.items()}
    return _selected(page, state.MATCH, asked[0] if asked else first, names, _("Design to match"))


def _scheme(page: str, strategy: str) -> str:
    known = _schemes()
    usual = "none" if strategy == "all" else "all"
    chosen = state.read_text(state.SCHEME).strip() or usual
    names = {one: strategy_name(one) for one in (*known, *([] if chosen in known else [chosen]))}
    return _selected(page, state.SCHEME, chosen, names, _("Scheme"), typed=True)


def _selected(page: str, name: str, chosen: str, names: Mapping[str, str], label: str, *, typed: bool = False) -> str:
    """A list under the query parameter ``name``; ``typed``: any text may be written into it."""
    key = f"{page}.{name}"
    default = widget_default(key, chosen)

    def taken() -> None:
        state.write(**{name: st.session_state[key]})

    st.selectbox(
        label,
        list(names),
        index=0 if default is None else list(names).index(default),
        format_func=lambda one: names.get(one, one),
        accept_new_options=typed,
        key=key,
        on_change=taken,
        help=_("Choose one, or type any strategy, such as cycle:3 or ffn=all.") if typed else None,
    )
    return chosen


def _schemes() -> list[str]:
    """The strategies of the catalogue's cards that are no matter of sizes, each once."""
    return list(
        dict.fromkeys(
            ["none", "all", *(card.strategy for card in SCHEMES.values() if _free(card.strategy, card.sizes))]
        )
    )


def _free(strategy: str, sizes: Mapping[str, object]) -> bool:
    """Whether a scheme fits any depth: a custom map has its own, and other cards are a matter of sizes."""
    return not sizes and strategy != "custom"


def _change(page: str, measure: Measure) -> tuple[Dial, ...]:
    names = {"depth": _("Depth"), "width": _("Width"), "d_ff": _("Feed-forward width"), "steps": _("Steps")}
    chosen = _asked_dials(measure)
    key = f"{page}.{state.CHANGE}.{measure}"

    def taken() -> None:
        now = [dial for dial in DIALS if dial in st.session_state[key]]
        # With none left the address says none, so the usual ones come back.
        state.write(**{state.CHANGE: None if now == list(USUAL[measure]) else ",".join(now)})

    st.pills(
        _("What may change"),
        list(CHANGES[measure]),
        default=widget_default(key, chosen),
        selection_mode="multi",
        format_func=lambda one: names[one],
        key=key,
        on_change=taken,
    )
    return tuple(chosen)


def _asked_dials(measure: Measure) -> list[Dial]:
    """The dials of the address that change the figure, else the usual ones; a sentence says which name is none."""
    asked: Sequence[str] = [name for name in state.read_text(state.CHANGE).split(",") if name]
    bad = next((name for name in asked if name not in DIALS), None)
    if bad is not None:
        show_problem(
            _("\"change\" in the address must be one or more of {known}. Got {got!r}. It is ignored.",
              known=", ".join(DIALS), got=bad[:40])
        )  # fmt: skip
    return [dial for dial in CHANGES[measure] if dial in asked] or list(USUAL[measure])
