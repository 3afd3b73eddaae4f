"""Rows on their way into a data set: cleaned, counted, cut into splits, and written. Start at Keeper."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from clps_core.errors import DataError
from clps_core.limits import DATA
from clps_core.own_data import record
from clps_core.own_data.columns import Guess, check_no_times, checked, cleaned
from clps_core.own_data.reading import Opened, Rows
from clps_core.own_data.record import LAYOUT, MOST_CLASSES, DataSet, Split
from clps_core.own_data.rows import ROWS, SPLIT_CODES, Array, Index, cut_by_content, key_of, write_index
from clps_core.own_data.span_rows import Places, found_answers
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["FEWEST", "Keeper", "class_order", "sampled", "split_statistics"]

SAMPLE_ROWS = 1000
FEWEST = 10
"""Different texts that a data set must have: fewer cannot be split."""
TOKEN_BYTES, ROW_BYTES = 4, 64
"""Kept of each byte of text once it is tokens, at most (one token each); of each row, beside its texts."""
PASSAGE, LONG_PASSAGE, LONGEST_PASSAGE = 300, 1200, 4000
"""Characters after which a running text is cut: at an empty line, at the end of a line, anywhere."""


def sampled(rows: Rows) -> dict[str, Sequence[Any]]:
    """The first rows, by which columns are guessed."""
    return {name: values[:SAMPLE_ROWS] for name, values in rows.items()}


@dataclass
class Keeper:
    """Rows on their way into ``rows.arrow``, and all that is counted on the way."""

    folder: Path
    found: Opened
    kind: str | None
    asked: Mapping[str, str]
    most_characters: int
    room: int | None
    said: Callable[[int], None]
    guess: Guess | None = None
    keys: list[Array] = field(default_factory=list)
    given: list[Array] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)
    targets: list[Array] = field(default_factory=list)
    lengths: list[Array] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    pairs: list[Array] = field(default_factory=list)
    places: Places = field(default_factory=Places)
    left_out: int = 0
    copied: int = 0
    characters: int = 0
    bytes_: int = 0
    rows: int = 0
    state: Any = field(default_factory=hashlib.sha256)

    def read(self) -> None:
        """All rows of all splits, once."""
        import pyarrow as pa

        writer = None
        with pa.OSFile(str(self.folder / ROWS), "wb") as file:
            for split, batches in self.found.parts.items():
                for batch in self._of(batches):
                    if self.guess is None:
                        self.guess = checked(
                            self.kind, self.asked, sampled(batch), running_text=self.found.running_text
                        )
                    columns = [name for name in self.guess.columns if name not in ("label", "start")]
                    if writer is None:
                        schema = pa.schema([(name, pa.string()) for name in columns])
                        writer = pa.ipc.new_file(file, schema)
                    table = self._cleaned(batch, split)
                    writer.write_batch(
                        pa.record_batch([pa.array(table[name], pa.string()) for name in columns], schema)
                    )
                    self.said(self.rows)
            if writer is not None:
                writer.close()

    def _of(self, batches: Iterator[Rows]) -> Iterator[Rows]:
        return _passages(batches) if self.found.running_text else batches

    def _cleaned(self, batch: Rows, split: str) -> dict[str, list[str]]:
        """The rows of ``batch`` that have everything, counted."""
        assert self.guess is not None
        roles = self.guess.columns
        for name in roles.values():
            if name not in batch:
                raise DataError(
                    _("every part of the source must have the column {name}. The part {split} does not.",
                      name=visible(name[:60]), split=split)
                )  # fmt: skip
            check_no_times(name, batch[name])
        cells = zip(*([cleaned(one) for one in batch[name]] for name in roles.values()), strict=True)
        if self.guess.kind == "span":
            return self._marked(list(cells), list(roles), split)
        whole = [[str(one) for one in row] for row in cells if None not in row]
        self.left_out += len(next(iter(batch.values()))) - len(whole)
        table = {role: [row[at] for row in whole] for at, role in enumerate(roles)}
        self._count(table, split)
        return table

    def _marked(self, cells: list[Sequence[str | None]], roles: list[str], split: str) -> dict[str, list[str]]:
        """The rows whose answer stands in its context; a start may be missing."""
        whole = [
            row for row in cells if None not in [one for one, role in zip(row, roles, strict=True) if role != "start"]
        ]
        self.left_out += len(cells) - len(whole)
        kept, starts = found_answers(whole, roles, self.places)
        stored = [role for role in roles if role != "start"]
        table = {role: [row[at] for row in kept] for at, role in enumerate(stored)}
        self.pairs.append(np.array([key_of(f"{len(q)} {q}{c}") for q, c in
                                    zip(table["question"], table["context"], strict=True)], np.uint64))  # fmt: skip
        self._count({**table, "start": starts}, split)
        return table

    def _count(self, table: Mapping[str, list[Any]], split: str) -> None:
        texts = table["context" if "context" in table else "text"]
        starts = table.get("start")
        table = {role: column for role, column in table.items() if role != "start"}
        if texts and max(map(len, texts)) > DATA.text_characters:
            raise DataError(
                _(
                    "each text must have at most {limit:,} characters. Got one of {got:,}. Split it into several.",
                  limit=DATA.text_characters, got=max(map(len, texts)))
            )  # fmt: skip
        self.rows += len(texts)
        self.characters += sum(len(one) for column in table.values() for one in column)
        if self.characters > self.most_characters or self.rows > DATA.rows:
            raise DataError(
                _(
                    "the texts of a data set must have at most {limit:,} characters and {rows:,} rows here. There "
                    "are more. Use a part of them.",
                  limit=self.most_characters, rows=DATA.rows)
            )  # fmt: skip
        self.bytes_ += sum(len(one.encode()) for column in table.values() for one in column)
        needed = self.bytes_ * (1 + TOKEN_BYTES) + self.rows * ROW_BYTES
        if self.room is not None and needed > self.room:
            raise DataError(
                _(
                    "the texts of this data set and their tokens must fit into {limit:,.1f} MB. They need more. Use "
                    "a part of them, or remove another data set of yours.",
                  limit=self.room / 10**6)
            )  # fmt: skip
        self.keys.append(np.array([key_of(one) for one in texts], dtype=np.uint64))
        self.given.append(np.full(len(texts), SPLIT_CODES[split], dtype=np.int8))
        self.lengths.append(np.array([len(one) for one in texts], dtype=np.int32))
        if starts is not None:
            self.labels.append(np.array(starts, np.int32))
            self.state.update(self.labels[-1].tobytes())
        else:
            self.labels.append(np.array([self._class(one) for one in table.get("label", [""] * len(texts))], np.int32))
        if "target" in table:
            self.targets.append(np.array([key_of(one) for one in table["target"]], dtype=np.uint64))
        self.copied += sum(a == b for a, b in zip(texts, table.get("target", []), strict=False))
        for column in table.values():
            for one in column:
                self.state.update(f"{len(one)}:{one}".encode())

    def _class(self, name: str) -> int:
        name = name.strip()[:200]
        if len(self.classes) >= MOST_CLASSES and name not in self.classes:
            raise DataError(
                _("the labels must have at most {limit:,} different values. {column} has more. Choose another column, "
                  "or another kind.",
                  limit=MOST_CLASSES, column=visible(self.guess.columns["label"][:60]) if self.guess else "")
            )  # fmt: skip
        return self.classes.setdefault(name, len(self.classes))

    def finished(self, **about: Any) -> DataSet:
        """The record of what was read; writes the index."""
        if self.rows == 0 or self.guess is None:
            raise DataError(
                _(
                    "the data must have rows with {columns}. Got none: {n:,} rows lack a value. Choose other columns.",
                  columns=", ".join(self.guess.columns) if self.guess else _("text"),
                  n=self.left_out + self.places.missing)
            )  # fmt: skip
        keys, given, lengths = (np.concatenate(parts) for parts in (self.keys, self.given, self.lengths))
        different = len(np.unique(keys[given == 0]))
        if different < FEWEST:
            raise DataError(
                _(
                    "the data must have at least {limit} different texts to train on. Got {got}. Add more, or use "
                    "another file.",
                  limit=FEWEST, got=different)
            )  # fmt: skip
        classes, labels = self._sorted_classes()
        splits = cut_by_content(keys, given)
        write_index(self.folder, Index(keys, splits, labels))
        self.state.update(splits.tobytes())
        self.state.update(f"{LAYOUT} {self.guess.kind}".encode())
        counts: dict[Split, int] = {
            cast(Split, split): int((splits == code).sum()) for split, code in SPLIT_CODES.items()
        }
        return DataSet(
            kind=self.guess.kind,
            columns={role: record.harmless(column, 200) for role, column in self.guess.columns.items()},
            classes=classes,
            splits=counts,
            given_splits=tuple(
                cast(Split, split) for split, code in SPLIT_CODES.items() if code and (given == code).any()
            ),
            characters=self.characters,
            statistics=_length_statistics(lengths)
            | split_statistics(keys, splits, labels, len(classes))
            | {"left_out": self.left_out, "copied": self.copied}
            | self._of_spans(splits)
            | ({"target_contradictions": self._contradictions(keys, splits == 0)} if self.targets else {}),
            fingerprint=self.state.hexdigest(),
            tokenizer="bytes",
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
            **about,
        )

    def _of_spans(self, splits: Array) -> dict[str, Any]:
        """Of marked answers: duplicates are equal questions about equal contexts; where places had to be chosen."""
        if not self.pairs:
            return {}
        pairs = np.concatenate(self.pairs)
        twice = {
            split: int((splits == code).sum() - len(np.unique(pairs[splits == code])))
            for split, code in SPLIT_CODES.items()
        }
        found = {name: getattr(self.places, name) for name in ("missing", "twice", "moved")}
        return {"duplicates": twice, "answers": found}

    def _contradictions(self, keys: Array, rows: Array) -> int:
        """Different texts of ``rows`` (bool [N]) that have more than one target."""
        return _more_than_one(keys[rows], np.concatenate(self.targets)[rows])

    def _sorted_classes(self) -> tuple[tuple[str, ...], Array]:
        labels = np.concatenate(self.labels)
        assert self.guess is not None
        if self.guess.kind != "classification":
            return (), labels
        column = visible(self.guess.columns["label"][:60])
        names = list(self.classes)
        if len(names) < 2:
            raise DataError(
                _("the labels must have at least two different values. {column} has only {name!r}. Choose another "
                  "column, or use the texts for generation.",
                  column=column, name=visible(names[0][:40]))
            )  # fmt: skip
        if len(names) > len(labels) / 2:
            raise DataError(
                _(
                    "labels must repeat. {column} has {classes:,} different values in {rows:,} rows. Choose another "
                    "column, or use the data as text to text.",
                  column=column, classes=len(names), rows=len(labels))
            )  # fmt: skip
        order = sorted(names, key=class_order)
        place = {name: at for at, name in enumerate(order)}
        return tuple(order), np.array([place[name] for name in names], dtype=np.int32)[labels]


def class_order(name: str) -> tuple[bool, int, str]:
    """By what classes are sorted: numbers by value and before words."""
    number = name.removeprefix("-")
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return (not is_number, int(name) if is_number else 0, name)


def _passages(batches: Iterator[Rows]) -> Iterator[Rows]:
    """The lines of a running text as passages: cut where an empty line, a line or nothing ends."""
    done: list[str] = []
    now, size = [], 0
    for batch in batches:
        for line in next(iter(batch.values())):
            for start in range(0, len(line or ""), LONGEST_PASSAGE):
                piece = line[start : start + LONGEST_PASSAGE]
                now.append(piece)
                size += len(piece)
                ends = piece.isspace() or (size >= LONG_PASSAGE and piece.endswith("\n"))
                if size >= LONGEST_PASSAGE or (ends and size >= PASSAGE):
                    done.append("".join(now))
                    now, size = [], 0
        if done:
            yield {"text": done}
            done = []
    if now:
        yield {"text": ["".join(now)]}


def _length_statistics(lengths: Array) -> dict[str, Any]:
    """Plain figures: lengths in characters."""
    values = np.quantile(lengths, (0.5, 0.9, 1.0), method="higher")
    named = zip(("median", "p90", "longest"), values, strict=True)
    return {"characters": {name: int(value) for name, value in named}}


def split_statistics(keys: Array, splits: Array, labels: Array, classes: int) -> dict[str, Any]:
    """Plain figures: duplicates within and across splits, rows of each class."""
    of = {split: splits == code for split, code in SPLIT_CODES.items()}
    unique = {split: np.unique(keys[rows]) for split, rows in of.items()}
    found: dict[str, Any] = {
        "duplicates": {split: int(rows.sum() - len(unique[split])) for split, rows in of.items()},
        "across": {
            f"{one} {other}": len(np.intersect1d(unique[one], unique[other], assume_unique=True))
            for one, other in (("train", "validation"), ("train", "test"), ("validation", "test"))
        },
    }
    if classes:
        found["classes"] = {split: np.bincount(labels[rows], minlength=classes).tolist() for split, rows in of.items()}
        found["contradictions"] = _more_than_one(keys, labels.astype(np.uint64))
    return found


def _more_than_one(keys: Array, values: Array) -> int:
    """How many different ``keys`` (uint64 [N]) come with more than one of ``values`` (uint64 [N])."""
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    differ = (keys[1:] == keys[:-1]) & (values[1:] != values[:-1])
    return len(np.unique(keys[1:][differ]))
