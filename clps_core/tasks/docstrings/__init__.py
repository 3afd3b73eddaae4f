"""Continue docstrings of Python libraries, byte by byte. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.libraries import facts as texts
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words() -> TaskWords:
    return TaskWords(
        title=_("Continue docstrings, byte by byte"),
        summary=_("Language model without a tokenizer: every byte is a token. The texts are the first paragraphs of "
                  "docstrings of 8 Python libraries; no test file was seen in training. Counting which byte follows "
                  "which 5 bytes needs 2.00 bits per byte of the test split."),
        baseline=_("each byte with its frequency as probability"),
        source=texts().words().source,
        licence=texts().words().licence,
    )  # fmt: skip


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="docstrings",
        words=_words,
        family="decoder",
        metric="bits_per_byte",
        metrics=("loss", "token_accuracy", "perplexity", "bits_per_byte"),
        baseline=4.705684384710938,
        test_baseline=4.706978437394955,
        test_size=839,
        vocab_size=3 + 256,  # pad, bos, eos and every byte
        max_source_len=128,
        input_kind="text",
        windows=True,
        writes=True,
        example_inputs=("Return the number of", "Compute the ", "A class that"),
        defaults={
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "rotary"},
            "optim": {"learning_rate": 3e-3, "warmup_steps": 50},
            "train": {"steps": 2000, "batch_size": 16, "eval_every": 100},
        },
    )


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("docstrings", _facts, f"{__name__}.data", f"{__name__}.work", place=9)
