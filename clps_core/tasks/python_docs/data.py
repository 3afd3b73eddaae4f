"""Continue the documentation of Python's standard library: a language model. Start at PythonDocs.

The texts are those of the Python that runs (``library_texts.py``), so the fingerprint differs between
Python versions; compare runs only within one. How they are cut and read says ``data/running_text.py``.
"""

from __future__ import annotations

import sys
import tempfile
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import tokenizers
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from clps_core.config import RunConfig
from clps_core.data.base import SPLITS, Fold, TaskData, digest, fold_of
from clps_core.data.running_text import Corpus, RunningText, tokenized
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.python_docs import facts as own_facts
from clps_core.tasks.python_docs.library_texts import library_key, library_texts, split_texts
from clps_core.words import _

__all__ = ["PythonDocs", "load"]

SMALLEST_CORPUS = 100_000
LAYOUT = 1
"""Raise this when texts, split or tokenizer are made in another way: it is part of the cache's key."""
NAME = ("python-docs", LAYOUT)


@cache
def _build(vocab_size: int) -> Corpus:
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
    return tokenized({split: list(texts.values()) for split, texts in splits.items()}, vocab_size, *NAME)


@cache
def _load(vocab_size: int, cache_folder: Path | None) -> Corpus:
    if cache_folder is None:
        return _build(vocab_size)
    key = digest(LAYOUT, vocab_size, sys.version, tokenizers.__version__, library_key())
    path = cache_folder / f"python-docs-{key[:16]}.safetensors"
    kept = _read(path)
    if kept is None:
        kept = _build(vocab_size)
        _write(path, kept)
    return kept


def _read(path: Path) -> Corpus | None:
    """What ``_write`` left, or ``None`` if it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as stored:
            about = stored.metadata() or {}
            tokens = {split: stored.get_tensor(split).astype(np.int64) for split in SPLITS}
            corpus = Corpus.of(about["tokenizer"], tokens, *NAME)
            return corpus if about["fingerprint"] == corpus.fingerprint else None
    except (OSError, KeyError, SafetensorError):
        return None


def _write(path: Path, corpus: Corpus) -> None:
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
def _folded(vocab_size: int, cache_folder: Path | None, fold: Fold) -> Corpus:
    return _load(vocab_size, cache_folder).folded(fold)


class PythonDocs(RunningText):
    """The ``python-docs`` task: see the module.

    ``seq_len``: tokens of one window; ``seed`` decides the training windows only; ``fold`` cuts what is not
    for tests anew.
    """

    def __init__(
        self,
        seed: int,
        seq_len: int,
        cache_folder: Path | None = None,
        fold: Fold | None = None,
        facts: TaskFacts | None = None,
    ) -> None:
        known = facts or own_facts()
        size = known.vocab_size or 0
        corpus = _load(size, cache_folder) if fold is None else _folded(size, cache_folder, fold)
        super().__init__(corpus, known, seed, seq_len)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The documentation of this Python; its tokenizer and tokens are kept in ``cache_folder``."""
    data = config.data
    length = data.seq_len or facts.max_source_len
    return PythonDocs(data.seed, length, cache_folder, fold_of(data.fold, data.folds), facts=facts)
