"""What people read of a data set before they train on it. Start at about, then warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.numbers import percent
from clps_core.own_data import media, record
from clps_core.own_data.catalogue import length_of
from clps_core.own_data.record import DataSet
from clps_core.own_data.rows import read_index, some_texts
from clps_core.own_data.vocabulary import Vocabulary, vocabulary
from clps_core.words import N_, Words, _, ngettext

__all__ = ["KIND_TITLES", "About", "about", "changed_since", "samples", "warnings"]

SAMPLES = 5
FEW_IN_CLASS = 10
KIND_TITLES = Words(
    {
        "generation": N_("Text generation"),
        "classification": N_("Text classification"),
        "translation": N_("Text to text"),
        "span": N_("Answers marked in a text"),
        "images": N_("Pictures by class"),
        "speech": N_("Sounds with transcripts"),
    }
)


@dataclass(frozen=True)
class About:
    """``lines``: (title, sentence). ``classes``: (name, split -> rows). ``samples``: rows. ``plain``: figures."""

    lines: Sequence[tuple[str, str]]
    classes: Sequence[tuple[str, Mapping[str, int]]]
    samples: Sequence[Mapping[str, str]]
    plain: Mapping[str, Any]


def about(home: Path, data: DataSet, tokenizer: str | None = None, seq_len: int | None = None) -> About:
    """Everything about ``data`` with this tokenizer, cut at ``seq_len`` tokens (by default as a run would)."""
    if data.kind in media.MEDIA:
        return media.module(data.kind).about(home, data)
    folder = record.folder_of(home, data.name)
    words = vocabulary(folder, data, tokenizer)
    length = length_of(data, words, seq_len)
    lines = [
        (_("name"), data.name),
        (
            _("task"),
            _("{task}; for masked tokens, {masked}", task=data.task, masked=data.tasks[1])
            if len(data.tasks) > 1
            else data.task,
        ),
        (_("kind"), KIND_TITLES[data.kind]),
        (_("source"), data.source),
        (_("licence"), data.licence or _("not stated")),
        (_("columns"), ", ".join(f"{role}: {column}" for role, column in data.columns.items())),
        (_("rows"), _split_sentence(data)),
        (_("characters"), _characters(data)),
        (_("tokenizer"), _tokenizer(words)),
        (_("tokens"), _tokens(data, words, length)),
        (_("baselines"), _baselines(data, words)),
    ]
    counts = data.statistics.get("classes") or {}
    classes = [(name, {split: counts[split][at] for split in counts}) for at, name in enumerate(data.classes)]
    plain = {
        "vocab_size": words.size,
        "length": length,
        "cut": {role: words.cut_share(role, length) for role in words.lengths} if data.kind != "generation" else {},
        "tokens": dict(words.tokens),
        "tokens_measured": words.exact,
        "baselines": {split: dict(values) for split, values in words.baselines.items()},
    }
    return About(lines, classes, samples(home, data), plain)


def samples(home: Path, data: DataSet, count: int = SAMPLES, split: str = "train") -> list[dict[str, str]]:
    """Rows of the stored copy, evenly spread over ``split``: role -> text."""
    if data.kind in media.MEDIA:
        return media.module(data.kind).samples(home, data, count, split)
    folder = record.folder_of(home, data.name)
    index = read_index(folder)
    places = index.of_split(split)
    places = places[np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(np.int64)]
    roles = [role for role in data.columns if role not in ("label", "start")]
    found = some_texts(folder, places, roles)
    rows = [{role: found[role][at] for role in roles} for at in range(len(places))]
    if data.classes:
        for row, label in zip(rows, index.labels[places].tolist(), strict=True):
            row["label"] = data.classes[label]
    return rows


def warnings(data: DataSet) -> list[str]:
    """What a person should know before training, one sentence each."""
    if data.kind in media.MEDIA:
        return media.module(data.kind).warnings(data)
    figures, found = data.statistics, []
    if left_out := figures.get("left_out"):
        found.append(
            ngettext("{n:,} row without a value was left out.", "{n:,} rows without a value were left out.", left_out)
        )
    found += _span_warnings(figures.get("answers") or {})
    if (twice := figures["duplicates"]["train"]) and data.kind == "span":
        found.append(
            ngettext(
                "{n:,} training question repeats an earlier one about the same context.",
                "{n:,} training questions repeat an earlier one about the same context.",
                twice,
            )
        )
    elif twice:
        found.append(
            ngettext(
                "{n:,} training row repeats an earlier text.",
                "{n:,} training rows repeat an earlier text.",
                twice,
            )
        )
    for pair, count in figures["across"].items():
        if count:
            one, other = pair.split()
            found.append(
                ngettext(
                    "{n:,} text is in both {one} and {other}, so the score there is too high.",
                    "{n:,} texts are in both {one} and {other}, so the score there is too high.",
                    count,
                    one=one,
                    other=other,
                )
            )
    if contradictions := figures.get("contradictions"):
        found.append(
            ngettext("{n:,} text has more than one label.", "{n:,} texts have more than one label.", contradictions)
        )
    if contradictions := figures.get("target_contradictions"):
        found.append(
            ngettext(
                "{n:,} training text has more than one target.",
                "{n:,} training texts have more than one target.",
                contradictions,
            )
        )
    if classes := figures.get("classes"):
        missing = sum(count == 0 for count in classes["train"])
        few = sum(0 < count < FEW_IN_CLASS for count in classes["train"])
        if missing:
            found.append(ngettext("{n} class has no training row.", "{n} classes have no training row.", missing))
        if few:
            found.append(
                ngettext(
                    "{n} class has fewer than {few} training rows.",
                    "{n} classes have fewer than {few} training rows.",
                    few,
                    few=FEW_IN_CLASS,
                )
            )
    return found


def _span_warnings(answers: Mapping[str, int]) -> list[str]:
    """What became of answers whose place was not clear."""
    found = []
    if missing := answers.get("missing"):
        found.append(
            ngettext(
                "{n:,} answer is not in its context, so its row was left out.",
                "{n:,} answers are not in their contexts, so their rows were left out.",
                missing,
            )
        )
    if twice := answers.get("twice"):
        found.append(
            ngettext(
                "{n:,} answer appears more than once in its context, and the data do not say where: the first place "
                "is used.",
                "{n:,} answers appear more than once in their contexts, and the data do not say where: the first "
                "place is used.",
                twice,
            )
        )
    if moved := answers.get("moved"):
        found.append(
            ngettext(
                "{n:,} answer is not at its given start: the nearest place is used.",
                "{n:,} answers are not at their given starts: the nearest places are used.",
                moved,
            )
        )
    return found


def changed_since(data: DataSet) -> str:
    """That the source file is another one than was read; empty where it is the same, or not looked for."""
    if not data.source_state:
        return ""
    try:
        state = Path(data.source).stat()
    except OSError:
        return _("The source file is gone. Runs use the stored copy.")
    if (state.st_size, state.st_mtime_ns) == data.source_state:
        return ""
    return _("The source file has changed since. Runs use the stored copy: add the file again to use its new content.")


def _split_sentence(data: DataSet) -> str:
    parts = ", ".join(f"{split} {count:,}" for split, count in data.splits.items())
    if data.given_splits:
        return _("{parts} ({given} as given; the rest are split by a hash of the text)", parts=parts,
                 given=", ".join(data.given_splits))  # fmt: skip
    return _("{parts} (split by a hash of the text, so equal texts are in the same split)", parts=parts)


def _characters(data: DataSet) -> str:
    found = data.statistics["characters"]
    return _("{total:,} in total; per text: median {median:,}, 90 % up to {p90:,}, longest {longest:,}",
             total=data.characters, **found)  # fmt: skip


def _tokenizer(words: Vocabulary) -> str:
    if words.sample:
        return _("{spec}: {size:,} tokens, trained on {sample:,} characters of the training part",
                 spec=words.spec, size=words.size, sample=words.sample)  # fmt: skip
    return _("{spec}: {size:,} tokens", spec=words.spec, size=words.size)


def _tokens(data: DataSet, words: Vocabulary, length: int) -> str:
    if data.kind == "generation":
        total = sum(words.tokens.values())
        return (_("{n:,} in total; windows of {length}", n=total, length=length) if words.exact
                else _("about {n:,} in total; windows of {length}", n=total, length=length))  # fmt: skip
    if data.kind == "span":
        sizes = words.lengths["input"]
        cut, lost = (percent(words.cut_share(role, length)) for role in ("input", "reach"))
        return _(
            "question and context: median {median}, longest {longest}; {cut} longer than {length} and cut, which "
            "removes {lost} of the answers (in {n:,} training rows)",
                 median=words.length_at("input", 0.5), longest=sizes[-1], length=length, n=len(sizes), cut=cut,
                 lost=lost)  # fmt: skip
    parts = [
        _("{role}: median {median}, longest {longest}, {cut} longer than {length} and cut",
          role=role, median=words.length_at(role, 0.5), longest=found[-1], cut=percent(words.cut_share(role, length)),
          length=length)
        for role, found in words.lengths.items()
    ]  # fmt: skip
    measured = len(next(iter(words.lengths.values())))
    return _("{parts} (in {n:,} training rows)", parts="; ".join(parts), n=measured)


def _baselines(data: DataSet, words: Vocabulary) -> str:
    found = words.baselines["validation"]
    if data.kind == "classification":
        return _("always the most frequent class: accuracy {value}", value=percent(found["accuracy"]))
    if data.kind == "generation":
        return _("each token with its frequency as probability: perplexity {value:.1f}", value=found["perplexity"])
    if data.kind == "span":
        return _(
            "the first words of the context, or a frequent answer if the context contains it: exact match {exact}, "
            "token F1 {f1}", exact=percent(found["exact_match"]), f1=percent(found["token_f1"]))  # fmt: skip
    copied = data.statistics.get("copied", 0) / max(1, data.rows)
    return _("always the same text: exact match {value}; a copy of the input: exact match {copied} (all rows)",
             value=percent(found["exact_match"]), copied=percent(copied))  # fmt: skip
