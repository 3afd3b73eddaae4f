"""What one run looks at more than another, or one layer more than another of its slot. Start at differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from app import state
from app.attention.grid import GridView
from app.attention.maps import sent_of
from app.attention.pictures import Shown
from app.attention.source import Question, Turned, read_apart, run_label
from app.attention.views import explore
from app.look.address_choice import address_choice
from app.look.colours import slot_colour, slot_letter
from app.services import escape_markdown
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import Inspection
from clps_core.maps import RunMaps
from clps_core.store import Run
from clps_core.words import _

__all__ = ["difference_view", "differences"]

RUNS = "runs"
ALL = "all"


def differences(
    runs: Sequence[Run],
    answers: Sequence[Inspection],
    kind: str,
    question: Question,
    turned: Sequence[Turned],
    shown: Sequence[Shown],
) -> None:
    """Choose what is subtracted, and draw it: once for two runs, or for each run its own layers."""
    slots = [_slots(answer, kind) for answer in answers]
    names = {RUNS: _("The two runs")} if len(runs) > 1 else {}
    for letter, layers in slots[0].items():
        names[letter] = (
            _("All layers")
            if letter == ALL
            else _("Slot {letter}: layers {layers}", letter=letter, layers=", ".join(map(str, layers)))
        )
    if not names:
        st.info(
            _("This model has only one layer. Choose a second run above to see the difference between the two."),
            icon=":material/info:",
        )
        return
    of = address_choice("attention", state.OF, names, _("Difference between"))
    if of == RUNS:
        drawn = _runs(runs, answers, kind, question, turned, shown)
    else:
        drawn = _layers(runs, answers, kind, question, turned, shown, of)
    if drawn:
        st.caption(_reading_sentence())


def _layers(
    runs: Sequence[Run],
    answers: Sequence[Inspection],
    kind: str,
    question: Question,
    turned: Sequence[Turned],
    shown: Sequence[Shown],
    of: str,
) -> bool:
    """For each run the layers of slot ``of`` against one of them; whether there was something to draw."""
    slots = [_slots(answer, kind) for answer in answers]
    against = _choose_against(slots[0][of])
    selected = None
    for place, column in enumerate(st.columns(len(runs))):
        with column:
            layers = slots[place].get(of, ())
            if not layers:
                st.info(_("This run has no slot {letter} with two or more layers.", letter=of), icon=":material/info:")
                continue
            first = against if against in layers else layers[0]
            order = (first, *(layer for layer in layers if layer != first))
            ask = partial(read_apart, runs[place], question, kind, turned=turned[place], layers=order)
            st.caption(_layers_sentence(first, same=of != ALL))
            name = question.name(runs[place].id, kind, of, str(order), str(turned[place]))
            view = difference_view(ask(), ask, answers[place], kind, name)
            selected = explore(view, shown[place], key=f"attention.difference.{of}.{place}", follow=selected)
    return selected is not None


def _runs(
    runs: Sequence[Run],
    answers: Sequence[Inspection],
    kind: str,
    question: Question,
    turned: Sequence[Turned],
    shown: Sequence[Shown],
) -> bool:
    """Every other run against the first; whether there was something to draw."""
    drawn = False
    for place, other in enumerate(runs[1:], start=1):
        ask = partial(read_apart, runs[0], question, kind, turned=turned[0], other=(other, turned[place]))
        try:
            found = ask()
        except (ConfigError, DataError) as error:
            st.info(str(error)[:1].upper() + str(error)[1:], icon=":material/info:")
            continue
        drawn = True
        st.caption(
            _(
                "Seen: attention of **{one}** minus that of **{other}**, on the same input.",
                one=escape_markdown(run_label(runs[0])),
                other=escape_markdown(run_label(other)),
            )
        )
        name = question.name(runs[0].id, other.id, kind, RUNS, str(turned[0]), str(turned[place]))
        view = difference_view(found, ask, answers[0], kind, name)
        of_both = replace(shown[0], label=_("{one} minus {other}", one=shown[0].label, other=shown[place].label))
        explore(view, of_both, key=f"attention.difference.{RUNS}.{place}")
        st.caption(
            _(
                "Heads have no fixed order between two runs: head 0 of one may do what another head of the other "
                "does. So a large difference may be the same head under a different number."
            )
        )
    return drawn


def difference_view(found: RunMaps, ask: partial[RunMaps], answer: Inspection, kind: str, name: str) -> GridView:
    """What the grid draws of a difference; under each map the share of attention that moved."""
    queries, keys = answer.labels(kind)
    return GridView(
        kind=kind,
        name=name,
        weights=sent_of(found, ask),
        queries=queries,
        keys=keys,
        letters=[slot_letter(group) for group in found.groups],
        colours=[slot_colour(group) for group in found.groups],
        causal=answer.is_causal(kind),
        image=answer.patches(kind),
        layers=found.layers,
        signed=True,
        how="difference",
        scale=found.scale,
        notes=[[f"{100 * value:.0f} %" for value in row] for row in found.values.tolist()],
        words={
            "scale": _("difference of two shares; one scale for all maps, up to the largest difference"),
            "overview": _("Difference of every layer and head; arrow keys move"),
            "strip": _("Where {token} (position {position}) looks more, and where less:"),
        },
    )


def _slots(answer: Inspection, kind: str) -> dict[str, tuple[int, ...]]:
    """Letter -> the executed layers of each slot that has two or more; ``all`` -> all layers, where there are two."""
    groups = answer.groups[kind]
    members = {
        slot_letter(slot): tuple(layer for layer, group in enumerate(groups) if group == slot)
        for slot in sorted(set(groups))
    }
    found = {letter: layers for letter, layers in members.items() if len(layers) > 1}
    return {**found, **({ALL: tuple(range(len(groups)))} if len(groups) > 1 else {})}


def _choose_against(layers: Sequence[int]) -> int:
    """Which layer is subtracted from the others."""
    if len(layers) < 3:
        return layers[0]
    names = {str(layer): _("minus layer {layer}", layer=layer) for layer in layers}
    return int(address_choice("attention", state.AGAINST, names, _("Subtract")))


def _layers_sentence(first: int, *, same: bool) -> str:
    if same:
        return _(
            "Seen: attention of each other layer of the slot minus that of layer {first}. They have the same "
            "query and key weights; only their input differs.",
            first=first,
        )
    return _("Seen: attention of each layer minus that of layer {first}.", first=first)


def _reading_sentence() -> str:
    return _(
        "Orange: more attention than in the map that is subtracted. Blue: less. The number under each map "
        "is the total variation: half the sum of the absolute differences in a row, averaged over the "
        "queries. It leaves out the first query of a decoder, which sees only itself. Not proved: that "
        "this difference changes the answer."
    )
