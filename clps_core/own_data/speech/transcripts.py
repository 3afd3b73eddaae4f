"""Which transcript belongs to which sound of a folder or ZIP. Start at matched.

Read are tables (``metadata.csv``, ``.tsv`` or ``.jsonl`` as for ``datasets``; Common Voice's; LJSpeech's, without a
line of names and with ``|`` between), LibriSpeech's ``*.trans.txt``, and a text file beside each sound. Without any,
the names of folders are taken, as of commands. A table names a sound by a path, or by its name with or without its
ending, below the folder in which the table lies.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from clps_core.errors import DataError
from clps_core.files import parsed_json
from clps_core.own_data.media import ENDINGS
from clps_core.own_data.reading import SPLIT_NAMES
from clps_core.own_data.trees import Member, Tree
from clps_core.shown import has_control, visible
from clps_core.words import _

__all__ = ["SOUND_NAMES", "TEXT_NAMES", "Matched", "Pair", "matched", "normalised", "text_column"]

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
LARGEST_TABLE, LARGEST_TEXT = 100 << 20, 64 << 10
LONGEST_REFERENCE = 1_000
SOUND_NAMES = (
    *(
        "file_name",
        "filename",
        "file",
        "path",
        "audio",
        "audio_path",
        "audio_file",
        "audio_filepath",
        "wav",
        "wav_path",
    ),
    *("wav_filename", "sound", "clip", "id"),
)
TEXT_NAMES = (
    *("transcription", "transcript", "normalized_text", "normalised_text", "normalized_transcription", "text"),
    *("sentence", "utterance", "raw_transcription", "words", "word", "command", "label"),
)
"""What columns are called, likeliest first."""
SPLIT_COLUMNS = ("split", "subset", "partition")
NOT_FOR_TRAINING = ("invalidated", "other", "reported")
"""Tables of Common Voice with transcripts that nobody has confirmed, or that are wrong."""
SAID_OFTEN = 5
"""Sounds that a folder has on average if its name is what is said in them."""
MOST_SAME = 100
"""Where more sounds than this have one name, only their paths from the table's folder tell them apart."""


@dataclass(frozen=True)
class Pair:
    """A sound and what is said in it, as it was found. ``split``: train, validation or test; empty where not said."""

    sound: Member
    text: str
    split: str


@dataclass
class Matched:
    """``pairs`` in the order of the tree, or ``by_folder`` in turns.

    ``without_text``: sounds; ``without_sound``: what tables name. ``repeated``: transcripts of sounds that had one
    already. ``column``: the tables' column of transcripts.
    ``by_folder``: no table or file has any, so that the folders' names are taken.
    """

    pairs: list[Pair] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)
    without_sound: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    column: str = ""
    by_folder: bool = False


@dataclass(frozen=True)
class _Line:
    """A line of a table: the sound that it names, what is said in it, and its split if it says one."""

    reference: str
    text: str
    split: str = ""


def normalised(text: str, *, lower: bool) -> str:
    """A transcript as it is learned: composed letters (NFC), single blanks, nothing that cannot be seen."""
    text = unicodedata.normalize("NFC", text)
    text = unicodedata.normalize("NFC", text.lower()) if lower else text
    words = text.split()
    return " ".join(kept for word in words if (kept := "".join(sign for sign in word if not has_control(sign))))


def matched(tree: Tree, column: str | None = None) -> Matched:
    """The sounds of ``tree`` with their transcripts. ``column``: of the transcripts in tables.

    Raises ``DataError`` where there are no sounds, no transcripts, or a table cannot be read.
    """
    sounds = [one for one in tree.members if one.ending in ENDINGS["speech"]]
    if not sounds:
        raise DataError(
            _("the data must have sounds ({endings}). Got none. Choose another folder or ZIP.",
              endings=", ".join(ENDINGS["speech"]))
        )  # fmt: skip
    found, names = Matched(), _Names(sounds)
    texts: dict[Member, Pair] = {}
    columns: list[str] = []
    for table in _tables(tree):
        for line in _lines(tree, table, names, column, columns):
            sound = names.find(line.reference, table)
            if sound is None:
                found.without_sound.append(line.reference)
            elif sound in texts:
                found.repeated.append(sound.path)
            else:
                split = line.split or _split_of_name(table.path) or _split_of_folders(sound)
                texts[sound] = Pair(sound, line.text, split)
    if column is not None and not columns:
        raise DataError(
            _("no table with transcripts has the column {column}. Choose another one.", column=visible(column[:60]))
        )
    _beside(tree, sounds, texts)
    if not texts:
        texts = _named_by_folders(sounds)
        found.by_folder = bool(texts)
    found.pairs = [texts[sound] for sound in sounds if sound in texts]
    if found.by_folder:
        found.pairs = _in_turns(found.pairs)
    found.without_text = [sound.path for sound in sounds if sound not in texts]
    found.column = columns[0] if columns else ""
    if not found.pairs:
        raise DataError(
            _(
                "the sounds must have transcripts: in a metadata.csv beside them (file_name, transcription), or in a "
                ".txt file of the same name. None was found for {n:,} sounds. Add them.",
                n=len(sounds),
            )
        )
    return found


class _Names:
    """Sounds by path, by path without ending, and by name; ``find`` takes what a table says."""

    def __init__(self, sounds: Sequence[Member]) -> None:
        self._paths: dict[str, Member] = {}
        self._names: dict[str, list[Member]] = {}
        for sound in sounds:
            bare = sound.path[: -len(sound.ending)]
            self._paths.setdefault(bare, sound)
            self._paths[sound.path] = sound
            for name in {sound.parts[-1], PurePosixPath(bare).name}:
                self._names.setdefault(name, []).append(sound)

    def find(self, reference: str, table: Member) -> Member | None:
        """The sound that ``table`` names so; ``None`` for none, and where several are called so."""
        folder = "/".join(table.parts[:-1])
        path = reference.replace("\\", "/").removeprefix("./")
        if (found := self._paths.get(f"{folder}/{path}" if folder else path)) is not None:
            return found
        same = self._names.get(PurePosixPath(path).name, [])
        below = [
            one for one in (same if len(same) <= MOST_SAME else ()) if not folder or one.path.startswith(f"{folder}/")
        ]
        ending = [one for one in below if one.path.endswith(f"/{path}") or f"/{path}." in one.path] or below
        return ending[0] if len(ending) == 1 else None


def _tables(tree: Tree) -> list[Member]:
    """The tables to read. Where some are called as a split, those of all rows beside them are not read again."""
    found = [
        one
        for one in tree.members
        if one.path.endswith(".trans.txt")
        or (one.ending in TABLES and PurePosixPath(one.path).stem.lower() not in NOT_FOR_TRAINING)
    ]
    splits = {one.parts[:-1] for one in found if one.ending in TABLES and _split_of_name(one.path)}
    return [one for one in found if one.parts[:-1] not in splits or _split_of_name(one.path) or one.ending == ".txt"]


def _split_of_name(path: str) -> str:
    """The split that a table's name says: ``train.tsv``, ``metadata_dev.csv``."""
    name = PurePosixPath(path).name.partition(".")[0].lower()
    return next((SPLIT_NAMES[word] for word in re.split(r"[-_ ]", name) if word in SPLIT_NAMES), "")


def _split_of_folders(sound: Member) -> str:
    """The split that the outermost folder called so says: ``train/``, ``dev-clean/``."""
    words = (re.split(r"[-_ ]", folder.lower())[0] for folder in sound.parts[:-1])
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")


def _beside(tree: Tree, sounds: Sequence[Member], texts: dict[Member, Pair]) -> None:
    """Take the text files beside sounds that no table names."""
    files = {one.path[: -len(".txt")]: one for one in tree.members if one.ending == ".txt"}
    for sound in sounds:
        file = files.get(sound.path[: -len(sound.ending)])
        if sound not in texts and file is not None:
            text = _decoded(tree.read(file, limit=LARGEST_TEXT), file)
            if text.strip():
                texts[sound] = Pair(sound, text, _split_of_folders(sound))


def _named_by_folders(sounds: Sequence[Member]) -> dict[Member, Pair]:
    """The folder of each sound as its transcript, as in collections of commands: ``yes/1.wav``.

    Nothing where folders are not a few words, each said often.
    """
    words = {one: re.sub(r"[_-]+", " ", one.parts[-2]).strip() for one in sounds if len(one.parts) > 1}
    kinds = {word for word in words.values() if word.lower() not in SPLIT_NAMES and re.search(r"[^\W\d_]", word)}
    spoken = [one for one in sounds if words.get(one) in kinds]
    if len(kinds) < 2 or len(spoken) < SAID_OFTEN * len(kinds):
        return {}
    return {one: Pair(one, words[one], _split_of_folders(one)) for one in spoken}


def _in_turns(pairs: Sequence[Pair]) -> list[Pair]:
    """The first of each folder, then the second of each: so the first few, too, are of all folders."""
    taken: dict[str, int] = {}
    turns = []
    for pair in pairs:
        turns.append(taken.get(pair.text, 0))
        taken[pair.text] = turns[-1] + 1
    return [pairs[at] for at in sorted(range(len(pairs)), key=lambda at: turns[at])]


def _lines(tree: Tree, table: Member, names: _Names, column: str | None, columns: list[str]) -> Iterator[_Line]:
    """The lines of ``table`` with a transcript; nothing where it is no table of transcripts.

    ``columns`` gets the name of the column that was taken.
    """
    text = _decoded(tree.read(table, limit=LARGEST_TABLE), table)
    if table.ending == ".txt":
        for line in text.splitlines():
            reference, _blank, said = line.strip().partition(" ")
            if said.strip():
                yield _Line(reference, said)
        return
    rows = _json_rows(text, table) if table.ending in (".jsonl", ".ndjson") else _csv_rows(text, table, names)
    heads: tuple[str, str] | None = None
    for row in rows:
        if heads is None:
            if (heads := _heads(row, column)) is None:
                return
            columns.append(heads[1])
        named, told = row.get(heads[0]), row.get(heads[1])
        if named and told and told.strip():
            split = next((row[one] for one in SPLIT_COLUMNS if row.get(one)), "")
            yield _Line(named.strip()[:LONGEST_REFERENCE], told, SPLIT_NAMES.get(split.strip().lower(), ""))


def _heads(row: Mapping[str, str], column: str | None) -> tuple[str, str] | None:
    """The columns of sounds and of transcripts; ``None`` where there are none such."""
    lower = {name.strip().lower(): name for name in row}
    sound = next((lower[one] for one in SOUND_NAMES if one in lower), None)
    text = text_column(row) if column is None else column if column in row else None
    return None if sound is None or text is None or sound == text else (sound, text)


def text_column(names: Sequence[str] | Mapping[str, object]) -> str | None:
    """The likeliest column of transcripts; ``None`` where none is called so."""
    lower = {name.strip().lower(): name for name in names}
    return next((lower[one] for one in TEXT_NAMES if one in lower), None)


def _json_rows(text: str, table: Member) -> Iterator[Mapping[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = parsed_json(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise DataError(
                _("each line of a .jsonl file must be one JSON object. Line {line} of {name} is not. Correct it.",
                  line=number, name=visible(table.path[-100:]))
            )  # fmt: skip
        yield {str(name): str(value) for name, value in row.items() if isinstance(value, str | int | float)}


def _csv_rows(text: str, table: Member, names: _Names) -> Iterator[Mapping[str, str]]:
    """Rows by column. Without a line of names, the first column is the sound, the last one the transcript."""
    first = text.partition("\n")[0]
    likely = max(",;\t|", key=lambda one: (first.count(one), one == ","))
    separator = "\t" if table.ending == ".tsv" else likely
    csv.field_size_limit(LARGEST_TABLE)
    # Common Voice and LJSpeech write quotation marks as they are.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator in "\t|" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    heads: list[str] | None = None
    try:
        for row in reader:
            if not row:
                continue
            if heads is None:
                heads = [one.strip() for one in row]
                if _heads(dict.fromkeys(heads, ""), None) is not None or names.find(row[0].strip(), table) is None:
                    continue
                heads = ["file_name", *(f"column {place}" for place in range(2, len(row))), "transcription"]
            yield dict(zip(heads, row, strict=False))
    except csv.Error as error:
        raise DataError(
            _("the table {name} cannot be read: {why}. Correct it.",
              name=visible(table.path[-100:]), why=visible(str(error)[:100]))
        ) from None  # fmt: skip


def _decoded(content: bytes, file: Member) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(
            _("a text file must be UTF-8. {name} is not. Convert it.", name=visible(file.path[-100:]))
        ) from None
