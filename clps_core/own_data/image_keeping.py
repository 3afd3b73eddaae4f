"""Pictures on their way into a data set: decoded, fitted to one size, cut into splits and written. Start at keep.

They are kept as bytes in ``pixels.bin``, [N, side, side] or [N, side, side, 3] in the order of the source, and read
memory-mapped; ``index.arrow`` has of each a hash of its pixels, its split and its class, as of texts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from clps_core.data.base import digest
from clps_core.data.scores import constant_classes
from clps_core.errors import DataError
from clps_core.files import open_regular
from clps_core.limits import DATA
from clps_core.own_data.image_files import Item, Listed, Noted, listed, spread
from clps_core.own_data.image_sizes import SIDES, check_side, usual_side
from clps_core.own_data.keeping import FEWEST, class_order, split_statistics
from clps_core.own_data.media import Asked, Found
from clps_core.own_data.record import MOST_CLASSES, DataSet, Split
from clps_core.own_data.rows import SPLIT_CODES, Index, cut_by_content, key_of, write_index
from clps_core.pictures import Picture, fitted, is_grey, read_picture, to_grey
from clps_core.shown import visible
from clps_core.suggestions import nearest
from clps_core.words import _

__all__ = ["PIXELS", "Sampled", "checked_options", "keep", "sampled", "stored_pixels"]

PIXELS = "pixels.bin"
OPTIONS = ("side", "colour")
SAMPLE = 48
"""Pictures that are looked at to choose a size, evenly spread."""
LARGEST_READ = 384
"""Pixels across a picture before it is fitted: four times the largest that is kept."""
ROW_BYTES = 32
"""Kept of each picture beside its pixels."""
BASELINE_ROWS = {"validation": 500, "test": 2000}
CHUNK = 256
LEAST_DEVIATION = 0.01
"""Of pictures that hardly differ, so that noise does not become large."""
LAYOUT = 1

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """``side``: pixels across, or ``None`` to choose by the pictures. ``colour``: ``None`` where any has colour."""

    side: int | None = None
    colour: bool | None = None


def checked_options(options: Mapping[str, Any]) -> Options:
    """What a person asked for; raises ``DataError`` for anything else."""
    for name in options:
        if name not in OPTIONS:
            likely = nearest(name, OPTIONS)
            hint = _(" Did you mean {name}?", name=likely) if likely else ""
            raise DataError(
                _("an option of pictures must be one of {known}. Got {got!r}.{hint}",
                  known=", ".join(OPTIONS), got=visible(str(name)[:40]), hint=hint)
            )  # fmt: skip
    side, colour = options.get("side"), options.get("colour")
    if side is not None:
        check_side(side)
    if colour is not None and not isinstance(colour, bool):
        raise DataError(_("colour must be true or false. Got {got!r}.", got=visible(str(colour)[:40])))
    return Options(side, colour)


# A look at the first ones


@dataclass(frozen=True)
class Sampled:
    """Some pictures: (item, its picture), and those that cannot be read."""

    read: Sequence[tuple[Item, Picture]]
    unreadable: Noted

    @property
    def side(self) -> int:
        """The usual size for pictures like these."""
        return usual_side([min(one.size) for _item, one in self.read])

    @property
    def colour(self) -> bool:
        """Whether any of them has colour."""
        return any(not is_grey(one.pixels) for _item, one in self.read)


def sampled(items: Sequence[Item]) -> Sampled:
    """Those of ``items`` that can be read; raises ``DataError`` where none can."""
    read, unreadable = [], Noted()
    for one in items:
        picture = _picture(one, unreadable)
        if picture is not None:
            read.append((one, picture))
    if not read:
        raise _no_picture(unreadable)
    return Sampled(read, unreadable)


def _side_of(items: Sequence[Item]) -> int:
    """The usual size for these; for pictures none of which can be read, the smallest."""
    try:
        return sampled(items).side
    except DataError:
        return SIDES[0]


def _picture(item: Item, unreadable: Noted) -> Picture | None:
    try:
        return read_picture(item.content(), colour=True, at_most=LARGEST_READ)
    except DataError as error:
        unreadable.add(item.name, str(error))
        return None


def _no_picture(unreadable: Noted) -> DataError:
    if not unreadable.first:
        return DataError(_("the data must have pictures. The source is empty. Choose another one."))
    name, why = unreadable.first[0]
    return DataError(
        _("at least one picture must be readable. {n:,} are not. {name}: {why}", n=unreadable.count, name=name, why=why)
    )


# All of them


def keep(folder: Path, found: Found, asked: Asked, about: Mapping[str, Any]) -> DataSet:
    """Write all pictures of ``found`` into ``folder`` and return the record; raises ``DataError``."""
    options = checked_options(asked.options)
    source = listed(found, asked)
    if source.count is not None:
        _check_count(source.count)
    if len(source.classes) > MOST_CLASSES:
        raise _too_many_classes()
    keeper = Keeper(folder, source, options, asked.room, asked.said)
    keeper.read()
    return keeper.finished(about)


@dataclass
class Keeper:
    """Pictures on their way into ``pixels.bin``, and all that is counted on the way.

    They are written in colour until all are read: only then is it known whether any has colour.
    """

    folder: Path
    source: Listed
    options: Options
    room: int | None
    said: Callable[[int], None]
    side: int = 0
    any_colour: bool = False
    animated: int = 0
    keys: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    smallest: list[int] = field(default_factory=list)
    grounds: list[float] = field(default_factory=list)
    unreadable: Noted = field(default_factory=Noted)

    def read(self) -> None:
        """All pictures, once; the first ones twice where their size decides the size of all."""
        items = iter(self.source.items)
        first: list[Item] = []
        if self.options.side is not None:
            self.side = self.options.side
        else:
            if isinstance(self.source.items, Sequence):
                some = spread(self.source.items, SAMPLE)
            else:
                some = first = list(islice(items, SAMPLE))
            self.side = _side_of(some)
        with (self.folder / PIXELS).open("wb") as file:
            for one in chain(first, items):
                self._keep(one, file)

    def _keep(self, item: Item, file: BinaryIO) -> None:
        picture = _picture(item, self.unreadable)
        if picture is None:
            return
        pixels = fitted(picture.pixels, self.side)
        self.animated += picture.animated
        if self.options.colour is False:
            pixels = to_grey(pixels)
        elif not self.any_colour:
            self.any_colour = not is_grey(picture.pixels)
        self.grounds.append(_ground(pixels))
        content = pixels.tobytes()
        file.write(content)
        self.keys.append(key_of(content))
        self.given.append(SPLIT_CODES[item.split])
        self.labels.append(self._class(item.label))
        self.smallest.append(min(picture.size))
        self._check_room()
        self.said(len(self.keys))

    def _class(self, name: str) -> int:
        if len(self.classes) >= MOST_CLASSES and name not in self.classes:
            raise _too_many_classes()
        return self.classes.setdefault(name, len(self.classes))

    @property
    def channels(self) -> int:
        """Of what is kept in the end, as far as it is known."""
        return 3 if self.options.colour or (self.options.colour is None and self.any_colour) else 1

    def _check_room(self) -> None:
        _check_count(len(self.keys))
        needed = len(self.keys) * (self.side**2 * self.channels + ROW_BYTES)
        limit = min(DATA.picture_bytes, DATA.picture_bytes if self.room is None else self.room)
        if needed > limit:
            raise DataError(
                _("the stored pictures must fit into {limit:,.1f} MB. They need more. Use a part of them, or store "
                  "them smaller.", limit=limit / 10**6)
            )  # fmt: skip

    def finished(self, about: Mapping[str, Any]) -> DataSet:
        """The record of what was read; writes the index."""
        if not self.keys:
            raise _no_picture(self.unreadable)
        if self.channels == 1 and self.options.colour is not False:
            self.keys = _make_grey(self.folder / PIXELS, self.side)
        keys, given = np.array(self.keys, dtype=np.uint64), np.array(self.given, dtype=np.int8)
        different = len(np.unique(keys[given == 0]))
        if different < FEWEST:
            raise DataError(
                _("the data must have at least {limit} different pictures to train on. Got {got}. Add more, or use "
                  "another source.", limit=FEWEST, got=different)
            )  # fmt: skip
        classes, labels = self._sorted_classes()
        index = Index(keys, cut_by_content(keys, given), labels)
        write_index(self.folder, index)
        counts = {cast(Split, name): int((index.splits == code).sum()) for name, code in SPLIT_CODES.items()}
        sizes = {"side": self.side, "channels": self.channels, "ground": int(np.median(self.grounds))}
        return DataSet(
            kind="images",
            columns={role: visible(column[:200])[:200] for role, column in self.source.columns.items()},
            classes=classes,
            splits=counts,
            given_splits=tuple(
                cast(Split, name) for name, code in SPLIT_CODES.items() if code and (given == code).any()
            ),
            stored=sizes,
            statistics=split_statistics(keys, index.splits, labels, len(classes))
            | {name: one.plain for name, one in {**self.source.left_out, "unreadable": self.unreadable}.items()}
            | {"scale": _scale(self.folder, index, (self.side, self.side, self.channels))}
            | {"animated": self.animated, "baselines": _baselines(index, len(classes))}
            | {"sizes": {"median": int(np.median(self.smallest)), "least": min(self.smallest)}},
            fingerprint=digest(
                "clps images", LAYOUT, *sizes.values(), keys.tobytes(), index.splits.tobytes(), labels.tobytes(),
                self._content(),
            ),
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
            **about,
        )  # fmt: skip

    def _content(self) -> str:
        with (self.folder / PIXELS).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _sorted_classes(self) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        names, labels = list(self.classes), np.array(self.labels, dtype=np.int32)
        if len(names) < 2:
            raise DataError(
                _("pictures must have at least two different classes. All are in {name!r}. Add pictures of another "
                  "class.", name=visible(names[0][:40]))
            )  # fmt: skip
        if len(names) > len(labels) / 2:
            raise DataError(
                _("classes must repeat. Got {classes:,} different ones of {n:,} pictures. Put pictures of one class "
                  "into one folder, or choose another column.", classes=len(names), n=len(labels))
            )  # fmt: skip
        order = sorted(names, key=class_order)
        place = {name: at for at, name in enumerate(order)}
        return tuple(order), np.array([place[name] for name in names], dtype=np.int32)[labels]


def _too_many_classes() -> DataError:
    return DataError(
        _("pictures must have at most {limit:,} different classes. There are more. Use a part of them, or another "
          "column.", limit=MOST_CLASSES)
    )  # fmt: skip


def _check_count(count: int) -> None:
    if count > DATA.pictures:
        raise DataError(
            _("there must be at most {limit:,} pictures here. There are more. Use a part of them.", limit=DATA.pictures)
        )


def _baselines(index: Index, classes: int) -> dict[str, dict[str, float]]:
    """Split -> every metric of always the same answers to the examples that a run is scored on by default."""
    return {
        split: constant_classes(np.bincount(index.labels[index.of_split(split)[:count]], minlength=classes))
        for split, count in BASELINE_ROWS.items()
    }


def _ground(pixels: Pixels) -> float:
    """How bright the border of a picture is, 0 to 255."""
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def _scale(folder: Path, index: Index, shape: tuple[int, int, int]) -> dict[str, list[float]]:
    """Mean and deviation of each channel over the training pictures, in parts of the brightest value."""
    training, sums, start = index.splits == SPLIT_CODES["train"], np.zeros((2, shape[-1])), 0
    with (folder / PIXELS).open("rb") as file:
        for part in iter(lambda: file.read(CHUNK * prod(shape)), b""):
            pixels = np.frombuffer(part, dtype=np.uint8).reshape(-1, *shape)
            some = pixels[training[start : start + len(pixels)]] / 255.0
            sums += [some.sum((0, 1, 2)), (some**2).sum((0, 1, 2))]
            start += len(pixels)
    mean, squares = sums / (training.sum() * shape[0] * shape[1])
    deviation = np.sqrt(np.maximum(squares - mean**2, LEAST_DEVIATION**2))
    return {"mean": mean.round(6).tolist(), "deviation": deviation.round(6).tolist()}


def _make_grey(path: Path, side: int) -> list[int]:
    """Write the same pictures with one channel, some at a time, and return their keys."""
    smaller = path.with_suffix(".grey")
    keys: list[int] = []
    with path.open("rb") as file, smaller.open("wb") as out:
        for part in iter(lambda: file.read(CHUNK * side * side * 3), b""):
            grey = to_grey(np.frombuffer(part, dtype=np.uint8).reshape(-1, side, side, 3))
            keys += [key_of(one.tobytes()) for one in grey]
            out.write(grey.tobytes())
    smaller.replace(path)
    return keys


def stored_pixels(folder: Path, known: DataSet, count: int) -> Pixels:
    """uint8 [N, side, side] or [N, side, side, 3], memory-mapped, for ``count`` rows of the index.

    Raises ``DataError`` where they are damaged.
    """
    side, channels = known.stored.get("side", 0), known.stored.get("channels", 0)
    shape = (known.rows, side, side, *((3,) if channels == 3 else ()))
    try:
        if side not in SIDES or channels not in (1, 3) or count != known.rows:
            raise ValueError
        with open_regular(folder, PIXELS) as file:
            if file.seek(0, io.SEEK_END) != known.rows * side * side * channels:
                raise ValueError
            return np.memmap(file, dtype=np.uint8, mode="r", shape=shape)
    except (OSError, ValueError):
        raise DataError(
            _("the stored pictures of data set {name} are damaged. Remove the data set and add it again.",
              name=known.name)
        ) from None  # fmt: skip
