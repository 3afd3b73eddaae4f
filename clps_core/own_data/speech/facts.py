"""A data set of sounds as tasks: ``data:NAME`` writes at positions (CTC), ``data:NAME:seq2seq`` token by token.

Start at facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from clps_core.data.base import digest
from clps_core.data.lengths import padded_length
from clps_core.data.log_mel import BANDS, STACKED
from clps_core.data.transcripts import specials
from clps_core.errors import DataError
from clps_core.own_data.record import SEQ2SEQ, DataSet
from clps_core.own_data.speech.spelling import MOST_CHARACTERS, Alphabet
from clps_core.tasks import DataLike, TaskFacts, TaskWords
from clps_core.words import _

__all__ = ["LENGTH_STEP", "SCORED", "damaged", "facts", "statistic"]

LENGTH_STEP = 8
"""Sounds of a batch are padded to a multiple of this many positions."""
SCORED = {"validation": 200, "test": 1000}
"""Examples that a run is scored on by default, of which the baselines are."""
SHAPE = {"d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.0}
OPTIM = {"learning_rate": 2e-3, "warmup_steps": 50}
BATCH = 16
TRAIN = {
    "steps": 2000, "batch_size": BATCH, "eval_every": 200, "eval_examples": SCORED["validation"],
    "test_examples": SCORED["test"],
}  # fmt: skip
DEFAULTS: Mapping[bool, Mapping[str, Mapping[str, object]]] = {
    False: {
        "model": {"num_layers": 4, **SHAPE, "head": "ctc"},
        "optim": OPTIM,
        "train": TRAIN,
        "data": {"by_length": True},
    },
    True: {"model": {"num_layers": 3, **SHAPE}, "optim": OPTIM, "train": TRAIN, "data": {"by_length": True}},
}
"""Whether a decoder writes -> a small config."""
METRICS = ("loss", "word_error_rate", "character_error_rate", "exact_match")


def facts(data: DataLike, known: DataSet, _home: Path) -> TaskFacts:
    """See ``media.Medium``."""
    return _facts(_Known(known), data.task.endswith(SEQ2SEQ), bool(data.by_length))


class _Known:
    """A record that is compared by what it is of."""

    def __init__(self, value: DataSet) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.value == other.value


def damaged(known: DataSet) -> DataError:
    """What is said of a record or a file that does not hold what it must."""
    return DataError(_("the data set {name} is damaged. Remove it and add it again.", name=known.name))


def statistic(known: DataSet, name: str, kind: type) -> Any:
    """One of the figures of the record, which may be damaged."""
    found = known.statistics.get(name)
    below = isinstance(found, int) and found < 0
    if not isinstance(found, kind) or isinstance(found, bool) != (kind is bool) or below:
        raise damaged(known)
    return found


@lru_cache(maxsize=256)
def _facts(kept: _Known, writes: bool, by_length: bool) -> TaskFacts:
    known = kept.value
    alphabet = Alphabet(statistic(known, "alphabet", str)[: MOST_CHARACTERS + 1])
    metric = "character_error_rate" if statistic(known, "by_characters", bool) else "word_error_rate"
    baselines = statistic(known, "baselines", dict)
    lengths = statistic(known, "positions", list)
    tests = known.splits.get("test", 0)
    try:
        validation, test = (float(baselines[split][metric]) for split in ("validation", "test"))
        batches = tuple(
            padded_length(lengths, BATCH, LENGTH_STEP, max(lengths), sorted_=sorted_) for sorted_ in (by_length, False)
        )
    except (KeyError, TypeError, ValueError):
        raise damaged(known) from None
    return TaskFacts(
        name=known.task + (SEQ2SEQ if writes else ""),
        words=_Words(known, writes),
        family="encoder_decoder" if writes else "encoder",
        metric=metric,
        metrics=METRICS,
        baseline=validation,
        test_baseline=test,
        test_size=max(1, tests),
        vocab_size=specials(alphabet.size).vocab_size if writes else None,
        num_classes=None if writes else alphabet.size,
        max_source_len=max(1, statistic(known, "longest", int)),
        max_target_len=statistic(known, "longest_text", int) + 1 if writes else 0,
        patch_dim=STACKED * BANDS,
        input_kind="sound",
        typed_target=writes,
        writes=writes,
        ctc=not writes,
        takes=("by_length", "vary_sounds"),
        batch_lengths=cast("tuple[float, float]", batches),
        fingerprint=digest("own sounds 1", known.fingerprint, alphabet.text),
        example_inputs=tuple(str(number) for number in range(min(3, tests))),
        defaults=DEFAULTS[writes],
    )


class _Words:
    """What people read of the task, in their language."""

    def __init__(self, known: DataSet, writes: bool) -> None:
        self.known, self.writes = known, writes

    def __call__(self) -> TaskWords:
        known = self.known
        if self.writes:
            summary = _("Your own data: {n:,} sounds, written down character by character.", n=known.rows)
        else:
            summary = _("Your own data: {n:,} sounds, written down where they are heard.", n=known.rows)
        return TaskWords(
            title=_("{name}, with a decoder", name=known.name) if self.writes else known.name,
            summary=summary,
            baseline=_("always the same words"),
            source=known.source,
            licence=known.licence or _("not stated"),
            asks={"text": _("Sound")},
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Words) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.known.fingerprint, self.writes))
