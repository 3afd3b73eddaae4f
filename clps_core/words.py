"""The one catalogue of words that people read.

``_("text")`` looks a message up; ``_("{n} runs", n=3)`` also fills it in. Messages are plain
literals (never f-strings), so that ``make words`` can extract them into ``locale/clps.pot``.
The language is the environment's (``LANGUAGE``, ``LC_ALL``, ``LANG``); English is the fallback.
"""

from __future__ import annotations

import gettext
import reprlib
from functools import cache
from pathlib import Path

__all__ = ["_", "ngettext", "shown"]

LOCALE_FOLDER = Path(__file__).parent / "locale"


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("clps", localedir=LOCALE_FOLDER, fallback=True)


def _(message: str, /, **values: object) -> str:
    """The message in the reader's language, with ``{name}`` fields filled from ``values``."""
    translated = _catalogue().gettext(message)
    return translated.format(**values) if values else translated


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Like ``_`` for a counted thing; ``{n}`` is filled in too."""
    return _catalogue().ngettext(singular, plural, n).format(n=n, **values)


def shown(value: object, limit: int = 60) -> str:
    """What somebody gave, for a sentence about it: at most ``limit`` characters, whatever it is."""
    try:
        return reprlib.repr(value)[:limit]
    except ValueError:  # Python writes no whole number of thousands of digits
        return type(value).__name__
