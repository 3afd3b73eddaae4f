"""The name that people read for a slot. Start at slot_letter."""

from __future__ import annotations

__all__ = ["slot_letter"]


def slot_letter(index: int) -> str:
    """The name of the slot with number ``index``: A ... Z, AA, AB ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
