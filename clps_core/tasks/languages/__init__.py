"""Say which language a sentence is in. The facts; ``data.py``, ``work.py``; ``prepare.py`` made the sentences."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["LANGUAGES", "TASK", "facts"]

LANGUAGES = {
    "ca": "Catalan",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "gl": "Galician",
    "hu": "Hungarian",
    "is": "Icelandic",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sl": "Slovenian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
}
"""Code in the file -> class. Classes are names in the data, so they are the same for every reader."""


def _words() -> TaskWords:
    return TaskWords(
        title=_("Language of a sentence"),
        summary=_(
            "Sentences from the menus and messages of programs, in 20 languages. No test message appears in training "
            "in any language. A linear classifier on character n-grams reaches 97.4 % accuracy on the test split; "
            "small models stay below that."),
        baseline=_("always the most frequent language"),
        source=_("Translations of Django 5.2, Wagtail 8.0 and Spyder 6.1"),
        licence="BSD-3-Clause, MIT",
    )  # fmt: skip


@cache
def facts() -> TaskFacts:
    """The same for every config."""
    return TaskFacts(
        name="languages",
        words=_words,
        family="encoder",
        metric="accuracy",
        metrics=("loss", "accuracy", "macro_f1"),
        baseline=48 / 500,
        test_baseline=139 / 1438,
        test_size=1438,
        vocab_size=288,
        num_classes=len(LANGUAGES),
        max_source_len=64,
        batch_lengths=(62.3, 61.5),
        example_inputs=("Where is my file?", "Dove si trova il mio file?", "Hol van a fájlom?"),
        defaults={
            "model": {
                "num_layers": 4,
                "d_model": 64,
                "d_ff": 128,
                "num_heads": 4,
                "positions": "rotary",
                "dropout": 0.0,
            },
            "optim": {"learning_rate": 3e-3, "warmup_steps": 50},
            "train": {"steps": 700, "batch_size": 32, "eval_every": 50, "eval_examples": 500},
        },
    )  # fmt: skip


def _facts(_data: DataLike, _home: Path) -> TaskFacts:
    return facts()


TASK = Task("languages", _facts, f"{__name__}.data", f"{__name__}.work", place=8)
