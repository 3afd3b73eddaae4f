"""What tasks share whose texts ship beside their code: rows, their split, batches. Start at Rows, then ShippedTexts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from clps_core.data.base import (
    SPLITS,
    Array,
    Batch,
    Fold,
    check_split,
    digest,
    held_out_split,
    step_generator,
)
from clps_core.data.lengths import by_length
from clps_core.tasks import TaskFacts

__all__ = ["Rows", "ShippedTexts", "split_rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows of a file each split holds: the same for every seed.

    ``keys``: what must be in one split only, such as a message that has a row in each of its languages. ``texts``: what
    a row is told by; the held-out rows are in the order of their hashes. ``splits``: int64 places of rows.
    """

    keys: Sequence[str]
    texts: Sequence[str]
    splits: Mapping[str, Array]
    fingerprint: str


def split_rows(
    keys: Sequence[str], texts: Sequence[str], percent_each: int, name: Callable[[str], str], *parts: object
) -> Rows:
    """Rows cut by a hash of ``name(key)``: ``percent_each`` percent for validation, as many for tests.

    ``parts``: what else the fingerprint is of, such as the hash of the file.
    """
    places: dict[str, list[int]] = {split: [] for split in SPLITS}
    for place, key in enumerate(keys):
        places[held_out_split(name(key), percent_each)].append(place)
    splits = {split: _in_order(places[split], texts if split != "train" else None) for split in SPLITS}
    return Rows(keys, texts, splits, digest(*parts, *(found.tobytes() for found in splits.values())))


@lru_cache(maxsize=16)
def _folded(whole: Rows, fold: Fold) -> Rows:
    """``whole`` with all but the test examples split in another way."""
    both = np.sort(np.concatenate([whole.splits["train"], whole.splits["validation"]]))
    held_out = np.array([fold.holds(whole.keys[place]) for place in both])
    parts = {"train": both[~held_out], "validation": _in_order(both[held_out].tolist(), whole.texts)}
    return replace(whole, splits={**whole.splits, **parts}, fingerprint=fold.name(whole.fingerprint))


def _in_order(places: list[int], texts: Sequence[str] | None) -> Array:
    if texts is not None:
        places = sorted(places, key=lambda place: digest("clps order", texts[place]))
    return np.array(places, dtype=np.int64)


class ShippedTexts:
    """A base for ``TaskData`` of rows: splits, batches, names of tokens; see ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits all but the test examples in another way.
    """

    pad_id: int
    unk_id: int

    def __init__(self, rows: Rows, facts: TaskFacts, seed: int, fold: Fold | None) -> None:
        self.facts, self.seed = facts, seed
        self._rows = rows if fold is None else _folded(rows, fold)
        self.fingerprint = self._rows.fingerprint

    def of_split(self, split: str) -> Array:
        """int64 places of the rows of ``split``, the held-out ones in the order of evaluation."""
        return self._rows.splits[split]

    @property
    def lengths(self) -> Array | None:
        """int [rows of the training part]: how long each is, where batches are to hold rows of about one length."""
        return None

    def batch(self, step: int, batch_size: int) -> Batch:
        """Rows drawn evenly, with replacement, from the training part."""
        places, lengths = self.of_split("train"), self.lengths
        if lengths is not None:
            return self._batch(places[by_length(lengths, self.fingerprint, self.seed, step, batch_size)])
        generator = step_generator(self.fingerprint, self.seed, step)
        return self._batch(places[generator.integers(len(places), size=batch_size)])

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The held-out rows in an order that mixes them."""
        check_split(split)
        places = self.of_split(split)[:limit]
        for start in range(0, len(places), batch_size):
            yield self._batch(places[start : start + batch_size])

    @abstractmethod
    def _batch(self, places: Array) -> Batch:
        """The rows of ``places``, padded."""
