"""Look up a number several times: f(f(x)) of a permutation f. Start at Hops.

A sequence is f(0) ... f(7), then all 8 numbers x in random order as tokens 8 + x. The label at each x is where
``hops`` steps from x lead; nothing else is scored. A hash of the permutation decides its split.
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
from clps_core.data.labelled import LabelledLine, guess_loss, whole_numbers
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.hops import facts as own_facts
from clps_core.tasks.hops import rules
from clps_core.tasks.hops.rules import NUMBERS
from clps_core.words import _

__all__ = ["Hops", "load"]


@lru_cache(maxsize=16)
def _folded(fold: Fold) -> Mapping[str, Array]:
    whole = rules.splits()
    keys = np.concatenate([whole["validation"], whole["train"]])
    held_out = np.array([fold.holds(key) for key in keys.tolist()])
    return {**whole, "validation": keys[held_out], "train": np.sort(keys[~held_out])}


class Hops(LabelledLine):
    """The ``hops`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits all but the test examples in another way.
    """

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed, self.hops = seed, self.facts.difficulty or 1
        self._splits = rules.splits() if fold is None else _folded(fold)
        content = (rules.splits()[split].tobytes() for split in SPLITS)
        whole = digest("hops 1", self.hops, *content)
        self.fingerprint = whole if fold is None else fold.name(whole)

    def permutations(self, split: str) -> Array:
        """int64 [n]: the numbers of the permutations of ``split``."""
        return self._splits[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Training permutations drawn evenly, with replacement, each with its own order of questions."""
        generator = step_generator(self.fingerprint, self.seed, step)
        numbers = generator.choice(self.permutations("train"), size=batch_size)
        asked = generator.permuted(np.tile(np.arange(NUMBERS), (batch_size, 1)), axis=1)
        return self._batch(numbers, asked)

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Held-out permutations in a fixed order, each with a fixed order of questions."""
        check_split(split)
        numbers = self.permutations(split)[:limit]
        for start in range(0, len(numbers), batch_size):
            part = numbers[start : start + batch_size]
            yield self._batch(part, rules.queries(part))

    def _batch(self, numbers: Array, asked: Array) -> Batch:
        tables = rules.permutations()[numbers]
        labels = np.full((len(numbers), 2 * NUMBERS), IGNORED, dtype=np.int64)
        labels[:, NUMBERS:] = np.take_along_axis(rules.after(tables, self.hops), asked, axis=1)
        return Batch(np.concatenate([tables, NUMBERS + asked], axis=1), None, None, labels)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` of always answering x; ``loss``: of giving x its share, and all others the same."""
        check_split(split)
        share = rules.returned(self.permutations(split)[:limit], self.hops)
        return {"accuracy": share, "moved_accuracy": 0.0, "loss": guess_loss(share, NUMBERS)}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A permutation such as ``3 1 7 0 2 6 5 4``, then the questions 0 to 7: int64 [1, 16]."""
        values = self._typed(text)
        return np.array([[*values, *range(NUMBERS, 2 * NUMBERS)]], dtype=np.int64)

    def _typed(self, text: str) -> list[int]:
        values = whole_numbers(text)
        if values is None or sorted(values) != list(range(NUMBERS)):
            raise DataError(
                _(
                    "the input must have each number from 0 to 7 once, such as {example}. Got {got!r}.",
                    example=self.facts.example_inputs[0],
                    got=text.strip()[:60],
                )
            )
        return values

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """Where each of 0 to 7 leads."""
        return self.decode(rules.after(np.array([self._typed(text)]), self.hops)[0])

    def scored(self, inputs: Array) -> Array:
        """The positions of the questions."""
        return np.arange(NUMBERS, inputs.shape[1])

    def name(self, token: int) -> str:
        """A number, or a question."""
        return str(token) if token < NUMBERS else f"{token - NUMBERS}→?"

    def guess(self, inputs: Array, place: int, token: int) -> str:
        """``7→4``: the question, and where it may lead."""
        return f"{int(inputs[0, place]) - NUMBERS}→{self.name(token)}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """``f(0)=3`` for the table of a whole sequence, ``3→?`` for a question, a number elsewhere."""
        listed = np.asarray(tokens).reshape(-1).tolist()
        whole = len(listed) == 2 * NUMBERS
        return [
            f"f({place})={token}" if whole and token < NUMBERS else self.name(token)
            for place, token in enumerate(listed)
        ]

    def examples(self, count: int) -> list[Example]:
        """Test permutations, with where each number leads."""
        lines = [rules.line(number) for number in self.permutations("test")[:count].tolist()]
        return [Example(text, self.right_answer(text)) for text in lines]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Hops(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
