"""The sounds of a source with their transcripts, one after the other, whatever the source is. Start at utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from clps_core.data.wav import UnusableSound
from clps_core.errors import DataError
from clps_core.own_data.cells import content_of
from clps_core.own_data.media import Asked, Found
from clps_core.own_data.speech.decoding import LARGEST, too_large
from clps_core.own_data.speech.transcripts import Matched, matched, text_column
from clps_core.own_data.trees import Member, Tree
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["Left", "Source", "Utterance", "utterances"]

Left = Callable[[str, str], None]
"""Told of what is left out: the reason, and the name of the sound or of what a table calls it."""


@dataclass(frozen=True)
class Utterance:
    """One sound: ``name`` as people read it, ``text`` as it was found, ``split`` (empty where not said).

    ``content``: the bytes of its file; raises ``UnusableSound`` where it cannot be read, or is too large.
    """

    name: str
    text: str
    split: str
    content: Callable[[], bytes]


@dataclass(frozen=True)
class Source:
    """``rows``: its utterances; ``column``: where transcripts were found (empty: in text files, or ``by_folder``)."""

    rows: Iterator[Utterance]
    column: str = ""
    by_folder: bool = False


def utterances(found: Found, asked: Asked, left: Left) -> Source:
    """What ``found`` has. Raises ``DataError`` where it has no sounds or no transcripts, here and while it is read."""
    if found.rows is not None:
        return _of_rows(found, asked, left)
    parts = {split: matched(tree, asked.columns.get("text")) for split, tree in found.trees.items()}
    for part in parts.values():
        _tell(part, left)
    given = len(parts) > 1
    rows = (one for split, part in parts.items() for one in _of_tree(found.trees[split], part, split, given=given))
    column = next((part.column for part in parts.values() if part.column), "")
    return Source(_some(rows, asked.most), column, any(part.by_folder for part in parts.values()))


def _tell(part: Matched, left: Left) -> None:
    for name in part.without_text:
        left("without_text", name)
    for name in part.without_sound:
        left("without_sound", name)
    for name in part.repeated:
        left("repeated", name)


def _of_tree(tree: Tree, part: Matched, split: str, *, given: bool) -> Iterator[Utterance]:
    """``given``: the tree is one of several, each of them a split."""
    says_training = {pair.split for pair in part.pairs} & {"", "train"}
    for pair in part.pairs:
        own = pair.split if says_training else ""  # a part of a collection, such as its folder "test", is all there is
        yield Utterance(pair.sound.path, pair.text, split if given else own, partial(_read, tree, pair.sound))


def _read(tree: Tree, sound: Member) -> bytes:
    if sound.size > LARGEST:
        raise too_large(sound.size)
    try:
        return tree.read(sound, limit=LARGEST)
    except DataError as error:
        raise UnusableSound("unreadable", str(error)) from None


def _some(rows: Iterator[Utterance], most: int | None) -> Iterator[Utterance]:
    taken: dict[str, int] = {}
    for one in rows:
        taken[one.split] = taken.get(one.split, 0) + 1
        if most is None or taken[one.split] <= most:
            yield one


def _of_rows(found: Found, asked: Asked, left: Left) -> Source:
    rows = found.rows
    assert rows is not None
    sounds = [name for name, kind in rows.media.items() if kind == "speech"]
    texts = [name for name in rows.columns if name not in rows.media]
    sound = _column("audio", asked.columns.get("audio"), sounds, sounds[0])
    text = _column("text", asked.columns.get("text"), texts, text_column(texts))
    return Source(_cells(found, sound, text, left), text)


def _column(role: str, asked: str | None, known: list[str], likely: str | None) -> str:
    if asked is not None and asked in known:
        return asked
    if asked is None and likely is not None:
        return likely
    raise DataError(
        _("the column of role {role} must be one of {known}. Got {got}. Name it with --{role}.",
          role=role, known=visible(", ".join(known[:20])[:400]) or "-", got=visible((asked or "-")[:60]))
    )  # fmt: skip


def _cells(found: Found, sound: str, text: str, left: Left) -> Iterator[Utterance]:
    assert found.rows is not None
    for split, batches in found.rows.parts.items():
        given = split if len(found.rows.parts) > 1 else ""
        number = 0
        for batch in batches:
            for cell, said in zip(batch[sound], batch[text], strict=True):
                number += 1
                name = _name(cell, split, number)
                if cell is None:
                    left("without_sound", name)
                elif said is None or not str(said).strip():
                    left("without_text", name)
                else:
                    yield Utterance(name, str(said), given, partial(_bytes, cell, found.rows.inside))


def _name(cell: Mapping[str, Any] | None, split: str, number: int) -> str:
    path = str((cell or {}).get("path") or "")
    return path.replace("\\", "/").rpartition("/")[2] or _("{split}, row {n:,}", split=split, n=number)


def _bytes(cell: Mapping[str, Any], inside: str) -> bytes:
    """What the cell holds, or the file of the data set that it names; nothing else is opened."""
    try:
        content = content_of(cell, inside, LARGEST)
    except DataError as error:
        raise UnusableSound("unreadable", str(error)) from None
    if len(content) > LARGEST:
        raise too_large(len(content))
    return content
