"""BertViz's head view and model view, offline and fenced in. Start at bertviz_view.

BertViz (Vig 2019, arXiv 1906.05714) writes HTML that loads d3 and jQuery from the net and does not escape
its data. Here both libraries come from installed packages, the data are escaped, and all of it runs in
an iframe that may run scripts and nothing else: no access to the page, no forms, no network.
The model process draws it: bertviz and torch are not imported here.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import lru_cache
from html import escape
from pathlib import Path

import streamlit as st

from app import state
from app.look.address_choice import address_choice
from app.look.assets import asset, script
from app.look.component import component
from app.look.picture import file_name
from app.look.working import let_out
from clps_core.inspection import Inspection
from clps_core.serving.head_view import MARK, HeadView, Which
from clps_core.words import _, html_language, sentences

__all__ = ["bertviz_caption", "bertviz_document", "bertviz_view", "choose_bertviz", "shown_tokens", "standing_alone"]

MOST_TOKENS = 48
MOST_WEIGHTS = 160_000
"""BertViz draws one SVG line per weight of a layer and sends each as text: more would freeze a browser."""
LINE_HEIGHT = 22.5
MODEL_WIDTH = 970
"""Of BertViz's model view, in its own units."""

_COMPONENT = component(
    "clps.bertviz_frame",
    html='<div class="frame"></div>',
    css=".frame iframe { width: 100%; border: 0; display: block; }",
    js=script("attention/bertviz_frame.js"),
)


def bertviz_view(
    answer: Inspection,
    kind: str,
    heads: int,
    draw: Callable[[int, int], HeadView],
    *,
    which: Which,
    title: str,
    key: str,
) -> None:
    """The head view of one attention kind with so many ``heads``, opened at the address's layer.

    Its tokens are cut where they are too many.

    ``draw`` makes it for a layer and a number of tokens; it may take some seconds.
    """
    limit = shown_tokens(len(answer.groups[kind]), heads)
    longest = max(map(len, answer.labels(kind)))
    if longest > limit:
        st.caption(
            _(
                'BertViz draws the first {limit} of {longest} tokens. The view "All layers and heads" draws all '
                "tokens.",
                limit=limit,
                longest=longest,
            )
        )
    layers = len(answer.groups[kind])
    # A second run may have fewer layers than the address, which is the first one's, asks for.
    layer = min(state.read_number(state.LAYER, 10**6) or 0, layers - 1)
    place = st.empty()
    place.caption(_("Drawing BertViz's view ..."))
    let_out()
    try:
        document = bertviz_document(draw(layer, limit), which, title)
    finally:
        place.empty()
    shown = min(longest, limit)
    height = _model_height(layers, heads, shown) if which == "model" else math.ceil(shown * LINE_HEIGHT + 96)
    _COMPONENT(data={"document": document, "height": height, "title": title, "fits": which == "model"}, key=key)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.download_button(
            "HTML",
            lambda: standing_alone(document, title),
            file_name=f"{file_name(['bertviz', which, kind, title])}.html",
            mime="text/html",
            on_click="ignore",
            type="tertiary",
            key=f"{key}.html",
            help=_("This view as one file that works without a network and without this server"),
        )


def choose_bertviz() -> Which:
    """Which of BertViz's views is shown."""
    names = {"head": _("Head view"), "model": _("Model view")}
    return "model" if address_choice("attention", state.BERTVIZ, names, _("BertViz's view")) == "model" else "head"


def bertviz_caption(which: Which) -> None:
    """How to read the view, once for all that are shown."""
    head = _(
        "BertViz: lines join each token (left) with the tokens it looks at (right). Choose a layer above "
        "the lines, hover over a token, or click a colour to switch a head on or off. Stronger lines mean "
        "larger weights."
    )
    model = _(
        "BertViz: every layer (row) and head (column) as lines from each token (left) to the tokens it "
        "looks at (right). Stronger lines mean larger weights. Click a cell to see its tokens; click again "
        "to close it."
    )
    file = _(
        "The HTML button below saves this view as a file, with its tokens and with weights to three decimals. The "
        'file works in a browser without a network. For unrounded weights, use the CSV of the view "All layers and '
        'heads".'
    )
    st.caption(sentences((model if which == "model" else head, file)))


def _model_height(layers: int, heads: int, tokens: int) -> float:
    """As a share of its width, as ``model_view.js`` reckons it."""
    thumbnail = tokens * 7 * min(1, 12 / heads) + 10
    detail = tokens * 18 + 2 * 15 + 25
    return max(layers * thumbnail + 38, detail) / MODEL_WIDTH


def shown_tokens(layers: int, heads: int) -> int:
    """How many tokens of each axis the view can carry."""
    return max(8, min(MOST_TOKENS, math.isqrt(MOST_WEIGHTS // max(1, layers * heads))))


def bertviz_document(view: HeadView, which: Which = "head", title: str = "") -> str:
    """A complete HTML document for an iframe; typed text stands in it as escaped JSON only.

    It has a language, the name ``title`` and a name for its list of layers, as it is read aloud like a page of its own.
    """
    code = view.code.replace(*(TALL if which == "model" else NARROW), 1)
    scripts = "".join(f"<script>{text}</script>" for text in (_library("d3"), _library("jquery"), _SHIM))
    markup = view.markup.replace(UNNAMED, f'{UNNAMED[:-1]} aria-label="{escape(_("Layer"))}">', 1)
    return (
        f'<!doctype html><html lang="{escape(html_language())}"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\">"
        f"<style>{asset('attention/bertviz_frame.css')}</style></head>"
        f"<body class='{which}'>{_LIFT}{markup}{scripts}"
        f"<script>{code.replace(MARK, _escaped(view.data), 1)}</script>"
        f"{_FIT if which == 'model' else ''}</body></html>"
    )


def standing_alone(document: str, title: str) -> bytes:
    """The view's document as a file of its own: light, with its title above it."""
    name = escape(title)
    return (
        document.replace("<html ", '<html class="light" ', 1)
        .replace("<style>", "<style>:root { font-family: sans-serif; } h1 { font-size: 1rem; margin: 12px; }\n", 1)
        .replace(_LIFT, f"{_LIFT}<h1>{name}</h1>", 1)
    ).encode("utf-8", "replace")


_LIFT = (
    '<svg class="lift" aria-hidden="true"><filter id="lift"><feComponentTransfer>'
    '<feFuncA type="gamma" amplitude="1" exponent="0.5"/></feComponentTransfer></filter></svg>'
)
"""Makes faint lines stronger, for a dark page: there BertViz's own ones are all but black."""
_FIT = (
    "<script>{ const svg = document.querySelector('#vis svg'); "
    "svg.setAttribute('viewBox', `0 0 ${svg.getAttribute('width')} ${svg.getAttribute('height')}`); "
    "svg.removeAttribute('width'); svg.removeAttribute('height'); }</script>"
)
"""Lets BertViz's model view, which has a fixed width, fill the frame."""
UNNAMED = '<select id="layer">'
"""BertViz's list of layers, as it comes: the word before it is no label."""
NARROW = (
    "const MATRIX_WIDTH = 115;",
    "const MATRIX_WIDTH = Math.max(115, document.body.clientWidth - 2 * BOXWIDTH - 8);",
)
"""The room for lines in BertViz's head view, as it comes and as wide as the frame."""
TALL = ("= 7 * (12 / config.totalHeads);", "= 7 * Math.min(1, 12 / config.totalHeads);")
"""How high a token is in a thumbnail of the model view: as it comes, the fewer heads the higher, a screen a layer."""
_SHIM = (
    "window.requirejs = (_names, run) => run(window.jQuery, window.d3);"
    "window.require = window.requirejs; window.require.config = () => undefined;"
)


def _escaped(data: str) -> str:
    """JSON that cannot end a script element: no ``<`` in it."""
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@lru_cache(maxsize=4)
def _library(name: str) -> str:
    """The text of d3 5 (mpld3's) or jQuery (xstatic's); the packages themselves are not imported."""
    package, path = {"d3": ("mpld3", "js/d3.v5.min.js"), "jquery": ("xstatic.pkg.jquery", "data/jquery.min.js")}[name]
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / path).read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")
