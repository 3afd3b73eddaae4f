"""The attention grid: layers x heads from 8-bit data. Start at attention_grid.

Two binary messages go to the browser, each a JSON header and one byte per attention weight. The overview (labels,
slots, words) carries every head in full where the view is small, else max-pooled thumbnails of all heads and the head
that was selected first; it stays the same while the view does, so Streamlit sends it once. The other one carries the
selection, and that head in full where the overview has it not. The drawing is in the JavaScript files beside this one;
texts are only ever set as text, never as markup.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.attention.looks import keep_looks, looks_of, looks_words
from app.look.assets import asset, script
from app.look.component import component
from app.look.pixels import pixel_rows
from clps_core.analysis.thumbnails import FULL_LIMIT, max_pooled, thumbnail_side
from clps_core.shown import visible
from clps_core.words import _

__all__ = [
    "GRID_FRAME",
    "GRID_SCRIPTS",
    "GRID_STYLE",
    "GridView",
    "Sent",
    "attention_grid",
    "grid_payload",
    "head_payload",
    "packed",
]


@dataclass(frozen=True)
class Sent:
    """Maps as they go to the browser: ``shape`` is [row, column, query, key].

    ``small``: uint8 thumbnails [row, column, side, side], without any where all maps are there in full. ``full``: uint8
    [N, query, key] of those in places ``full_at``, row * columns + column. ``fetch``: gives another one in full.
    ``exact``: gives, for the chosen row and column, float32 [N, query, key] of all maps or that one, and its places.
    """

    shape: tuple[int, int, int, int]
    small: np.ndarray
    full: np.ndarray
    full_at: tuple[int, ...]
    fetch: Callable[[int, int], np.ndarray] | None = None
    exact: Callable[[int, int], tuple[np.ndarray, tuple[int, ...]]] | None = None

    @classmethod
    def of(cls, weights: np.ndarray) -> Sent:
        """Of all maps, ``weights`` [row, column, query, key]."""
        rows, columns, queries, keys = weights.shape
        side = thumbnail_side(rows * columns)
        long = max(queries, keys) > side
        small = max_pooled(weights, side) if long else np.zeros((0, 0, 0, 0), np.uint8)
        everything = not long or weights.size <= FULL_LIMIT
        full = weights.reshape(-1, queries, keys) if everything else weights[:0, 0]
        return cls(weights.shape, small, full, tuple(range(len(full))), lambda row, column: weights[row, column])

    def with_full(self, row: int, column: int) -> Sent:
        """The same with that map in full."""
        at = row * self.shape[1] + column
        if at in self.full_at or self.fetch is None:
            return self
        full = np.concatenate([self.full, self.fetch(row, column)[None]])
        return replace(self, full=full, full_at=(*self.full_at, at))


@dataclass(frozen=True)
class GridView:
    """What the grid shows of one attention kind.

    ``weights``: uint8 [layer, head, query, key], or what of it is sent; ``queries`` / ``keys``: labels of the axes;
    ``letters`` / ``colours``: per layer the slot's letter and colour; ``name`` tells
    this view from others: another name means another input, and old selections are dropped. ``layers``: per row the
    executed layer, by default counted from 0. ``signed``: bytes are differences, from -``scale`` (1) over none (128) to
    ``scale`` (255). ``notes``: a short text under each map. ``words``: in place of the usual ones (``_grid_words``).
    ``how``: what a map is: of one head, or what ``maps.HOW`` or a ``difference`` makes of several.
    """

    kind: str
    name: str
    weights: np.ndarray | Sent
    queries: Sequence[str]
    keys: Sequence[str]
    letters: Sequence[str]
    colours: Sequence[str]
    causal: bool = False
    next_tokens: Sequence[tuple[str, float]] = ()
    """Per query the most probable next token and its probability, where the queries are a decoder's."""
    image: np.ndarray | None = None
    """[side, side] or [side, side, 3] in 0..1 where positions are patches of an image, maybe after a class token."""
    layers: Sequence[int] = ()
    signed: bool = False
    scale: float = 1.0
    notes: Sequence[Sequence[str]] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    how: str = "heads"

    @cached_property
    def sent(self) -> Sent:
        """Its maps as they go to the browser."""
        return self.weights if isinstance(self.weights, Sent) else Sent.of(self.weights)

    @property
    def all_layers(self) -> bool:
        """Whether its one row stands for all layers."""
        return self.how in ("mean_layers", "max_layers")

    @property
    def all_heads(self) -> bool:
        """Whether its one column stands for all heads."""
        return self.how in ("mean_heads", "max_heads", "rollout")

    @property
    def numbers(self) -> list[int]:
        """Per row the executed layer."""
        return list(self.layers) or list(range(self.weights.shape[0]))


GRID_FRAME, GRID_STYLE = "attention/grid.html", "attention/grid.css"
GRID_SCRIPTS = (
    "look/pixels.js",
    *(f"attention/{part}.js" for part in ("message", "held_head", "paint", "large", "lines", "grid")),
)
_COMPONENT = component(
    "clps.attention_grid",
    html=asset(GRID_FRAME),
    css=asset(GRID_STYLE),
    js=script(*GRID_SCRIPTS),
)
_HEAD = component(
    "clps.attention_head", js=script("attention/message.js", "attention/held_head.js", "attention/head.js")
)


def attention_grid(view: GridView, *, selected: tuple[int, int], key: str, led: bool = False) -> tuple[int, int]:
    """Draw the grid; returns the (layer, head) that is selected in the browser, at first ``selected``.

    A ``led`` grid goes to every new ``selected``, whatever was clicked in it.
    """
    clicked = None if led else _within(st.session_state.get(key, {}).get("selected"), view)
    chosen = clicked or _within(selected, view) or (0, 0)
    first = _first(view, chosen, key)
    began, now = looks_of(key, view.name)
    with st.container(gap=None):
        _COMPONENT(
            data=grid_payload(view, first, key, began.header(led=led)),
            key=key,
            on_selected_change=lambda: None,
            on_looks_change=lambda: None,
        )
        _HEAD(data=head_payload(view, chosen, first, key, led=led), key=f"{key}.head")
    if not led:
        state.write(**keep_looks(now))
    return chosen


def _first(view: GridView, chosen: tuple[int, int], key: str) -> tuple[int, int]:
    """The head that was selected when this view was first drawn, of which the overview has the bytes."""
    place = f"{key}.first"
    name, kept = st.session_state.get(place, (None, None))
    if name == view.name and (first := _within(kept, view)):
        return first
    st.session_state[place] = (view.name, chosen)
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


def grid_payload(
    view: GridView, first: tuple[int, int], key: str, looks: Mapping[str, Any] = MappingProxyType({})
) -> bytes:
    """The overview's message: u32 length, JSON header, thumbnails, heads in full; among these ``first``.

    ``looks``: what the browser begins with, see ``Looks.header``.
    """
    layer, head = first
    sent = view.sent.with_full(layer, head)
    layers, heads = sent.shape[:2]
    header = {
        "key": key,
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
        "image": pixel_rows(view.image),
        "selected": [layer, head],
        "thumb": list(sent.small.shape[2:]) if sent.small.size else None,
        "full": list(sent.full_at),
        "full_at": sent.small.nbytes,
        "stamp": _stamp(sent),
        "numbers": view.numbers,
        "signed": view.signed,
        "range": round(view.scale, 4),
        "notes": [list(row) for row in view.notes],
        **looks,
        "words": {**_grid_words(), **_strip_words(view), **view.words},
    }
    return packed(header, sent.small.tobytes(), np.ascontiguousarray(sent.full).tobytes())


def head_payload(
    view: GridView, chosen: tuple[int, int], first: tuple[int, int], key: str, *, led: bool = False
) -> bytes:
    """The message with the selection: u32 length, JSON header, that head in full unless the overview has it.

    ``lead``: with another one than before the browser goes to this selection, whatever was clicked in it.
    """
    sent = view.sent
    _rows, columns, queries, keys = sent.shape
    at = chosen[0] * columns + chosen[1]
    there = at in sent.full_at or chosen == first or sent.fetch is None
    full = np.zeros((0, queries, keys), np.uint8) if there or sent.fetch is None else sent.fetch(*chosen)[None]
    header = {
        "key": key,
        "view": view.name,
        "stamp": _stamp(sent),
        "selected": list(chosen),
        "lead": f"{view.name} {chosen}" if led else view.name,
        "full": [at] if len(full) else [],
    }
    return packed(header, np.ascontiguousarray(full).tobytes())


def _stamp(sent: Sent) -> int:
    """Another one for other maps."""
    return zlib.crc32((sent.small if sent.small.size else sent.full).tobytes())


def packed(header: Mapping[str, object], *bodies: bytes) -> bytes:
    """Length (u32, little-endian), header as JSON, bodies."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b"".join((struct.pack("<I", len(text)), text, *bodies))


def _strip_words(view: GridView) -> dict[str, str]:
    """What stands above and beside an image: in cross-attention no patch looks, and one in colour keeps its colours."""
    if view.image is None:
        return {"strip_all": _("Where all queries look, on average:")} if view.kind == "cross" else {}
    cross = view.kind == "cross"
    said = {
        "hint": _("Point at a cell to see which query (row) looks at which patch (column). Click to pin it.")
        if cross
        else _("Point at a cell to see which patch (row) looks at which patch (column). Click to pin it."),
    }
    if cross:
        said["strip_all"] = _("Where all queries look, on average:")
    if view.image.ndim == 3 and not view.signed:
        said["strip_fades"] = _("The less a patch is looked at, the greyer it is.")
    return said


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
        **looks_words(),
        "large": _(
            "Attention of layer {layer}, head {head}: {queries} queries by {keys} keys; arrow keys move, Enter pins"
        ),
        "hint": _("Point at a cell to see which token (row) looks at which token (column). Click to pin it."),
        "loading": _("Loading this head ..."),
        "strip_all": _("Where all patches look, on average:"),
        "masked": _("not visible"),
        "next": _("next token: {token} ({percent} %)"),
        "kept": _("pinned; click again to unpin"),
        "strip": _("Where {token} (position {position}) looks:"),
        "scale": _("share of attention; each row adds up to 1"),
        "lines": _("Lines"),
        "drawn": _("The {count} strongest of {all} lines are drawn, down to a weight of {least}."),
        "drawn_all": _("All {count} lines with a weight of at least {least} are drawn."),
        "drawn_one": _("All lines of {token} (position {position}) with a weight of at least {least} are drawn."),
    }
