"""Batches of sounds and what is said in them, for both ways to write it down. numpy only. Start at framed and answered.

A label is the number of a symbol. A model with head ``ctc`` has one more class, the blank; a decoder reads and writes
the symbols' numbers and those of ``Specials``, which follow them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from clps_core.data.base import IGNORED, Array, padded

__all__ = ["Specials", "answered", "framed", "specials"]


class Specials(NamedTuple):
    """The tokens of a decoder that are no symbols; ``vocab_size``: of all its tokens."""

    begin: int
    end: int
    pad: int
    vocab_size: int


def specials(symbols: int) -> Specials:
    """Those of a decoder that writes so many ``symbols``."""
    return Specials(symbols, symbols + 1, symbols + 2, symbols + 3)


def framed(sounds: Sequence[Array], longest: int, step: int) -> tuple[Array, Array]:
    """``sounds``, float32 [S, patch_dim] each, as ``inputs`` float32 [B, S, patch_dim] and ``input_mask`` bool [B, S].

    S is the longest of them rounded up to a multiple of ``step``, at most ``longest``.
    """
    lengths = np.array([len(one) for one in sounds])
    width = int(min(longest, -(-lengths.max() // step) * step))
    inputs = np.zeros((len(sounds), width, sounds[0].shape[1]), dtype=np.float32)
    for place, one in enumerate(sounds):
        inputs[place, : len(one)] = one
    return inputs, np.arange(width) < lengths[:, None]


def answered(rows: Sequence[Sequence[int]], symbols: int, longest: int) -> tuple[Array, Array]:
    """``decoder_inputs`` and ``labels`` int64 [B, T] of symbols in ``rows``: begin first, end last.

    ``longest``: positions of the longest answer, its end among them.
    """
    begin, end, pad, _size = specials(symbols)
    inputs = padded([[begin, *row] for row in rows], pad, 1, longest)
    return inputs, padded([[*row, end] for row in rows], IGNORED, 1, longest)
