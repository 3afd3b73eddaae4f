"""The known name that somebody probably meant. Start at nearest."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearest"]

LONGEST_NAME = 60
"""Longer texts are no mistyped names, and comparing them takes time."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that is most like ``name``; ``None`` where none is like it.

    Upper and lower case count as the same. Three letters or more that only one name begins with mean that name.
    """
    if len(name) > LONGEST_NAME:
        return None
    by_lower = {one.lower(): one for one in known}
    begun = [one for one in by_lower if one.startswith(name.lower())]
    if len(name) >= 3 and len(begun) == 1:
        return by_lower[begun[0]]
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
