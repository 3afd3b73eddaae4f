"""Translate sentences of programs into German. Start at Sentences.

The pairs are interface texts of five programs and their translations; ``prepare.py`` says which. Tokens are those of
one byte-level BPE for both languages, so nothing is unknown. A hash of the English letters and digits says to which
split a pair belongs: "Save" and "&Save..." are in one. Texts of one program are alike ("Move 1 page", "Move 1 file"),
so a test sentence is not as new as a sentence from elsewhere.
On the test part a copy of the English text has chrF 25.9; word by word, with the most likely German word for each
(Dice), 9.1 % are right and chrF is 56.0. The usual small model has more right, 13.4 and 13.3 % (two seeds), but chrF
41.6 and 42.0: it invents parts of rare words (28 November 2026).

Training batches hold sentences of about one length (``data.lengths.by_length``), unless ``data.by_length`` is false.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch, Example, Fold, TaskData, check_split, fold_of, padded
from clps_core.data.pieces import piece_label
from clps_core.data.rows import Rows, ShippedTexts, split_rows
from clps_core.data.scores import constant_text
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.sentences import HELD_OUT_PERCENT, SPECIALS, split_name
from clps_core.tasks.sentences import facts as own_facts
from clps_core.words import _

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Sentences", "load"]

FOLDER = Path(__file__).parent
FILE, TOKENIZER = FOLDER / "pairs.tsv.xz", FOLDER / "tokenizer.json.xz"
SHA256 = "9b55ba090d4b4b37504e72dc2ba0854a67fb9f891cfbb2a6fd0e2cacf9bbdb07"
TOKENIZER_SHA256 = "9c88597ef0a92a21f04c9b7483cccc8300e400684301f6f7cc7e3dcc039e874c"
PAD, BOS, EOS, UNK = range(4)
LENGTH_STEP = 2


@dataclass(frozen=True)
class _Pairs:
    """What is the same for every seed: texts, the tokens of each, the splits."""

    english: Sequence[str]
    german: Sequence[str]
    sources: Sequence[list[int]]
    targets: Sequence[list[int]]
    rows: Rows


@cache
def _pairs() -> _Pairs:
    lines = [line.split("\t") for line in shipped_text(FILE, SHA256).splitlines()]
    english, german = [line[0] for line in lines], [line[1] for line in lines]
    codes = [_tokenizer().encode_batch(texts, add_special_tokens=False) for texts in (english, german)]
    keys = [split_name(text) for text in english]
    return _Pairs(
        english,
        german,
        [code.ids for code in codes[0]],
        [code.ids for code in codes[1]],
        split_rows(keys, english, HELD_OUT_PERCENT, str, "sentences 1", SHA256, TOKENIZER_SHA256),
    )


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(shipped_text(TOKENIZER, TOKENIZER_SHA256))
    tokenizer.encode_special_tokens = True  # a typed "<eos>" is five characters
    return tokenizer


class Sentences(ShippedTexts):
    """The ``sentences`` task: see the module, and ``TaskData`` for the methods."""

    pad_id, bos_id, eos_id, unk_id = PAD, BOS, EOS, UNK

    def __init__(
        self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None, *, by_length: bool = True
    ) -> None:
        self._all = _pairs()
        self.by_length = by_length
        super().__init__(self._all.rows, facts or own_facts(), seed, fold)

    @cached_property
    def lengths(self) -> Array | None:
        """int64 [rows of the training part]: tokens of each pair."""
        if not self.by_length:
            return None
        found = self._all
        return np.array([len(found.sources[place]) + len(found.targets[place]) for place in self.of_split("train")])

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: specials, bytes, merged pieces."""
        vocabulary = _tokenizer().get_vocab()
        return tuple(sorted(vocabulary, key=vocabulary.__getitem__))

    def pairs(self, split: str) -> list[tuple[str, str]]:
        """(English, German) of ``split``, in the order of evaluation."""
        return [(self._all.english[place], self._all.german[place]) for place in self.of_split(split)]

    def _batch(self, places: Array) -> Batch:
        sources, targets = self._all.sources, [self._all.targets[place] for place in places]
        longest = self.facts.max_target_len
        inputs = padded([sources[place] for place in places], PAD, LENGTH_STEP, self.facts.max_source_len)
        return Batch(
            inputs=inputs,
            input_mask=inputs != PAD,
            decoder_inputs=padded([[BOS, *target] for target in targets], PAD, LENGTH_STEP, longest),
            labels=padded([[*target, EOS] for target in targets], IGNORED, LENGTH_STEP, longest),
        )

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``exact_match`` and ``token_accuracy`` of a copy of the input or of one text for all, the better one.

        ``loss`` of the shares of tokens at each place: a copy has none.
        """
        check_split(split)
        places = self.of_split(split)[:limit]
        sources, targets = (
            [np.array([*of[place], EOS]) for place in places] for of in (self._all.sources, self._all.targets)
        )
        exact, token_accuracy, loss = constant_text(targets)
        hits = [(one[: len(two)] == two[: len(one)]).sum() for one, two in zip(sources, targets, strict=True)]
        copied = sum(map(np.array_equal, sources, targets)) / len(places)
        return {
            "exact_match": max(exact, copied),
            "token_accuracy": max(token_accuracy, float(sum(hits)) / sum(map(len, targets))),
            "loss": loss,
        }

    def _typed(self, text: str, longest: int) -> list[int]:
        text = _even(text)
        if not text:
            raise DataError(
                _("the text must not be empty. Type a sentence such as {example}.",
                  example=self.facts.example_inputs[0])
            )  # fmt: skip
        ids: list[int] = _tokenizer().encode(text, add_special_tokens=False).ids
        if len(ids) > longest:
            raise DataError(
                _("the text must have at most {longest} tokens. Got {got}. Shorten it.", longest=longest, got=len(ids))
            )
        return ids

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, S]; spaces are evened out."""
        return np.array([self._typed(text, self.facts.max_source_len)], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """``text`` after bos, as far as it is typed: no eos."""
        return np.array([[BOS, *self._typed(text, self.facts.max_target_len - 1)]], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The translation of a text that the programs have."""
        return _translations().get(_even(text))

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: bytes spell every character."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text that ``tokens`` spell, up to the first eos."""
        ids = np.asarray(tokens).reshape(-1).tolist()
        ids = ids[: ids.index(EOS)] if EOS in ids else ids
        return str(_tokenizer().decode([one for one in ids if 0 <= one < len(self.tokens)], skip_special_tokens=True))

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Each piece's text: a space as ``␣``, part of a character as ``\\\\xc3``."""
        pieces = [
            _tokenizer().id_to_token(one) if one >= 0 else None for one in np.asarray(tokens).reshape(-1).tolist()
        ]
        return [str(piece) if piece in SPECIALS else piece_label(piece, of_bytes=True) for piece in pieces]

    def examples(self, count: int) -> list[Example]:
        """Test sentences."""
        return [Example(*pair) for pair in self.pairs("test")[:count]]

    def tokenizer_json(self) -> str:
        """The byte-level BPE."""
        return json.dumps(json.loads(_tokenizer().to_str()), ensure_ascii=False)


@cache
def _translations() -> Mapping[str, str]:
    return dict(zip(_pairs().english, _pairs().german, strict=True))


def _even(text: str) -> str:
    """Single spaces, and nothing that UTF-8 cannot hold."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The pairs that ship beside this file; raises ``DataError`` where they are damaged."""
    return Sentences(
        seed=config.data.seed,
        fold=fold_of(config.data.fold, config.data.folds),
        facts=facts,
        by_length=config.data.by_length is not False,
    )
