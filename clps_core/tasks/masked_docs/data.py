"""The windows of ``python-docs`` with masked tokens: same texts, same splits, same tokenizer and one token more."""

from __future__ import annotations

from pathlib import Path

from clps_core.config import RunConfig
from clps_core.data.base import TaskData, fold_of
from clps_core.data.masked_text import MaskedText
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.python_docs import facts as text_facts
from clps_core.tasks.python_docs.data import PythonDocs

__all__ = ["load"]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The data of a complete config; raises ``DataError`` as ``python-docs`` does."""
    data, texts = config.data, text_facts()
    length = data.seq_len or facts.max_source_len
    source = PythonDocs(data.seed, length, cache_folder, fold_of(data.fold, data.folds), texts)
    return MaskedText(source, facts, length, mask_id=texts.vocab_size or 0)
