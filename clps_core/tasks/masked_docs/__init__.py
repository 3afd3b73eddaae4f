"""Fill masked tokens of Python's documentation, as BERT does. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words() -> TaskWords:
    return TaskWords(
        title=_("Fill gaps in Python's documentation"),
        summary=_(
            "Masked language model (BERT) on the documentation of the standard library. 15 % of the tokens are "
            "masked, and an encoder that sees both sides predicts them."),
        baseline=_("always the most frequent token"),
        source=_("The documentation that comes with this Python"),
        licence="PSF-2.0",
    )  # fmt: skip


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="masked-docs",
        words=_words,
        family="encoder",
        metric="masked_accuracy",
        metrics=("loss", "masked_accuracy", "pseudo_perplexity"),
        baseline=0.081,
        test_baseline=0.070,
        test_size=431,
        vocab_size=1025,
        max_source_len=64,
        input_kind="text",
        windows=True,
        masked=True,
        example_inputs=(
            "Return a list [MASK] all names.",
            "Return the [MASK] of the list.",
            "If the argument is [MASK] None, the default is used.",
        ),
        defaults={
            "model": {
                "num_layers": 4, "d_model": 128, "d_ff": 384, "num_heads": 4, "positions": "rotary", "head": "lm",
            },
            "optim": {"learning_rate": 4e-3, "warmup_steps": 60},
            "train": {"steps": 1000, "batch_size": 24, "eval_every": 50},
        },
    )  # fmt: skip


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("masked-docs", _facts, f"{__name__}.data", f"{__name__}.work", place=9)
