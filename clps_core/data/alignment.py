"""Answers that stand at positions with blanks between (CTC): how they are read and compared. Start at collapsed.

Graves et al. 2006, "Connectionist temporal classification". A model gives each position a label or the blank, whose
number is that of labels, so that it stands behind the last of them. Equal labels side by side are one; blanks go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clps_core.data.scores import error_rate

__all__ = ["Aligned", "Run", "collapsed", "constant_transcript", "transcript_scores"]

MOST_ROUNDS = 40


@dataclass(frozen=True)
class Run:
    """One label of an answer: it stands at the positions from ``begin`` up to ``end`` and is surest at ``peak``."""

    label: int
    begin: int
    end: int
    peak: int


@dataclass(frozen=True)
class Aligned:
    """A part of an answer as people read it: ``label`` from position ``begin`` up to ``end``, with the probability
    of its surest position.
    """

    label: str
    begin: int
    end: int
    probability: float


def collapsed(best: Sequence[int] | NDArray[np.integer], blank: int, sure: NDArray[np.floating]) -> tuple[Run, ...]:
    """The labels that the best ones [S] at each position spell; ``sure`` [S]: how probable these are."""
    row = np.asarray(best)
    if not len(row):
        return ()
    begins = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]]))
    ends = [*begins[1:].tolist(), len(row)]
    return tuple(
        Run(int(row[begin]), begin, end, begin + int(np.argmax(sure[begin:end])))
        for begin, end in zip(begins.tolist(), ends, strict=True)
        if row[begin] != blank
    )


def transcript_scores(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """``word_error_rate``, ``character_error_rate`` and ``exact_match`` of (said, right) transcripts.

    Words have blanks between. Characters are those of the whole transcript, single blanks among them.
    """
    rows = [(said.split(), right.split()) for said, right in pairs]
    letters = [(list(" ".join(said)), list(" ".join(right))) for said, right in rows]
    return {
        "word_error_rate": error_rate(rows),
        "character_error_rate": error_rate(letters),
        "exact_match": sum(said == right for said, right in rows) / max(1, len(rows)),
    }


def constant_transcript(rows: Sequence[Sequence[int]], choices: int) -> tuple[tuple[int, ...], int]:
    """The answer that, given to every one of ``rows``, takes the fewest edits, and how many it takes.

    Found step by step: from nothing, and from the most frequent row, as long as one label more, less or another one
    makes it better.
    """
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), -1)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    lengths = np.array([len(row) for row in rows])
    return min((_climbed(start, table, lengths, choices) for start in _starts(rows)), key=lambda one: (one[1], one[0]))


def _starts(rows: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    counts: dict[tuple[int, ...], int] = {}
    for row in rows:
        counts[tuple(row)] = counts.get(tuple(row), 0) + 1
    frequent = sorted(counts, key=lambda row: (-counts[row], row))
    return [(), *frequent[:1]]


def _climbed(
    start: tuple[int, ...], table: NDArray[np.integer], lengths: NDArray[np.integer], choices: int
) -> tuple[tuple[int, ...], int]:
    at, edits = start, _edits(start, table, lengths)
    for _round in range(MOST_ROUNDS):
        near = {at[:place] + at[place + 1 :] for place in range(len(at))}
        near |= {(*at[:place], one, *at[place + 1 :]) for place in range(len(at)) for one in range(choices)}
        near |= {(*at[:place], one, *at[place:]) for place in range(len(at) + 1) for one in range(choices)}
        found = min(((_edits(one, table, lengths), one) for one in near - {at}), default=(edits, at))
        if found[0] >= edits:
            break
        edits, at = found
    return at, edits


def _edits(answer: tuple[int, ...], table: NDArray[np.integer], lengths: NDArray[np.integer]) -> int:
    """Levenshtein distances of ``answer`` to all rows together."""
    count, width = table.shape
    row = np.tile(np.arange(width + 1), (count, 1))
    for read, item in enumerate(answer, 1):
        before, new = row, np.empty_like(row)
        new[:, 0] = read
        for place in range(width):
            replaced = before[:, place] + (table[:, place] != item)
            new[:, place + 1] = np.minimum(replaced, np.minimum(before[:, place + 1], new[:, place]) + 1)
        row = new
    return int(row[np.arange(count), lengths].sum())
