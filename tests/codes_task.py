"""All that somebody writes for a task of their own: facts from a file of the home, data, a loss and a metric.

A code is a few letters; its class is the place of its first letter, modulo the number of classes. ``codes.txt`` in the
home has the letters in its first line and the classes in its second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.data.base import Array, Batch, Example, check_split, digest, step_generator
from clps_core.errors import DataError
from clps_core.metrics import Metric
from clps_core.tasks import Task, TaskFacts, TaskWords

FILE = "codes.txt"
LENGTH = 5
HELD_OUT = 12
BRIER = Metric("brier", lambda: "Brier score", False, lowest=0.0, highest=2.0, usual=0.5)


def words() -> TaskWords:
    return TaskWords(
        "Read codes", "Letters, of which the first says the class.", "always all classes alike", "this test", "CC0-1.0"
    )


def read(home: Path) -> tuple[str, list[str]]:
    try:
        letters, classes = (home / FILE).read_text().split("\n")[:2]
    except (OSError, ValueError):
        raise DataError(f"the codes must lie in {FILE} of the home. There are none. Put them there.") from None
    return letters, classes.split()


def facts(_data: object, home: Path) -> TaskFacts:
    letters, classes = read(home)
    return TaskFacts(
        name="codes",
        words=words,
        family="encoder",
        metric="brier",
        metrics=("loss", "brier"),
        baseline=1 - 1 / len(classes),
        test_baseline=1 - 1 / len(classes),
        test_size=HELD_OUT,
        vocab_size=len(letters),
        max_source_len=LENGTH,
        num_classes=len(classes),
        input_kind="code",
        fingerprint=digest(letters, *classes),
        own_metrics=(BRIER,),
        example_inputs=(letters[:LENGTH],),
        defaults={
            "model": {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2},
            "optim": {"learning_rate": 2e-3},
            "train": {
                "steps": 12, "batch_size": 8, "eval_every": 6, "eval_examples": HELD_OUT, "probe_count": 2,
                "device": "cpu",
            },
        },
    )  # fmt: skip


TASK = Task("codes", facts, __name__, __name__)


class Codes:
    pad_id = bos_id = eos_id = -1

    def __init__(self, facts: TaskFacts, letters: str, classes: list[str], seed: int) -> None:
        self.facts, self.letters, self.classes, self.seed = facts, letters, classes, seed
        self.fingerprint = digest("codes", letters, *classes)

    def _batch(self, generator: np.random.Generator, count: int) -> Batch:
        inputs = generator.integers(len(self.letters), size=(count, LENGTH))
        return Batch(inputs, None, None, inputs[:, 0] % len(self.classes))

    def batch(self, step: int, batch_size: int) -> Batch:
        return self._batch(step_generator(self.fingerprint, self.seed, step), batch_size)

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        check_split(split)
        generator = step_generator(self.fingerprint, len(split), 0)
        for start in range(0, min(limit, HELD_OUT), batch_size):
            yield self._batch(generator, min(batch_size, min(limit, HELD_OUT) - start))

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        return {"loss": self.facts.baseline, "brier": self.facts.baseline}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        if len(text) != LENGTH or set(text) - set(self.letters):
            raise DataError(f"a code must be {LENGTH} of the letters {self.letters}. Got {text[:40]}.")
        return np.array([[self.letters.index(letter) for letter in text]])

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        raise DataError("codes have no target to type.")

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:
        return self.classes[self.letters.index(text[0]) % len(self.classes)]

    def unknown(self, text: str) -> tuple[str, ...]:
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        return " ".join(self.classes[int(one)] for one in np.asarray(tokens).reshape(-1))

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        return [self.letters[int(one)] for one in np.asarray(tokens).reshape(-1)]

    def examples(self, count: int) -> list[Example]:
        return [Example(self.letters[:LENGTH])][:count]

    def tokenizer_json(self) -> str:
        return ""


def load(config: Any, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> Codes:
    return Codes(facts, *read(home), config.data.seed)


def loss(output: Any, batch: Any, config: Any) -> Any:
    """The Brier score: the squared distance of the probabilities from the right answer."""
    from torch.nn.functional import one_hot

    wanted = one_hot(batch.labels, output.shape[-1])
    return (output.float().softmax(-1) - wanted).square().sum(-1).mean()


def scores(config: Any, loss: Any) -> Any:
    from clps_core.work.scores import TokenScores

    class BrierScores(TokenScores):
        def values(self) -> dict[str, float]:
            return {"loss": self.loss, "brier": self.loss}

    return BrierScores(config, loss)


def answer(*arguments: Any) -> Any:
    from clps_core.work import classes

    return classes.answer(*arguments)
