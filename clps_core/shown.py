"""Text that others wrote, made fit to stand in our sentences and in a terminal. Start at visible.

Two things make a foreign text dangerous where it is shown: control characters, with which it can drive a terminal, and
the characters of Unicode that turn the direction of what follows, with which it can reorder *our* words. Letters of any
language stay as they are; a text that reads from right to left is isolated, so that it cannot reorder its neighbours.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["has_control", "is_harmless", "isolated", "json_escaped", "not_a_formula", "visible"]

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories without a picture: controls, formats (zero width, direction), surrogates, what is not assigned."""
_BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks that show nothing."""
_JOINERS = {"\u200c", "\u200d"}
"""They join letters of Persian and Indian scripts, and emoji. Elsewhere they only hide, so there they are shown."""
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_PLAIN = re.compile(r"[ -~]*")
_HARMLESS = re.compile(
    r"[\n\t -~\xa1-\xac\xae-\u02af\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u3001-\u3029\u4e00-\u9fff\uff01-\uff5e]*"
)
"""Latin and Chinese letters, and the usual signs: nothing that hides or turns the direction."""


def is_harmless(text: str) -> bool:
    """Whether ``isolated`` leaves ``text`` as it is for sure; a quick answer for most texts, never a wrong yes."""
    return _HARMLESS.fullmatch(text) is not None


def has_control(text: str) -> bool:
    """Whether ``text`` has a character that cannot be seen: a control, a newline, one that turns the direction."""
    return bool(_hidden_places(text))


def visible(text: str, keep: str = "") -> str:
    """``text`` with each character that cannot be seen as its code (``\\\\x1b``, ``\\\\u202e``), all else unchanged.

    ``keep``: characters that stay, such as newlines in a text of several lines.
    """
    if _PLAIN.fullmatch(text) or (is_harmless(text) and "\n" not in text and "\t" not in text):
        return text
    hidden = _hidden_places(text)
    if not hidden:
        return text
    return "".join(_code(sign) if place in hidden and sign not in keep else sign for place, sign in enumerate(text))


def isolated(text: str, keep: str = "\n\t") -> str:
    """``visible``, and kept apart from the sentence around it where it holds letters that run from right to left."""
    shown = visible(text, keep)
    if is_harmless(shown) or not any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in shown):
        return shown
    if shown.startswith(FIRST_STRONG_ISOLATE) and shown.endswith(POP_ISOLATE):
        return shown
    return f"{FIRST_STRONG_ISOLATE}{shown}{POP_ISOLATE}"


def not_a_formula(text: str) -> str:
    """``text`` for a cell of a spreadsheet, which runs what begins like a formula; an apostrophe makes it text."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def json_escaped(text: str) -> str:
    """JSON as it is, but with what cannot be seen as ``\\\\u`` escapes: the same data, and harmless in a terminal."""
    hidden = _hidden_places(text)
    if not any(text[place] not in "\n\t\r" for place in hidden):
        return text
    return "".join(
        _json_code(sign) if place in hidden and sign not in "\n\t\r" else sign for place, sign in enumerate(text)
    )


@lru_cache(maxsize=4096)
def _hidden_sign(sign: str) -> bool:
    return sign in _BLANK or unicodedata.category(sign) in _HIDDEN


def _hidden_places(text: str) -> set[int]:
    """Places of characters that cannot be seen. Isolates in pairs are none: what they hold cannot reach beyond them."""
    found, opened = set(), []
    for place, sign in enumerate(text):
        if " " <= sign <= "~" or not _hidden_sign(sign):
            continue
        if sign in _JOINERS and 0 < place < len(text) - 1 and not (text[place - 1] + text[place + 1]).isascii():
            continue
        found.add(place)
        if sign == FIRST_STRONG_ISOLATE:
            opened.append(place)
        elif sign == POP_ISOLATE and opened:
            found -= {place, opened.pop()}
    return found


def _code(sign: str) -> str:
    number = ord(sign)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_code(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
