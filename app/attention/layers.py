"""Same weights, different input: all layers of one slot side by side. Start at layers_view.

The similarity numbers are computed in ``clps_core.analysis.similarity``; the browser only draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.attention.grid import packed
from app.attention.looks import keep_looks, looks_of, looks_words
from app.look.assets import asset, script
from app.look.component import component
from app.look.pixels import pixel_rows
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["LayersView", "asked_head", "layers_view", "most_different_head"]

_COMPONENT = component(
    "clps.attention_layers",
    html=asset("attention/layers.html"),
    css=asset("attention/grid.css") + asset("attention/layers.css"),
    js=script(
        "attention/message.js", "attention/paint.js", "look/pixels.js", "attention/large.js", "attention/layers.js"
    ),
)


@dataclass(frozen=True)
class LayersView:
    """What is compared.

    ``weights``: uint8 [len(layers), len(heads), query, key] of the heads ``heads``; ``similarities``: [len(layers),
    head] of all heads, against the first layer; ``name``: another name means another input, and old selections are
    dropped.
    """

    kind: str
    name: str
    letter: str
    colour: str
    layers: Sequence[int]
    weights: np.ndarray
    heads: Sequence[int]
    similarities: np.ndarray
    queries: Sequence[str]
    keys: Sequence[str]
    causal: bool = False
    image: np.ndarray | None = None
    """[side, side] or [side, side, 3] in 0..1 where positions are patches of an image, maybe after a class token."""
    about: str = ""
    """What the weights of these layers have to do with each other."""


def most_different_head(similarities: np.ndarray) -> int:
    """The head whose layers differ most from the first: the most telling one to begin with."""
    return int(similarities.min(axis=0).argmin())


def asked_head(similarities: np.ndarray, head: int | None, *, key: str, led: bool = False) -> int:
    """The head that component ``key`` shows: what was clicked in it, else ``head``, else the most telling one.

    A ``led`` one shows ``head``, whatever was clicked in it.
    """
    clicked = None if led else st.session_state.get(key, {}).get("head")
    wanted = clicked if isinstance(clicked, int) else head
    heads = similarities.shape[1]
    return wanted if wanted is not None and 0 <= wanted < heads else most_different_head(similarities)


def layers_view(view: LayersView, head: int, *, key: str, led: bool = False) -> None:
    """Draw the comparison for ``head``, which is among ``view.heads``.

    A ``led`` one goes to it with every new ``view.name``.
    """
    began, now = looks_of(key, view.name)
    _COMPONENT(
        data=layers_payload(view, head, began.header(led=led)),
        key=key,
        on_head_change=lambda: None,
        on_looks_change=lambda: None,
    )
    if not led:
        state.write(**keep_looks(now))


def layers_payload(view: LayersView, head: int, looks: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """The message to the browser; heads come first in the body, then layers.

    ``looks``: what the browser begins with, see ``Looks.header``.
    """
    header = {
        "kind": view.kind,
        "view": view.name,
        "letter": view.letter,
        "colour": view.colour,
        "layers": list(view.layers),
        "head": head,
        "similarities": view.similarities.T.round(4).tolist(),
        "queries": [visible(label) for label in view.queries],
        "keys": [visible(label) for label in view.keys],
        "causal": view.causal,
        "full": list(view.heads),
        "words": _layers_words(view),
        **looks,
        "image": pixel_rows(view.image),
    }
    return packed(header, np.ascontiguousarray(view.weights.swapaxes(0, 1)).tobytes())


def _layers_words(view: LayersView) -> dict[str, str]:
    return {
        "about": view.about,
        **looks_words(),
        "scale": _("share of attention; each row adds up to 1"),
        "head": _("Head {head}"),
        "heads": _("Head"),
        "layer": _("Layer {layer}"),
        "masked": _("not visible"),
        "table": _("Click a head to see its similarity to the first layer."),
        "first": _("first"),
        "reference": _("reference layer"),
        "alike": _("similarity to layer {layer}: {value}"),
        "hint": _("Point at a cell to mark the same cell in all maps. Click to pin it."),
    }
