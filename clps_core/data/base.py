"""What every task's data look like to the rest of the engine. Start at TaskData, then Batch.

Shape letters: B examples, S source (or window) tokens, T target tokens, N patches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clps_core.data.spans import Spans
from clps_core.errors import DataError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = [
    "IGNORED",
    "SPLITS",
    "Array",
    "Batch",
    "Example",
    "Fold",
    "TaskData",
    "check_split",
    "digest",
    "fold_of",
    "held_out_split",
    "padded",
    "step_generator",
]

IGNORED = -100
"""Label of a position that no loss or score counts."""

SPLITS = ("train", "validation", "test")

Array = NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """Numpy arrays of one step.

    ``inputs``: int64 [B, S] tokens, or float32 [B, N, patch_dim]. ``input_mask``: bool [B, S], True at
    real tokens; ``None`` if all are real. ``decoder_inputs``: int64 [B, T] that starts with bos, for an
    encoder-decoder whose decoder reads tokens. ``labels``: int64 [B, T] (decoder: [B, S]; classes: [B]; spans:
    [B, S], see ``data.spans``; boxes: [B, K]), ``IGNORED`` where not scored. ``spans``: in an evaluation, what marked
    positions are in words.
    ``grades``: int64 like the labels, how hard each of them is, where a task scores that.
    ``label_bytes``: int64 like the labels, in an evaluation of a text: how many bytes each of them spells.
    ``boxes``: float32 [B, K, 4] of the labels [B, K], where these are classes of things in a picture: centre across and
    down, width and height, as parts of the picture.
    """

    inputs: Array
    input_mask: Array | None
    decoder_inputs: Array | None
    labels: Array
    grades: Array | None = None
    spans: Spans | None = None
    label_bytes: Array | None = None
    boxes: Array | None = None


@dataclass(frozen=True)
class Example:
    """A held-out input as a person would type it, with what belongs to it.

    ``target_text`` is the right answer (``None`` where there is none to type); ``options`` go to
    ``encode_source`` together with ``text``.
    """

    text: str
    target_text: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fold:
    """Part ``number`` (0-based) of ``count`` is validation; the other parts are training. Tests stay as they are.

    A hash of an example's own key says which part it belongs to, so parts are about equal, not exactly.
    """

    number: int
    count: int

    def holds(self, key: object) -> bool:
        """Whether the example of ``key`` is in this part, that is, held out for validation."""
        return int(digest("clps fold", key)[:12], 16) % self.count == self.number

    def name(self, fingerprint: str) -> str:
        """The fingerprint of data that had ``fingerprint`` before they were cut."""
        return digest("clps folds", fingerprint, self.count, self.number)


def fold_of(number: int | None, count: int | None) -> Fold | None:
    """The fold that a data config names; ``None`` without cross-validation."""
    return None if number is None or count is None else Fold(number, count)


class TaskData(Protocol):
    """One task's data, splits and vocabulary; built by its ``work.load``. Where a task
    has no such token (digits), the special ids are -1.
    """

    @property
    def facts(self) -> TaskFacts:
        """The facts that it was loaded with."""

    @property
    def fingerprint(self) -> str:
        """Hash of the data and splits: two runs with one fingerprint saw the same data."""

    @property
    def pad_id(self) -> int:
        """Token of padding."""

    @property
    def bos_id(self) -> int:
        """Token that opens a decoder's input."""

    @property
    def eos_id(self) -> int:
        """Token that ends an answer."""

    def batch(self, step: int, batch_size: int) -> Batch:
        """Training batch of ``step``: a pure function of (fingerprint, data seed, step, batch_size)."""

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The first ``limit`` examples of ``validation`` or ``test``, always in the same order."""

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Every metric of the best trivial answer to the first ``limit`` examples of ``split`` (by default all).

        Constant, or as simple (hops: always the number that was asked), and chosen for these very examples.
        """

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        """Typed input as ``inputs`` of a batch of one; ``DataError`` if it is empty or too long."""

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        """A typed target as ``decoder_inputs`` [1, T], bos first; ``DataError`` where a task has none."""

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:
        """The right answer to a typed input, where the task knows one."""

    def unknown(self, text: str) -> tuple[str, ...]:
        """Characters of ``text`` that the vocabulary does not know, each once, in order."""

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """Text of tokens up to the first eos, special tokens left out (for classes: the class's name)."""

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """One readable label per position of an encoded input or output."""

    def examples(self, count: int) -> list[Example]:
        """Up to ``count`` held-out inputs, always the same, different from each other."""

    def tokenizer_json(self) -> str:
        """The tokenizer as JSON of the ``tokenizers`` library; empty where a task has none."""


def digest(*parts: object) -> str:
    """SHA-256 (hex) of ``parts``: bytes as they are, anything else as its text, each with its length."""
    state = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        state.update(f"{len(content)}:".encode())
        state.update(content)
    return state.hexdigest()


def step_generator(fingerprint: str, seed: int, step: int) -> np.random.Generator:
    """The random numbers of one step: they depend on nothing but the arguments."""
    return np.random.Generator(np.random.PCG64(int(digest("clps batch", fingerprint, seed, step), 16)))


def held_out_split(key: str, percent_each: int = 5) -> str:
    """The split a date belongs to, decided by a hash of its name alone.

    ``percent_each`` percent go to ``validation`` and as many to ``test``. No seed takes part, so what
    is held out is held out in every run.
    """
    place = int(digest("clps split", key)[:12], 16) % 100
    if place < percent_each:
        return "validation"
    return "test" if place < 2 * percent_each else "train"


def check_split(split: str) -> None:
    """Raise ``DataError`` unless ``split`` can be evaluated."""
    if split not in SPLITS[1:]:
        raise DataError(_("split must be validation or test. Got {got!r}.", got=str(split)[:40]))


def padded(rows: Sequence[Sequence[int]], fill: int, multiple: int, longest: int) -> Array:
    """int64 [B, L] of ``rows``: L is the longest row rounded up to ``multiple``, at most ``longest``.

    Few distinct lengths keep memory allocation steady without paying for the task's longest input.
    """
    width = max(len(row) for row in rows)
    width = max(width, min(longest, -(-width // multiple) * multiple))
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table
