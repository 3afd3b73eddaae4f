"""Continue the documentation of Python's standard library. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words() -> TaskWords:
    return TaskWords(
        title=_("Continue Python's documentation"),
        summary=_("Language model on the documentation of the standard library."),
        baseline=_("each token with its frequency as probability"),
        source=_("The documentation that comes with this Python"),
        licence="PSF-2.0",
    )


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="python-docs",
        words=_words,
        family="decoder",
        metric="perplexity",
        metrics=("loss", "token_accuracy", "perplexity", "bits_per_byte"),
        baseline=295.0,
        test_baseline=304.0,
        test_size=215,
        vocab_size=1024,
        max_source_len=128,
        input_kind="text",
        windows=True,
        writes=True,
        example_inputs=("Return the number of", "If the file does not exist", "A class that"),
        defaults={
            "model": {"num_layers": 4, "d_model": 128, "d_ff": 384, "num_heads": 4, "dropout": 0.1},
            "optim": {"learning_rate": 2e-3, "warmup_steps": 60},
            "train": {"steps": 600, "batch_size": 12, "eval_every": 50},
        },
    )


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("python-docs", _facts, f"{__name__}.data", f"{__name__}.work", place=2)
