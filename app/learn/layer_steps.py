"""The steps of one layer on the page, from one ``LayerTrace``. Start at draw_steps and draw_sharing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.learn.strips import READ, Strip, number, strips
from app.look.colours import slot_colour, slot_letter
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import percent
from app.services import escape_markdown
from clps_core.shown import visible
from clps_core.tracing import LayerTrace
from clps_core.words import _, ngettext

__all__ = ["draw_sharing", "draw_steps"]

SCORED, BAR = 3, "#1b72c5"
"""Products that are written out of one score; the colour of the weights."""


def draw_steps(found: LayerTrace, *, key: str) -> None:
    """All steps, in order; ``key``: of the choice of the position whose score is written out."""
    st.caption(
        _(
            "Strips: one block for each number, blue above 0 and orange below, stronger the further from 0. The first "
            "{n} numbers are written out. All strips of a step use the same scale.",
            n=READ,
        )
    )
    _enters(found)
    _asks(found)
    _scores(found, key)
    _mixes(found)
    _adds(found)
    _computes(found)
    _leaves(found)


def _step(place: int, title: str, text: str, rows: Sequence[Strip] = ()) -> None:
    st.markdown(f"**{place}. {escape_markdown(title)}**  \n{escape_markdown(text)}")
    if rows:
        strips(rows)


def _label(found: LayerTrace, place: int) -> str:
    return visible(found.labels[place])


def _enters(found: LayerTrace) -> None:
    here, width = _label(found, found.position), len(found.enters)
    rows = [Strip(_("state x"), found.enters)]
    if found.layer > 0 or found.token is None or found.place is None:
        text = _(
            "The state of a position is a list of {n} numbers, x. Layer {layer} reads what the layer before it gave.",
            n=width,
            layer=found.layer,
        )
    elif not found.place.any():
        text = _(
            "The token {token} has a row of {n} numbers in a table: the state x. This model adds nothing for the "
            "position: it turns queries and keys by it (rotary positions).",
            token=here,
            n=width,
        )
    else:
        text = _(
            "The token {token} has a row of {n} numbers in a table, position {place} has another one. Their sum is the "
            "state x.",
            token=here,
            n=width,
            place=found.position,
        )
        rows = [
            Strip(_("token {token}", token=here), found.token),
            Strip(_("position {place}", place=found.position), found.place),
            *rows,
        ]
    _step(1, _("The state comes in"), text, rows)


def _asks(found: LayerTrace) -> None:
    mean, deviation = float(found.enters.mean()), float(found.enters.std())
    text = _(
        "The norm takes the mean of x ({mean}) from each number, divides by the standard deviation ({deviation}), then "
        "scales and shifts with learned numbers.",
        mean=number(mean),
        deviation=number(deviation),
    )
    _step(2, _("Normalise"), text, [Strip(_("x, normalised"), found.reads)])
    text = _(
        "Each head has three matrices. They turn a normalised state into a query q, a key k and a value v of {c} "
        "numbers. The query says what this position looks for, a key what a position has to offer, a value what it "
        "hands over. These are of head {head}.",
        c=len(found.query),
        head=found.head,
    )
    rows = [
        Strip(_("q of {token}", token=_label(found, found.position)), found.query),
        Strip(_("k of {token}", token=_label(found, found.position)), found.keys[found.position]),
        Strip(_("v of {token}", token=_label(found, found.position)), found.values[found.position]),
    ]
    _step(3, _("Query, key and value"), text, rows)


def _scores(found: LayerTrace, key: str) -> None:
    seen = [place for place, may in enumerate(found.seen.tolist()) if may]
    hidden = len(found.labels) - len(seen)
    text = _(
        "The score of a position is q times its k, number by number and added up, divided by the square root of {c}. "
        "Softmax turns the scores into weights: e to the power of the score, divided by the sum of these powers.",
        c=len(found.query),
    )
    if hidden:
        text += " " + ngettext(
            "{n} later position is masked: it gets the weight 0.", "{n} later positions are masked: they get 0.", hidden
        )
    _step(4, _("Scores and weights"), text)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        chosen = st.selectbox(
            _("Written out for"),
            seen,
            index=seen.index(int(found.weights.argmax())),
            format_func=lambda one: f"{one}: {_label(found, one)}" if one < len(found.labels) else str(one),
            key=key,
        )
        chosen = chosen if chosen in seen else found.position
        rows = [
            Strip(_("q of {token}", token=_label(found, found.position)), found.query),
            Strip(_("k of {token}", token=_label(found, chosen)), found.keys[chosen]),
        ]
        strips(rows)
        st.markdown(escape_markdown(_score(found, chosen)))
        st.markdown(escape_markdown(_weight(found, chosen, seen)))
        st.markdown(
            escape_markdown(_("Together the weights are {sum}.", sum=f"{float(found.weights[seen].sum()):.3f}"))
        )
    with right:
        _row_of_weights(found, seen, chosen)
    with st.expander(_("Keys of all positions that it may look at")):
        strips(
            [Strip(_("k of {token}", token=f"{place}: {_label(found, place)}"), found.keys[place]) for place in seen]
        )


def _row_of_weights(found: LayerTrace, seen: Sequence[int], chosen: int) -> None:
    rows = [
        Row(
            f"{place}: {_label(found, place)}",
            BAR,
            [
                number(float(found.scores[place])),
                Figure(f"{found.weights[place]:.3f}", part=float(found.weights[place])),
            ],
            chosen=place == chosen,
        )
        for place in seen
    ]
    columns = [(_("Position"), ""), (_("Score"), ""), (_("Weight"), "")]
    figure_table(_("Scores and weights of this row"), columns, rows, tight=True)


def _score(found: LayerTrace, chosen: int) -> str:
    """One score, written out with its numbers."""
    key, size = found.keys[chosen], len(found.query)
    products = " + ".join(
        f"{_bracketed(float(one))} · {_bracketed(float(other))}"
        for one, other in zip(found.query[:SCORED], key[:SCORED], strict=True)
    )
    score = float(found.scores[chosen])
    return _(
        "Score: ({products}{more}) / √{c} = {product} / {root} = {score}",
        products=products,
        more=" + …" if size > SCORED else "",
        c=size,
        product=number(score * size**0.5),
        root=f"{size**0.5:.3g}",
        score=number(score),
    )


def _weight(found: LayerTrace, chosen: int, seen: Sequence[int]) -> str:
    """One weight, written out with its numbers."""
    powers = np.exp(found.scores.astype(np.float64))
    return _(
        "Weight: e^({score}) / sum = {power} / {sum} = {weight}",
        score=number(float(found.scores[chosen])),
        power=f"{powers[chosen]:.3g}",
        sum=f"{powers[list(seen)].sum():.3g}",
        weight=f"{found.weights[chosen]:.3f}",
    )


def _mixes(found: LayerTrace) -> None:
    largest = [place for place in np.argsort(-found.weights, kind="stable")[:SCORED].tolist() if found.seen[place]]
    terms = " + ".join(f"{found.weights[place]:.3f} · {_bracketed(float(found.values[place][0]))}" for place in largest)
    text = _(
        "Each value times its weight, added up. The first number, with the largest weights first: {terms}{more} = "
        "{mixed}.",
        terms=terms,
        more=" + …" if int(found.seen.sum()) > len(largest) else "",
        mixed=number(float(found.mixed[0])),
    )
    rows = [Strip(_("v of {token}", token=_label(found, place)), found.values[place]) for place in largest]
    _step(5, _("Mix the values"), text, [*rows, Strip(_("the mix of head {head}", head=found.head), found.mixed)])


def _adds(found: LayerTrace) -> None:
    text = _(
        "The mixes of all {h} heads side by side are {n} numbers. The output matrix turns them into what attention "
        "adds to x. The first number: {x} + {change} = {sum}.",
        h=found.num_heads,
        n=len(found.heads),
        x=number(float(found.enters[0])),
        change=_bracketed(float(found.attention_adds[0])),
        sum=number(float(found.between[0])),
    )
    rows = [
        Strip(_("state x"), found.enters),
        Strip(_("attention adds"), found.attention_adds),
        Strip(_("state after attention"), found.between),
    ]
    _step(6, _("Output matrix, and add"), text, rows)


def _computes(found: LayerTrace) -> None:
    active = int((found.hidden > 0).sum())
    text = _(
        "The state is normalised again. A matrix turns it into {f} hidden numbers, and the activation moves negative "
        "ones towards 0. Here {active} of {f} are above 0 ({share}). A second matrix turns them into what the FFN "
        "adds. The first number: {x} + {change} = {sum}.",
        f=len(found.hidden),
        active=active,
        share=percent(active / len(found.hidden)),
        x=number(float(found.between[0])),
        change=_bracketed(float(found.ffn_adds[0])),
        sum=number(float(found.leaves[0])),
    )
    _step(7, _("The FFN, and add"), text, [Strip(_("hidden numbers"), found.hidden)])
    strips([
        Strip(_("state after attention"), found.between),
        Strip(_("the FFN adds"), found.ffn_adds),
        Strip(_("state after the layer"), found.leaves),
    ])  # fmt: skip


def _bracketed(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def _leaves(found: LayerTrace) -> None:
    last = found.layer == len(found.ran.layers) - 1
    same = np.array_equal(found.leaves, found.follows)
    if last:
        text = _("This was the last layer. The final norm and the output matrix turn this state into the answer.")
    elif same:
        text = _("Layer {next} begins with exactly these numbers.", next=found.layer + 1)
    else:
        text = _("Layer {next} begins with these numbers and with what the design adds between layers.",
                 next=found.layer + 1)  # fmt: skip
    _step(8, _("What comes next"), text)


def draw_sharing(found: Sequence[LayerTrace], design: str) -> None:
    """The same position in every layer of a design that shares: what is the same, and what is not."""
    st.markdown(_("**And where layers share their weights?**"))
    first = found[0]
    if all(len(one.same) == len(found) for one in found):
        text = _(
            "Here is the same input in a design that shares: {design}. The model process compared the tensors: all {n} "
            "layers use literally the same ones. So the matrices of steps 3, 6 and 7 are stored once, and each layer "
            "gives them another state.",
            design=design,
            n=len(found),
        )
    else:
        text = _(
            "Here is the same input in another design: {design}. Equal letters mean that layers use literally the "
            "same tensors.",
            design=design,
        )
    st.markdown(escape_markdown(text))
    letters = [slot_letter(one.ran.groups[one.layer]) for one in found]
    rows = []
    for one, letter in zip(found, letters, strict=True):
        top = int(one.weights.argmax())
        rows.append(
            Row(
                _("Layer {layer}", layer=one.layer),
                slot_colour(one.ran.groups[one.layer]),
                [
                    letter,
                    _numbers(one.enters),
                    _numbers(one.query),
                    f"{top}: {_label(one, top)} ({one.weights[top]:.3f})",
                ],
            )
        )
    columns = [
        (_("Layer"), ""),
        (_("Weights"), _("equal letters: literally the same tensors")),
        (_("State x"), _("its first numbers")),
        (_("Query q"), _("its first numbers, of head {head}", head=first.head)),
        (_("Largest weight on"), ""),
    ]
    figure_table(_("One position in every layer of a design that shares"), columns, rows, tight=True)


def _numbers(values: np.ndarray) -> str:
    return ", ".join(number(float(one)) for one in values[:3]) + ", …"
