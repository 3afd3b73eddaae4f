"""After each closing bracket of a line: which one is still open? Start at Brackets.

A token is a bracket; the label of a closing one is the kind of the bracket that is still open, or that none is. A hash
of the kinds of the first six opening brackets says which split a line belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    SPLITS,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    step_generator,
)
from clps_core.data.labelled import LabelledLine, guess_loss
from clps_core.errors import DataError
from clps_core.tasks.brackets import FAR, USUAL, rules
from clps_core.tasks.brackets import facts as own_facts
from clps_core.tasks.brackets.rules import CHARACTERS, CLOSES, KINDS, LENGTH, OUTSIDE
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Brackets", "load"]


@lru_cache(maxsize=16)
def _folded(fold: Fold, deepest: int) -> tuple[Mapping[str, Array], Array]:
    whole = rules.beginnings()
    keys = np.concatenate([whole["validation"], whole["train"]])
    held_out = np.array([fold.holds(key) for key in keys.tolist()])
    parts = {**whole, "validation": keys[held_out], "train": np.sort(keys[~held_out])}
    return parts, rules.told(keys[held_out], deepest)


class Brackets(LabelledLine):
    """The ``brackets`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` cuts what is not for tests anew.
    """

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed, self.deepest = seed, self.facts.difficulty or USUAL
        whole = {split: rules.held_out(split, self.deepest) for split in SPLITS[1:]}
        self.fingerprint = digest("brackets 1", self.deepest, *(whole[split].tobytes() for split in SPLITS[1:]))
        self._beginnings: Mapping[str, Array] = rules.beginnings()
        self._lines = whole
        if fold is not None:
            self._beginnings, validation = _folded(fold, self.deepest)
            self._lines = {**whole, "validation": validation}
            self.fingerprint = fold.name(self.fingerprint)

    def beginnings(self, split: str) -> Array:
        """int64 [n]: how the lines of ``split`` begin, the kinds of the first six opening brackets as one number."""
        return self._beginnings[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Beginnings of training drawn evenly, with replacement, and lines drawn with them."""
        generator = step_generator(self.fingerprint, self.seed, step)
        chosen = generator.choice(self.beginnings("train"), size=batch_size)
        return _batch(rules.drawn(generator, chosen, self.deepest))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Held-out lines, all different, in a fixed order."""
        check_split(split)
        lines = self._lines[split][:limit]
        for start in range(0, len(lines), batch_size):
            yield _batch(lines[start : start + batch_size])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of leaving out pairs that stand side by side; ``loss``: of giving that answer its share."""
        check_split(split)
        share, *parts = rules.guessed_shares(self._lines[split][:limit])
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
                    "the input must be at most {most} brackets of {kinds}, in which each closing bracket closes the "
                    "one that was opened last, and at least one does. Got {got!r}.",
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
        lines = [rules.text(one) for one in self._lines["test"][:count]]
        return [Example(line, self.right_answer(line)) for line in lines]


def _batch(lines: Array) -> Batch:
    asked = rules.answered(lines)
    labels = np.where(asked, rules.still_open(lines), IGNORED)
    grades = np.where(asked, np.minimum(rules.levels(lines), FAR), 0)
    return Batch(lines, None, None, labels, grades)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Brackets(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
