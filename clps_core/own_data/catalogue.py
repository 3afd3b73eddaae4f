"""Data sets as tasks: ``data:reviews`` is the data set ``reviews`` of the home. Start at task, then facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from clps_core.data.base import digest
from clps_core.data.lengths import padded_length
from clps_core.data.masking import MASK
from clps_core.data.spans import CONTEXT
from clps_core.errors import ConfigError, DataError
from clps_core.own_data import media, record
from clps_core.own_data.record import DataSet
from clps_core.own_data.tokenizing import tokenizer_of
from clps_core.own_data.tokens import LONGEST_ROW
from clps_core.own_data.vocabulary import Vocabulary, vocabulary
from clps_core.tasks import DataLike, Task, TaskFacts, TaskWords
from clps_core.words import _

__all__ = ["facts", "length_of", "mask_of", "names", "task"]

PLACE = 200
"""After all installed tasks."""
LENGTH_STEP = 8
"""Texts of a batch are padded to a multiple of this many tokens."""
WINDOW = 128
MASKED_WINDOW = 64
"""Short windows learn sooner to look at the neighbours of a mask (measured on ``masked-docs``)."""
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
    "masked": {
        "model": {"num_layers": 4, "d_model": 128, "d_ff": 384, "num_heads": 4, "positions": "rotary", "head": "lm"},
        "optim": {"learning_rate": 4e-3, "warmup_steps": 60},
        "train": {"steps": 1000, "batch_size": 24, "eval_every": 50},
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
        "data": {"by_length": True},
    },
    "span": {
        "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "rotary", "head": "span"},
        "optim": {"learning_rate": 2e-3, "warmup_steps": 50},
        "train": {"steps": 800, "batch_size": 32, "eval_every": 50},
    },
}
FAMILIES = {"span": "encoder", "generation": "decoder", "classification": "encoder", "translation": "encoder_decoder"}
METRICS = {
    "generation": ("loss", "token_accuracy", "perplexity"),
    "classification": ("loss", "accuracy"),
    "translation": ("loss", "token_accuracy", "exact_match"),
    "span": ("loss", "exact_match", "token_f1"),
}
MASKED_METRICS = ("loss", "masked_accuracy", "pseudo_perplexity")


def names(home: Path) -> list[str]:
    """The tasks that the data sets of ``home`` are."""
    found: list[str] = []
    for name in record.names(home):
        try:
            found += record.read(home, name).tasks
        except DataError:
            found.append(record.task_name(name))  # its facts say what is damaged
    return found


def task(name: str) -> Task:
    """The task of that name; whether its data set is there, its facts say."""
    room = __name__.rpartition(".")[0]
    work = f"{room}.speech.dictation" if name.endswith(record.SEQ2SEQ) else f"{room}.work"
    return Task(name, facts, f"{room}.texts", work, place=PLACE)


def facts(data: DataLike, home: Path) -> TaskFacts:
    """What the data set and the chosen tokenizer say; raises ``DataError`` where there is no such data set."""
    name = record.found_name(data.task)
    known = record.read(home, name)
    if data.task.endswith(record.SEQ2SEQ) and data.task not in known.tasks:
        raise DataError(
            _("{task} must be a data set of sounds. {name} is for {kind}. Train {known}.",
              task=data.task, name=name, kind=known.kind, known=known.task)
        )  # fmt: skip
    if data.task not in known.tasks:
        raise DataError(
            _(
                "a masked language model must have a data set of kind generation. {name} is for {kind}. Train "
                "{task}, or add the texts again with --kind generation.",
              name=name, kind=known.kind, task=known.task)
        )  # fmt: skip
    if known.kind in media.MEDIA:
        return media.module(known.kind).facts(data, known, home)
    chosen = vocabulary(record.folder_of(home, name), known, data.tokenizer)
    if data.task != known.task:
        return _masked_facts(_Hashable(known), _Hashable(chosen), data.seq_len)
    return _facts(_Hashable(known), _Hashable(chosen), data.seq_len, bool(data.by_length))


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
def _facts(kept: _Hashable, chosen: _Hashable, asked: int | None, by_length: bool = False) -> TaskFacts:
    data: DataSet = kept.value
    words: Vocabulary = chosen.value
    length = length_of(data, words, asked)
    target = min(length, _usual_length(words, "target", 1) if asked is None else asked)
    metrics = METRICS[data.kind]
    metric = metrics[-1]
    if data.kind == "generation" and words.spells_bytes:
        metrics += ("bits_per_byte",)
    if data.kind == "translation" and words.length_at("target", 0.5) > SHORT_ANSWER:
        metric = "token_accuracy"
    marks = data.kind == "span"
    examples = [text for text, tokens in words.examples if tokens <= length]
    tests = words.tokens["test"] // length if data.kind == "generation" else data.splits["test"]
    return TaskFacts(
        name=data.task,
        words=_Words(data, length),
        family=FAMILIES[data.kind],
        metric=metric,
        metrics=metrics,
        baseline=words.baselines["validation"][metric],
        test_baseline=words.baselines["test"][metric],
        test_size=max(1, tests),
        vocab_size=words.size,
        max_source_len=length,
        max_target_len=min(length, words.lengths["answer"][-1])
        if marks
        else target
        if data.kind == "translation"
        else 0,
        num_classes=len(data.classes) or None,
        input_kind="line" if marks else "text",
        typed_target=data.kind == "translation",
        windows=data.kind == "generation",
        writes=data.kind in ("generation", "translation"),
        marks=marks,
        takes=("seq_len", "tokenizer", *(() if data.kind == "generation" else ("by_length",))),
        batch_lengths=_batch_lengths(data.kind, words, length, target, by_length=by_length),
        fingerprint=digest(data.fingerprint, words.fingerprint, *data.classes),
        example_inputs=tuple(examples[: 1 if marks else 3]),
        example_options={CONTEXT: examples[1] if len(examples) > 1 else ""} if marks else {},
        defaults=DEFAULTS[data.kind],
    )


def _batch_lengths(
    kind: str, words: Vocabulary, length: int, target: int, *, by_length: bool
) -> tuple[float, float] | None:
    """See ``TaskFacts.batch_lengths``; windows are all as long as each other."""
    if kind == "generation":
        return None
    # role -> at how many tokens it is cut, and how many special tokens come to it
    roles = {"translation": {"text": (length, 0), "target": (target, 1)}, "span": {"input": (length, 0)}}
    of_kind = roles.get(kind, {"text": (length, 0)})
    usual = cast(int, DEFAULTS[kind]["train"]["batch_size"])

    def mean(sorted_: bool) -> float:
        found = [
            padded_length([one + marks for one in words.lengths[role]], usual, LENGTH_STEP, cut, sorted_=sorted_)
            for role, (cut, marks) in of_kind.items()
        ]
        return sum(found) / len(found)

    return mean(by_length), mean(False)


@lru_cache(maxsize=256)
def _masked_facts(kept: _Hashable, chosen: _Hashable, asked: int | None) -> TaskFacts:
    """Those of the same text, for an encoder that fills masked tokens."""
    data: DataSet = kept.value
    words: Vocabulary = chosen.value
    usual = _facts(kept, chosen, asked or min(MASKED_WINDOW, length_of(data, words, None)))
    mask, size = mask_of(words)
    baselines = {
        split: found.get("masked_accuracy", found["token_accuracy"]) for split, found in words.baselines.items()
    }
    return replace(
        usual,
        name=data.task + record.MASKED,
        words=_Words(data, usual.max_source_len, masked=True),
        family="encoder",
        metric=MASKED_METRICS[1],
        metrics=MASKED_METRICS,
        baseline=baselines["validation"],
        test_baseline=baselines["test"],
        vocab_size=size,
        writes=False,
        masked=True,
        fingerprint=digest("clps masked", usual.fingerprint, mask),
        example_inputs=tuple(f"{text} {MASK}" for text in usual.example_inputs),
        defaults=DEFAULTS["masked"],
    )


def mask_of(words: Vocabulary) -> tuple[int, int]:
    """(the token of the mask, tokens together with it): one more than the tokenizer has, unless it has one itself."""
    known = tokenizer_of(words.tokenizer).get_vocab(with_added_tokens=True)
    found = next((known[name] for name in (MASK, "<mask>") if name in known), words.size)
    return found, max(words.size, found + 1)


def length_of(data: DataSet, words: Vocabulary, asked: int | None) -> int:
    """Tokens of a window, or at which a text is cut; raises ``ConfigError`` where it cannot be ``asked``."""
    if data.kind == "generation":
        smallest = min(words.tokens.values())
        return asked or max(2, min(WINDOW, smallest // 2))
    if asked is not None and asked > LONGEST_ROW:
        raise ConfigError(
            _(
                "seq_len must be at most {limit} for this data set, whose texts are cut. Got {got}. Lower it.",
                limit=LONGEST_ROW,
                got=asked,
            )
        )
    if data.kind == "span":
        return asked or _usual_length(words, "input", 0)
    return asked or max(_usual_length(words, role, 1) for role in words.lengths)


def _usual_length(words: Vocabulary, role: str, marks: int) -> int:
    if role not in words.lengths:
        return 0
    wanted = -(-(words.length_at(role, KEPT_WHOLE) + marks) // 8) * 8
    return max(SHORTEST, min(LONGEST, wanted))


class _Words:
    """What people read of a data set, in their language."""

    def __init__(self, data: DataSet, length: int, *, masked: bool = False) -> None:
        self.data, self.length, self.masked = data, length, masked

    def __call__(self) -> TaskWords:
        data = self.data
        summaries = {
            "generation": _("Your own data: a continuous text of {n:,} passages.", n=data.rows),
            "classification": _(
                "Your own data: {n:,} texts, each in one of {classes:,} classes.",
                classes=len(data.classes),
                n=data.rows,
            ),
            "translation": _("Your own data: {n:,} pairs of input text and target text.", n=data.rows),
            "span": _("Your own data: {n:,} questions, each answered by a part of its context.", n=data.rows),
        }
        baselines = {
            "generation": _("each token with its frequency as probability"),
            "classification": _("always the most frequent class"),
            "translation": _("always the same text"),
            "span": _("the first words of the context, or a frequent answer if the context contains it"),
        }
        summary, baseline = summaries[data.kind], baselines[data.kind]
        if self.masked:
            summary = _("Your own data: fill in masked tokens in {n:,} passages of text.", n=data.rows)
            baseline = _("always the most frequent token")
        return TaskWords(
            title=_("{name}, masked", name=data.name) if self.masked else data.name,
            summary=summary,
            baseline=baseline,
            source=data.source,
            licence=data.licence or _("not stated"),
            options={CONTEXT: {}} if data.kind == "span" else {},
            asks={"text": _("Question"), CONTEXT: _("Context")} if data.kind == "span" else {},
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Words) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.data.fingerprint, self.length, self.masked))
