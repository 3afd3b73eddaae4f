"""The batches of a person's own data. Start at load; ``Labelled``, ``Pairs`` and ``Passages`` are the three kinds.

Nothing is held in memory but where rows begin and to which split they belong: tokens stay in a memory-mapped file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    padded,
    step_generator,
)
from clps_core.data.lengths import by_length
from clps_core.data.masked_text import MaskedText
from clps_core.data.pieces import bytes_of_tokens, piece_label
from clps_core.data.scores import constant_answer, constant_text, of_text
from clps_core.errors import DataError
from clps_core.own_data import media, record
from clps_core.own_data.catalogue import LENGTH_STEP, mask_of
from clps_core.own_data.record import MODEL_ROLES, DataSet
from clps_core.own_data.rows import Index, folded, read_index, some_texts
from clps_core.own_data.tokenizing import tokenizer_of
from clps_core.own_data.tokens import TokenRows, token_rows
from clps_core.own_data.vocabulary import LONGEST_INPUT, Vocabulary, typed_inputs, vocabulary
from clps_core.shown import has_control
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Labelled", "Pairs", "Passages", "load"]

EXAMPLE_ROWS = 200
MOST_BASELINE_ROWS = 20_000


@dataclass(frozen=True)
class Opened:
    """A data set with one tokenizer: all that its three kinds read. ``places``: split -> int64 places of its rows."""

    record: DataSet
    folder: Path
    words: Vocabulary
    index: Index
    rows: Mapping[str, TokenRows]
    places: Mapping[str, Array]
    fingerprint: str


class OwnTexts:
    """What the three kinds share; see ``TaskData`` for the methods."""

    def __init__(self, opened: Opened, facts: TaskFacts, seed: int, *, by_length: bool = False) -> None:
        self.opened, self.facts, self.seed, self.by_length = opened, facts, seed, by_length
        self.fingerprint = opened.fingerprint
        self.pad_id, self.bos_id, self.eos_id, self.unk_id = opened.words.specials

    @cached_property
    def tokenizer(self):  # type: ignore[no-untyped-def]
        """The tokenizer, as the library has it."""
        return tokenizer_of(self.opened.words.tokenizer)

    def rows(self, split: str) -> Array:
        """int64 places of the rows of ``split``, in the order of evaluation."""
        return self.opened.places[split]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Rows drawn evenly, with replacement, from the training part; together those of about one length, if asked."""
        rows = self.rows("train")
        if self.by_length:
            return self._batch(rows[by_length(self._lengths, self.fingerprint, self.seed, step, batch_size)])
        generator = step_generator(self.fingerprint, self.seed, step)
        return self._batch(rows[generator.integers(len(rows), size=batch_size)])

    @cached_property
    def _lengths(self) -> Array:
        """int32 [training rows]: tokens of each, of all roles that a model reads together, uncut."""
        rows = self.rows("train")
        roles = MODEL_ROLES[self.opened.record.kind]
        found: Array = np.stack([self.opened.rows[role].lengths()[rows] for role in roles]).sum(axis=0, dtype=np.int32)
        return found

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The held-out rows in an order that a hash of their texts gives."""
        check_split(split)
        places = self.rows(split)[:limit]
        for start in range(0, len(places), batch_size):
            yield self._batch(places[start : start + batch_size])

    def _batch(self, places: Array) -> Batch:
        raise NotImplementedError

    def _texts(self, places: Array, role: str = "text") -> list[str]:
        return list(some_texts(self.opened.folder, places, (role,))[role])

    def _padded(self, rows: Sequence[Sequence[int] | Array], longest: int, fill: int) -> Array:
        return padded([np.asarray(row) for row in rows], fill, LENGTH_STEP, longest)  # type: ignore[misc]

    # What is typed

    def _typed(self, text: str, longest: int) -> list[int]:
        if not text.strip():
            raise DataError(_("the text must not be empty. Type one."))
        ids: list[int] = self.tokenizer.encode(clean(text), add_special_tokens=False).ids or [self.unk_id]
        if len(ids) > longest:
            raise DataError(
                _("the text must have at most {longest} tokens. Got {got}. Shorten it.", longest=longest, got=len(ids))
            )
        return ids

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, S]; ``DataError`` for a text longer than training texts are."""
        return np.array([self._typed(text, self.facts.max_source_len)], dtype=np.int64)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """Only a text that is turned into another has a target: here always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """What belongs to ``text`` if it is one of the first test rows, and only one thing belongs to it there.

        Written as a perfect model's answer reads: a tokenizer may give a text back with other blanks.
        """
        return self._known.get(text.strip())

    @cached_property
    def _known(self) -> Mapping[str, str | None]:
        found: dict[str, set[str | None]] = {}
        rows, keys = self.rows("test"), self.opened.index.keys
        places = rows[:EXAMPLE_ROWS]
        if len(rows) > EXAMPLE_ROWS:  # equal texts are neighbours: the last one may have more rows than these
            places = places[keys[places] != keys[rows[EXAMPLE_ROWS]]]
        for place, text in zip(places.tolist(), self._texts(places), strict=True):
            found.setdefault(text.strip(), set()).add(self._answer(place))
        return {text: next(iter(answers)) for text, answers in found.items() if len(answers) == 1}

    def _answer(self, place: int) -> str | None:  # noqa: ARG002
        """What a perfect model answers to this row; ``None`` where it cannot say it."""
        return None

    def unknown(self, text: str) -> tuple[str, ...]:
        """The pieces of ``text`` that the vocabulary does not know, each once."""
        text = clean(text)
        code = self.tokenizer.encode(text, add_special_tokens=False)
        pieces = (
            text[slice(*span)] for span, token in zip(code.offsets, code.ids, strict=True) if token == self.unk_id
        )
        return tuple(dict.fromkeys(piece for piece in pieces if piece))

    # What is shown

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text up to the first eos; an unknown piece shows as the replacement character."""
        ids = np.asarray(tokens).reshape(-1).tolist()
        ids = ids[: ids.index(self.eos_id)] if self.eos_id in ids else ids
        specials = {self.pad_id, self.bos_id, self.eos_id}
        known = [one for one in ids if one not in specials and 0 <= one < self.opened.words.size]
        unknown = self.tokenizer.id_to_token(self.unk_id)
        return str(self.tokenizer.decode(known, skip_special_tokens=False)).replace(unknown, "�")

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Each piece's text: a space as ``␣``, a line's end as ``⏎``."""
        of_bytes = "ByteLevel" in self.opened.words.tokenizer
        ids = np.asarray(tokens).reshape(-1).tolist()
        return [piece_label(self.tokenizer.id_to_token(one) if one >= 0 else None, of_bytes=of_bytes) for one in ids]

    def examples(self, count: int) -> list[Example]:
        """The first test rows that a form can hold; where those are too long, the beginnings of some."""
        found = [one for one in self._held_out() if not has_control(one.text.replace("\n", " "))][:count]
        seen = {one.text for one in found}
        more = typed_inputs(self._texts(self.rows("test")[:EXAMPLE_ROWS]), "generation") if len(found) < count else []
        return [*found, *(Example(text) for text in more if text not in seen and self._short(text))][:count]

    def _short(self, text: str) -> bool:
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids) < self.facts.max_source_len

    def _held_out(self) -> list[Example]:
        raise NotImplementedError

    def _fits(self, place: int, text: str) -> bool:
        return len(text) <= LONGEST_INPUT and len(self.opened.rows["text"].row(place)) <= self.facts.max_source_len

    def tokenizer_json(self) -> str:
        """The tokenizer, as the library writes it."""
        return json.dumps(json.loads(self.opened.words.tokenizer), ensure_ascii=False)


def clean(text: str) -> str:
    """``text`` as stored ones are: one kind of line end, and nothing that UTF-8 cannot hold."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")


class Labelled(OwnTexts):
    """A text and its class."""

    def _batch(self, places: Array) -> Batch:
        longest = self.facts.max_source_len
        inputs = self._padded([self.opened.rows["text"].row(p)[:longest] for p in places], longest, self.pad_id)
        lengths = np.array([min(longest, len(self.opened.rows["text"].row(p))) for p in places])
        mask = np.arange(inputs.shape[1]) < lengths[:, None]
        return Batch(inputs, mask, None, self.opened.index.labels[places].astype(np.int64))

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` of the most frequent class there, ``loss`` of the classes' shares."""
        check_split(split)
        accuracy, loss = constant_answer(self.opened.index.labels[self.rows(split)[:limit]])
        return {"accuracy": accuracy, "loss": loss}

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The class's name."""
        classes = self.opened.record.classes
        return " ".join(classes[one] for one in np.asarray(tokens).reshape(-1).tolist() if 0 <= one < len(classes))

    def _answer(self, place: int) -> str | None:
        return self.opened.record.classes[int(self.opened.index.labels[place])]

    def input_text(self, tokens: Array) -> str:
        """The text of an input, as far as the model read it."""
        return super().decode(tokens)

    def _held_out(self) -> list[Example]:
        places = self.rows("test")[:EXAMPLE_ROWS]
        labels, classes = self.opened.index.labels, self.opened.record.classes
        pairs = zip(places.tolist(), self._texts(places), strict=True)
        return [Example(text, classes[labels[place]]) for place, text in pairs if self._fits(place, text)]


class Pairs(OwnTexts):
    """A text that is turned into another."""

    def _batch(self, places: Array) -> Batch:
        source, target = self.facts.max_source_len, self.facts.max_target_len
        sources = [self.opened.rows["text"].row(place)[:source] for place in places]
        targets = [self._target(place) for place in places]
        inputs = self._padded(sources, source, self.pad_id)
        mask = np.arange(inputs.shape[1]) < np.array([len(one) for one in sources])[:, None]
        asked = [[self.bos_id, *one[: target - 1]] for one in targets]
        wanted = [[*one, self.eos_id][:target] for one in targets]
        return Batch(
            inputs,
            mask,
            self._padded(asked, target, self.pad_id),
            self._padded(wanted, target, IGNORED),
        )

    def _target(self, place: int) -> list[int]:
        found: list[int] = self.opened.rows["target"].row(int(place))[: self.facts.max_target_len].tolist()
        return found

    def _answer(self, place: int) -> str | None:
        fits: bool = len(self.opened.rows["target"].row(place)) < self.facts.max_target_len
        return self.decode(self._target(place)) if fits else None

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of one text for all (of at most ``MOST_BASELINE_ROWS`` rows)."""
        check_split(split)
        places = self.rows(split)[:limit][:MOST_BASELINE_ROWS]
        longest = self.facts.max_target_len
        rows = [np.array([*self._target(place), self.eos_id][:longest]) for place in places]
        exact, token_accuracy, loss = constant_text(rows)
        return {"exact_match": exact, "token_accuracy": token_accuracy, "loss": loss}

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """``text`` after bos, as far as it is typed: no eos."""
        return np.array([[self.bos_id, *self._typed(text, self.facts.max_target_len - 1)]], dtype=np.int64)

    def _held_out(self) -> list[Example]:
        places = self.rows("test")[:EXAMPLE_ROWS]
        texts = zip(places.tolist(), self._texts(places), self._texts(places, "target"), strict=True)
        room = self.facts.max_target_len - 1
        return [
            Example(text, target)
            for place, text, target in texts
            if self._fits(place, text) and len(self.opened.rows["target"].row(place)) <= room
        ]


class Passages(OwnTexts):
    """A running text, or texts one after another: training examples are windows that start anywhere."""

    def __init__(self, opened: Opened, facts: TaskFacts, seed: int, length: int) -> None:
        super().__init__(opened, facts, seed)
        self.length = length
        begins = opened.rows["text"].begins()
        self._segments: dict[str, tuple[Array, Array]] = {}
        for split, places in opened.places.items():
            ordered = np.sort(places)
            sizes = begins[ordered + 1] - begins[ordered]
            self._segments[split] = (begins[ordered], np.concatenate([[0], np.cumsum(sizes)]))
        shortest = min(int(ends[-1]) for _begin, ends in self._segments.values())
        if length + 1 > shortest:
            raise DataError(
                _(
                    "seq_len must be less than the number of tokens of the smallest split ({limit}). Got {got}. "
                    "Lower it.",
                  limit=shortest, got=length)
            )  # fmt: skip

    def count(self, split: str) -> int:
        """Tokens of ``split``, with the marks between passages."""
        return int(self._segments[split][1][-1])

    def batch(self, step: int, batch_size: int) -> Batch:
        """Windows that start anywhere in the training part."""
        generator = step_generator(self.fingerprint, self.seed, step)
        return self._windows("train", generator.integers(self.count("train") - self.length, size=batch_size))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Windows side by side, in an order that mixes the text."""
        check_split(split)
        starts = self._starts(split)[:limit]
        for place in range(0, len(starts), batch_size):
            batch = self._windows(split, starts[place : place + batch_size])
            yield batch if self._token_bytes is None else replace(batch, label_bytes=self._token_bytes[batch.labels])

    @cached_property
    def _token_bytes(self) -> Array | None:
        """int64 [vocab]: how many bytes each token spells; ``None`` where tokens do not spell every byte."""
        return bytes_of_tokens(self.tokenizer) if self.opened.words.spells_bytes else None

    def _starts(self, split: str) -> Array:
        count = (self.count(split) - 1) // self.length
        order = np.random.Generator(np.random.PCG64(int(digest("clps order", split, count), 16))).permutation(count)
        return order.astype(np.int64) * self.length

    def _windows(self, split: str, starts: Array) -> Batch:
        begins, ends = self._segments[split]
        places = starts[:, None] + np.arange(self.length + 1)
        number = np.searchsorted(ends, places, side="right") - 1
        windows = self.opened.rows["text"].tokens(begins[number] + places - ends[number])
        return Batch(windows[:, :-1], None, None, windows[:, 1:])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of guessing every token by its share in these windows (of at most ``MOST_BASELINE_ROWS``)."""
        check_split(split)
        starts = self._starts(split)[:limit][:MOST_BASELINE_ROWS]
        labels = self._windows(split, starts).labels
        return of_text(labels, 0 if self._token_bytes is None else int(self._token_bytes[labels].sum()))

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """bos, then the tokens of ``text``; at most a window together."""
        return np.array([[self.bos_id, *self._typed(text, self.length - 1)]], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """None: a text can go on in many ways."""
        return None

    def _held_out(self) -> list[Example]:
        return []

    def held_out_texts(self) -> list[str]:
        """Test texts that a form can hold, and the beginnings of others."""
        texts = typed_inputs(self._texts(self.rows("test")[:EXAMPLE_ROWS]), "passages")
        return [text for text in texts if self._short(text)]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:
    """The stored copy of the data set; its tokens are kept beside it. Raises ``DataError`` where it is gone."""
    data = config.data
    name = record.found_name(data.task)
    folder = record.folder_of(home, name)
    known = record.read(home, name)
    if known.kind in media.MEDIA:
        return media.module(known.kind).load(config, facts, known, home=home, cache_folder=cache_folder)
    opened = _opened(folder, known, vocabulary(folder, known, data.tokenizer), fold_of(data.fold, data.folds))
    if known.kind == "generation":
        length = data.seq_len or facts.max_source_len
        texts = Passages(opened, facts, data.seed, length)
        return MaskedText(texts, facts, length, mask_of(opened.words)[0]) if facts.masked else texts
    if known.kind == "span":
        from clps_core.own_data.span_texts import Marking

        return Marking(opened, facts, data.seed, by_length=bool(data.by_length))
    kind = Labelled if known.kind == "classification" else Pairs
    return kind(opened, facts, data.seed, by_length=bool(data.by_length))


def _opened(folder: Path, known: DataSet, words: Vocabulary, fold: Fold | None) -> Opened:
    rows, index = token_rows(folder, known, words), read_index(folder)
    if any(len(index.keys) != one.starts[-1] for one in rows.values()):
        raise DataError(
            _(
                "the stored tokens do not match the rows of data set {name}. Remove the data set and add it again.",
              name=known.name)
        )  # fmt: skip
    places = {split: index.of_split(split) for split in ("train", "validation", "test")}
    fingerprint = digest("own data 1", known.fingerprint, words.fingerprint)
    if fold is not None:
        places |= folded(index, places, fold)
        fingerprint = fold.name(fingerprint)
    return Opened(known, folder, words, index, rows, places, fingerprint)
