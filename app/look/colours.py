"""One colour per strategy and one per slot, everywhere. Start at strategy_colour and slot_colour.

Every colour here is a middle tone: at least 3:1 against the page in the light *and* in the dark
theme, so that a chart needs no second palette, and dark enough for white letters. Still, never use
a colour alone, for readers who confuse some of them: a slot has its letter, a strategy its name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product

from clps_core.sharing import RULES
from clps_core.sharing.derived import Derived
from clps_core.sharing.letters import slot_letter

__all__ = [
    "PAPER",
    "contrast",
    "ink_on",
    "luminance",
    "slot_colour",
    "slot_letter",
    "strategy_colour",
    "strategy_colours",
]

PAPER = {"light": "#fbfaf7", "dark": "#15171c"}
"""The page's background per theme, as in ``.streamlit/config.toml``."""

TONE = 0.165
"""Luminance of generated colours: white text on them has 4.8:1, they have 3.7:1 on the dark page."""

GOLDEN_ANGLE = 137.508
"""Degrees between one generated hue and the next: no two ever meet, neighbours lie far apart."""

TOLD_APART = 0.07
"""Distance in OKLab from which two colours of one luminance are told apart side by side, also as thin lines."""
MOST_TURNS = 24
CHROMAS = (0.16, 0.06)
"""What a strategy is tried in when no hue is free at its own chroma: vivid, and nearly grey."""

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

APART = {"attention_only": "#6e5bc6", "ffn_only": "#007f92"}
"""Named strategies that are no rule."""


def _named_colours() -> dict[str, str]:
    return APART | {rule.name: rule.colour for rule in RULES.values() if rule.colour}


STRATEGIES: Mapping[str, str] = Derived(_named_colours)
"""Named strategies -> their colours; a rule without one is coloured by its name, as whatever is put together."""


def slot_colour(index: int) -> str:
    """The colour of the slot with number ``index``, as ``#rrggbb``."""
    if index < len(SLOTS):
        return SLOTS[index]
    return _toned((index * GOLDEN_ANGLE) % 360, 0.11)


def strategy_colour(text: str) -> str:
    """The colour of a strategy by its notation, as ``#rrggbb``; the same on every page and every day."""
    known = STRATEGIES.get(text)
    if known is not None:
        return known
    return _toned(*_hue_and_chroma(text))


def strategy_colours(texts: Iterable[str]) -> dict[str, str]:
    """The colours of strategies that are shown together, told apart.

    A named strategy always has its own. One put together has ``strategy_colour`` too, unless another
    one here comes too near it: then it takes the next hue that is free. Their order does not matter.
    """
    shown = dict.fromkeys(texts)
    found = _told_apart(tuple(sorted(shown)))
    return {text: found[text] for text in shown}


@lru_cache(maxsize=256)
def _told_apart(texts: tuple[str, ...]) -> Mapping[str, str]:
    """Looked for once: a page that ticks asks every second, and for a hundred strategies it takes a while."""
    found = {text: STRATEGIES[text] for text in texts if text in STRATEGIES}
    for text in (text for text in texts if text not in STRATEGIES):
        hue, own = _hue_and_chroma(text)
        turns = [(hue + turn * GOLDEN_ANGLE) % 360 for turn in range(MOST_TURNS)]
        # Where none is free, the one that is farthest from all others.
        best, farthest = strategy_colour(text), -1.0
        for chroma, turned in product((own, *CHROMAS), turns):
            colour = _toned(turned, chroma)
            nearest = min((_distance(colour, other) for other in found.values()), default=math.inf)
            if nearest > farthest:
                best, farthest = colour, nearest
            if nearest >= TOLD_APART:
                break
        found[text] = best
    return found


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
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hue_and_chroma(text: str) -> tuple[float, float]:
    """What a strategy without a colour of its own gets from its notation."""
    digest = hashlib.sha256(text.encode()).digest()
    return 360 * int.from_bytes(digest[:2]) / 65536, 0.09 + 0.06 * digest[2] / 255


def _distance(one: str, other: str) -> float:
    """How far two colours lie apart in OKLab (Ottosson 2020): 0 for equal ones, 1 from black to white."""
    return math.dist(_oklab(one), _oklab(other))


@lru_cache(maxsize=1024)
def _toned(hue: float, chroma: float) -> str:
    """The colour of this hue whose luminance is ``TONE``."""
    low, high = 0.0, 1.0
    for _round in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if luminance(_from_oklch(middle, chroma, hue)) < TONE else (low, middle)
    return _from_oklch(high, chroma, hue)


def _linear(colour: str) -> tuple[float, float, float]:
    """``#rrggbb`` as amounts of light, each 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@lru_cache(maxsize=4096)
def _oklab(colour: str) -> tuple[float, float, float]:
    """``#rrggbb`` to OKLab: lightness, green to red, blue to yellow."""
    red, green, blue = _linear(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


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
