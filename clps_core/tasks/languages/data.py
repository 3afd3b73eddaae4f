"""Say which language a sentence is in. Start at Languages.

The sentences are messages of three programs and their translations; ``prepare.py`` says which. An input is a sentence
by characters, its class one of 20 languages. The split is by message: no message of validation or tests is in training
in any language. So are the parts of a cross-validation. Messages of one program are alike ("Move 1 page", "Move 1
file"), so a test sentence is not as new as a sentence from elsewhere. Logistic regression on counts of character
n-grams is right in 97.4 % of the test sentences (28 November 2026, ``benchmarks/languages_linear.py``): the usual
small model, trained for a minute, stays below that.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import Array, Batch, Example, Fold, TaskData, check_split, fold_of, padded
from clps_core.data.rows import Rows, ShippedTexts, split_rows
from clps_core.data.scores import constant_answer, macro_f1
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.languages import LANGUAGES
from clps_core.tasks.languages import facts as own_facts
from clps_core.words import _

__all__ = ["Languages", "load"]

FILE = Path(__file__).parent / "sentences.tsv.xz"
SHA256 = "97e6127693a893cdfd246659a77e1297794a6eb0eb8a1881ea4244370fef8f8c"
SPECIALS = ("<pad>", "<unk>")
PAD, UNK = range(2)
LENGTH_STEP = 8
HELD_OUT_PERCENT = 10
"""Percent of the messages that are for validation, and as many for tests."""


@dataclass(frozen=True)
class _Sentences:
    """What is the same for every seed: sentences, the message and the class of each, the vocabulary, the splits."""

    texts: Sequence[str]
    messages: Sequence[str]
    labels: Array
    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    rows: Rows


@cache
def _sentences() -> _Sentences:
    lines = [line.split("\t") for line in shipped_text(FILE, SHA256).splitlines()]
    texts, messages = [line[2] for line in lines], [line[0] for line in lines]
    codes = {code: place for place, code in enumerate(LANGUAGES)}
    tokens = (*SPECIALS, *sorted(set("".join(texts))))
    return _Sentences(
        texts,
        messages,
        np.array([codes[line[1]] for line in lines], dtype=np.int64),
        tokens,
        {token: place for place, token in enumerate(tokens)},
        split_rows(messages, texts, HELD_OUT_PERCENT, "message {}".format, "languages 1", SHA256),
    )


class Languages(ShippedTexts):
    """The ``languages`` task: see the module, and ``TaskData`` for the methods."""

    pad_id, unk_id = PAD, UNK
    bos_id = eos_id = -1

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        self.classes = tuple(LANGUAGES.values())
        self._all = _sentences()
        super().__init__(self._all.rows, facts or own_facts(), seed, fold)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: specials, characters."""
        return self._all.tokens

    def sentences(self, split: str) -> list[tuple[str, str, str]]:
        """(message, language, sentence) of ``split``, in the order of evaluation."""
        found = self._all
        return [(found.messages[p], self.classes[found.labels[p]], found.texts[p]) for p in self.of_split(split)]

    def _batch(self, places: Array) -> Batch:
        rows = [self._ids(self._all.texts[place]) for place in places]
        inputs = padded(rows, PAD, LENGTH_STEP, self.facts.max_source_len)
        return Batch(inputs, inputs != PAD, None, self._all.labels[places])

    def _ids(self, text: str) -> list[int]:
        return [self._all.ids.get(character, UNK) for character in text]

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` and ``macro_f1`` of always naming the most frequent language, ``loss`` of giving the shares."""
        check_split(split)
        labels = self._all.labels[self.of_split(split)[:limit]]
        accuracy, loss = constant_answer(labels)
        counts = np.bincount(labels, minlength=len(self.classes))
        confusion = np.zeros((len(counts), len(counts)), dtype=np.int64)
        confusion[:, counts.argmax()] = counts
        return {"accuracy": accuracy, "loss": loss, "macro_f1": macro_f1(confusion)}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, S]; spaces are evened out, unknown characters become ``<unk>``."""
        text = _even(text)
        if not text:
            raise DataError(
                _("the text must not be empty. Type a sentence such as {example}.",
                  example=self.facts.example_inputs[0])
            )  # fmt: skip
        longest = self.facts.max_source_len
        if len(text) > longest:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=longest,
                    got=len(text),
                )
            )
        return np.array([self._ids(text)], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A classifier has no decoder target: always a ``DataError``."""
        raise DataError(_("{task} has no target to type. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The language of a sentence of the test split; nobody knows it of another one."""
        return _test_languages().get(_even(text))

    def unknown(self, text: str) -> tuple[str, ...]:
        """Characters that become ``<unk>``."""
        return tuple(dict.fromkeys(c for c in _even(text) if c not in self._all.ids))

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The language of one class number."""
        found = np.asarray(tokens).reshape(-1).tolist()
        return " ".join(self.classes[label] for label in found if 0 <= label < len(self.classes))

    def input_text(self, tokens: Array) -> str:
        """The sentence of an input; an unknown character shows as the replacement character."""
        names = [self._name(token) for token in np.asarray(tokens).reshape(-1).tolist() if token != PAD]
        return "".join("�" if name == "<unk>" else name for name in names)

    def _name(self, token: int) -> str:
        return self.tokens[token] if 0 <= token < len(self.tokens) else "<unk>"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Characters as they are, a space as ``␣``."""
        names = [self._name(token) for token in np.asarray(tokens).reshape(-1).tolist()]
        return ["␣" if name.isspace() else name for name in names]

    def examples(self, count: int) -> list[Example]:
        """Test sentences."""
        places = self.of_split("test")[:count]
        return [Example(self._all.texts[place], self.classes[self._all.labels[place]]) for place in places]

    def tokenizer_json(self) -> str:
        """One token per character."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel(dict(self._all.ids), unk_token=SPECIALS[UNK]))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.add_special_tokens(list(SPECIALS))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


@cache
def _test_languages() -> Mapping[str, str]:
    found, names = _sentences(), tuple(LANGUAGES.values())
    return {found.texts[place]: names[found.labels[place]] for place in found.rows.splits["test"]}


def _even(text: str) -> str:
    """Single spaces; accents and their letters as one character."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The sentences that ship beside this file; raises ``DataError`` where they are damaged."""
    return Languages(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
