"""The prediction after every layer, as a table in the browser. Start at lens_table."""

from __future__ import annotations

from typing import Any

from app.look.assets import asset, script
from app.look.colours import ink_on, slot_colour, slot_letter
from app.look.component import component
from clps_core.lens import RunLens
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["lens_caption", "lens_payload", "lens_table"]

_COMPONENT = component(
    "clps.attention_lens",
    html=asset("attention/lens.html"),
    css=asset("attention/lens.css"),
    js=script("attention/lens.js"),
)


def lens_table(found: RunLens, *, name: str, key: str) -> None:
    """Draw ``found``; another ``name`` means another input, and old selections are dropped."""
    _COMPONENT(data=lens_payload(found, name), key=key)


def lens_caption() -> str:
    """What the lens is, and what it does not show."""
    return _(
        "What the model would answer if it stopped after each layer: the output layer, after the final "
        "norm if there is one, reads the state there (logit lens). The output layer was trained to read "
        "the last state only. So an early reading shows what can be read from the state there, not what "
        "the model uses."
    )


def lens_payload(found: RunLens, name: str) -> dict[str, Any]:
    """The message to the browser."""
    return {
        "view": name,
        "names": [visible(one) or _("(nothing)") for one in found.names],
        "positions": [visible(one) for one in found.positions],
        "wanted": [visible(one) for one in found.wanted],
        "start": _most_telling(found),
        "joiner": "" if found.stack == "decoder" and all(len(one) <= 1 for one in found.positions[1:]) else " ",
        "rows": [_row(found, row) for row in range(len(found.top))],
        "top": found.top.tolist(),
        "probabilities": found.probabilities.round(4).tolist(),
        "entropy": found.entropy.round(3).tolist(),
        "rank": found.rank.tolist(),
        "wanted_probability": found.wanted_probability.round(4).tolist(),
        "words": _words(found),
    }


def _most_telling(found: RunLens) -> int:
    """The position whose answer changes most often on the way: the one to begin with."""
    best = found.top[..., 0]
    return int((best[1:] != best[:-1]).sum(axis=0).argmax())


def _row(found: RunLens, row: int) -> dict[str, str]:
    """What stands beside a row: row 0 is read before the first layer."""
    if row == 0:
        return {"name": _("Input"), "said": _("Before the first layer:"), "at": _("before the first layer")}
    place = row - 1
    colour, loop = slot_colour(found.groups[place]), found.loops[place]
    return {
        "name": _("Layer {layer}", layer=place),
        "said": _("After layer {layer}:", layer=place),
        "at": _("after layer {layer}", layer=place),
        "letter": slot_letter(found.groups[place]),
        "colour": colour,
        "ink": ink_on(colour),
        "loop": _("loop {loop}", loop=loop) if loop and max(found.loops) > 1 else "",
    }


def _words(found: RunLens) -> dict[str, str]:
    """Words that the browser fills in itself: ``{name}`` fields stay."""
    right = found.wanted_is == "right"
    return {
        "table": _("The most probable token after each layer, at each position; arrow keys move"),
        "after": _("Stop after"),
        "reads": _("input token"),
        "wanted": _("correct") if right else _("final answer"),
        "at": _("reading {token} at position {position}"),
        "entropy": _("entropy {bits} bits"),
        "rank": _("correct token {token}: rank {rank}, {percent} %")
        if right
        else _("final answer {token}: rank {rank}, {percent} %"),
        "scale": _("probability of the token in the cell, 0 to 100 %"),
        "flip": _("different from the token in the row above"),
        "hit": _("the correct token") if right else _("the model's final answer"),
        "earlier": _("‹ Earlier"),
        "later": _("Later ›"),
        "positions": _("positions {from} to {to} of {all}"),
    }
