"""Pictures and their classes as they lie in folders, in a ZIP, or in rows. Start at listed.

In files, the class is the folder that a picture is in, and a folder called train, validation or test (or as others call
them) is a split: what the ``datasets`` library calls an imagefolder. A table beside the pictures (``metadata.csv``,
``.tsv`` or ``.jsonl``, with ``file_name``) may say the class instead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from clps_core.errors import DataError
from clps_core.files import parsed_json
from clps_core.own_data.cells import content_of
from clps_core.own_data.columns import LABEL_NAMES, cleaned
from clps_core.own_data.media import ENDINGS, Asked, Found
from clps_core.own_data.reading import SPLIT_NAMES, Opened, Rows
from clps_core.own_data.trees import Member, Tree
from clps_core.pictures import LARGEST_FILE
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["Item", "Listed", "Noted", "listed", "spread"]

TABLES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
LARGEST_TABLE = 50_000_000
LONGEST_CLASS = 200
FIRST = 5
"""Of what was left out, so many are named."""
FEW_VALUES = 0.5
"""A column of classes has at most this many different values for each row."""


@dataclass
class Noted:
    """How many things were left out, and the first of them by ``name`` and, where it differs, why."""

    count: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, why: str = "") -> None:
        """One more."""
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append((visible(name[-100:]), visible(why[:200])))

    @property
    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"count": self.count, "first": [list(one) for one in self.first]}


@dataclass(frozen=True)
class Item:
    """One picture: its class, and what reads its file (``DataError`` where that cannot be)."""

    split: str
    label: str
    name: str
    content: Callable[[], bytes]


@dataclass(frozen=True)
class Listed:
    """``items``: all pictures with a class, read one after another. ``count``: how many, where that is known before.

    ``classes``: name -> how many, where that is known. ``columns``: role -> column, of a table or of rows.
    ``left_out``: what has no class, or is no picture; complete when all items were read.
    """

    items: Iterator[Item] | Sequence[Item]
    count: int | None
    classes: Mapping[str, int]
    columns: Mapping[str, str]
    left_out: Mapping[str, Noted]


def listed(found: Found, asked: Asked) -> Listed:
    """The pictures of ``found``; raises ``DataError`` where none has a class."""
    return _of_rows(found.rows, asked) if found.rows is not None else _of_trees(found.trees, asked)


def spread(items: Sequence[Item], most: int) -> Sequence[Item]:
    """At most ``most`` of them, evenly spread: they are sorted by class."""
    if len(items) <= most:
        return items
    return [items[place * len(items) // most] for place in range(most)]


# Files


def _of_trees(trees: Mapping[str, Tree], asked: Asked) -> Listed:
    left_out = {"without_class": Noted(), "other_files": Noted()}
    pictures = [
        (split, tree, one) for split, tree in trees.items() for one in tree.members if one.ending in ENDINGS["images"]
    ]
    tables = _tables(trees, left_out)
    column = _label_column(tables, asked)
    items: list[Item] = []
    for given, tree, one in pictures:
        split, folder = _split_and_class(one, given)
        label = _class_of(tables.get(given, {}).get(one.path, {}).get(column)) if column else folder
        if not label:
            left_out["without_class"].add(one.path)
            continue
        items.append(Item(split, label, one.path, _reader(tree, one)))
    if not items:
        raise DataError(
            _("each picture must be in a folder that is called like its class, such as cats/1.png. None is. Put them "
              "into folders, or name the column of their classes in metadata.csv.")
        )  # fmt: skip
    items = [one for split in ("train", "validation", "test") for one in _of_split(items, split, asked.most)]
    columns = {"image": "file_name", "label": column} if column else {}
    return Listed(items, len(items), _counted(items), columns, left_out)


def _of_split(items: Sequence[Item], split: str, most: int | None) -> Sequence[Item]:
    mine = [one for one in items if one.split == split]
    return mine if most is None else spread(mine, most)


def _counted(items: Sequence[Item]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in items:
        found[one.label] = found.get(one.label, 0) + 1
    return found


def _reader(tree: Tree, member: Member) -> Callable[[], bytes]:
    return lambda: tree.read(member, limit=LARGEST_FILE)


def _split_and_class(member: Member, given: str) -> tuple[str, str]:
    """The split that a folder above names (else ``given``), and the innermost folder that names none."""
    folders = member.parts[:-1]
    splits = [SPLIT_NAMES[one.lower()] for one in folders if one.lower() in SPLIT_NAMES]
    classes = [one for one in folders if one.lower() not in SPLIT_NAMES]
    return (splits[-1] if splits and given == "train" else given), _class_of(classes[-1] if classes else None)


def _class_of(value: Any) -> str:
    text = cleaned(value)
    return "" if text is None else text.strip()[:LONGEST_CLASS]


def _tables(trees: Mapping[str, Tree], left_out: Mapping[str, Noted]) -> dict[str, dict[str, dict[str, Any]]]:
    """Split -> path of a picture -> what a table beside it says of it."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for split, tree in trees.items():
        for one in tree.members:
            if one.parts[-1].lower() in TABLES:
                folder = PurePosixPath(one.path).parent
                for row in _rows_of_table(one, tree.read(one, limit=LARGEST_TABLE)):
                    name = row.pop("file_name", None)
                    if isinstance(name, str):
                        found.setdefault(split, {})[(folder / name).as_posix()] = row
            elif one.ending not in ENDINGS["images"]:
                left_out["other_files"].add(one.path)
    return found


def _rows_of_table(member: Member, content: bytes) -> Iterator[dict[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
        if member.ending == ".jsonl":
            rows = [parsed_json(line) for line in text.splitlines() if line.strip()]
        else:
            separator = "\t" if member.ending == ".tsv" else ","
            rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
        if not rows or not all(isinstance(one, dict) and isinstance(one.get("file_name"), str) for one in rows):
            raise ValueError(_("each row must have a file_name"))
    except (ValueError, csv.Error) as error:
        raise DataError(
            _("{name} must be a table with a column file_name. It cannot be read: {why}.",
              name=visible(member.path[-100:]), why=visible(str(error)[:200]).rstrip("."))
        ) from None  # fmt: skip
    return iter(rows)


def _label_column(tables: Mapping[str, Mapping[str, Mapping[str, Any]]], asked: Asked) -> str:
    """The column of classes in the tables beside the pictures; empty where folders say the class."""
    rows = [row for of_split in tables.values() for row in of_split.values()]
    names = list(dict.fromkeys(name for row in rows for name in row if isinstance(name, str)))
    wanted = asked.columns.get("label")
    if wanted is not None:
        if wanted not in names:
            raise _no_column("label", wanted, names)
        return wanted
    return _likely_label({name: [row.get(name) for row in rows] for name in names}) or ""


def _no_column(role: str, got: str, names: Sequence[str]) -> DataError:
    return DataError(
        _("the column for {role} must be one of {known}. Got {got!r}.",
          role=role, known=", ".join(visible(one[:40]) for one in names[:20]) or _("none"), got=visible(got[:60]))
    )  # fmt: skip


def _likely_label(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """A column that is named like classes and repeats; else the only one that repeats."""
    few = [name for name, values in columns.items() if _repeats(values)]
    named = [name for one in LABEL_NAMES for name in few if name.lower() == one]
    return named[0] if named else few[0] if len(few) == 1 else None


def _repeats(values: Sequence[Any]) -> bool:
    known = [one for value in values if isinstance(value, str | int | float | bool) and (one := cleaned(value))]
    return len(known) > 1 and len(set(known)) <= max(2, FEW_VALUES * len(known))


# Rows


def _of_rows(rows: Opened, asked: Asked) -> Listed:
    images = [name for name, kind in rows.media.items() if kind == "images"]
    image = asked.columns.get("image", images[0])
    if image not in images:
        raise _no_column("image", image, images)
    others = [one for one in rows.columns if one not in rows.media]
    label = asked.columns.get("label")
    if label is not None and label not in others:
        raise _no_column("label", label, others)
    left_out = {"without_class": Noted()}
    parts = dict(rows.parts)
    first_split = next(iter(parts))
    first = next(parts[first_split], {})
    label = label or _likely_label({name: values for name, values in first.items() if name in others})
    label = label or next((one for one in LABEL_NAMES if one in others), None)
    if label is None:
        raise DataError(
            _("pictures must have a column of classes. None was detected among {known}. Choose it.",
              known=", ".join(visible(one[:40]) for one in others[:20]) or _("none"))
        )  # fmt: skip

    def items() -> Iterator[Item]:
        number = 0
        for split, batches in parts.items():
            for batch in _with_first(first if split == first_split else {}, batches):
                for cell, value in zip(batch.get(image, ()), batch.get(label, ()), strict=False):
                    number += 1
                    name = _("picture {number}", number=number)
                    if not (known := _class_of(value)):
                        left_out["without_class"].add(name)
                        continue
                    yield Item(split, known, name, partial(content_of, cell, rows.inside, LARGEST_FILE))

    return Listed(items(), None, {}, {"image": image, "label": label}, left_out)


def _with_first(first: Rows, batches: Iterator[Rows]) -> Iterator[Rows]:
    if first:
        yield first
    yield from batches
