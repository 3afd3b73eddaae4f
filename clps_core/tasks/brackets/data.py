"""After each closing bracket of a line: which one is still open? Start at Brackets.

A token is a bracket; the label of a closing one is the kind of the bracket that is still open, or that none is. A hash
of the kinds of the first six opening brackets says which split a line belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    fold_of,
)
from clps_core.data.drawn import Drawn
from clps_core.data.labelled import guess_loss
from clps_core.errors import DataError
from clps_core.tasks.brackets import FAR, rules
from clps_core.tasks.brackets import facts as own_facts
from clps_core.tasks.brackets.rules import CHARACTERS, CLOSES, KINDS, LENGTH, OUTSIDE
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Brackets", "load"]


class Brackets(Drawn[Array]):
    """The ``brackets`` task: see the module, ``Drawn``, and ``TaskData`` for the methods."""

    VERSION = "brackets 1"
    all_beginnings = staticmethod(rules.beginnings)
    held_out = staticmethod(rules.held_out)
    told = staticmethod(rules.told)
    drawn = staticmethod(rules.drawn)

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        super().__init__(seed, facts or own_facts(), fold)

    @staticmethod
    def content(lines: Array) -> bytes:
        """See ``Drawn``."""
        return lines.tobytes()

    @staticmethod
    def labelled(lines: Array) -> Batch:
        """See ``Drawn``."""
        asked = rules.answered(lines)
        labels = np.where(asked, rules.still_open(lines), IGNORED)
        grades = np.where(asked, np.minimum(rules.levels(lines), FAR), 0)
        return Batch(lines, None, None, labels, grades)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of leaving out pairs that stand side by side; ``loss``: of giving that answer its share."""
        share, *parts = rules.guessed_shares(self.scored_lines(split, limit))
        return {
            "loss": guess_loss(share, KINDS + 1),
            "accuracy": share,
            **dict(zip(self.facts.graded, parts, strict=False)),
        }

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A line such as ``([]{})``, whose closing brackets each close the one that was opened last: int64 [1, L]."""
        letters = "".join(text[:400].split())
        known = [CHARACTERS.find(letter) for letter in letters]
        opened: list[int] = []
        fits = len(text) <= 400 and len(letters) <= LENGTH and all(0 <= token < OUTSIDE for token in known)
        for token in known if fits else []:
            if token < CLOSES:
                opened.append(token)
            elif not opened or opened.pop() != token - CLOSES:
                fits = False
                break
        if not fits or not any(token >= CLOSES for token in known):
            raise DataError(
                _(
                    "the input must have at most {most} brackets of {kinds}. Each closing bracket must close the "
                    "last one opened, and there must be at least one. Got {got!r}.",
                    most=LENGTH,
                    kinds="() [] {} <>",
                    got=text.strip()[:60],
                )
            )
        return np.array([known], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """What is open after each closing bracket."""
        inputs = self.encode_source(text)
        return self.decode(rules.still_open(inputs)[0, self.scored(inputs)])

    def scored(self, inputs: Array) -> Array:
        """The closing brackets."""
        return np.flatnonzero(rules.answered(inputs)[0])

    def name(self, token: int) -> str:
        """A bracket; a full stop where none is open."""
        return CHARACTERS[token]

    def input_text(self, tokens: Array) -> str:
        """A line as a person types it."""
        return rules.text(tokens)

    def guess(self, inputs: Array, place: int, token: int) -> str:
        """``)3: (``: after the closing bracket at position 3, what may be open."""
        return f"{self.name(int(inputs[0, place]))}{place + 1}: {self.name(token)}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """The brackets."""
        return [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test lines, with what is open after each closing bracket."""
        lines = [rules.text(one) for one in self.scored_lines("test", count)]
        return [Example(line, self.right_answer(line)) for line in lines]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Brackets(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
