"""The one catalogue of words that people read.

``_("text")`` looks a message up; ``_("{n} runs", n=3)`` also fills it in. Messages are plain
literals (never f-strings), so that ``make words`` can extract them into ``locale/clps.pot``.
The language is the environment's (``LANGUAGE``, ``LC_ALL``, ``LANG``); English is the fallback. A server whose
readers have languages of their own says whose turn it is (``ask_language``). So a text is put into words when it is
shown, never when a module is imported: constants mark their messages with ``N_`` and are read through ``Worded`` and
``Words``. And a sentence that a store keeps is kept as its message with its fields (``kept``), to be put into the words
of whoever reads it (``told``).

What fills a message may be anybody's text. It cannot reorder the message or hide in it: characters that cannot be
seen come out as codes, and what runs from right to left is isolated (``clps_core/shown.py``).
"""

from __future__ import annotations

import gettext
import json
import re
import reprlib
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from clps_core.shown import is_harmless, isolated

__all__ = [
    "N_",
    "Said",
    "Worded",
    "Words",
    "_",
    "add_language",
    "ask_language",
    "kept",
    "kept_by_language",
    "language",
    "ngettext",
    "shown",
    "told",
]

LOCALE_FOLDER = Path(__file__).parent / "locale"

FIELD = re.compile(r"\{([a-z_]+)(![rs])?(:,?(\.\d{1,2})?[efg%]?)?\}")
"""A field of a message that was stored: a name and a format that gives no more than was put in."""

Given = ParamSpec("Given")
Made = TypeVar("Made")
Key = TypeVar("Key")

_added: dict[str, gettext.NullTranslations] = {}
_asked: Callable[[], str | None] | None = None


def ask_language(reader: Callable[[], str | None] | None) -> None:
    """From now on ``reader()`` says in which language the next text is read; ``None``: the environment's."""
    global _asked
    _asked = reader


def add_language(name: str, translations: gettext.NullTranslations) -> None:
    """Know the language ``name`` by ``translations``, besides those of the locale folder."""
    _added[name] = translations


def language() -> str | None:
    """The reader's language, where the environment does not say it."""
    return _asked() if _asked is not None else None


def kept_by_language(maxsize: int) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]:
    """As ``functools.lru_cache``, for what is made of words: an answer is kept for readers of its language.

    Of threads that ask for the same at once, one makes it and the others wait: a class that opens a page together.
    """

    def decorate(make: Callable[Given, Made]) -> Callable[Given, Made]:
        making = threading.RLock()

        @lru_cache(maxsize)
        def answer(_language: str | None, args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Made:
            return make(*args, **dict(named))

        @wraps(make)
        def found(*args: Given.args, **kwargs: Given.kwargs) -> Made:
            with making:
                return answer(language(), args, tuple(kwargs.items()))

        return found

    return decorate


def _catalogue() -> gettext.NullTranslations:
    name = language()
    return _added[name] if name in _added else _installed(name)


@cache
def _installed(name: str | None) -> gettext.NullTranslations:
    return gettext.translation("clps", LOCALE_FOLDER, languages=None if name is None else [name], fallback=True)


def _(message: str, /, **values: object) -> str:
    """The message in the reader's language, with ``{name}`` fields filled from ``values``."""
    translated = _catalogue().gettext(message)
    return Said(_filled(translated, values) if values else translated, message, values)


def N_(message: str, /) -> str:  # noqa: N802 - the usual name of gettext's mark
    """``message`` as it is, marked for the catalogue: for constants, which are put into words when they are shown."""
    return message


class Worded:
    """A field of a dataclass that holds a message (``N_``), or a function that gives a text, and reads as words.

    ``title: Worded = Worded()`` must be given; ``Worded("")`` has a default.
    """

    def __init__(self, default: str | None = None) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> str:
        if instance is None:
            if self._default is None:
                raise AttributeError(self._name)
            return self._default
        held = vars(instance)[self._name]
        if callable(held):
            return str(held())
        return _(held) if held else ""

    def __set__(self, instance: Any, value: str | Callable[[], str]) -> None:
        vars(instance)[self._name] = value


class Words(Mapping[Key, str]):
    """A mapping of messages (``N_``) that reads as words."""

    def __init__(self, messages: Mapping[Key, str]) -> None:
        self._messages = dict(messages)

    def __getitem__(self, key: Key) -> str:
        return _(self._messages[key])

    def __iter__(self) -> Iterator[Key]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Like ``_`` for a counted thing; ``{n}`` is filled in too."""
    values = {"n": n, **values}
    return Said(_filled(_catalogue().ngettext(singular, plural, n), values), singular, values, plural)


class Said(str):
    """A text in words that still knows its message and what filled it, so that it can be said again elsewhere."""

    __slots__ = ("fields", "message", "plural")

    def __new__(cls, text: str, message: str, fields: Mapping[str, object], plural: str = "") -> Self:
        """``text`` as it is read now."""
        made = super().__new__(cls, text)
        made.message, made.fields, made.plural = message, fields, plural
        return made

    message: str
    fields: Mapping[str, object]
    plural: str

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, Mapping[str, object], str]]:
        """For copies."""
        return type(self), (str.__str__(self), self.message, self.fields, self.plural)

    def __str__(self) -> str:
        return self  # or the text of an error would forget its message


def kept(text: str) -> str:
    """``text`` as a store keeps it: the message and its fields as JSON; a text that is no ``Said`` as it is."""
    return json.dumps(_plain(text), ensure_ascii=False) if isinstance(text, Said) else text


def told(stored: str) -> str:
    """What ``kept`` gave, in the reader's language; anything else as it is, for stores may be anybody's."""
    if not stored.startswith('{"say":'):
        return stored
    try:
        return _told(json.loads(stored))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return stored


def _plain(value: object) -> object:
    if isinstance(value, Said):
        plural = {"plural": value.plural} if value.plural else {}
        return {"say": value.message, **plural, "with": {name: _plain(one) for name, one in value.fields.items()}}
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else shown(value, 2000)
    return str(value)


def _told(code: Any) -> str:
    message, plural = code["say"], code.get("plural", "")
    fields = {name: _told(one) if isinstance(one, dict) else one for name, one in code["with"].items()}
    for text in (message, plural):
        wanted = [FIELD.fullmatch(field) for field in re.findall(r"\{[^{}]*\}", text)]
        if any(field is None or field[1] not in fields for field in wanted):
            raise ValueError(text)
    if plural:
        return ngettext(message, plural, int(fields.pop("n")), **fields)
    return _(message, **fields)


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
    if is_harmless(text):
        return text
    return _Isolating().vformat(message, (), values)


def shown(value: object, limit: int = 60) -> str:
    """What somebody gave, for a sentence about it: at most ``limit`` characters, whatever it is."""
    try:
        return reprlib.repr(value)[:limit]
    except ValueError:  # Python writes no whole number of thousands of digits, and would explain how to make it
        return _("a number with thousands of digits")
