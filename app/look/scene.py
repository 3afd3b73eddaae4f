"""A picture with boxes around what was found in it and around what is there. Start at scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.look.formatting import percent
from clps_core.data.detection import Found, corners_of
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["FILES", "scenes"]

FILES = {"css": "look/scene.css", "js": "look/scene.js"}
"""What a component that draws scenes adds to its style sheet and script; the script's ``scenesOf`` draws them."""


def scenes(found: Sequence[Found], wanted: Sequence[Found]) -> list[list[object]]:
    """What the browser draws: caption, boxes and words of the picture as it was answered and, if known, as it is."""
    said: list[list[object]] = [[_("Found"), [_box(one) for one in found], _words(found)]]
    if wanted:
        said.append([_("Correct"), [_box(one) for one in wanted], _words(wanted)])
    return said


def _box(one: Found) -> list[object]:
    """Label, probability (none of a right one), and left, top, right and bottom, inside of the picture."""
    sides = np.clip(corners_of(np.array(one.box, dtype=np.float64)), 0.0, 1.0).round(4).tolist()
    return [visible(one.label), None if one.query is None else round(one.probability, 4), *sides]


def _words(shown: Sequence[Found]) -> str:
    """What a picture shows, for who cannot see it."""
    named = [
        visible(one.label) if one.query is None else f"{visible(one.label)} ({percent(one.probability)})"
        for one in shown
    ]
    return _("Picture with boxes: {listed}", listed=", ".join(named)) if named else _("Picture without boxes")
