"""A sheet to draw on. Start at canvas."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.look.assets import asset, script
from app.look.component import component
from clps_core.pictures import CANVAS
from clps_core.words import _

__all__ = ["canvas"]

_COMPONENT = component(
    "clps.drawing",
    html=asset("drawing/canvas.html"),
    css=asset("drawing/canvas.css"),
    js=script("drawing/canvas.js"),
)


def canvas(image: str, *, drawn_here: bool, digit: bool, key: str, on_drawing: Callable[[object], None]) -> None:
    """Draw it, with ``image`` on it (``pictures.grey_digits``; empty for nothing).

    ``drawn_here``: it was made of what stands on the sheet, which is kept as it is. ``digit``: a digit is to be drawn.

    ``on_drawing`` gets what a person has drawn as it came from the browser: unchecked. Of a cleared sheet
    it is an empty text.
    """

    def drawn() -> None:
        text = st.session_state[key].get("drawn")
        if text is not None:
            on_drawing(text)

    _COMPONENT(
        data={
            "image": image,
            "drawn": drawn_here,
            "pixels": CANVAS,
            "words": {
                "name": _("Draw a digit") if digit else _("Draw"),
                "label": _(
                    "A sheet to draw a digit on with a mouse, a pen or a finger. Without one, upload a picture or "
                    "choose a test image."
                )
                if digit
                else _(
                    "A sheet to draw on with a mouse, a pen or a finger. Without one, upload a picture or choose a "
                    "test image."
                ),
                "clear": _("Clear"),
            },
        },
        key=key,
        on_drawn_change=drawn,
    )
