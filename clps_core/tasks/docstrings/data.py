"""Continue docstrings byte by byte: a language model that reads the same on every machine. Start at Docstrings.

The texts are those of ``libraries``: first paragraphs of docstrings, with the libraries' names replaced by ``[name]``.
A document is a source file's docstrings, one after another; so no file is in two splits. How windows are cut says
``data/running_text.py``. Witten-Bell 6-grams of the training text need 2.00 bits per byte of the test split
(29 November 2026, ``benchmarks/docstrings_ngrams.py``).
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from clps_core.config import RunConfig
from clps_core.data.base import SPLITS, Fold, TaskData, fold_of
from clps_core.data.running_text import BYTES, Corpus, RunningText, tokenized
from clps_core.tasks.docstrings import facts as own_facts
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.libraries.data import docstrings

__all__ = ["Docstrings", "load"]

BETWEEN = "\n\n"


@cache
def _corpus() -> Corpus:
    rows, texts = docstrings().rows, docstrings().texts
    splits: dict[str, dict[str, list[str]]] = {split: {} for split in SPLITS}
    for split in SPLITS:
        for place in sorted(rows.splits[split].tolist()):  # as in their file
            splits[split].setdefault(rows.keys[place], []).append(texts[place])
    documents = {split: [BETWEEN.join(file) for file in files.values()] for split, files in splits.items()}
    return tokenized(documents, BYTES, "docstrings 1")


@lru_cache(maxsize=16)
def _folded(fold: Fold) -> Corpus:
    return _corpus().folded(fold)


class Docstrings(RunningText):
    """The ``docstrings`` task: see the module.

    ``seq_len``: bytes of one window; ``seed`` decides the training windows only; ``fold`` cuts what is not for tests
    anew.
    """

    def __init__(self, seed: int, seq_len: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        super().__init__(_corpus() if fold is None else _folded(fold), facts or own_facts(), seed, seq_len)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The texts that ship with ``libraries``; raises ``DataError`` where they are damaged."""
    data = config.data
    length = data.seq_len or facts.max_source_len
    return Docstrings(data.seed, length, fold_of(data.fold, data.folds), facts)
