"""Which tokens of a text are masked, and what stands in their place. Start at mask_tokens.

As in BERT (Devlin et al. 2019, arXiv 1810.04805, section 3.1): of each window 15 % of the tokens are chosen. In
training 80 % of them become the mask, 10 % another token and 10 % stay, so that the model cannot rely on a mask. Where
it is scored each chosen token becomes the mask: one that stays could be read off the input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from clps_core.data.base import IGNORED, Array

__all__ = ["MASK", "chosen", "mask_a_word", "mask_tokens", "training_inputs"]

MASK = "[MASK]"
"""As people type it."""
WORD = re.compile(rf"{re.escape(MASK)}|\w+|[^\w\s]")
SHARE = 0.15
BECOME_MASK, BECOME_OTHER = 0.8, 0.1


def mask_a_word(text: str, choose: Callable[[Sequence[re.Match[str]]], re.Match[str]]) -> str:
    """``text`` with the mask in place of one of its words or signs that ``choose`` picks; as it is without any."""
    found = [one for one in WORD.finditer(text) if one[0] != MASK]
    if not found:
        return text
    word = choose([one for one in found if one[0][0].isalnum()] or found)
    return text[: word.start()] + MASK + text[word.end() :]


def chosen(maskable: Array, generator: np.random.Generator) -> Array:
    """bool [B, L]: of each row's ``maskable`` places (bool [B, L]) 15 %, rounded, but at least one if there is any."""
    able = maskable.sum(1)
    counts = np.minimum(able, np.maximum(1, np.rint(SHARE * able).astype(np.int64)))
    keys = np.where(maskable, generator.random(maskable.shape), 2.0)
    rank = keys.argsort(1, kind="stable").argsort(1, kind="stable")
    return np.asarray(rank < counts[:, None])


def mask_tokens(windows: Array, places: Array, mask_id: int) -> tuple[Array, Array]:
    """(inputs, labels), int64 [B, L]: the mask at ``places`` (bool [B, L]) of ``windows``; labels count there only."""
    return np.where(places, mask_id, windows), np.where(places, windows, IGNORED)


def training_inputs(
    windows: Array, places: Array, mask_id: int, ordinary: Array, generator: np.random.Generator
) -> tuple[Array, Array]:
    """As ``mask_tokens``, but a tenth of the places has one of the ``ordinary`` tokens (int64 [n]), a tenth its own."""
    inputs, labels = mask_tokens(windows, places, mask_id)
    fate = generator.random(windows.shape)
    others = ordinary[generator.integers(len(ordinary), size=windows.shape)]
    inputs = np.where(places & (fate >= BECOME_MASK), others, inputs)
    return np.where(places & (fate >= BECOME_MASK + BECOME_OTHER), windows, inputs), labels
