"""A long text as the data of a language model: windows of its tokens. Start at RunningText.

Its tokenizer is a byte-level BPE that is trained on the training documents; without merges (``BYTES`` tokens) every
token is a byte. The split is by document. A training window starts anywhere in the training documents; held-out windows
lie one after another and do not overlap. The parts of a cross-validation are whole documents too; the vocabulary stays
the one of the usual split, so that all parts count the same tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from clps_core.data.base import SPLITS, Array, Batch, Example, Fold, check_split, digest, step_generator
from clps_core.data.pieces import bytes_of_tokens, piece_label
from clps_core.data.scores import of_text
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["BOS", "BYTES", "EOS", "PAD", "SPECIALS", "Corpus", "RunningText", "tokenized"]

SPECIALS = ("<pad>", "<bos>", "<eos>")
PAD, BOS, EOS = range(3)
BYTES = len(SPECIALS) + 256
"""Tokens of a vocabulary of all bytes, without merges."""
LONGEST_TYPED = 20_000
"""Characters of a typed text that are looked at at all; more cannot fit."""
SENTENCE = re.compile(r"\n\n((?:[A-Z][a-z]+|A)(?: [a-z]+){5,7})(?= [a-z]+ )")
"""Six to eight plain words at the head of a paragraph."""
WHOLE_SENTENCE = re.compile(r"(?:\n\n|\. )([A-Z][a-z]+ [^.\n]{30,120}\.)(?=\s)")
"""A sentence on one line."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts as tokens.

    ``tokenizer``: JSON of the tokenizers library. ``splits``: int64 tokens of each split: bos, document, eos, bos,
    document, eos, ... ``fingerprint``: of all of it, and of ``name``, which says how it was made.
    """

    tokenizer: str
    splits: Mapping[str, Array]
    fingerprint: str

    @classmethod
    def of(cls, tokenizer: str, splits: Mapping[str, Array], *name: object) -> Corpus:
        """The corpus with its fingerprint."""
        return cls(tokenizer, splits, digest(*name, tokenizer, *(splits[split].tobytes() for split in SPLITS)))

    def folded(self, fold: Fold) -> Corpus:
        """With what is not for tests cut anew, by whole documents."""
        parts: dict[str, list[Array]] = {"train": [], "validation": []}
        for document in (one for split in parts for one in _documents(self.splits[split])):
            parts["validation" if fold.holds(document.tobytes()) else "train"].append(document)
        if not all(parts.values()):
            raise DataError(
                _(
                    "each of the {folds} folds must contain a document. One is empty. Lower data.folds.",
                    folds=fold.count,
                )
            )
        splits = {split: np.concatenate(documents) for split, documents in parts.items()}
        return Corpus(self.tokenizer, {**self.splits, **splits}, fold.name(self.fingerprint))


def _documents(tokens: Array) -> list[Array]:
    """The documents of one split, each with its bos and eos."""
    return np.split(tokens, np.flatnonzero(tokens == BOS)[1:])


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE of exactly ``vocab_size`` tokens; the same texts always give the same merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenized(splits: Mapping[str, Sequence[str]], vocab_size: int, *name: object) -> Corpus:
    """The documents of each split as tokens of a tokenizer trained on those for training."""
    tokenizer = train_tokenizer(splits["train"], vocab_size)
    tokenizer.encode_special_tokens = True
    tokens = {
        split: np.concatenate(
            [[BOS, *code.ids, EOS] for code in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        ).astype(np.int64)
        for split, texts in splits.items()
    }
    return Corpus.of(tokenizer.to_str(), tokens, *name)


class RunningText:
    """A base for ``TaskData`` of windows; see there for the methods.

    ``seq_len``: tokens of one window; ``seed`` decides the training windows only.
    """

    pad_id, bos_id, eos_id = PAD, BOS, EOS

    def __init__(self, corpus: Corpus, facts: TaskFacts, seed: int, seq_len: int) -> None:
        self._corpus, self.facts, self.seed, self.seq_len = corpus, facts, seed, seq_len
        self.fingerprint = corpus.fingerprint
        shortest = min(len(corpus.splits[split]) for split in SPLITS)
        if seq_len + 1 > shortest:
            raise DataError(
                _(
                    "seq_len must be less than the number of tokens of the smallest split ({limit}). Got {got}. "
                    "Lower it.",
                    limit=shortest,
                    got=seq_len,
                )
            )

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The trained byte-level BPE."""
        tokenizer = Tokenizer.from_str(self._corpus.tokenizer)
        tokenizer.encode_special_tokens = True  # a typed "<eos>" is five characters
        return tokenizer

    @cached_property
    def token_bytes(self) -> Array:
        """int64 [vocab]: how many bytes each token spells, 0 for special ones."""
        return bytes_of_tokens(self.tokenizer)

    def tokens(self, split: str) -> Array:
        """All tokens of ``split``, int64 [n]."""
        return self._corpus.splits[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Windows that start anywhere in the training documents."""
        generator = step_generator(self.fingerprint, self.seed, step)
        starts = generator.integers(len(self.tokens("train")) - self.seq_len, size=batch_size)
        return self._windows("train", starts)

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Windows side by side, in an order that mixes documents."""
        check_split(split)
        starts = self._starts(split)[:limit]
        for place in range(0, len(starts), batch_size):
            batch = self._windows(split, starts[place : place + batch_size])
            yield replace(batch, label_bytes=self.token_bytes[batch.labels])

    def _starts(self, split: str) -> Array:
        count = (len(self.tokens(split)) - 1) // self.seq_len
        order = sorted(range(count), key=lambda place: digest("clps order", place))
        return np.array(order, dtype=np.int64) * self.seq_len

    def _windows(self, split: str, starts: Array) -> Batch:
        windows = self.tokens(split)[starts[:, None] + np.arange(self.seq_len + 1)]
        return Batch(inputs=windows[:, :-1], input_mask=None, decoder_inputs=None, labels=windows[:, 1:])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of guessing every token by its share in these very windows: see ``scores.of_text``."""
        check_split(split)
        labels = self._windows(split, self._starts(split)[:limit]).labels
        return of_text(labels, int(self.token_bytes[labels].sum()))

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """bos, then the tokens of ``text``; at most ``seq_len`` together."""
        if not text.strip():
            raise DataError(_("the text must not be empty. Type the beginning of a sentence."))
        if len(text) > LONGEST_TYPED:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=LONGEST_TYPED,
                    got=len(text),
                )
            )
        ids = self.tokenizer.encode(_clean(text), add_special_tokens=False).ids
        if len(ids) + 1 > self.seq_len:
            raise DataError(
                _(
                    "the text must have at most {longest} tokens. Got {got}. Shorten it.",
                    longest=self.seq_len - 1,
                    got=len(ids),
                )
            )
        return np.array([[BOS, *ids]], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A language model has no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """None: a text can go on in many ways."""
        return None

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: bytes spell every character."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text that ``tokens`` spell, up to the first eos."""
        ids = np.asarray(tokens).reshape(-1).tolist()
        if EOS in ids:
            ids = ids[: ids.index(EOS)]
        return self.tokenizer.decode([token for token in ids if self._piece(token)], skip_special_tokens=True)

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Each piece's text: a space as ``␣``, a line's end as ``⏎``, part of a character as ``\\xe2``."""
        return [self._label(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def _piece(self, token: int) -> str | None:
        return self.tokenizer.id_to_token(token) if token >= 0 else None

    def _label(self, token: int) -> str:
        piece = self._piece(token)
        return piece if piece in SPECIALS else piece_label(piece, of_bytes=True)

    def examples(self, count: int) -> list[Example]:
        """The first words of sentences that open a paragraph of a test document."""
        found = dict.fromkeys(match[1] for match in SENTENCE.finditer(self._text("test")))
        order = sorted(found, key=lambda text: digest("clps order", text))
        fitting = (text for text in order if len(self.tokenizer.encode(text).ids) < self.seq_len)
        return [Example(text) for text in islice(fitting, count)]

    def held_out_texts(self) -> list[str]:
        """Whole sentences of test documents, always in the same order."""
        found = dict.fromkeys(match[1] for match in WHOLE_SENTENCE.finditer(self._text("test")))
        return sorted(found, key=lambda text: digest("clps order", text))

    def _text(self, split: str) -> str:
        return self.tokenizer.decode(self.tokens(split).tolist(), skip_special_tokens=True)

    def tokenizer_json(self) -> str:
        """The trained byte-level BPE."""
        return json.dumps(json.loads(self._corpus.tokenizer), ensure_ascii=False)


def _clean(text: str) -> str:
    """``text`` without halves of surrogate pairs, which UTF-8 cannot spell."""
    return text.encode("utf-8", "replace").decode("utf-8")
