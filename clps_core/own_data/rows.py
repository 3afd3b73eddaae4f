"""The stored rows of a data set as memory-mapped Arrow: texts, and of each row its key, split and class. Start at Rows.

``key``: the first 64 bits of a hash of the row's text. It says which rows are duplicates, which split a row belongs to,
and in which order held-out rows come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.data.base import Fold
from clps_core.errors import DataError
from clps_core.words import _

__all__ = [
    "INDEX",
    "ROWS",
    "SPLIT_CODES",
    "Index",
    "cut_by_content",
    "folded",
    "key_of",
    "read_index",
    "some_texts",
    "texts",
    "write_index",
]

ROWS, INDEX = "rows.arrow", "index.arrow"
SPLIT_CODES: dict[str, int] = {"train": 0, "validation": 1, "test": 2}
HELD_OUT = 0.1
"""The share of different texts that each of validation and test gets."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Index:
    """Of each row, in the order of the source: ``keys`` uint64 [N], ``splits`` int8 [N], ``labels`` int32 [N]."""

    keys: Array
    splits: Array
    labels: Array

    def of_split(self, split: str) -> Array:
        """int64 places of the rows of ``split``; the held-out ones in an order that mixes the source."""
        places = np.flatnonzero(self.splits == SPLIT_CODES[split])
        return places if split == "train" else places[np.argsort(self.keys[places], kind="stable")]


def key_of(content: str | bytes) -> int:
    """64 bits of a hash of ``content``, evenly spread."""
    content = content.encode() if isinstance(content, str) else content
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def cut_by_content(keys: Array, given: Array) -> Array:
    """int8 splits of rows whose split was ``given`` (code, or 0 for all that is not held out yet).

    Of the different texts that would be training, those with the smallest keys become validation and test, so that
    equal texts are in one split. Splits that came with the source stay.
    """
    splits = given.copy()
    wanted = [code for code in (1, 2) if not (given == code).any()]
    if not wanted:
        return splits
    training = np.unique(keys[given == 0])
    count = max(1, round(len(training) * HELD_OUT))
    for turn, code in enumerate(wanted):
        held_out = training[turn * count : (turn + 1) * count]
        splits[(given == 0) & np.isin(keys, held_out)] = code
    return splits


def folded(index: Index, places: Mapping[str, Array], fold: Fold) -> dict[str, Array]:
    """Training and validation split in another way by the rows' keys, so that equal rows are in one part."""
    both = np.sort(np.concatenate([places["train"], places["validation"]]))
    parts = np.array([fold.holds(int(key)) for key in index.keys[both]], dtype=bool)
    if parts.all() or not parts.any():
        raise DataError(
            _("each of the {folds} folds must contain at least one row. One is empty. Lower data.folds.",
              folds=fold.count)
        )  # fmt: skip
    held_out = both[parts]
    return {"train": both[~parts], "validation": held_out[np.argsort(index.keys[held_out], kind="stable")]}


def write_index(folder: Path, index: Index) -> None:
    """Keep ``index`` beside the rows."""
    import pyarrow as pa

    table = pa.table({"key": index.keys, "split": index.splits, "label": index.labels})
    with pa.OSFile(str(folder / INDEX), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=len(index.keys) or None)


def read_index(folder: Path) -> Index:
    """What ``write_index`` kept, memory-mapped; raises ``DataError`` where it is damaged."""
    batch = _open(folder / INDEX).get_batch(0)
    return Index(*(batch.column(name).to_numpy(zero_copy_only=True) for name in ("key", "split", "label")))


def texts(folder: Path, columns: Sequence[str] = ("text",)) -> Iterator[tuple[Mapping[str, list[str]], int]]:
    """Batches of the stored texts: column -> texts, and the place of their first row."""
    reader = _open(folder / ROWS)
    place = 0
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        yield {name: batch.column(name).to_pylist() for name in columns}, place
        place += batch.num_rows


def some_texts(folder: Path, places: Array, columns: Sequence[str] = ("text",)) -> Mapping[str, list[str]]:
    """The texts of the rows at ``places``, in that order."""
    reader = _open(folder / ROWS)
    sizes = [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.searchsorted(starts, places, side="right") - 1
    found: dict[str, list[str]] = {name: [""] * len(places) for name in columns}
    for number in np.unique(numbers):
        batch = reader.get_batch(int(number))
        for at in np.flatnonzero(numbers == number):
            for name in columns:
                found[name][at] = batch.column(name)[int(places[at] - starts[number])].as_py()
    return found


def _open(path: Path) -> Any:
    import pyarrow as pa

    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowInvalid):
        raise DataError(
            _("the stored rows of data set {name} are damaged. Remove the data set and add it again.",
              name=path.parent.name)
        ) from None  # fmt: skip
