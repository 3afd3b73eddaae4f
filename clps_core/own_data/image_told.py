"""What people read, and see, of a data set of pictures. Start at preview, then about and warnings."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.numbers import percent
from clps_core.own_data import record
from clps_core.own_data.columns import Guess
from clps_core.own_data.image_files import Item, Listed, listed, spread
from clps_core.own_data.image_keeping import SAMPLE, Sampled, checked_options, sampled, stored_pixels
from clps_core.own_data.image_sizes import SUGGESTED, patch_sizes, usual_patch
from clps_core.own_data.keeping import class_order
from clps_core.own_data.media import Asked, Found, Preview
from clps_core.own_data.record import DataSet
from clps_core.own_data.rows import read_index
from clps_core.own_data.told import KIND_TITLES, About
from clps_core.pictures import fitted, png_of, to_grey
from clps_core.words import _, ngettext

__all__ = ["about", "preview", "samples", "thumbnails", "warnings"]

SHOWN_ROWS = 20
FEW_IN_CLASS = 10
THUMBNAILS = 24
MOST_CLASSES_SHOWN = 100


def preview(found: Found, asked: Asked) -> Preview:
    """``Preview.medium``: ``pictures`` (how many, where known), ``side`` and ``colour`` (as they would be kept),
    ``sides`` to choose from, ``size`` (the median of the shorter sides), ``classes`` ([name, how many]; of rows only
    those of the first ones), ``splits`` (given ones -> how many), ``thumbnails`` ([class, PNG as a data address]), and
    what was left out: ``without_class``, ``other_files``, ``unreadable`` (of the pictures that were looked at)."""
    options = checked_options(asked.options)
    source = listed(found, asked)
    some = _some(source)
    seen = sampled(some)
    side = options.side or seen.side
    colour = seen.colour if options.colour is None else options.colour
    classes = source.classes or _counted(some)
    rows = {
        "picture": [one.name for one in some[:SHOWN_ROWS]],
        source.columns.get("label", "class"): [one.label for one in some[:SHOWN_ROWS]],
    }
    medium: dict[str, Any] = {
        "pictures": source.count,
        "side": side,
        "sides": sorted({side, *SUGGESTED}),
        "size": int(np.median([min(one.size) for _item, one in seen.read])),
        "colour": colour,
        "classes": [[name, classes[name]] for name in sorted(classes, key=class_order)[:MOST_CLASSES_SHOWN]],
        "class_count": len(classes),
        "splits": _splits(source),
        "thumbnails": _thumbnails(seen, side, colour=colour),
        **{name: one.plain for name, one in source.left_out.items()},
        "unreadable": seen.unreadable.plain,
    }
    return Preview(Guess("images", source.columns, _note(medium)), rows, medium=medium)


def _note(medium: Mapping[str, Any]) -> str:
    """What would be stored, and what would be left out as far as it is known."""
    told = {"side": medium["side"], "classes": medium["class_count"]}
    if medium["pictures"] is None:
        stored = (
            _("Pictures would be stored with {side}x{side} pixels in colour.", side=medium["side"])
            if medium["colour"]
            else _("Pictures would be stored with {side}x{side} pixels in grey.", side=medium["side"])
        )
    elif medium["colour"]:
        stored = _("Up to {n:,} pictures in {classes:,} classes would be stored with {side}x{side} pixels in colour.",
                   n=medium["pictures"] - medium["unreadable"]["count"], **told)  # fmt: skip
    else:
        stored = _("Up to {n:,} pictures in {classes:,} classes would be stored with {side}x{side} pixels in grey.",
                   n=medium["pictures"] - medium["unreadable"]["count"], **told)  # fmt: skip
    return " ".join([stored, *_left_out(medium)])


def _some(source: Listed) -> Sequence[Item]:
    if isinstance(source.items, Sequence):
        return spread(source.items, SAMPLE)
    return list(islice(source.items, SAMPLE))


def _counted(items: Sequence[Item]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in items:
        found[one.label] = found.get(one.label, 0) + 1
    return found


def _splits(source: Listed) -> dict[str, int]:
    """The splits that came with files; nobody knows those of rows before all are read."""
    found: dict[str, int] = {}
    for one in source.items if isinstance(source.items, Sequence) else ():
        found[one.split] = found.get(one.split, 0) + 1
    return found if set(found) != {"train"} else {}


def _thumbnails(seen: Sampled, side: int, *, colour: bool) -> list[list[str]]:
    shown = [seen.read[at] for at in sorted({n * len(seen.read) // THUMBNAILS for n in range(THUMBNAILS)})]
    found = []
    for item, picture in shown:
        pixels = fitted(picture.pixels, side)
        found.append([item.label, _address(pixels if colour else to_grey(pixels))])
    return found


def _address(pixels: Any) -> str:
    return "data:image/png;base64," + base64.b64encode(png_of(pixels)).decode()


def thumbnails(home: Path, data: DataSet, *, each: int = 3, most: int = 60) -> list[tuple[str, int, str]]:
    """(class, number in the training split, PNG as a data address): ``each`` training pictures of every class.

    At most ``most`` together, of the first classes.
    """
    folder = record.folder_of(home, data.name)
    index = read_index(folder)
    pixels = stored_pixels(folder, data, len(index.keys))
    places = index.of_split("train")
    labels = index.labels[places]
    found: list[tuple[str, int, str]] = []
    for label, name in enumerate(data.classes):
        for number in np.flatnonzero(labels == label)[:each].tolist():
            if len(found) >= most:
                return found
            found.append((name, number, _address(np.asarray(pixels[places[number]]))))
    return found


def samples(home: Path, data: DataSet, count: int, split: str) -> list[dict[str, str]]:
    """The numbers of pictures, evenly spread over ``split``, and their classes."""
    index = read_index(record.folder_of(home, data.name))
    places = index.of_split(split)
    numbers = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(np.int64))
    return [{"image": str(number), "label": data.classes[index.labels[places[number]]]} for number in numbers.tolist()]


def about(home: Path, data: DataSet) -> About:
    """Everything about the stored pictures."""
    side, sizes = data.stored["side"], data.statistics["sizes"]
    baselines = data.statistics["baselines"]
    counts = data.statistics["classes"]
    lines = [
        (_("name"), data.name),
        (_("task"), data.task),
        (_("kind"), KIND_TITLES[data.kind]),
        (_("source"), data.source),
        (_("licence"), data.licence or _("not stated")),
        (_("class"), _class_of(data)),
        (_("pictures"), _split_sentence(data)),
        (_("stored"), _stored(data)),
        (
            _("size in the source"),
            _("shorter side: median {median} pixels, smallest {least} pixels", median=sizes["median"],
              least=sizes["least"]),
        ),
        (
            _("patches"),
            _("{sizes} pixels across; usual: {usual}", sizes=", ".join(map(str, patch_sizes(side))),
              usual=usual_patch(side)),
        ),
        (_("baselines"), _baselines(baselines["validation"])),
    ]  # fmt: skip
    classes = [(name, {split: counts[split][at] for split in counts}) for at, name in enumerate(data.classes)]
    plain = {**data.stored, "patch_sizes": list(patch_sizes(side)), "patch_size": usual_patch(side),
             "baselines": baselines}  # fmt: skip
    return About(lines, classes, samples(home, data, 5, "train"), plain)


def _class_of(data: DataSet) -> str:
    if data.columns:
        return _("column {name}", name=data.columns["label"])
    return _("the folder of each picture")


def _stored(data: DataSet) -> str:
    side = data.stored["side"]
    if data.stored["channels"] == 3:
        return _("{side}x{side} pixels in colour: the middle of each picture, as large as fits", side=side)
    return _("{side}x{side} pixels in grey: the middle of each picture, as large as fits", side=side)


def _split_sentence(data: DataSet) -> str:
    parts = ", ".join(f"{split} {count:,}" for split, count in data.splits.items())
    if len(data.given_splits) == 2:
        return _("{parts} (as given)", parts=parts)
    if data.given_splits:
        return _("{parts} ({given} as given; the rest are split by a hash of the pixels)", parts=parts,
                 given=", ".join(data.given_splits))  # fmt: skip
    return _("{parts} (split by a hash of the pixels, so equal pictures are in the same split)", parts=parts)


def _baselines(found: Mapping[str, float]) -> str:
    said = _("always the most frequent class: accuracy {value}", value=percent(found["accuracy"]))
    for name, first in (("top3_accuracy", 3), ("top5_accuracy", 5)):
        if name in found:
            said = _("{said}; always the {n} most frequent: {value}", said=said, n=first, value=percent(found[name]))
    return said


def warnings(data: DataSet) -> list[str]:
    """What a person should know before training, one sentence each."""
    figures = data.statistics
    found = _left_out(figures)
    if animated := figures.get("animated"):
        found.append(
            ngettext("{n:,} picture is animated: its first frame is used.",
                     "{n:,} pictures are animated: their first frames are used.", animated)
        )  # fmt: skip
    if figures["sizes"]["least"] < data.stored["side"]:
        found.append(
            _("Some pictures are smaller than {side} pixels and were enlarged. The smallest has {least} pixels.",
              side=data.stored["side"], least=figures["sizes"]["least"])
        )  # fmt: skip
    if twice := figures["duplicates"]["train"]:
        found.append(
            ngettext("{n:,} training picture repeats an earlier one.",
                     "{n:,} training pictures repeat earlier ones.", twice)
        )  # fmt: skip
    for pair, count in figures["across"].items():
        if count:
            one, other = pair.split()
            found.append(
                ngettext("{n:,} picture is in both {one} and {other}, so the score there is too high.",
                         "{n:,} pictures are in both {one} and {other}, so the score there is too high.", count,
                         one=one, other=other)
            )  # fmt: skip
    if contradictions := figures.get("contradictions"):
        found.append(
            ngettext("{n:,} picture is in more than one class.", "{n:,} pictures are in more than one class.",
                     contradictions)
        )  # fmt: skip
    return [*found, *_of_classes(figures["classes"]["train"])]


def _left_out(figures: Mapping[str, Any]) -> list[str]:
    """A sentence for each kind of what was, or would be, left out."""
    return [
        *_named(figures, "unreadable", lambda n, first: ngettext(
            "{n:,} picture cannot be read and was left out: {first}.",
            "{n:,} pictures cannot be read and were left out, such as {first}.", n, first=first)),
        *_named(figures, "without_class", lambda n, first: ngettext(
            "{n:,} picture has no class and was left out: {first}.",
            "{n:,} pictures have no class and were left out, such as {first}.", n, first=first)),
        *_named(figures, "other_files", lambda n, first: ngettext(
            "{n:,} file is no picture that can be read and was left out: {first}.",
            "{n:,} files are no pictures that can be read and were left out, such as {first}.", n, first=first)),
    ]  # fmt: skip


def _named(figures: Mapping[str, Any], name: str, sentence: Any) -> list[str]:
    """A sentence about what was left out, with the first of them."""
    what = figures.get(name) or {"count": 0}
    if not what["count"]:
        return []
    first, why = what["first"][0]
    return [sentence(what["count"], f"{first} ({why.rstrip('.')})" if why else first)]


def _of_classes(training: Sequence[int]) -> list[str]:
    missing = sum(count == 0 for count in training)
    few = sum(0 < count < FEW_IN_CLASS for count in training)
    found = []
    if missing:
        found.append(
            ngettext("{n} class has no training picture.", "{n} classes have no training picture.", missing)
        )  # fmt: skip
    if few:
        found.append(
            ngettext("{n} class has fewer than {few} training pictures.",
                     "{n} classes have fewer than {few} training pictures.", few, few=FEW_IN_CLASS)
        )  # fmt: skip
    return found
