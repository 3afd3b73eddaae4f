"""Say which library a docstring is from. The facts; ``data.py``, ``work.py``; ``prepare.py`` made the texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["LIBRARIES", "TASK", "facts"]

LIBRARIES = ("matplotlib", "networkx", "numpy", "pandas", "scikit-learn", "scipy", "sympy", "torch")
"""Classes are names in the data, so they are the same for every reader."""


def _words() -> TaskWords:
    return TaskWords(
        title=_("Library of a docstring"),
        summary=_(
            "First paragraphs of docstrings from 8 Python libraries. No test file appears in training, and names of "
            "libraries are replaced by [name]. A linear classifier on words and pairs of words reaches 68.0 % "
            "accuracy on the test split; small models come close."),
        baseline=_("always the most frequent library"),
        source=_("Docstrings of matplotlib 3.11.2, networkx 3.6.1, numpy 2.4.6, pandas 3.1.1, scikit-learn 1.9.1, "
                 "scipy 1.17.1, sympy 1.14.0 and torch 2.13.0"),
        licence="BSD-3-Clause, Matplotlib",
    )  # fmt: skip


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="libraries",
        words=_words,
        family="encoder",
        metric="accuracy",
        metrics=("loss", "accuracy", "macro_f1"),
        baseline=96 / 500,
        test_baseline=373 / 1596,
        test_size=1596,
        vocab_size=3735,
        num_classes=len(LIBRARIES),
        max_source_len=48,
        batch_lengths=(42.5, 39.5),
        example_inputs=(
            "Return the shortest path between two nodes.",
            "Set the color of the grid lines.",
            "Fit the model to the training data.",
        ),
        defaults={
            "model": {
                "num_layers": 4,
                "d_model": 64,
                "d_ff": 128,
                "num_heads": 4,
                "positions": "rotary",
                "dropout": 0.2,
            },
            "optim": {"learning_rate": 2e-3, "warmup_steps": 50},
            "train": {"steps": 700, "batch_size": 32, "eval_every": 50, "eval_examples": 500},
        },
    )  # fmt: skip


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("libraries", _facts, f"{__name__}.data", f"{__name__}.work", place=9)
