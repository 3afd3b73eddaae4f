"""How well counting predicts the bytes of ``docstrings``: n-grams of the training text, with Witten-Bell smoothing.

Run ``python benchmarks/docstrings_ngrams.py``. Scored on the windows of the test split that runs are scored on: a
window begins without what stands before it, as for the model.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from clps_core.config import build_config, resolve
from clps_core.data.registry import load_task
from clps_core.data.running_text import RunningText
from clps_core.data.scores import bits_per_byte
from report import write_table

LONGEST = 6


class Counts:
    """What follows each context of up to ``order`` - 1 tokens in a text.

    Witten and Bell 1991, "The zero-frequency problem", method C, interpolated: an order's counts get weight
    n / (n + distinct), the next shorter context the rest.
    """

    def __init__(self, tokens: list[int], order: int, vocab: int) -> None:
        self.vocab = vocab
        self.tables: list[dict[tuple[int, ...], Counter[int]]] = []
        for size in range(order):
            table: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            for place in range(size, len(tokens)):
                table[tuple(tokens[place - size : place])][tokens[place]] += 1
            self.tables.append(dict(table))

    def chance(self, context: list[int], token: int) -> float:
        """Probability of ``token`` after ``context``."""
        found = 1.0 / self.vocab
        for size, table in enumerate(self.tables[: len(context) + 1]):
            counts = table.get(tuple(context[len(context) - size :]))
            if counts is None:
                break
            total, kinds = counts.total(), len(counts)
            found = (counts[token] + kinds * found) / (total + kinds)
        return found


def main() -> None:
    config = resolve(build_config({"data": {"task": "docstrings"}})).config
    data = load_task(config)
    assert isinstance(data, RunningText)
    counts = Counts(data.tokens("train").tolist(), LONGEST, data.facts.vocab_size or 0)
    losses, spelt = np.zeros(LONGEST), 0
    for batch in data.evaluation("test", config.train.test_examples, 64):
        assert batch.label_bytes is not None
        spelt += int(batch.label_bytes.sum())
        for inputs, labels in zip(batch.inputs.tolist(), batch.labels.tolist(), strict=True):
            for place, label in enumerate(labels):
                for order in range(1, LONGEST + 1):
                    context = inputs[max(0, place + 2 - order) : place + 1] if order > 1 else []
                    losses[order - 1] -= np.log(counts.chance(context, label))
    rows = [[str(order), f"{bits_per_byte(loss, spelt):.3f}"] for order, loss in enumerate(losses, 1)]
    write_table(
        "docstrings_ngrams",
        "N-grams of bytes on the task docstrings",
        ("n", "bits per byte, test"),
        rows,
        "Witten-Bell smoothing, interpolated; counts of the training split.",
    )


if __name__ == "__main__":
    main()
