"""What the columns of a table are: guessed from the first rows, shown, corrected. Start at guess, then checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, cast

from clps_core.errors import DataError
from clps_core.own_data.record import KINDS, MOST_CLASSES, Kind
from clps_core.shown import visible
from clps_core.suggestions import nearest
from clps_core.words import _

__all__ = ["OPTIONAL_ROLES", "ROLES", "Guess", "check_no_times", "checked", "cleaned", "guess", "spans_note"]

ROLES: Mapping[Kind, tuple[str, ...]] = {
    "generation": ("text",),
    "classification": ("text", "label"),
    "translation": ("text", "target"),
    "span": ("context", "question", "answer"),
}
"""Kind -> the roles that columns must be named for."""
OPTIONAL_ROLES: Mapping[Kind, tuple[str, ...]] = {"span": ("start",)}
"""Roles that a column may be named for: where the answer begins in its context, in characters."""
TEXT_NAMES = (
    "text",
    "sentence",
    "content",
    "review",
    "body",
    "comment",
    "message",
    "document",
    "source",
    "input",
    "src",
)
LABEL_NAMES = ("label", "class", "category", "sentiment", "target", "intent", "topic", "language", "lang", "stars", "y")
PAIRS = (
    *(("source", "target"), ("src", "tgt"), ("input", "output"), ("question", "answer"), ("text", "summary")),
    *(("article", "highlights"), ("document", "summary"), ("prompt", "completion"), ("instruction", "response")),
)
TIMES = (date, time, timedelta)  # a datetime is a date
SPAN_NAMES = {
    "context": ("context", "passage", "paragraph"),
    "question": ("question", "query"),
    "answer": ("answers.text", "answer.text", "answer", "answers", "answer_text"),
    "start": ("answers.answer_start", "answer.answer_start", "answer_start", "answers.start", "start"),
}
STANDING = 0.5
"""The share of the first rows whose answer must stand in the context to take columns for marked answers."""


@dataclass(frozen=True)
class Guess:
    """``kind`` and role -> column, with what a person should know about it."""

    kind: Kind
    columns: Mapping[str, str]
    note: str = ""


def cleaned(value: Any) -> str | None:
    """A cell as text: ``None`` where it is missing (nothing, NaN, blanks); 1.0 as 1, for classes."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).replace("\r\n", "\n").replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text if text.strip() else None


def check_no_times(name: str, values: Sequence[Any]) -> None:
    """Raise ``DataError`` where a column holds times: how they were written is lost."""
    if any(isinstance(one, TIMES) for one in values):
        raise DataError(
            _(
                "a column that is used must hold texts. {name} holds dates or times. Convert them to text, or choose "
                "another column.",
              name=visible(name[:60]))
        )  # fmt: skip


def guess(sample: Mapping[str, Sequence[Any]], *, running_text: bool = False) -> Guess:
    """What the columns of ``sample`` are; raises ``DataError`` where none holds text."""
    if running_text:
        return Guess("generation", {"text": next(iter(sample))})
    shapes = {name: _Shape.of(values) for name, values in sample.items()}
    texts = [name for name, shape in shapes.items() if shape.is_text]
    if not texts:
        raise DataError(
            _("the data must have a column of texts. Got {columns}. Name the columns, or choose another file.",
              columns=_listed(list(sample)))
        )  # fmt: skip
    by_lower = {name.lower().rpartition(".")[2]: name for name in sample}
    spans = _spans(sample)
    if spans and _standing(sample, spans) >= STANDING:
        return Guess("span", spans)
    note = spans_note(sample)
    if spans:
        return Guess("translation", {"text": spans["question"], "target": spans["answer"]}, note)
    for first, second in PAIRS:
        if by_lower.get(first) in texts and second in by_lower and shapes[by_lower[second]].is_free:
            return Guess("translation", {"text": by_lower[first], "target": by_lower[second]}, note)
    text = next((by_lower[one] for one in TEXT_NAMES if by_lower.get(one) in texts), None)
    text = text or max(texts, key=lambda name: shapes[name].length)
    label = _label(shapes, text)
    if label is not None:
        return Guess("classification", {"text": text, "label": label}, note)
    free = [name for name in texts if shapes[name].is_free]
    if len(free) == 2 and text in free:
        return Guess("translation", {"text": free[0], "target": free[1]}, note)
    return Guess("generation", {"text": text}, note)


def _label(shapes: Mapping[str, _Shape], text: str) -> str | None:
    """The likeliest column of classes: one that is named so and repeats, else the only one that repeats much."""
    # A table may be sorted by its label: then all first rows have the same one.
    few = [name for name, shape in shapes.items() if name != text and shape.is_few]
    named = [name for one in LABEL_NAMES for name in few if name.lower().rpartition(".")[2] == one]
    repeating = [name for name in few if shapes[name].repeats]
    return named[0] if named else repeating[0] if len(repeating) == 1 else None


def _spans(sample: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Role -> column of questions with a context and an answer; empty where one of them is not named so."""
    lower = {name.lower(): name for name in sample}
    found = {role: lower[one] for role, names in SPAN_NAMES.items() if (one := next(filter(lower.get, names), None))}
    return found if set(ROLES["span"]) <= set(found) else {}


def _standing(sample: Mapping[str, Sequence[Any]], spans: Mapping[str, str]) -> float:
    """The share of rows with everything whose answer stands in its context."""
    rows = zip(*([cleaned(one) for one in sample[spans[role]]] for role in ("context", "answer")), strict=True)
    whole = [(context, answer) for context, answer in rows if context and answer]
    return sum(answer.strip() in context for context, answer in whole) / max(1, len(whole))


def spans_note(sample: Mapping[str, Sequence[Any]]) -> str:
    """What to say of columns that are named like marked answers and hold others; empty for all else."""
    spans = _spans(sample)
    if not spans or _standing(sample, spans) >= STANDING:
        return ""
    return _("These columns include a context, but most answers do not appear in it, so they cannot be marked there.")


def checked(
    kind: str | None, columns: Mapping[str, str], sample: Mapping[str, Sequence[Any]], *, running_text: bool = False
) -> Guess:
    """The guess with what a person says in its place; raises ``DataError`` for columns that are not there."""
    if kind is not None and kind not in KINDS:
        raise DataError(_("kind must be one of {known}. Got {got!r}.", known=", ".join(KINDS), got=visible(kind[:40])))
    for role, name in columns.items():
        if name not in sample:
            likely = nearest(name, list(sample))
            hint = _(" Did you mean {name}?", name=visible(likely[:60])) if likely else ""
            raise DataError(
                _("the column for {role} must be one of {known}. Got {got!r}.{hint}",
                  role=role, known=_listed(list(sample)), got=visible(name[:60]), hint=hint)
            )  # fmt: skip
    if kind is None and "target" in columns:
        kind = "translation"
    if kind is None and set(columns) & {*ROLES["span"], *OPTIONAL_ROLES["span"]}:
        kind = "span"
    if kind is None and "label" in columns:
        kind = "classification"
    guessed = (
        guess(sample, running_text=running_text)
        if kind is None or set(ROLES[cast(Kind, kind)]) - set(columns)
        else None
    )
    chosen = cast(Kind, kind or (guessed.kind if guessed else "generation"))
    found = {**(guessed.columns if guessed else {}), **(_spans(sample) if chosen == "span" else {}), **columns}
    if missing := [role for role in ROLES[chosen] if role not in found]:
        raise DataError(
            _("{kind} must have a column for {role}. None was detected among {known}. Choose it.",
              kind=chosen, role=missing[0], known=_listed(list(sample)))
        )  # fmt: skip
    roles = (*ROLES[chosen], *(role for role in OPTIONAL_ROLES.get(chosen, ()) if role in found))
    wanted = {role: found[role] for role in roles}
    if len(set(wanted.values())) < len(wanted):
        raise DataError(
            _("each role must have a separate column. Got {name} twice. Choose another one.",
              name=visible(next(iter(wanted.values()))[:60]))
        )  # fmt: skip
    for name in wanted.values():
        check_no_times(name, sample[name])
    return Guess(chosen, wanted, guessed.note if guessed else spans_note(sample))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name[:40]) for name in names[:20])
    return shown + (", ..." if len(names) > 20 else "")


@dataclass(frozen=True)
class _Shape:
    """``is_text``: words rather than numbers. ``is_few``: few short values for many rows.

    ``repeats``: that, and more than one. ``is_free``: mostly different texts, dates too. ``length``: mean characters.
    """

    is_text: bool
    is_few: bool
    repeats: bool
    is_free: bool
    length: float

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Shape:
        texts = [text for one in values if not isinstance(one, TIMES) and (text := cleaned(one)) is not None]
        if not texts:
            return cls(False, False, False, False, 0.0)
        distinct = len(set(texts))
        length = sum(map(len, texts)) / len(texts)
        strings = any(isinstance(one, str) for one in values)
        words = strings and any(any(c.isalpha() for c in t) for t in texts)
        is_few = distinct <= min(MOST_CLASSES, max(2, len(texts) // 2)) and length <= 60
        repeats = is_few and distinct > 1
        is_free = strings and distinct > len(texts) * 0.2
        return cls(words and (length > 12 or not repeats), is_few, repeats, is_free, length)
