"""Key-value facts to learn by heart. Start at Pairs.

A sequence is a symbol a and a symbol b (token 64 + b); the label at b is the value of the pair. The task measures
memory: all pairs are trained. Half of them choose the best weights, the other half tests those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch, Example, TaskData, check_split, digest, step_generator
from clps_core.data.labelled import LabelledLine, whole_numbers
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.pairs import facts as own_facts
from clps_core.tasks.pairs import rules
from clps_core.tasks.pairs.rules import SYMBOLS
from clps_core.words import _

__all__ = ["Pairs", "load"]


class Pairs(LabelledLine):
    """The ``pairs`` task: see the module, and ``TaskData`` for the methods. ``seed`` decides the batches only."""

    def __init__(self, seed: int, facts: TaskFacts | None = None) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed, self.count = seed, self.facts.difficulty or 0
        self._halves = rules.halves(self.count)
        whole = self.pairs("train")
        self.fingerprint = digest("pairs 1", whole.tobytes(), rules.values(whole).tobytes())

    def pairs(self, split: str) -> Array:
        """int64 [n]: the pairs of ``split``, each as 64 a + b; training has all of them."""
        return self._halves[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Pairs drawn evenly, with replacement."""
        generator = step_generator(self.fingerprint, self.seed, step)
        return _batch(generator.choice(self.pairs("train"), size=batch_size))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The pairs of the half, which were trained, in a fixed order."""
        check_split(split)
        chosen = self.pairs(split)[:limit]
        for start in range(0, len(chosen), batch_size):
            yield _batch(chosen[start : start + batch_size])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` of the most frequent value of each first symbol; ``loss`` of the shares of all values."""
        check_split(split)
        chosen = self.pairs(split)[:limit]
        return {"accuracy": rules.frequent(chosen), "loss": constant_answer(rules.values(chosen))[1]}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A pair such as ``12 47``: int64 [1, 2]."""
        first, second = self._typed(text)
        return np.array([[first, SYMBOLS + second]], dtype=np.int64)

    def _typed(self, text: str) -> tuple[int, int]:
        found = whole_numbers(text)
        if found is None or len(found) != 2 or max(found) >= SYMBOLS:
            raise DataError(
                _(
                    "the input must be two numbers from 0 to {most}, such as {example}. Got {got!r}.",
                    most=SYMBOLS - 1,
                    example=self.facts.example_inputs[0],
                    got=text.strip()[:60],
                )
            )
        return found[0], found[1]

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The value of the pair; nobody knows that of a pair which is not among those to learn."""
        first, second = self._typed(text)
        number = SYMBOLS * first + second
        return str(rules.values(np.array([number]))[0]) if number in self.pairs("train") else None

    def scored(self, inputs: Array) -> Array:
        """The position of the second symbol."""
        return np.arange(1, inputs.shape[1])

    def name(self, token: int) -> str:
        """A value, or a symbol."""
        return str(token) if token < SYMBOLS else f"b={token - SYMBOLS}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """``a=12`` and ``b=47`` for a pair, a number elsewhere."""
        listed = np.asarray(tokens).reshape(-1).tolist()
        whole = len(listed) == 2 and listed[1] >= SYMBOLS
        return [f"a={token}" if whole and place == 0 else self.name(token) for place, token in enumerate(listed)]

    def examples(self, count: int) -> list[Example]:
        """Pairs of the half for tests, with their values."""
        lines = [rules.line(number) for number in self.pairs("test")[:count].tolist()]
        return [Example(text, self.right_answer(text)) for text in lines]


def _batch(numbers: Array) -> Batch:
    inputs = np.stack([numbers // SYMBOLS, SYMBOLS + numbers % SYMBOLS], axis=1)
    labels = np.full(inputs.shape, IGNORED, dtype=np.int64)
    labels[:, 1] = rules.values(numbers)
    return Batch(inputs, None, None, labels)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Pairs(config.data.seed, facts)
