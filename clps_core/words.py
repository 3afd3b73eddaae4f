"""The one catalogue of words that people read.

``_("text")`` looks a message up; ``_("{n} runs", n=3)`` also fills it in. Messages are plain
literals (never f-strings), so that ``make words`` can extract them into ``locale/clps.pot``.
The language is the environment's (``LANGUAGE``, ``LC_ALL``, ``LANG``); English is the fallback.

What fills a message may be anybody's text. It cannot reorder the message or hide in it: characters that cannot be
seen come out as codes, and what runs from right to left is isolated (``clps_core/shown.py``).
"""

from __future__ import annotations

import gettext
import re
import reprlib
import string
from functools import cache
from pathlib import Path

from clps_core.shown import isolated

__all__ = ["_", "ngettext", "shown"]

LOCALE_FOLDER = Path(__file__).parent / "locale"


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("clps", localedir=LOCALE_FOLDER, fallback=True)


def _(message: str, /, **values: object) -> str:
    """The message in the reader's language, with ``{name}`` fields filled from ``values``."""
    translated = _catalogue().gettext(message)
    return _filled(translated, values) if values else translated


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Like ``_`` for a counted thing; ``{n}`` is filled in too."""
    return _filled(_catalogue().ngettext(singular, plural, n), {"n": n, **values})


class _Isolating(string.Formatter):
    """Formats as ``str.format`` does, each field kept apart from the words around it."""

    def format_field(self, value: object, format_spec: str) -> str:
        return isolated(format(value, format_spec))


def _filled(message: str, values: dict[str, object]) -> str:
    try:
        text = message.format(**values)
    except ValueError:  # a number of thousands of digits, whatever its format
        huge = {name for name, one in values.items() if isinstance(one, int) and abs(one) >= 2**1024}
        if not huge:
            raise
        message = re.sub(r"\{(\w+)[^{}]*\}", lambda field: f"{{{field[1]}}}" if field[1] in huge else field[0], message)
        return _filled(message, {name: shown(one) if name in huge else one for name, one in values.items()})
    # Nearly always: nothing is in it that could be hidden or run from right to left.
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _Isolating().vformat(message, (), values)


def shown(value: object, limit: int = 60) -> str:
    """What somebody gave, for a sentence about it: at most ``limit`` characters, whatever it is."""
    try:
        return reprlib.repr(value)[:limit]
    except ValueError:  # Python writes no whole number of thousands of digits, and would explain how to make it
        return _("a number of thousands of digits")
