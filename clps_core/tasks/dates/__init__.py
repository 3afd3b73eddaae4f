"""Translate full dates from English into other languages. The facts; ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words() -> TaskWords:
    return TaskWords(
        title=_("Translate dates"),
        summary=_(
            "Full dates, translated from English into eight languages. No test date appears in training in "
            "any language."
        ),
        baseline=_("always the same date"),
        source=_("Unicode CLDR, as Babel writes it"),
        licence="Unicode-3.0",
        options={
            "language": {
                "de": _("German"),
                "fr": _("French"),
                "es": _("Spanish"),
                "it": _("Italian"),
                "nl": _("Dutch"),
                "pt": _("Portuguese"),
                "el": _("Greek"),
                "hu": _("Hungarian"),
            }
        },
        asks={"language": _("Language")},
    )


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="dates",
        words=_words,
        family="encoder_decoder",
        metric="exact_match",
        metrics=("loss", "token_accuracy", "exact_match"),
        baseline=0.005,
        test_baseline=0.0005,
        test_size=14592,
        vocab_size=107,
        max_source_len=32,
        max_target_len=40,
        typed_target=True,
        writes=True,
        batch_lengths=(34.7, 35.1),
        example_inputs=("Wednesday, October 3, 1990", "Friday, May 29, 1953", "Wednesday, August 28, 1963"),
        defaults={
            "model": {"num_layers": 4, "d_model": 96, "d_ff": 256, "num_heads": 4, "dropout": 0.0},
            "optim": {"learning_rate": 2e-3, "warmup_steps": 60, "final_ratio": 0.02},
            "train": {"steps": 600, "batch_size": 32, "eval_every": 50},
        },
    )


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("dates", _facts, f"{__name__}.data", f"{__name__}.work", place=1)
