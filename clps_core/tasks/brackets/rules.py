"""Lines of brackets, what is still open after each closing one, and behind how much. numpy only; start at drawn.

A line is int64 [L]: ``kind`` (0 to 3) opens a bracket and ``CLOSES + kind`` closes it; ``OUTSIDE`` is an answer only.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.brackets import FAR
from clps_core.tasks.generated import split_by_content

__all__ = [
    *("CHARACTERS", "CLOSES", "HELD_OUT", "KINDS", "LENGTH", "OUTSIDE", "VOCABULARY"),
    *("answered", "beginnings", "drawn", "guessed_shares", "held_out", "levels", "still_open", "text", "told"),
]

KINDS, LENGTH = 4, 32
CLOSES = KINDS
OUTSIDE = 2 * KINDS
"""The answer where no bracket is open any more."""
VOCABULARY = OUTSIDE + 1
CHARACTERS = "([{<)]}>."
BEGINNING = 6
"""The number of first opening brackets whose kinds decide whether a line is held out."""
HELD_OUT = 2000
"""Lines of validation, and as many of test."""
Array = NDArray[Any]


@cache
def beginnings() -> dict[str, Array]:
    """Split -> its beginnings, as numbers below 4^6: the kinds of the first six opening brackets."""
    return dict(split_by_content(np.arange(KINDS**BEGINNING)))


def drawn(generator: np.random.Generator, chosen: Array, deepest: int) -> Array:
    """Lines int64 [B, L] that close all they open, at most ``deepest`` open at once, beginning as ``chosen`` [B] says.

    At every place where both may stand, a bracket opens or closes with equal probability.
    """
    count, rows = len(chosen), np.arange(len(chosen))
    kinds = generator.integers(KINDS, size=(count, LENGTH // 2))
    kinds[:, :BEGINNING] = chosen[:, None] // KINDS ** np.arange(BEGINNING) % KINDS
    coins = generator.random((count, LENGTH)) < 0.5
    lines = np.empty((count, LENGTH), dtype=np.int64)
    stack = np.zeros((count, deepest + 1), dtype=np.int64)
    opened, depth = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for place in range(LENGTH):
        must_close = (depth == deepest) | (opened == LENGTH // 2)
        opens = (depth == 0) | (~must_close & coins[:, place])
        kind = kinds[rows, np.minimum(opened, LENGTH // 2 - 1)]
        stack[rows[opens], depth[opens]] = kind[opens]
        lines[:, place] = np.where(opens, kind, CLOSES + stack[rows, np.maximum(depth - 1, 0)])
        opened, depth = opened + opens, depth + np.where(opens, 1, -1)
    return lines


def told(chosen: Array, deepest: int) -> Array:
    """Up to ``HELD_OUT`` different lines, always the same, with the beginnings ``chosen`` in turn."""
    generator = np.random.Generator(np.random.PCG64([deepest, *chosen[:8].tolist()]))
    lines = drawn(generator, np.resize(chosen, 2 * HELD_OUT), deepest)
    _rows, firsts = np.unique(lines, axis=0, return_index=True)
    return lines[np.sort(firsts)[:HELD_OUT]]


@cache
def held_out(split: str, deepest: int) -> Array:
    """The lines of ``validation`` or ``test``: int64 [n, L]."""
    return told(beginnings()[split], deepest)


def answered(lines: Array) -> Array:
    """bool [B, L]: after which brackets one is asked, the closing ones."""
    found: Array = lines >= CLOSES
    return found


def still_open(lines: Array) -> Array:
    """int64 [B, L]: the kind of the bracket that was opened last and is still open, ``OUTSIDE`` for none."""
    found = np.empty_like(lines)
    rows, depth = np.arange(len(lines)), np.zeros(len(lines), dtype=np.int64)
    stack = np.full((len(lines), lines.shape[1] + 1), OUTSIDE)  # the first is what is around the line
    for place, tokens in enumerate(lines.T):
        opens = tokens < CLOSES
        depth = depth + np.where(opens, 1, -1)
        stack[rows[opens], depth[opens]] = tokens[opens]
        found[:, place] = stack[rows, depth]
    return found


def levels(lines: Array) -> Array:
    """int64 [B, L]: at a closing bracket, how many levels of brackets closed since the answer opened."""
    found = np.zeros_like(lines)
    rows, depth = np.arange(len(lines)), np.zeros(len(lines), dtype=np.int64)
    highest = np.zeros((len(lines), lines.shape[1] + 1), dtype=np.int64)  # by depth: how deep it went inside
    for place, tokens in enumerate(lines.T):
        opens = tokens < CLOSES
        inside = highest[rows, depth]
        depth = depth + np.where(opens, 1, -1)
        highest[rows[opens], depth[opens]] = depth[opens]
        closed = rows[~opens]
        highest[closed, depth[closed]] = np.maximum(highest[closed, depth[closed]], inside[closed])
        found[:, place] = np.where(opens, 0, highest[rows, depth] - depth)
    return found


def guessed(lines: Array) -> Array:
    """int64 [B, L]: the last opening bracket that is left up to there without the pairs that stand side by side."""
    opens = lines < CLOSES
    closed_at_once = np.pad(~opens[:, 1:], ((0, 0), (0, 1)))
    left = opens & ~closed_at_once
    last = np.maximum.accumulate(np.where(left, np.arange(lines.shape[1]), -1), axis=1)
    return np.where(last < 0, OUTSIDE, np.take_along_axis(lines, np.maximum(last, 0), axis=1))


def guessed_shares(lines: Array) -> tuple[float, ...]:
    """The share of answers at which ``guessed`` is right: of all, then by the levels that closed in between."""
    asked, deep = answered(lines), np.minimum(levels(lines), FAR)
    hits = guessed(lines) == still_open(lines)
    parts = [asked, *(asked & (deep == number) for number in range(1, FAR + 1))]
    return tuple(float(hits[part].mean()) if part.any() else 0.0 for part in parts)


def text(line: Array) -> str:
    """A line as a person types it: ``([]{})``."""
    return "".join(CHARACTERS[token] for token in line.tolist())
