"""Every head in figures, for each run. Start at heads_table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.look.address_choice import address_choice
from app.look.assets import asset, script
from app.look.colours import slot_colour, slot_letter
from app.look.component import component
from clps_core.analysis.head_names import FEWEST_QUERIES, MEASURES, NAMED_FROM, UNIFORM_FROM
from clps_core.glossary import meaning
from clps_core.heads import RunHeads
from clps_core.words import _, sentences

__all__ = ["choose_measure", "heads_caption", "heads_payload", "heads_table", "measures_of", "tops_of"]

_COMPONENT = component(
    "clps.attention_heads",
    html=asset("attention/heads.html"),
    css=asset("attention/grid.css") + asset("attention/heads.css"),
    js=script("attention/paint.js", "look/pixels.js", "attention/large.js", "attention/heads.js"),
)


@dataclass(frozen=True)
class Measure:
    """``title``: what it is called; ``about``: what it is, in a sentence. ``share``: told in percent, from 0 to 1."""

    title: str
    about: str
    share: bool = True


def measures_of(*, patches: bool) -> Mapping[str, Measure]:
    """All of them; positions are ``patches`` of an image, or tokens."""
    places = {
        "itself": _("On itself"),
        "previous": _("On the previous patch") if patches else _("On the previous token"),
        "next": _("On the next patch") if patches else _("On the next token"),
        "first": _("On the first position") if patches else _("On the first token"),
    }
    about = {
        "itself": _("Share of a query's attention on its own position."),
        "previous": _("Share of attention on the position before the query's own."),
        "next": _("Share of attention on the position after the query's own."),
        "first": _(
            "Share of attention on the first key. The first query does not count if queries and keys are the "
            "same tokens."
        ),
    }
    return {
        "entropy": Measure(
            _("Entropy (bits)"),
            _(
                "Entropy of a query's attention: 0 bits if it looks at one key only, 1 bit if two keys share it "
                "equally."
            ),
            share=False,
        ),
        "entropy_share": Measure(
            _("Normalised entropy"),
            meaning("normalised-entropy"),
        ),
        "distance": Measure(
            _("Mean distance"),
            meaning("mean-distance"),
            share=False,
        ),
        **{name: Measure(title, about[name]) for name, title in places.items()},
    }


def choose_measure(found: Sequence[RunHeads], *, patches: bool) -> str:
    """The figure by which heads are coloured, of those that this kind of attention has; what it is stands below."""
    measures = {name: one for name, one in measures_of(patches=patches).items() if name in found[0].measures}
    names = {name: one.title for name, one in measures.items()}
    if state.read_text(state.MEASURE) in set(MEASURES) - set(names):
        state.write(**{state.MEASURE: None})  # another kind of attention was chosen, which has no such figure
    chosen = address_choice("attention", state.MEASURE, names, _("Measure"), first="entropy_share")
    st.caption(measures[chosen].about)
    return chosen


def heads_caption(one: RunHeads) -> str:
    """What is seen, how it is averaged, when a head has a name, and what all this does not prove."""
    rule = (
        _(
            "A head is named after the position that gets at least {half} % of its attention on average. It is "
            "called uniform if its normalised entropy is at least {even} %.",
            half=round(100 * NAMED_FROM),
            even=round(100 * UNIFORM_FROM),
        )
        if one.counted >= FEWEST_QUERIES
        else _("Heads have no names here: fewer than {few} queries see more than one key.", few=FEWEST_QUERIES)
    )
    cross = (
        ""
        if one.kind != "cross"
        else _("No distances here, because positions in the answer and in the input do not correspond.")
    )
    mean = _(
        "Seen: means on this input over the {counted} of {queries} queries that see two or more keys, with "
        "equal weight.",
        counted=one.counted,
        queries=one.queries,
    )
    not_proved = _("Not proved: that a head does the same on other inputs, or that the answer depends on it.")
    return sentences(part for part in (mean, cross, rule, not_proved) if part)


def heads_table(
    found: RunHeads,
    measure: str,
    tops: Mapping[str, float],
    *,
    name: str,
    selected: tuple[int, int],
    key: str,
    patches: bool,
    led: bool = False,
) -> tuple[int, int]:
    """Draw the table; returns the (layer, head) that is selected in the browser, at first ``selected``.

    ``tops``: measure -> the value of the strongest colour, one for all runs. A ``led`` table goes where another one is.
    """
    layers, heads = found.measures["entropy"].shape
    clicked = None if led else st.session_state.get(key, {}).get("selected")
    layer, head = clicked if isinstance(clicked, list | tuple) and len(clicked) == 2 else selected
    at = (min(max(0, layer), layers - 1), min(max(0, head), heads - 1))
    data = heads_payload(found, measure, tops, f"{name} {at}" if led else name, at, patches=patches)
    _COMPONENT(data=data, key=key, on_selected_change=lambda: None)
    return at


def heads_payload(
    found: RunHeads, measure: str, tops: Mapping[str, float], name: str, at: tuple[int, int], *, patches: bool
) -> dict[str, Any]:
    """The message to the browser."""
    known = measures_of(patches=patches)
    called = {
        "itself": _("itself"),
        "previous": _("previous patch") if patches else _("previous token"),
        "next": _("next patch") if patches else _("next token"),
        "first": _("first position") if patches else _("first token"),
        "uniform": _("uniform"),
        "": "",
    }
    return {
        "view": name,
        "measure": measure,
        "selected": list(at),
        "heads": found.measures["entropy"].shape[1],
        "rows": [{"letter": slot_letter(group), "colour": slot_colour(group)} for group in found.groups],
        "names": [[called[one] for one in row] for row in found.names],
        "figures": {
            name: {
                "title": known[name].title,
                "top": tops[name],
                "values": [[_or_none(value) for value in row] for row in found.measures[name].tolist()],
                "texts": [[_text(name, value, known[name]) for value in row] for row in found.measures[name].tolist()],
            }
            for name in MEASURES
            if name in found.measures
        },
        "words": {
            "table": _("Every head in numbers; arrow keys move"),
            "head": _("Head {head}"),
            "layer": _("Layer {layer}"),
            "title": _("Layer {layer}, head {head}"),
        },
    }


def tops_of(found: Sequence[RunHeads]) -> dict[str, float]:
    """Measure -> the value of the strongest colour: 1 of shares, else the largest value of any run."""
    shares = {name for name, one in measures_of(patches=False).items() if one.share}
    return {
        name: 1.0 if name in shares else max(float(np.nan_to_num(one.measures[name]).max()) for one in found)
        for name in found[0].measures
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _text(name: str, value: float, measure: Measure) -> str:
    if math.isnan(value):
        return "–"
    if measure.share:
        return f"{100 * value:.0f} %"
    return f"{value:.1f}" if name == "distance" else f"{value:.2f}"
