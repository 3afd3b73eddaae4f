"""Say how an English word sounds. Start at Sounds.

The words and their phones (ARPAbet, without stress) are those of the CMU Pronouncing Dictionary; ``prepare.py`` says
which. A source is a word by letters, a target its first pronunciation by phones. A hash of the word says to which
split it belongs; its plural or its past tense, if the dictionary has them, are words of their own.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch, Example, Fold, TaskData, check_split, fold_of, padded
from clps_core.data.rows import Rows, ShippedTexts, split_rows
from clps_core.data.scores import constant_text
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.sounds import facts as own_facts
from clps_core.words import _

__all__ = ["Sounds", "load"]

FILE = Path(__file__).parent / "words.tsv.xz"
SHA256 = "26915a8b7346a0b20e75347e54699d1740d4f2b99bbff356169c3764baf51d95"
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LENGTH_STEP = 4
HELD_OUT_PERCENT = 4
"""Percent of the words that are for validation, and as many for tests."""


@dataclass(frozen=True)
class _Dictionary:
    """What is the same for every seed: words in alphabetical order, their phones, the vocabulary, the splits."""

    words: Sequence[str]
    phones: Sequence[str]
    """Of each word, with spaces between."""
    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    rows: Rows


@cache
def _dictionary() -> _Dictionary:
    lines = [line.partition("\t") for line in shipped_text(FILE, SHA256).splitlines()]
    words, phones = [word for word, _tab, _said in lines], [said for _word, _tab, said in lines]
    tokens = (*SPECIALS, *LETTERS, *sorted({phone for said in set(phones) for phone in said.split()}))
    rows = split_rows(words, words, HELD_OUT_PERCENT, "sound {}".format, "sounds 1", SHA256)
    return _Dictionary(words, phones, tokens, {token: n for n, token in enumerate(tokens)}, rows)


class Sounds(ShippedTexts):
    """The ``sounds`` task: see the module, and ``TaskData`` for the methods."""

    pad_id, bos_id, eos_id, unk_id = PAD, BOS, EOS, UNK

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        self._all = _dictionary()
        super().__init__(self._all.rows, facts or own_facts(), seed, fold)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: specials, letters, phones."""
        return self._all.tokens

    def words(self, split: str) -> list[str]:
        """The words of ``split``, in the order of evaluation."""
        return [self._all.words[place] for place in self.of_split(split)]

    def _batch(self, places: Array) -> Batch:
        sources = [self._ids(self._all.words[place]) for place in places]
        targets = [self._target(place) for place in places]
        longest = self.facts.max_target_len
        inputs = padded(sources, PAD, LENGTH_STEP, self.facts.max_source_len)
        return Batch(
            inputs=inputs,
            input_mask=inputs != PAD,
            decoder_inputs=padded([[BOS, *target] for target in targets], PAD, LENGTH_STEP, longest),
            labels=padded([[*target, EOS] for target in targets], IGNORED, LENGTH_STEP, longest),
        )

    def _target(self, place: int) -> list[int]:
        return self._ids(self._all.phones[place].split())

    def _ids(self, names: Sequence[str]) -> list[int]:
        return [self._all.ids.get(name, UNK) for name in names]

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``exact_match`` of always writing one sound, ``token_accuracy`` and ``loss`` of one text for all."""
        check_split(split)
        rows = [np.array([*self._target(place), EOS]) for place in self.of_split(split)[:limit]]
        exact, token_accuracy, loss = constant_text(rows)
        return {"exact_match": exact, "token_accuracy": token_accuracy, "loss": loss}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """One word, in capitals or not; what is no letter from a to z becomes ``<unk>``."""
        word = _typed(text)
        if not word:
            raise DataError(
                _("the text must not be empty. Type a word such as {example}.", example=self.facts.example_inputs[0])
            )
        longest = self.facts.max_source_len
        if len(word) > longest:
            raise DataError(
                _(
                    "the word must have at most {longest} letters. Got {got}. Type a shorter word.",
                    longest=longest,
                    got=len(word),
                )
            )
        return np.array([self._ids(word)], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """Typed phones with spaces between after bos, as far as they are typed: no eos. Stress may be there."""
        phones = [phone.rstrip("012") for phone in text.upper().split()]
        longest = self.facts.max_target_len - 1
        if len(phones) > longest:
            raise DataError(
                _("the target must have at most {longest} phones. Got {got}. Shorten it.",
                  longest=longest, got=len(phones))
            )  # fmt: skip
        known = self.tokens[len(SPECIALS) + len(LETTERS) :]
        strange = next((phone for phone in phones if phone not in known), None)
        if strange is not None:
            raise DataError(
                _("a phone must be one of {known}. Got {got!r}. Put spaces between phones.",
                  known=", ".join(known), got=strange[:40])
            )  # fmt: skip
        return np.array([[BOS, *self._ids(phones)]], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The phones of a word that the dictionary has."""
        word = _typed(text)
        place = bisect_left(self._all.words, word)
        found = place < len(self._all.words) and self._all.words[place] == word
        return self._all.phones[place] if found else None

    def unknown(self, text: str) -> tuple[str, ...]:
        """Characters that become ``<unk>``."""
        return tuple(dict.fromkeys(c for c in _typed(text) if c not in LETTERS))

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The phones up to the first eos, with spaces between; what is no phone shows as it is called."""
        return " ".join(self._names(tokens))

    def input_text(self, tokens: Array) -> str:
        """The word of an input."""
        return "".join(self._names(tokens))

    def _names(self, tokens: Sequence[int] | Array) -> list[str]:
        names = []
        for token in np.asarray(tokens).reshape(-1).tolist():
            if token == EOS:
                break
            if token not in (PAD, BOS):
                names.append(self._name(token))
        return ["�" if name == "<unk>" else name for name in names]

    def _name(self, token: int) -> str:
        return self.tokens[token] if 0 <= token < len(self.tokens) else "<unk>"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Letters and phones as they are."""
        return [self._name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test words."""
        places = self.of_split("test")[:count]
        return [Example(self._all.words[place], self._all.phones[place]) for place in places]

    def tokenizer_json(self) -> str:
        """One token per small letter; phones are in capitals, with spaces between."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel(dict(self._all.ids), unk_token=SPECIALS[UNK]))
        apart = pre_tokenizers.Split(Regex("[A-Z]+|[^A-Z]"), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), apart])
        tokenizer.add_special_tokens(list(SPECIALS))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def _typed(text: str) -> str:
    return " ".join(text.split()).lower()


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The words that ship beside this file; raises ``DataError`` where they are damaged."""
    return Sounds(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
