"""Translate sentences of programs into German. The facts; ``data.py``, ``work.py``; ``prepare.py`` made the pairs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["HELD_OUT_PERCENT", "SPECIALS", "TASK", "VOCABULARY", "facts", "folded", "split_name"]

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
VOCABULARY = 2000
HELD_OUT_PERCENT = 5
"""Percent of the sentences that are for validation, and as many for tests."""

LENGTHS = (13.5, 23.0)
"""Tokens of a text in a batch, padding included, source and target alike: by length in training, mixed in tests."""


def folded(text: str) -> str:
    """``text`` without capitals and with single spaces: English texts that are equal so are there once."""
    return " ".join(text.casefold().split())


def split_name(english: str) -> str:
    """What says to which split a pair belongs: letters and digits count, so "Save" and "&Save..." stay together."""
    return f"sentence {''.join(letter for letter in english.casefold() if letter.isalnum())}"


def _words() -> TaskWords:
    return TaskWords(
        title=_("Translate sentences"),
        summary=_(
            "Menus and messages of programs, translated from English into German. No test sentence appears in "
            "training. A word-by-word dictionary translates 9 % of the test sentences correctly, with a chrF of "
            "56; the default small model translates 13 %, with a chrF of 42."
        ),
        baseline=_("a copy of the English text"),
        source=_("Translations of Django 5.2, Wagtail 8.0, Spyder 6.1, JupyterLab 4.5 and Home Assistant 2026.2"),
        licence="BSD-3-Clause, MIT, Apache-2.0",
    )


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="sentences",
        words=_words,
        family="encoder_decoder",
        metric="exact_match",
        metrics=("loss", "token_accuracy", "exact_match"),
        baseline=15 / 500,
        test_baseline=45 / 1204,
        test_size=1204,
        vocab_size=VOCABULARY,
        max_source_len=36,
        max_target_len=40,
        typed_target=True,
        writes=True,
        takes=("by_length",),
        batch_lengths=LENGTHS,
        example_inputs=("The file could not be saved.", "Delete selected pages", "Choose a date in the calendar"),
        defaults={
            "model": {"num_layers": 3, "d_model": 96, "d_ff": 256, "num_heads": 4, "dropout": 0.0},
            "optim": {"learning_rate": 3e-3, "warmup_steps": 100, "final_ratio": 0.02},
            "train": {"steps": 1500, "batch_size": 64, "eval_every": 150, "eval_examples": 500},
        },
    )


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    return facts() if data.by_length is not False else _mixed()


@cache
def _mixed() -> TaskFacts:
    """Those for batches of texts of any length."""
    return replace(facts(), batch_lengths=(LENGTHS[1], LENGTHS[1]))


TASK = Task("sentences", _facts, f"{__name__}.data", f"{__name__}.work", place=9)
