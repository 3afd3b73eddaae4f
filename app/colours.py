"""One colour per strategy and one per slot, everywhere. Start at strategy_colour and slot_colour.

Every colour here is a middle tone: at least 3:1 against the page in the light *and* in the dark
theme, so that a chart needs no second palette, and dark enough for white letters. Still, never use
a colour alone, for readers who confuse some of them: a slot has its letter, a strategy its name.
"""

from __future__ import annotations

import hashlib
import math

from clps_core.sharing.letters import slot_letter

__all__ = ["PAPER", "contrast", "ink_on", "luminance", "slot_colour", "slot_letter", "strategy_colour"]

PAPER = {"light": "#fbfaf7", "dark": "#15171c"}
"""The page's background per theme, as in ``.streamlit/config.toml``."""

TONE = 0.165
"""Luminance of generated colours: white text on them has 4.8:1, they have 3.7:1 on the dark page."""

SLOTS = (
    "#1b72c5",  # blue
    "#c3520d",  # vermilion
    "#038154",  # green
    "#a04e9f",  # purple
    "#966e00",  # ochre
    "#007f92",  # teal
    "#c6405c",  # rose
    "#6e5bc6",  # violet
    "#697c1a",  # olive
    "#89644c",  # brown
    "#5c758b",  # steel
    "#ab497d",  # berry
)

STRATEGIES = {
    "none": "#6b7685",
    "all": "#1b72c5",
    "attention_only": "#6e5bc6",
    "ffn_only": "#007f92",
    "grouped": "#038154",
    "sequence": "#a04e9f",
    "cycle": "#c3520d",
    "cycle_rev": "#966e00",
    "sandwich": "#c6405c",
    "middle_cycle": "#697c1a",
    "middle_sequence": "#89644c",
    "loop": "#ab497d",
}


def slot_colour(index: int) -> str:
    """The colour of the slot with number ``index``, as ``#rrggbb``."""
    if index < len(SLOTS):
        return SLOTS[index]
    return _toned((index * 137.508) % 360, 0.11)


def strategy_colour(text: str) -> str:
    """The colour of a strategy by its notation, as ``#rrggbb``; the same on every page and every day."""
    known = STRATEGIES.get(text)
    if known is not None:
        return known
    digest = hashlib.sha256(text.encode()).digest()
    return _toned(360 * int.from_bytes(digest[:2]) / 65536, 0.09 + 0.06 * digest[2] / 255)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour`` (at least 4.5:1)."""
    brightness = luminance(colour)
    return "#ffffff" if 1.05 / (brightness + 0.05) >= (brightness + 0.05) / 0.05 else "#000000"


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """WCAG relative luminance of ``#rrggbb``, 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _toned(hue: float, chroma: float) -> str:
    """The colour of this hue whose luminance is ``TONE``."""
    low, high = 0.0, 1.0
    for _round in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if luminance(_from_oklch(middle, chroma, hue)) < TONE else (low, middle)
    return _from_oklch(high, chroma, hue)


def _from_oklch(lightness: float, chroma: float, hue: float) -> str:
    """OKLCH (Ottosson 2020) to ``#rrggbb``, clipped to what a screen shows."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, c)))):02x}" for c in linear)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
