"""Rows of questions whose answers stand in a context: found when they are added, measured before training.

Start at found_answers (while rows are read), then measured and baselines (once there is a tokenizer).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clps_core.data.spans import best_of, covering, even_loss, known_answers, usual_ways
from clps_core.own_data.rows import Array, Index, read_index, some_texts, texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["MARKS", "Places", "baselines", "encoded", "found_answers", "known_of", "measured"]

MARKS = 2
"""Tokens beside question and context: one in front, one between them."""
KNOWN_ROWS = 20_000
"""Training rows whose answers the trivial answer "a frequent one" knows."""
ENCODED_ROWS = 64


@dataclass
class Places:
    """How often the place of an answer had to be chosen.

    ``missing``: the answer does not stand in its context, so the row is left out. ``twice``: it stands there more than
    once and no start was given; the first is taken. ``moved``: it does not stand at the given start; the nearest is
    taken.
    """

    missing: int = 0
    twice: int = 0
    moved: int = 0
    starts: list[int] = field(default_factory=list)

    def find(self, context: str, answer: str, start: Any) -> int | None:
        """Where ``answer`` begins in ``context``, in characters; ``None`` where it does not stand there."""
        given = _whole(start)
        if given is not None and context.startswith(answer, given):
            return given
        first = context.find(answer)
        if first < 0:
            self.missing += 1
            return None
        again = context.find(answer, first + 1)
        if again < 0:
            self.moved += given is not None
            return first
        if given is None:
            self.twice += 1
            return first
        self.moved += 1
        before, after = context.rfind(answer, 0, given + len(answer)), context.find(answer, given)
        return min((one for one in (before, after) if one >= 0), key=lambda one: abs(one - given))


def _whole(value: Any) -> int | None:
    """A start as a whole number from 0 on; ``None`` for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number >= 0 and number == int(number) else None


def found_answers(
    rows: Sequence[Sequence[Any]], roles: Sequence[str], places: Places
) -> tuple[list[list[str]], list[int]]:
    """``rows`` of cleaned cells in the order of ``roles`` whose answer stands in the context, and where it begins."""
    at = {role: place for place, role in enumerate(roles)}
    kept, starts = [], []
    for row in rows:
        answer = row[at["answer"]].strip()
        begin = places.find(row[at["context"]], answer, row[at["start"]] if "start" in at else None)
        if begin is not None:
            kept.append([answer if role == "answer" else row[at[role]] for role in roles if role != "start"])
            starts.append(begin)
    return kept, starts


# As tokens


def encoded(folder: Path, tokenizer: Tokenizer, unknown: int) -> Iterator[dict[str, list[list[int]]]]:
    """Parts of all rows: ``context`` and ``question`` as tokens, ``span``: first and last token of the answer."""
    labels = read_index(folder).labels
    for batch, place in texts(folder, ("context", "question", "answer")):
        for start in range(0, len(batch["context"]), ENCODED_ROWS):
            part = {role: batch[role][start : start + ENCODED_ROWS] for role in batch}
            begin = place + start
            yield _encoded(part, labels[begin : begin + len(part["context"])].tolist(), tokenizer, unknown)


def _encoded(
    part: Mapping[str, Sequence[str]], starts: Sequence[int], tokenizer: Tokenizer, unknown: int
) -> dict[str, list[list[int]]]:
    contexts = tokenizer.encode_batch(list(part["context"]), add_special_tokens=False)
    questions = tokenizer.encode_batch(list(part["question"]), add_special_tokens=False)
    spans = [
        list(covering(code.offsets, begin, begin + len(answer)) or ())
        for code, begin, answer in zip(contexts, starts, part["answer"], strict=True)
    ]
    return {
        "context": [code.ids or [unknown] for code in contexts],
        "question": [code.ids or [unknown] for code in questions],
        "span": spans,
    }


def measured(folder: Path, index: Index, places: Array, tokenizer: Tokenizer, unknown: int) -> dict[str, list[int]]:
    """Of the rows at ``places``, sorted tokens: of the whole ``input``, of what must be read to see the whole
    ``answer in it``, and of the ``answer``.
    """  # fmt: skip
    found = some_texts(folder, places, ("context", "question", "answer"))
    part = _encoded(found, index.labels[places].tolist(), tokenizer, unknown)
    before = [MARKS + len(row) for row in part["question"]]
    spans = [(span[0], span[1]) if span else (0, 0) for span in part["span"]]
    return {
        "input": sorted(one + len(row) for one, row in zip(before, part["context"], strict=True)),
        "reach": sorted(one + last + 1 for one, (_first, last) in zip(before, spans, strict=True)),
        "answer": sorted(last - first + 1 for first, last in spans),
    }


# Trivial answers


def known_of(folder: Path, index: Index) -> list[str]:
    """The most frequent training answers."""
    places = index.of_split("train")
    places = places[np.linspace(0, len(places) - 1, min(KNOWN_ROWS, len(places))).round().astype(np.int64)]
    return known_answers(some_texts(folder, places, ("answer",))["answer"])


def baselines(folder: Path, places: Array, known: Sequence[str], sizes: Sequence[int]) -> dict[str, float]:
    """Each score of the best trivial answer to the rows at ``places``; ``sizes``: tokens of their contexts."""
    found = some_texts(folder, places, ("question", "context", "answer"))
    rows = list(zip(found["question"], found["context"], found["answer"], strict=True))
    return {"loss": even_loss(sizes), **best_of(usual_ways(known), rows)}
