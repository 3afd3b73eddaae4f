"""What tasks have in common that give a short shipped text one of a few classes. Start at ClassifiedTexts.

The texts lie beside the task's code (``shipped``), a line for each: its group, its class, the text, with tabs between.
No group is in two splits, and so it is with the parts of a cross-validation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from clps_core.data.base import SPLITS, Array, Batch, Example, Fold, check_split, digest, held_out_split, padded
from clps_core.data.base import step_generator as generator_of
from clps_core.data.scores import constant_answer, macro_f1
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["PAD", "SPECIALS", "UNK", "ClassifiedTexts", "Rows", "folded", "read_rows"]

SPECIALS = ("<pad>", "<unk>")
PAD, UNK = range(2)
LENGTH_STEP = 8
HELD_OUT_PERCENT = 10
"""Percent of the groups that are for validation, and as many for tests."""


@dataclass(frozen=True)
class Rows:
    """What is the same for every seed: texts, the group and the class of each, the places of each split."""

    texts: Sequence[str]
    groups: Sequence[str]
    labels: Array
    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    splits: Mapping[str, Array]
    fingerprint: str

    @cached_property
    def test_labels(self) -> Mapping[str, int]:
        """Text of the test split -> its class."""
        return {self.texts[place]: int(self.labels[place]) for place in self.splits["test"]}


def read_rows(
    file: Path,
    sha256: str,
    *,
    name: str,
    group: str,
    classes: Sequence[str],
    vocabulary: Callable[[Sequence[str], Array], Sequence[str]],
) -> Rows:
    """The rows of a shipped ``file``.

    ``name``: begins the fingerprint; a new version of what is made of the same file needs a new one. ``group``: what a
    group is called where its hash decides upon its split. ``classes``: as the file names them. ``vocabulary``: of all
    texts and the places of the training ones, the tokens without the special ones.
    """
    rows = [line.split("\t") for line in shipped_text(file, sha256).splitlines()]
    texts, groups = [row[2] for row in rows], [row[0] for row in rows]
    numbers = {one: place for place, one in enumerate(classes)}
    places: dict[str, list[int]] = {split: [] for split in SPLITS}
    for place, key in enumerate(groups):
        places[held_out_split(f"{group} {key}", HELD_OUT_PERCENT)].append(place)
    for split in SPLITS[1:]:
        places[split].sort(key=lambda place: digest("clps order", texts[place]))
    splits = {split: np.array(found, dtype=np.int64) for split, found in places.items()}
    tokens = (*SPECIALS, *vocabulary(texts, splits["train"]))
    return Rows(
        texts,
        groups,
        np.array([numbers[row[1]] for row in rows], dtype=np.int64),
        tokens,
        {token: place for place, token in enumerate(tokens)},
        splits,
        digest(name, sha256, *(found.tobytes() for found in splits.values())),
    )


def folded(whole: Rows, fold: Fold) -> Rows:
    """``whole``, with what is not for tests cut anew."""
    both = np.sort(np.concatenate([whole.splits["train"], whole.splits["validation"]]))
    held_out = np.array([fold.holds(whole.groups[place]) for place in both])
    validation = sorted(both[held_out].tolist(), key=lambda place: digest("clps order", whole.texts[place]))
    parts = {"train": both[~held_out], "validation": np.array(validation, dtype=np.int64)}
    return replace(whole, splits={**whole.splits, **parts}, fingerprint=fold.name(whole.fingerprint))


class ClassifiedTexts:
    """A base for ``TaskData``: see there for the methods. ``seed`` decides the training batches only.

    What a task adds: how a text is evened out (``even``) and becomes tokens (``pieces``), and how these read.
    """

    pad_id, unk_id = PAD, UNK
    bos_id = eos_id = -1

    def __init__(self, rows: Rows, classes: Sequence[str], facts: TaskFacts, seed: int) -> None:
        self.facts, self.seed, self.classes = facts, seed, tuple(classes)
        self._rows, self.fingerprint = rows, rows.fingerprint

    @abstractmethod
    def even(self, text: str) -> str:
        """``text`` as the texts of the task are written."""

    @abstractmethod
    def pieces(self, text: str) -> list[str]:
        """The tokens of an even text, known or not."""

    @abstractmethod
    def too_long(self, longest: int, got: int) -> DataError:
        """What to say of a text of ``got`` tokens."""

    @abstractmethod
    def input_text(self, tokens: Array) -> str:
        """The text of an input; an unknown token shows as the replacement character."""

    @abstractmethod
    def tokenizer_json(self) -> str:
        """See ``TaskData``."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: specials first."""
        return self._rows.tokens

    def sentences(self, split: str) -> list[tuple[str, str, str]]:
        """(group, class, text) of ``split``, in the order of evaluation."""
        found = self._rows
        return [(found.groups[p], self.classes[found.labels[p]], found.texts[p]) for p in found.splits[split]]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Texts drawn evenly, with replacement, from the training part."""
        places = self._rows.splits["train"]
        generator = generator_of(self.fingerprint, self.seed, step)
        return self._batch(places[generator.integers(len(places), size=batch_size)])

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The held-out texts in an order that mixes groups and classes."""
        check_split(split)
        places = self._rows.splits[split][:limit]
        for start in range(0, len(places), batch_size):
            yield self._batch(places[start : start + batch_size])

    def _batch(self, places: Array) -> Batch:
        longest = self.facts.max_source_len
        rows = [self._ids(self._rows.texts[place])[:longest] for place in places]
        inputs = padded(rows, PAD, LENGTH_STEP, longest)
        return Batch(inputs, inputs != PAD, None, self._rows.labels[places])

    def _ids(self, text: str) -> list[int]:
        return [self._rows.ids.get(piece, UNK) for piece in self.pieces(text)]

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` and ``macro_f1`` of always naming the most frequent class, ``loss`` of giving the shares."""
        check_split(split)
        labels = self._rows.labels[self._rows.splits[split][:limit]]
        accuracy, loss = constant_answer(labels)
        counts = np.bincount(labels, minlength=len(self.classes))
        confusion = np.zeros((len(counts), len(counts)), dtype=np.int64)
        confusion[:, counts.argmax()] = counts
        return {"accuracy": accuracy, "loss": loss, "macro_f1": macro_f1(confusion)}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, S]; spaces are evened out, what is unknown becomes ``<unk>``."""
        text = self.even(text)
        if not text:
            raise DataError(
                _("the text must not be empty. Type a sentence such as {example}.",
                  example=self.facts.example_inputs[0])
            )  # fmt: skip
        ids, longest = self._ids(text), self.facts.max_source_len
        if len(ids) > longest:
            raise self.too_long(longest, len(ids))
        return np.array([ids], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A classifier has no decoder target: always a ``DataError``."""
        raise DataError(_("{task} has no target to type. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The class of a text of the test split; nobody knows it of another one."""
        label = self._rows.test_labels.get(self.even(text))
        return None if label is None else self.classes[label]

    def unknown(self, text: str) -> tuple[str, ...]:
        """Tokens that become ``<unk>``."""
        return tuple(dict.fromkeys(one for one in self.pieces(self.even(text)) if one not in self._rows.ids))

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The name of one class number."""
        found = np.asarray(tokens).reshape(-1).tolist()
        return " ".join(self.classes[label] for label in found if 0 <= label < len(self.classes))

    def name(self, token: int) -> str:
        """What ``token`` is in the vocabulary."""
        return self.tokens[token] if 0 <= token < len(self.tokens) else SPECIALS[UNK]

    def examples(self, count: int) -> list[Example]:
        """Test texts."""
        places = self._rows.splits["test"][:count]
        return [Example(self._rows.texts[place], self.classes[self._rows.labels[place]]) for place in places]
