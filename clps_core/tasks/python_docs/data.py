"""Continue the documentation of Python's standard library: a language model. Start at PythonDocs.

The texts are those of the Python that runs (``library_texts.py``), so the fingerprint differs between
Python versions; compare runs only within one. A byte-level BPE is trained on the training documents.
The split is by document. A training window starts anywhere in the training documents; held-out
windows lie one after another and do not overlap. The parts of a cross-validation are whole documents too;
the vocabulary stays the one of the usual split, so that all parts count the same tokens.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
import tokenizers
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from clps_core.config import RunConfig
from clps_core.data.base import (
    SPLITS,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    step_generator,
)
from clps_core.data.pieces import piece_label
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.python_docs import facts as own_facts
from clps_core.tasks.python_docs.library_texts import library_key, library_texts, split_texts
from clps_core.words import _

__all__ = ["PythonDocs", "load", "train_tokenizer"]

SPECIALS = ("<pad>", "<bos>", "<eos>")
PAD, BOS, EOS = range(3)
LONGEST_TYPED = 20_000
"""Characters of a typed text that are looked at at all; more cannot fit."""
SMALLEST_CORPUS = 100_000
SENTENCE = re.compile(r"\n\n((?:[A-Z][a-z]+|A)(?: [a-z]+){5,7})(?= [a-z]+ )")
"""Six to eight plain words at the head of a paragraph."""
WHOLE_SENTENCE = re.compile(r"(?:\n\n|\. )([A-Z][a-z]+ [^.\n]{30,120}\.)(?=\s)")
"""A sentence on one line."""
LAYOUT = 1
"""Raise this when texts, split or tokenizer are made in another way: it is part of the cache's key."""


@dataclass(frozen=True)
class _Corpus:
    tokenizer: str
    """JSON of the tokenizers library."""
    splits: Mapping[str, Array]
    """int64 tokens of each split: bos, document, eos, bos, document, eos, ..."""
    fingerprint: str


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


@cache
def _build(vocab_size: int) -> _Corpus:
    splits = split_texts(library_texts())
    size = sum(len(text) for texts in splits.values() for text in texts.values())
    if size < SMALLEST_CORPUS or not all(splits.values()):
        raise DataError(
            _(
                "Python's own documentation has too few characters here: {want} are needed, and there are {got}. "
                "This Python came without the source of its library. Choose another task, or another Python.",
                want=SMALLEST_CORPUS,
                got=size,
            )
        )
    tokenizer = train_tokenizer(list(splits["train"].values()), vocab_size)
    tokenizer.encode_special_tokens = True
    tokens = {
        split: np.concatenate(
            [[BOS, *code.ids, EOS] for code in tokenizer.encode_batch(list(texts.values()), add_special_tokens=False)]
        ).astype(np.int64)
        for split, texts in splits.items()
    }
    return _corpus(tokenizer.to_str(), tokens)


def _corpus(tokenizer: str, tokens: Mapping[str, Array]) -> _Corpus:
    fingerprint = digest("python-docs", LAYOUT, tokenizer, *(tokens[split].tobytes() for split in SPLITS))
    return _Corpus(tokenizer, tokens, fingerprint)


@cache
def _load(vocab_size: int, cache_folder: Path | None) -> _Corpus:
    if cache_folder is None:
        return _build(vocab_size)
    key = digest(LAYOUT, vocab_size, sys.version, tokenizers.__version__, library_key())
    path = cache_folder / f"python-docs-{key[:16]}.safetensors"
    kept = _read(path)
    if kept is None:
        kept = _build(vocab_size)
        _write(path, kept)
    return kept


def _read(path: Path) -> _Corpus | None:
    """What ``_write`` left, or ``None`` if it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as stored:
            about = stored.metadata() or {}
            corpus = _corpus(about["tokenizer"], {split: stored.get_tensor(split).astype(np.int64) for split in SPLITS})
            return corpus if about["fingerprint"] == corpus.fingerprint else None
    except (OSError, KeyError, SafetensorError):
        return None


def _write(path: Path, corpus: _Corpus) -> None:
    """Complete or not at all; a cache that cannot be written costs time, not the run."""
    about = {"tokenizer": corpus.tokenizer, "fingerprint": corpus.fingerprint}
    content = save({split: corpus.splits[split].astype(np.uint16) for split in SPLITS}, metadata=about)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError:
        return


@lru_cache(maxsize=16)
def _folded(vocab_size: int, cache_folder: Path | None, fold: Fold) -> _Corpus:
    whole = _load(vocab_size, cache_folder)
    parts: dict[str, list[Array]] = {"train": [], "validation": []}
    for document in (one for split in parts for one in _documents(whole.splits[split])):
        parts["validation" if fold.holds(document.tobytes()) else "train"].append(document)
    if not all(parts.values()):
        raise DataError(
            _("each of the {folds} folds must contain a document. One is empty. Lower data.folds.", folds=fold.count)
        )
    splits = {split: np.concatenate(documents) for split, documents in parts.items()}
    return _Corpus(whole.tokenizer, {**whole.splits, **splits}, fold.name(whole.fingerprint))


def _documents(tokens: Array) -> list[Array]:
    """The documents of one split, each with its bos and eos."""
    return np.split(tokens, np.flatnonzero(tokens == BOS)[1:])


class PythonDocs:
    """The ``python-docs`` task: see the module, and ``TaskData`` for the methods.

    ``seq_len``: tokens of one window; ``seed`` decides the training windows only; ``fold`` cuts what is not
    for tests anew.
    """

    pad_id, bos_id, eos_id = PAD, BOS, EOS

    def __init__(
        self,
        seed: int,
        seq_len: int,
        cache_folder: Path | None = None,
        fold: Fold | None = None,
        facts: TaskFacts | None = None,
    ) -> None:
        self.facts: TaskFacts = facts or own_facts()
        self.seed, self.seq_len = seed, seq_len
        vocab_size = self.facts.vocab_size or 0
        self._corpus = _load(vocab_size, cache_folder) if fold is None else _folded(vocab_size, cache_folder, fold)
        self.fingerprint = self._corpus.fingerprint
        shortest = min(len(self._corpus.splits[split]) for split in SPLITS)
        if seq_len + 1 > shortest:
            raise DataError(
                _(
                    "seq_len must be less than the number of tokens of the smallest split ({limit}). Got {got}.",
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
            yield self._windows(split, starts[place : place + batch_size])

    def _starts(self, split: str) -> Array:
        count = (len(self.tokens(split)) - 1) // self.seq_len
        order = sorted(range(count), key=lambda place: digest("clps order", place))
        return np.array(order, dtype=np.int64) * self.seq_len

    def _windows(self, split: str, starts: Array) -> Batch:
        windows = self.tokens(split)[starts[:, None] + np.arange(self.seq_len + 1)]
        return Batch(inputs=windows[:, :-1], input_mask=None, decoder_inputs=None, labels=windows[:, 1:])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``perplexity`` of guessing every token by its share in these very windows; ``loss``: its logarithm.

        ``token_accuracy``: of always guessing the most frequent one.
        """
        check_split(split)
        token_accuracy, loss = constant_answer(self._windows(split, self._starts(split)[:limit]).labels)
        return {"perplexity": float(np.exp(loss)), "loss": loss, "token_accuracy": token_accuracy}

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
        return [Example(text) for text in order[:count]]

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


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The documentation of this Python; its tokenizer and tokens are kept in ``cache_folder``."""
    data = config.data
    length = data.seq_len or facts.max_source_len
    return PythonDocs(data.seed, length, cache_folder, fold_of(data.fold, data.folds), facts=facts)
