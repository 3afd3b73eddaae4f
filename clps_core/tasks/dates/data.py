"""Translate full dates from English into other languages. Start at Dates.

The texts are Babel's ``format_date(..., format="full")``, that is, the Unicode CLDR's. A source is the
target language's token, then the English date by characters; a target is the date in that language.
The split is by calendar date: a validation or test date is in training in no language. So are the parts of
a cross-validation.
"""

from __future__ import annotations

import datetime
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from babel.dates import format_date, get_month_names

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    SPLITS,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    held_out_split,
    padded,
    step_generator,
)
from clps_core.data.scores import constant_text
from clps_core.errors import DataError
from clps_core.tasks.dates import facts as own_facts
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["FIRST_DATE", "LAST_DATE", "Dates", "full_date", "load"]

FIRST_DATE = datetime.date(1950, 1, 1)
LAST_DATE = datetime.date(2049, 12, 31)
SOURCE_LOCALE = "en_US"
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)
LENGTH_STEP = 4


@lru_cache(maxsize=1 << 15)
def full_date(ordinal: int, locale: str) -> str:
    """The full date of a proleptic Gregorian ``ordinal`` in the words of ``locale``."""
    return str(format_date(datetime.date.fromordinal(ordinal), format="full", locale=locale))


@dataclass(frozen=True)
class _Calendar:
    """What is the same for every seed: vocabulary, splits, fingerprint."""

    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    splits: Mapping[str, Array]
    """Ordinals of each split's dates; the held-out ones in an order that mixes years."""
    fingerprint: str


@cache
def _calendar() -> _Calendar:
    facts = own_facts()
    languages = tuple(facts.options["language"])
    # A leap year meets every weekday in every month and every day number, hence every word and every digit.
    year = range(datetime.date(2000, 1, 1).toordinal(), datetime.date(2001, 1, 1).toordinal())
    texts = [full_date(ordinal, locale) for locale in (SOURCE_LOCALE, *languages) for ordinal in year]
    tokens = (*SPECIALS, *(f"<{language}>" for language in languages), *sorted(set("".join(texts))))
    if len(tokens) != facts.vocab_size:
        raise DataError(
            _(
                "the dates must use {want} tokens. They use {got}: this version of Babel writes them with other "
                "characters. Install the version of Babel in constraints.txt.",
                want=facts.vocab_size,
                got=len(tokens),
            )
        )
    names: dict[str, list[int]] = {split: [] for split in SPLITS}
    for ordinal in range(FIRST_DATE.toordinal(), LAST_DATE.toordinal() + 1):
        names[held_out_split(f"date {ordinal}")].append(ordinal)
    for split in SPLITS[1:]:
        names[split].sort(key=lambda ordinal: digest("clps order", ordinal))
    splits = {split: np.array(ordinals, dtype=np.int64) for split, ordinals in names.items()}
    fingerprint = digest("dates 1", *tokens, *texts, *(ordinals.tobytes() for ordinals in splits.values()))
    return _Calendar(tokens, {token: place for place, token in enumerate(tokens)}, splits, fingerprint)


@lru_cache(maxsize=16)
def _folded(fold: Fold) -> _Calendar:
    whole = _calendar()
    validation = [ordinal for split in SPLITS[:2] for ordinal in whole.splits[split].tolist() if fold.holds(ordinal)]
    held_out = set(validation)
    training = sorted(o for split in SPLITS[:2] for o in whole.splits[split].tolist() if o not in held_out)
    validation.sort(key=lambda ordinal: digest("clps order", ordinal))
    arrays = {"train": np.array(training, dtype=np.int64), "validation": np.array(validation, dtype=np.int64)}
    return replace(whole, splits={**whole.splits, **arrays}, fingerprint=fold.name(whole.fingerprint))


class Dates:
    """The ``dates`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; the splits are the same for all seeds. ``fold`` cuts what is
    not for tests anew.
    """

    pad_id, bos_id, eos_id, unk_id = PAD, BOS, EOS, UNK

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed, self.fold = seed, fold
        self.languages = tuple(self.facts.options["language"])
        self._calendar = _calendar() if fold is None else _folded(fold)
        self.fingerprint = self._calendar.fingerprint

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: specials, target languages, characters."""
        return self._calendar.tokens

    def dates(self, split: str) -> Array:
        """int64 ordinals of the calendar dates of ``split``."""
        return self._calendar.splits[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Dates and languages drawn evenly, with replacement, from the training dates."""
        generator = step_generator(self.fingerprint, self.seed, step)
        ordinals = generator.choice(self.dates("train"), size=batch_size)
        places = generator.integers(len(self.languages), size=batch_size)
        return self._batch([(int(o), self.languages[p]) for o, p in zip(ordinals, places, strict=True)])

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Batches of ``pairs(split, limit)``, in that order."""
        pairs = self.pairs(split, limit)
        for start in range(0, len(pairs), batch_size):
            yield self._batch(pairs[start : start + batch_size])

    def pairs(self, split: str, limit: int) -> list[tuple[int, str]]:
        """The first ``limit`` held-out (ordinal, language): new dates first, languages in turn.

        All dates come once before any comes again in another language.
        """
        check_split(split)
        dates, count = self.dates(split), len(self.languages)
        total = min(limit, len(dates) * count)
        rounds = [divmod(place, len(dates)) for place in range(total)]
        return [(int(dates[place]), self.languages[(place + turn) % count]) for turn, place in rounds]

    def _batch(self, pairs: Sequence[tuple[int, str]]) -> Batch:
        sources = [self._source_ids(full_date(ordinal, SOURCE_LOCALE), language) for ordinal, language in pairs]
        targets = [self._ids(full_date(ordinal, language)) for ordinal, language in pairs]
        longest = self.facts.max_target_len
        inputs = padded(sources, PAD, LENGTH_STEP, self.facts.max_source_len)
        return Batch(
            inputs=inputs,
            input_mask=inputs != PAD,
            decoder_inputs=padded([[BOS, *target] for target in targets], PAD, LENGTH_STEP, longest),
            labels=padded([[*target, EOS] for target in targets], IGNORED, LENGTH_STEP, longest),
        )

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``exact_match`` of always writing one date, ``token_accuracy`` and ``loss`` of one text for all.

        Copying the English date is never right as a whole and has fewer characters right.
        """
        pairs = self.pairs(split, len(self.dates(split)) * len(self.languages) if limit is None else limit)
        rows = [np.array([*self._ids(full_date(ordinal, language)), EOS]) for ordinal, language in pairs]
        exact, token_accuracy, loss = constant_text(rows)
        return {"exact_match": exact, "token_accuracy": token_accuracy, "loss": loss}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        """``options["language"]`` is the target language (the first if not given); spaces are evened out."""
        language = (options or {}).get("language", self.languages[0])
        if language not in self.languages:
            raise DataError(
                _(
                    "language must be one of {known}. Got {got!r}.",
                    known=", ".join(self.languages),
                    got=str(language)[:40],
                )
            )
        return np.array([self._source_ids(self._typed(text, self.facts.max_source_len - 1), language)], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """``text`` after bos, as far as it is typed: no eos."""
        return np.array([[BOS, *self._ids(self._typed(text, self.facts.max_target_len - 1))]], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:
        """The date in the target language, if ``text`` is a date exactly as ``full_date`` writes it."""
        text = " ".join(text.split())
        found = re.fullmatch(r"\w+, (\w+) ([0-9]{1,2}), ([0-9]{4})", text)
        months = {name: number for number, name in get_month_names("wide", locale=SOURCE_LOCALE).items()}
        if found is None or found[1] not in months:
            return None
        try:
            ordinal = datetime.date(int(found[3]), months[found[1]], int(found[2])).toordinal()
        except ValueError:
            return None
        language = (options or {}).get("language", self.languages[0])
        is_exact = full_date(ordinal, SOURCE_LOCALE) == text and language in self.languages
        return full_date(ordinal, language) if is_exact else None

    def _typed(self, text: str, longest: int) -> str:
        text = _even(text)
        if not text:
            raise DataError(
                _("the text must not be empty. Type a date such as {example}.", example=self.facts.example_inputs[0])
            )
        if len(text) > longest:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=longest,
                    got=len(text),
                )
            )
        return text

    def _source_ids(self, text: str, language: str) -> list[int]:
        return [self._calendar.ids[f"<{language}>"], *self._ids(text)]

    def _ids(self, text: str) -> list[int]:
        ids = self._calendar.ids
        return [ids.get(character, UNK) for character in text]

    def unknown(self, text: str) -> tuple[str, ...]:
        """Characters that become ``<unk>``."""
        return tuple(dict.fromkeys(c for c in _even(text) if c not in self._calendar.ids))

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The date written by ``tokens``; an unknown character shows as the replacement character."""
        names = []
        for token in np.asarray(tokens).reshape(-1).tolist():
            if token == EOS:
                break
            names.append(self._name(token))
        return "".join("�" if name == "<unk>" else name for name in names if name == "<unk>" or len(name) == 1)

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Characters as they are, a space as ``␣``, a target language as ``→fr``."""
        return [self._label(self._name(token)) for token in np.asarray(tokens).reshape(-1).tolist()]

    def _name(self, token: int) -> str:
        return self.tokens[token] if 0 <= token < len(self.tokens) else "<unk>"

    def _label(self, name: str) -> str:
        if name[1:-1] in self.languages:
            return f"→{name[1:-1]}"
        return "␣" if name.isspace() else name

    def examples(self, count: int) -> list[Example]:
        """Test dates, languages in turn."""
        return [
            Example(full_date(ordinal, SOURCE_LOCALE), full_date(ordinal, language), {"language": language})
            for ordinal, language in self.pairs("test", count)
        ]

    def tokenizer_json(self) -> str:
        """One token per character; the language's token is put in front by the caller."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel(dict(self._calendar.ids), unk_token=SPECIALS[UNK]))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.add_special_tokens([*SPECIALS, *(f"<{language}>" for language in self.languages)])
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def _even(text: str) -> str:
    """``text`` as CLDR would write it: single spaces, accents and their letters as one character."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The dates; nothing lies in files."""
    return Dates(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
