"""The attention grid: layers x heads from 8-bit data. Start at attention_grid.

One binary message goes to the browser: a JSON header (labels, slots, words) and one byte per
attention weight. Small views carry every head in full; large ones carry max-pooled thumbnails of all
heads and the selected head in full. The drawing is in the JavaScript files beside this one; texts are only ever set
as text, never as markup.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.look.assets import asset, script
from app.look.component import component
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["FULL_LIMIT", "GridView", "attention_grid", "grid_payload", "max_pooled", "packed"]

THUMBNAIL_SIDE = 64
"""A thumbnail has at most this many rows and columns."""
FULL_LIMIT = 600_000
"""Up to this many bytes, every head is sent in full."""


@dataclass(frozen=True)
class GridView:
    """What the grid shows of one attention kind.

    ``weights``: uint8 [layer, head, query, key]; ``queries`` / ``keys``: labels of the axes;
    ``letters`` / ``colours``: per layer the slot's letter and colour; ``name`` tells
    this view from others: another name means another input, and old selections are dropped.
    """

    kind: str
    name: str
    weights: np.ndarray
    queries: Sequence[str]
    keys: Sequence[str]
    letters: Sequence[str]
    colours: Sequence[str]
    causal: bool = False
    next_tokens: Sequence[tuple[str, float]] = ()
    """Per query the most probable next token and its probability, where the queries are a decoder's."""
    image: np.ndarray | None = None
    """[side, side] in 0..1 where the positions are patches of an image."""


_COMPONENT = component(
    "clps.attention_grid",
    html=asset("attention/grid.html"),
    css=asset("attention/grid.css"),
    js=script("attention/paint.js", "attention/large.js", "attention/grid.js"),
)


def attention_grid(view: GridView, *, selected: tuple[int, int], key: str, led: bool = False) -> tuple[int, int]:
    """Draw the grid; returns the (layer, head) that is selected in the browser, at first ``selected``.

    A ``led`` grid goes back to ``selected`` with every new ``view.name``, whatever was clicked in it.
    """
    clicked = None if led else _within(st.session_state.get(key, {}).get("selected"), view)
    chosen = clicked or _within(selected, view) or (0, 0)
    _COMPONENT(data=grid_payload(view, chosen), key=key, on_selected_change=lambda: None)
    return chosen


def _within(selected: object, view: GridView) -> tuple[int, int] | None:
    """The selection as (layer, head) where it is one that this view has."""
    if not isinstance(selected, list | tuple) or len(selected) != 2:
        return None
    layer, head = selected
    layers, heads = view.weights.shape[:2]
    if not (isinstance(layer, int) and isinstance(head, int) and 0 <= layer < layers and 0 <= head < heads):
        return None
    return layer, head


def max_pooled(weights: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """[..., rows, columns] with at most ``side`` rows and columns; each is the maximum of its share."""
    for axis in (-2, -1):
        length = weights.shape[axis]
        if length > side:
            starts = (np.arange(side) * length) // side
            weights = np.maximum.reduceat(weights, starts, axis=axis)
    return weights


def grid_payload(view: GridView, selected: tuple[int, int]) -> bytes:
    """The message to the browser: u32 length, JSON header, thumbnails, heads in full."""
    weights = view.weights
    layers, heads, rows, columns = weights.shape
    small = max_pooled(weights) if max(rows, columns) > THUMBNAIL_SIDE else None
    everything = weights.nbytes <= FULL_LIMIT or small is None
    layer, head = selected
    header = {
        "kind": view.kind,
        "view": view.name,
        "layers": layers,
        "heads": heads,
        "queries": [visible(label) for label in view.queries],
        "keys": [visible(label) for label in view.keys],
        "letters": list(view.letters),
        "colours": list(view.colours),
        "causal": view.causal,
        "next": [[visible(label), round(probability, 3)] for label, probability in view.next_tokens],
        "image": None if view.image is None else view.image.round(3).tolist(),
        "selected": [layer, head],
        "thumb": None if small is None else list(small.shape[2:]),
        "full": list(range(layers * heads)) if everything else [layer * heads + head],
        "full_at": 0 if small is None else small.nbytes,
        "words": _grid_words(),
    }
    full = weights if everything else weights[layer, head]
    return packed(header, b"" if small is None else small.tobytes(), np.ascontiguousarray(full).tobytes())


def packed(header: Mapping[str, object], *bodies: bytes) -> bytes:
    """Length (u32, little-endian), header as JSON, bodies."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b"".join((struct.pack("<I", len(text)), text, *bodies))


def _grid_words() -> dict[str, str]:
    """Words that the browser fills in itself: ``{name}`` fields stay."""
    return {
        "overview": _("Attention of every layer and head; arrow keys move"),
        "head": _("Head {head}"),
        "heads": _("Head"),
        "layer": _("Layer {layer}"),
        "slot": _("Slot {letter}: layers with this letter use the same query and key weights"),
        "cell": _("Layer {layer}, head {head}, slot {letter}"),
        "title": _("Layer {layer}, head {head}"),
        "boost": _("Lift faint weights"),
        "large": _(
            "Attention of layer {layer}, head {head}: {queries} queries by {keys} keys; arrow keys move, Enter keeps"
        ),
        "hint": _("Point at a cell: which token (row) looks at which token (column)? Click to keep it."),
        "loading": _("Loading this head ..."),
        "masked": _("not visible"),
        "next": _("then says {token} ({percent} %)"),
        "kept": _("kept; click again to let go"),
        "strip": _("Where {token} (position {position}) looks:"),
        "scale": _("share of attention; each row adds up to 1"),
    }
