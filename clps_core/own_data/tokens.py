"""The texts of a data set as tokens: made once, then memory-mapped, so that no run holds them. Start at token_rows.

Rows lie in record batches of bounded size. A batch is two arrays that point into the file: the tokens of its rows one
after another, and where each row begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.data.base import digest
from clps_core.errors import DataError
from clps_core.own_data.locks import one_at_a_time
from clps_core.own_data.record import MODEL_ROLES, DataSet
from clps_core.own_data.rows import Array, texts
from clps_core.own_data.span_rows import encoded as encoded_spans
from clps_core.own_data.tokenizing import BOS, EOS, UNK, tokenizer_of
from clps_core.own_data.vocabulary import Vocabulary
from clps_core.words import _

__all__ = ["LONGEST_ROW", "TokenRows", "token_rows"]

logger = logging.getLogger(__name__)

LAYOUT = 1
LONGEST_ROW = 4096
"""Tokens that are kept of one text; a running text is kept whole."""
BATCH_TOKENS = 1 << 20
ENCODED_CHARACTERS = 1 << 20
"""Of texts that are encoded together."""


@dataclass(frozen=True)
class TokenRows:
    """One column of token rows. ``batches``: (values int32, offsets int32 [n + 1]) of each record batch.

    ``starts``: int64, the first row of each batch and the number of all. ``flat``: int64, the same in tokens.
    """

    batches: tuple[tuple[Array, Array], ...]
    starts: Array
    flat: Array

    def row(self, place: int) -> Array:
        """int32 tokens of one row."""
        number = int(np.searchsorted(self.starts, place, side="right")) - 1
        values, offsets = self.batches[number]
        at = place - int(self.starts[number])
        return values[offsets[at] : offsets[at + 1]]

    def begins(self) -> Array:
        """int64 [N + 1]: where each row begins among all tokens."""
        parts = [offsets[:-1].astype(np.int64) - offsets[0] + flat
                 for (_values, offsets), flat in zip(self.batches, self.flat[:-1], strict=True)]  # fmt: skip
        return np.concatenate([*parts, self.flat[-1:]])

    def lengths(self) -> Array:
        """int32 [N]: tokens of each row."""
        return np.concatenate([np.diff(offsets) for _values, offsets in self.batches])

    def tokens(self, places: Array) -> Array:
        """int64 tokens at ``places`` (any shape) among all tokens."""
        numbers = np.searchsorted(self.flat, places, side="right") - 1
        found = np.empty(places.shape, dtype=np.int64)
        for number in np.unique(numbers):
            values, offsets = self.batches[int(number)]
            here = numbers == number
            found[here] = values[places[here] - self.flat[number] + offsets[0]]
        return found


def token_rows(folder: Path, record: DataSet, vocabulary: Vocabulary) -> dict[str, TokenRows]:
    """Role -> the tokens of all rows. They are made here when nobody made them before, which may take a while."""
    key = digest("tokens", LAYOUT, record.fingerprint, vocabulary.fingerprint)[:24]
    path = folder / "tokens" / f"{key}.arrow"
    if not path.exists():
        with one_at_a_time(folder):
            if not path.exists():
                logger.info(
                    "%s",
                    _("The texts of data set {name} are being tokenized. This is done only once.", name=record.name),
                )
                _make(folder, path, record, vocabulary)
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _opened(path: Path, _changed: int) -> dict[str, TokenRows]:
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    except (OSError, pa.ArrowInvalid):
        raise DataError(
            _("the stored tokens in {path} are damaged. Delete this file: it will be made again.", path=path)
        ) from None
    starts = np.concatenate([[0], np.cumsum([one.num_rows for one in batches])]).astype(np.int64)
    found = {}
    for name in reader.schema.names:
        columns = [one.column(name) for one in batches]
        arrays = tuple(
            (one.values.to_numpy(zero_copy_only=True), one.offsets.to_numpy(zero_copy_only=True)) for one in columns
        )
        sizes = [int(offsets[-1] - offsets[0]) for _values, offsets in arrays]
        found[name] = TokenRows(arrays, starts, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
    return found


def _make(folder: Path, path: Path, record: DataSet, vocabulary: Vocabulary) -> None:
    import pyarrow as pa

    roles = (*MODEL_ROLES[record.kind], *(("span",) if record.kind == "span" else ()))
    path.parent.mkdir(exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".writing")
    schema = pa.schema([(role, pa.list_(pa.int32())) for role in roles])
    try:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for columns in _encoded(folder, record, vocabulary, roles):
                arrays = [pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)) for values, offsets in columns]
                writer.write_batch(pa.record_batch(arrays, schema))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(
            _("the tokens cannot be saved in {folder}: {why}. Free some space there.",
              folder=path.parent, why=error.strerror or type(error).__name__)
        ) from error  # fmt: skip


def _encoded(
    folder: Path, record: DataSet, vocabulary: Vocabulary, roles: Sequence[str]
) -> Iterator[list[tuple[Array, Array]]]:
    """Batches of (values, offsets) of each role; a running text's passages have their marks around them."""
    tokenizer = tokenizer_of(vocabulary.tokenizer)
    running = record.kind == "generation"
    kept: dict[str, list[Any]] = {role: [] for role in roles}
    size = 0
    if record.kind == "span":
        for rows in encoded_spans(folder, tokenizer, vocabulary.specials[UNK]):
            for role in roles:
                kept[role] += [np.array(ids[:LONGEST_ROW], dtype=np.int32) for ids in rows[role]]
                size += sum(map(len, rows[role]))
            if size >= BATCH_TOKENS:
                yield [_joined(kept[role]) for role in roles]
                kept, size = {role: [] for role in roles}, 0
        if any(kept.values()):
            yield [_joined(kept[role]) for role in roles]
        return
    for batch, _place in texts(folder, roles):
        for part in _parts(batch, roles):
            for role in roles:
                for code in tokenizer.encode_batch(part[role], add_special_tokens=False):
                    ids = code.ids or [vocabulary.specials[UNK]]
                    ids = [vocabulary.specials[BOS], *ids, vocabulary.specials[EOS]] if running else ids[:LONGEST_ROW]
                    kept[role].append(np.array(ids, dtype=np.int32))
                    size += len(ids)
            if size >= BATCH_TOKENS:
                yield [_joined(kept[role]) for role in roles]
                kept, size = {role: [] for role in roles}, 0
    if any(kept.values()):
        yield [_joined(kept[role]) for role in roles]


def _parts(batch: Any, roles: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """``batch`` in parts of bounded size: encodings need many times the memory of their texts."""
    begin, size = 0, 0
    count = len(batch[roles[0]])
    for at in range(count):
        size += sum(len(batch[role][at]) for role in roles)
        if size >= ENCODED_CHARACTERS or at == count - 1:
            yield {role: batch[role][begin : at + 1] for role in roles}
            begin, size = at + 1, 0


def _joined(rows: Sequence[Array]) -> tuple[Array, Array]:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    return np.concatenate(rows), offsets
