"""Data sets as tasks: ``data:reviews`` is the data set ``reviews`` of the home. Start at task, then facts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from clps_core.data.base import digest
from clps_core.errors import ConfigError
from clps_core.own_data import record
from clps_core.own_data.record import DataSet
from clps_core.own_data.tokens import LONGEST_ROW
from clps_core.own_data.vocabulary import Vocabulary, vocabulary
from clps_core.tasks import DataLike, Task, TaskFacts, TaskWords
from clps_core.words import _

__all__ = ["facts", "length_of", "names", "task"]

PLACE = 200
"""After all installed tasks."""
WINDOW = 128
SHORTEST, LONGEST = 16, 256
"""Of the usual length at which texts are cut; by ``data.seq_len`` anything else can be chosen."""
KEPT_WHOLE = 0.98
"""The share of texts that the usual length does not cut."""
SHORT_ANSWER = 40
"""Tokens: of longer targets hardly one comes out right as a whole."""

DEFAULTS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "generation": {
        "model": {"num_layers": 4, "d_model": 128, "d_ff": 384, "num_heads": 4, "dropout": 0.1},
        "optim": {"learning_rate": 2e-3, "warmup_steps": 60},
        "train": {"steps": 600, "batch_size": 12, "eval_every": 50},
    },
    "classification": {
        "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.1},
        "optim": {"learning_rate": 2e-3, "warmup_steps": 40},
        "train": {"steps": 400, "batch_size": 32, "eval_every": 50},
    },
    "translation": {
        "model": {"num_layers": 4, "d_model": 96, "d_ff": 256, "num_heads": 4, "dropout": 0.0},
        "optim": {"learning_rate": 2e-3, "warmup_steps": 60, "final_ratio": 0.02},
        "train": {"steps": 600, "batch_size": 32, "eval_every": 50},
    },
}
FAMILIES = {"generation": "decoder", "classification": "encoder", "translation": "encoder_decoder"}
METRICS = {
    "generation": ("loss", "token_accuracy", "perplexity"),
    "classification": ("loss", "accuracy"),
    "translation": ("loss", "token_accuracy", "exact_match"),
}


def names(home: Path) -> list[str]:
    """The tasks that the data sets of ``home`` are."""
    return [record.task_name(name) for name in record.names(home)]


def task(name: str) -> Task:
    """The task of that name; whether its data set is there, its facts say."""
    room = __name__.rpartition(".")[0]
    return Task(name, facts, f"{room}.texts", f"{room}.work", place=PLACE)


def facts(data: DataLike, home: Path) -> TaskFacts:
    """What the data set and the chosen tokenizer say; raises ``DataError`` where there is no such data set."""
    name = record.found_name(data.task)
    known = record.read(home, name)
    chosen = vocabulary(record.folder_of(home, name), known, data.tokenizer)
    return _facts(_Hashable(known), _Hashable(chosen), data.seq_len)


class _Hashable:
    """A value that is compared by what it is made of: records and vocabularies are kept once each."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = value.fingerprint

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashable) and self.value == other.value


@lru_cache(maxsize=256)
def _facts(kept: _Hashable, chosen: _Hashable, asked: int | None) -> TaskFacts:
    data: DataSet = kept.value
    words: Vocabulary = chosen.value
    length = length_of(data, words, asked)
    target = min(length, _usual_length(words, "target", 1) if asked is None else asked)
    metric = METRICS[data.kind][-1]
    if data.kind == "translation" and words.length_at("target", 0.5) > SHORT_ANSWER:
        metric = "token_accuracy"
    tests = words.tokens["test"] // length if data.kind == "generation" else data.splits["test"]
    return TaskFacts(
        name=data.task,
        words=_Words(data, length),
        family=FAMILIES[data.kind],
        metric=metric,
        metrics=METRICS[data.kind],
        baseline=words.baselines["validation"][metric],
        test_baseline=words.baselines["test"][metric],
        test_size=max(1, tests),
        vocab_size=words.size,
        max_source_len=length,
        max_target_len=target if data.kind == "translation" else 0,
        num_classes=len(data.classes) or None,
        input_kind="text",
        typed_target=data.kind == "translation",
        windows=data.kind == "generation",
        writes=data.kind != "classification",
        takes=("seq_len", "tokenizer"),
        fingerprint=digest(data.fingerprint, words.fingerprint, *data.classes),
        example_inputs=tuple(text for text, tokens in words.examples if tokens <= length)[:3],
        defaults=DEFAULTS[data.kind],
    )


def length_of(data: DataSet, words: Vocabulary, asked: int | None) -> int:
    """Tokens of a window, or at which a text is cut; raises ``ConfigError`` where it cannot be ``asked``."""
    if data.kind == "generation":
        smallest = min(words.tokens.values())
        return asked or max(2, min(WINDOW, smallest // 2))
    if asked is not None and asked > LONGEST_ROW:
        raise ConfigError(
            _(
                "seq_len must be at most {limit} for texts that are cut. Got {got}. Lower it.",
                limit=LONGEST_ROW,
                got=asked,
            )
        )
    return asked or max(_usual_length(words, role, 1) for role in words.lengths)


def _usual_length(words: Vocabulary, role: str, marks: int) -> int:
    if role not in words.lengths:
        return 0
    wanted = -(-(words.length_at(role, KEPT_WHOLE) + marks) // 8) * 8
    return max(SHORTEST, min(LONGEST, wanted))


class _Words:
    """What people read of a data set, in their language."""

    def __init__(self, data: DataSet, length: int) -> None:
        self.data, self.length = data, length

    def __call__(self) -> TaskWords:
        data = self.data
        summaries = {
            "generation": _("Your own data: continue {n:,} passages of text.", n=data.rows),
            "classification": _(
                "Your own data: one of {classes:,} classes for each of {n:,} texts.",
                classes=len(data.classes),
                n=data.rows,
            ),
            "translation": _("Your own data: {n:,} texts, each turned into another.", n=data.rows),
        }
        baselines = {
            "generation": _("every token by its share"),
            "classification": _("always the most frequent class"),
            "translation": _("always the same text"),
        }
        return TaskWords(
            title=data.name,
            summary=summaries[data.kind],
            baseline=baselines[data.kind],
            source=data.source,
            licence=data.licence or _("not stated"),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Words) and (self.data, self.length) == (other.data, other.length)

    def __hash__(self) -> int:
        return hash((self.data.fingerprint, self.length))
