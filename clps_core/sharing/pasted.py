"""Sharing maps as papers print them: ``[0, 1, 2, 2, 1, 0]``, ``A B B A``. Start at strategy_of_pasted.

One number or one letter for each layer, with anything between them that is no text: spaces, commas, dashes, brackets,
line breaks. Numbers may begin with any: equal ones mean the same weights, and they are named by first use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clps_core.errors import ConfigError
from clps_core.sharing.grammar import MAX_TEXT
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["MOST_LAYERS", "strategy_of_pasted"]

MOST_LAYERS = 512
"""As many as a model can have."""

_BETWEEN = re.compile(r"(?:[\s,;|()\[\]{}\u2010-\u2015\u2192\u2212>-])+")
_NUMBER = re.compile(r"[0-9]{1,6}")
_LETTERS = re.compile(r"[A-Z]{1,2}|[a-z]")


def strategy_of_pasted(text: str) -> str:
    """``text`` as a custom map such as ``0-1-2-2-1-0`` where it is one; any other text stays as it is.

    Raises ``ConfigError`` for what begins like a map and cannot be read as one.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ConfigError(
            _("a map must be at most {limit} characters long. Got {got}.", limit=MAX_TEXT, got=len(str(text)))
        )
    if re.search(r"[=:@]", text):
        return text
    parts = [part for part in _BETWEEN.split(text) if part]
    if len(parts) == 1 and re.fullmatch(r"[A-Z]{2,}", parts[0]):
        parts = list(parts[0])  # ABBA
    numbers, letters = ([part for part in parts if kind.fullmatch(part)] for kind in (_NUMBER, _LETTERS))
    if len(parts) < 2 or 2 * max(len(numbers), len(letters)) <= len(parts):
        return text
    kind = _NUMBER if len(numbers) >= len(letters) else _LETTERS
    for place, part in enumerate(parts, 1):
        if not kind.fullmatch(part):
            raise ConfigError(
                _(
                    "a map must have one number for each layer, such as 0 1 2 2 1 0, or one letter, such as A B B A. "
                    "Got {part!r} in place {place} of {count}.",
                    part=visible(part[:40]),
                    place=place,
                    count=len(parts),
                )
            )
    if len(parts) > MOST_LAYERS:
        raise ConfigError(
            _("a map must name at most {limit} layers. Got {got} numbers.", limit=MOST_LAYERS, got=len(parts))
        )
    return "-".join(map(str, _by_first_use([part.upper() if kind is _LETTERS else str(int(part)) for part in parts])))


def _by_first_use(names: Sequence[str]) -> list[int]:
    seen: dict[str, int] = {}
    return [seen.setdefault(name, len(seen)) for name in names]
