"""What a token looks like on a page, and how many bytes it spells. Start at piece_label."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from clps_core.data.base import Array

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["bytes_of_tokens", "piece_label"]


def piece_label(piece: str | None, *, of_bytes: bool) -> str:
    """A piece's text: a space as ``␣``, a line's end as ``⏎``, a part of a character as ``\\\\xe2``.

    ``of_bytes``: the piece is written in the alphabet of byte-level tokenizers.
    """
    if piece is None:
        return "<unk>"
    if of_bytes and all(letter in _byte_values() for letter in piece):
        piece = bytes(_byte_values()[letter] for letter in piece).decode("utf-8", "backslashreplace")
    return piece.replace(" ", "␣").replace("▁", "␣").replace("\n", "⏎").replace("\t", "⇥")


def bytes_of_tokens(tokenizer: Tokenizer) -> Array:
    """int64 [vocab]: how many bytes each token of a byte-level ``tokenizer`` spells, 0 for special ones."""
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    sizes = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    for piece, number in tokenizer.get_vocab().items():
        sizes[number] = 0 if number in special else len(piece)  # its alphabet has one letter for each byte
    return sizes


@cache
def _byte_values() -> Mapping[str, int]:
    """The byte behind each letter of a byte-level token (the GPT-2 alphabet).

    Printable Latin-1 bytes stand for themselves; the others follow from U+0100 on, in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(others)}
