"""Text that others wrote, made fit to stand in our sentences and in a terminal. Start at visible.

Two things make a foreign text dangerous where it is shown: control characters, with which it can drive a terminal, and
the characters of Unicode that turn the direction of what follows, with which it can reorder *our* words. Letters of any
language stay as they are; a text that reads from right to left is isolated, so that it cannot reorder its neighbours.
"""

from __future__ import annotations

import unicodedata

__all__ = ["has_control", "isolated", "visible"]

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters without a picture: controls, formats (zero width, direction), surrogates, unassigned."""
JOINERS = {"\u200c", "\u200d"}
"""They join letters of Persian and Indian scripts, and emoji; between plain letters they hide, so they show there."""
RIGHT_TO_LEFT = {"R", "AL", "AN"}


def has_control(text: str) -> bool:
    """Whether ``text`` has a character that cannot be seen: a control, a newline, one that turns the direction."""
    return any(_hidden(text, place) for place in range(len(text)))


def visible(text: str) -> str:
    """``text`` with each invisible character as its code (``\\\\x1b``, ``\\\\u202e``), and nothing else changed."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_code(sign) if _hidden(text, place) else sign for place, sign in enumerate(text))


def isolated(text: str) -> str:
    """``visible``, and kept apart from the sentence around it where it holds letters that run from right to left."""
    shown = visible(text)
    if not any(unicodedata.bidirectional(sign) in RIGHT_TO_LEFT for sign in shown):
        return shown
    return f"{FIRST_STRONG_ISOLATE}{shown}{POP_ISOLATE}"


def _hidden(text: str, place: int) -> bool:
    sign = text[place]
    if sign in JOINERS:
        around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        return len(around) < 2 or around.isascii()
    return unicodedata.category(sign) in INVISIBLE


def _code(sign: str) -> str:
    number = ord(sign)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
