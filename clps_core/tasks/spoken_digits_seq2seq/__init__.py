"""Write down spoken digits one after the other, with an encoder-decoder. The facts; ``data.py``, ``work.py``.

Recordings, utterances and splits are those of ``spoken-digits``, which writes at positions (CTC).
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.spoken_digits import LEAST, MEASURED, MOST, USUAL
from clps_core.tasks.spoken_digits import facts as ctc_facts
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]


def _words(most: int) -> TaskWords:
    return TaskWords(
        title=_("Spoken digits, one after the other"),
        summary=_(
            "1 to {n} spoken digits in noise, written down by an encoder-decoder: the same utterances as in "
            "spoken-digits. All digits are one voice, recorded once each: this does not test how a model understands "
            "other voices.",
            n=most,
        ),
        baseline=_("always the same digits"),
        source=_("Recordings of captcha 0.7.1, joined at random with noise"),
        licence="BSD-3-Clause",
        difficulty=_("Most digits"),
        asks={"text": _("Sound")},
    )


@cache
def facts(most: int = USUAL) -> TaskFacts:
    """The same for every config with at most that many digits."""
    measured, heard = MEASURED[most], ctc_facts(most)
    return TaskFacts(
        name="spoken-digits-seq2seq",
        words=partial(_words, most),
        family="encoder_decoder",
        metric=heard.metric,
        metrics=heard.metrics,
        baseline=measured.baseline,
        test_baseline=measured.test_baseline,
        test_size=heard.test_size,
        vocab_size=13,
        max_source_len=measured.longest,
        max_target_len=most + 1,
        patch_dim=heard.patch_dim,
        input_kind="sound",
        typed_target=True,
        writes=True,
        example_inputs=heard.example_inputs,
        difficulty=most,
        difficulties=(LEAST, MOST),
        batch_lengths=measured.lengths,
        defaults={
            "model": {"num_layers": 3, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.0},
            "optim": {"learning_rate": 3e-3, "warmup_steps": 100},
            "train": {"steps": 1000, "batch_size": 16, "eval_every": 100, "eval_examples": 200, "test_examples": 1000},
        },
    )


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("spoken-digits-seq2seq", _facts, f"{__name__}.data", f"{__name__}.work", place=7)
