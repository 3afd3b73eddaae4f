"""What a run keeps of its task's facts. Start at frozen and thawed.

Facts are plain values: ``frozen`` makes JSON of them, and ``thawed`` reads it back, whatever version wrote it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clps_core.metrics import Metric
from clps_core.shown import visible
from clps_core.tasks.facts import TaskFacts, TaskWords
from clps_core.words import _, html_language, in_english

__all__ = ["LONGEST_FACTS", "bare_facts", "frozen", "thawed"]

LONGEST_FACTS = 64_000
"""Characters of frozen facts; longer ones were not written by a run."""
LONGEST_TEXT, LONGEST_TYPED = 400, 4_000
MOST = 200
"""Metrics, options, choices and examples that frozen facts may list."""
MOST_PIXELS = 64
"""Across an image that can be drawn."""
FAMILIES = ("encoder_decoder", "decoder", "encoder")
PLAIN = (
    *("name", "family", "metric", "metrics", "baseline", "test_baseline", "test_size", "vocab_size"),
    *("max_source_len", "max_target_len", "num_classes", "patch_dim", "input_kind", "typed_target"),
    *("windows", "writes", "masked", "marks", "ctc", "takes", "fingerprint", "example_inputs", "graded", "difficulty"),
    *("difficulties", "batch_lengths", "graded_or_more", "patch_size", "patch_sizes", "drawing", "num_queries"),
    "own_pictures",
    "memory",
)
METRIC_PLAIN = ("name", "title", "higher_is_better", "unit", "lowest", "highest", "log", "usual")


@dataclass(frozen=True)
class Kept:
    """Words as they were when they were kept, in English; what the catalogue still has is read in any language."""

    words: TaskWords

    def __call__(self) -> TaskWords:
        if html_language() == "en":
            return self.words
        kept = self.words
        return TaskWords(
            title=_told(kept.title),
            summary=_told(kept.summary),
            baseline=_told(kept.baseline),
            source=_told(kept.source),
            licence=kept.licence,
            options={name: {value: _told(title) for value, title in of.items()} for name, of in kept.options.items()},
            asks={name: _told(title) for name, title in kept.asks.items()},
            difficulty=_told(kept.difficulty),
            grade=_told(kept.grade),
        )


def _told(text: str) -> str:
    return _(text) if text else ""  # an empty message is the catalogue's header


@dataclass(frozen=True)
class KeptTitle:
    """A metric's title as it was when it was kept, in English."""

    title: str

    def __call__(self) -> str:
        return _told(self.title)


def frozen(facts: TaskFacts) -> str:
    """``facts`` as JSON, without the defaults, which a run has behind it; the same for the same facts."""
    with in_english():
        return _frozen(facts)


def _frozen(facts: TaskFacts) -> str:
    words = facts.words()
    plain: dict[str, Any] = {name: getattr(facts, name) for name in PLAIN}
    plain |= {
        "title": words.title,
        "summary": words.summary,
        "baseline_name": words.baseline,
        "source": words.source,
        "licence": words.licence,
        "example_options": dict(facts.example_options),
        "options": {name: dict(values) for name, values in words.options.items()},
        "asks": dict(words.asks),
        "difficulty_name": words.difficulty,
        "grade_name": words.grade,
        "own_metrics": [
            {name: _end(getattr(metric, name)) for name in METRIC_PLAIN} | {"name": metric.name}
            for metric in facts.own_metrics
        ],
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _end(value: object) -> object:
    """JSON has no infinite numbers: an open end is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


@lru_cache(maxsize=512)
def thawed(text: str) -> TaskFacts:
    """The facts of ``frozen``'s text, which may come from anybody.

    Texts are made harmless, numbers must be finite, lists are short. Raises ``ValueError`` for anything else.
    """
    if len(text) > LONGEST_FACTS:
        raise ValueError
    try:
        return _read(_group(json.loads(text)))
    except (RecursionError, KeyError, TypeError) as error:
        raise ValueError from error


def _read(plain: Mapping[str, Any]) -> TaskFacts:
    options = {
        _name(name): {_name(value): _text(title) for value, title in _group(values).items()}
        for name, values in _group(plain["options"]).items()
    }
    words = TaskWords(
        title=_text(plain["title"]),
        summary=_text(plain["summary"]),
        baseline=_text(plain["baseline_name"]),
        source=_text(plain["source"]),
        licence=_text(plain["licence"]),
        options=options,
        asks={_name(name): _text(title) for name, title in _group(plain["asks"]).items()},
        difficulty=_text(plain.get("difficulty_name", "")),  # facts of version 0.1 have no difficulty
        grade=_text(plain.get("grade_name", "")),
    )
    metrics = tuple(_name(one) for one in _list(plain["metrics"]))
    graded = tuple(_name(one) for one in _list(plain.get("graded", [])))
    if plain["metric"] not in metrics or plain["family"] not in FAMILIES or not set(graded) <= set(metrics):
        raise ValueError
    return TaskFacts(
        name=_name(plain["name"]),
        words=Kept(words),
        family=plain["family"],
        metric=plain["metric"],
        metrics=metrics,
        baseline=_number(plain["baseline"]),
        test_baseline=_number(plain["test_baseline"]),
        test_size=_whole(plain["test_size"]),
        max_source_len=_whole(plain["max_source_len"]),
        max_target_len=_whole(plain["max_target_len"]),
        vocab_size=_whole_or_none(plain["vocab_size"]),
        num_classes=_whole_or_none(plain["num_classes"]),
        patch_dim=_whole_or_none(plain["patch_dim"]),
        num_queries=_whole_or_none(plain.get("num_queries")),
        typed_target=_truth(plain["typed_target"]),
        windows=_truth(plain["windows"]),
        writes=_truth(plain["writes"]),
        masked=_truth(plain.get("masked", False)),
        marks=_truth(plain.get("marks", False)),
        ctc=_truth(plain.get("ctc", False)),
        memory=_truth(plain.get("memory", plain["name"] == "pairs")),  # the only one whose earlier runs kept none
        takes=tuple(_name(one) for one in _list(plain.get("takes", []))),  # runs of earlier versions kept none
        fingerprint=_text(plain["fingerprint"]),
        input_kind=_name(plain["input_kind"]),
        own_metrics=tuple(_metric(one) for one in _list(plain["own_metrics"])),
        graded=graded,
        graded_or_more=_truth(plain.get("graded_or_more", False)),
        difficulty=_whole_or_none(plain.get("difficulty")),
        difficulties=_ends(plain.get("difficulties")),
        patch_size=_whole_or_none(plain.get("patch_size")),
        patch_sizes=tuple(_whole(one) for one in _list(plain.get("patch_sizes", []))),
        drawing=_drawing(plain.get("drawing")),
        own_pictures=_truth(plain.get("own_pictures", False)),
        batch_lengths=_lengths(plain.get("batch_lengths")),
        example_inputs=tuple(_text(one, "\n") for one in _list(plain["example_inputs"])),
        example_options={
            _name(name): _text(text, "\n", LONGEST_TYPED)
            for name, text in _group(plain.get("example_options", {})).items()
        },
    )


@lru_cache(maxsize=512)
def bare_facts(name: str) -> TaskFacts:
    """For a run of a task that is not known here, and that kept no facts: its name, and the loss to judge by."""
    words = Kept(TaskWords(visible(name)[:LONGEST_TEXT], "", ""))
    return TaskFacts(name, words, "decoder", "loss", ("loss",), math.inf, math.inf, 0)


def _metric(plain: object) -> Metric:
    group = _group(plain)
    low, high = (
        sign * math.inf if group[name] is None else _number(group[name])
        for sign, name in ((-1, "lowest"), (1, "highest"))
    )
    return Metric(
        _name(group["name"]),
        KeptTitle(_text(group["title"])),
        _truth(group["higher_is_better"]),
        _text(group["unit"])[:20],
        low,
        high,
        _truth(group["log"]),
        _number(group["usual"]),
    )


def _group(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MOST:
        raise ValueError
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError
    return value


def _text(value: object, keep: str = "", longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError
    return visible(value, keep)


def _name(value: object) -> str:
    """As it is: it is compared with others. So it must be harmless."""
    if not isinstance(value, str) or not 0 < len(value) <= 80 or visible(value) != value:
        raise ValueError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise ValueError
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**53:
        raise ValueError
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)


def _ends(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    least, most = (_whole(one) for one in _list(value))
    return least, most


def _drawing(value: object) -> tuple[int, int] | None:
    ends = _ends(value)
    if ends is not None and not 1 <= ends[1] <= ends[0] <= MOST_PIXELS:
        raise ValueError
    return ends


def _lengths(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    training, evaluation = (_number(one) for one in _list(value))
    return training, evaluation


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value
