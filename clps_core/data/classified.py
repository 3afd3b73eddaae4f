"""What tasks have in common that give a short shipped text one of a few classes. Start at ClassifiedTexts.

The texts lie beside the task's code (``shipped``), a line for each: its group, its class, the text, with tabs between.
No group is in two splits, and so it is with the parts of a cross-validation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from clps_core.data.base import Array, Batch, Example, Fold, check_split, padded
from clps_core.data.rows import Rows, ShippedTexts, split_rows
from clps_core.data.scores import constant_answer, macro_f1
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["PAD", "SPECIALS", "UNK", "Classified", "ClassifiedTexts", "read_classified"]

SPECIALS = ("<pad>", "<unk>")
PAD, UNK = range(2)
LENGTH_STEP = 8
HELD_OUT_PERCENT = 10
"""Percent of the groups that are for validation, and as many for tests."""


@dataclass(frozen=True, eq=False)
class Classified:
    """What is the same for every seed: texts, the class of each, the vocabulary; ``rows``: the splits by group."""

    texts: Sequence[str]
    labels: Array
    tokens: tuple[str, ...]
    ids: Mapping[str, int]
    rows: Rows

    @cached_property
    def test_labels(self) -> Mapping[str, int]:
        """Text of the test split -> its class."""
        return {self.texts[place]: int(self.labels[place]) for place in self.rows.splits["test"]}


def read_classified(
    file: Path,
    sha256: str,
    *,
    name: str,
    group: str,
    classes: Sequence[str],
    vocabulary: Callable[[Sequence[str], Array], Sequence[str]],
) -> Classified:
    """The rows of a shipped ``file``.

    ``name``: begins the fingerprint; a new version of what is made of the same file needs a new one. ``group``: what a
    group is called where its hash decides upon its split. ``classes``: as the file names them. ``vocabulary``: of all
    texts and the places of the training ones, the tokens without the special ones.
    """
    lines = [line.split("\t") for line in shipped_text(file, sha256).splitlines()]
    groups, texts = [line[0] for line in lines], [line[2] for line in lines]
    numbers = {one: place for place, one in enumerate(classes)}
    rows = split_rows(groups, texts, HELD_OUT_PERCENT, f"{group} {{}}".format, name, sha256)
    tokens = (*SPECIALS, *vocabulary(texts, rows.splits["train"]))
    return Classified(
        texts,
        np.array([numbers[line[1]] for line in lines], dtype=np.int64),
        tokens,
        {token: place for place, token in enumerate(tokens)},
        rows,
    )


class ClassifiedTexts(ShippedTexts):
    """A base for ``TaskData``: see there for the methods.

    What a task adds: how a text is evened out (``even``) and becomes tokens (``pieces``), and how these read.
    """

    pad_id, unk_id = PAD, UNK
    bos_id = eos_id = -1

    def __init__(
        self, texts: Classified, classes: Sequence[str], facts: TaskFacts, seed: int, fold: Fold | None
    ) -> None:
        super().__init__(texts.rows, facts, seed, fold)
        self._all, self.classes = texts, tuple(classes)

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
        return self._all.tokens

    def sentences(self, split: str) -> list[tuple[str, str, str]]:
        """(group, class, text) of ``split``, in the order of evaluation."""
        groups, found = self._rows.keys, self._all
        return [(groups[p], self.classes[found.labels[p]], found.texts[p]) for p in self.of_split(split)]

    def _batch(self, places: Array) -> Batch:
        longest = self.facts.max_source_len
        rows = [self._ids(self._all.texts[place])[:longest] for place in places]
        inputs = padded(rows, PAD, LENGTH_STEP, longest)
        return Batch(inputs, inputs != PAD, None, self._all.labels[places])

    def _ids(self, text: str) -> list[int]:
        return [self._all.ids.get(piece, UNK) for piece in self.pieces(text)]

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` and ``macro_f1`` of always naming the most frequent class, ``loss`` of giving the shares."""
        check_split(split)
        labels = self._all.labels[self.of_split(split)[:limit]]
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
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The class of a text of the test split; nobody knows it of another one."""
        label = self._all.test_labels.get(self.even(text))
        return None if label is None else self.classes[label]

    def unknown(self, text: str) -> tuple[str, ...]:
        """Tokens that become ``<unk>``."""
        return tuple(dict.fromkeys(one for one in self.pieces(self.even(text)) if one not in self._all.ids))

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The name of one class number."""
        found = np.asarray(tokens).reshape(-1).tolist()
        return " ".join(self.classes[label] for label in found if 0 <= label < len(self.classes))

    def name(self, token: int) -> str:
        """What ``token`` is in the vocabulary."""
        return self.tokens[token] if 0 <= token < len(self.tokens) else SPECIALS[UNK]

    def examples(self, count: int) -> list[Example]:
        """Test texts."""
        places = self.of_split("test")[:count]
        return [Example(self._all.texts[place], self.classes[self._all.labels[place]]) for place in places]
