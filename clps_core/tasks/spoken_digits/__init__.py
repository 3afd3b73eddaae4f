"""Write down spoken digits. The facts; ``recordings.py``, ``data.py`` and ``work.py`` do the rest.

``prepare.py`` made the recordings.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 5, 3, 8


def _words(most: int) -> TaskWords:
    return TaskWords(
        title=_("Spoken digits"),
        summary=_(
            "1 to {n} spoken digits in noise, written down. All digits are one voice, recorded once each: this does "
            "not test how a model understands other voices.",
            n=most,
        ),
        baseline=_("always the same digits"),
        source=_("Recordings of captcha 0.7.1, joined at random with noise"),
        licence="BSD-3-Clause",
        difficulty=_("Most digits"),
        asks={"text": _("Sound")},
    )


class Measured(NamedTuple):
    """Of utterances of at most so many digits; ``data.py`` can compute all of it, and a test does.

    ``longest``: positions of the longest one. ``lengths``: positions of an example in a training batch and in an
    evaluation's, with padding. ``baseline``, ``test_baseline``: word error rate of the best constant answer.
    """

    longest: int
    lengths: tuple[float, float]
    baseline: float
    test_baseline: float


MEASURED = {
    3: Measured(51, (40.0, 40.0), 0.7504587155963303, 0.759478672985782),
    4: Measured(67, (49.9, 50.6), 0.8151658767772512, 0.8054563169860345),
    5: Measured(83, (61.3, 62.1), 0.8455497382198953, 0.8212493028443949),
    6: Measured(98, (69.6, 72.0), 0.8287425149700599, 0.8339083292262198),
    7: Measured(114, (79.7, 79.4), 0.8374439461883408, 0.8453630796150481),
    8: Measured(129, (88.8, 91.2), 0.8323529411764706, 0.8456717587152369),
}


@cache
def facts(most: int = USUAL) -> TaskFacts:
    """The same for every config with at most that many digits."""
    measured = MEASURED[most]
    return TaskFacts(
        name="spoken-digits",
        words=partial(_words, most),
        family="encoder",
        metric="word_error_rate",
        metrics=("loss", "word_error_rate", "character_error_rate", "exact_match"),
        baseline=measured.baseline,
        test_baseline=measured.test_baseline,
        test_size=1000,
        max_source_len=measured.longest,
        num_classes=10,
        patch_dim=160,
        input_kind="sound",
        ctc=True,
        example_inputs=("0", "17", "99"),
        difficulty=most,
        difficulties=(LEAST, MOST),
        batch_lengths=measured.lengths,
        defaults={
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.0, "head": "ctc"},
            "optim": {"learning_rate": 2e-3, "warmup_steps": 50},
            "train": {"steps": 800, "batch_size": 16, "eval_every": 100, "eval_examples": 200, "test_examples": 1000},
        },
    )


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("spoken-digits", _facts, f"{__name__}.data", f"{__name__}.work", place=7)
