"""Where data come from, and what is wrong with a file before anything reads it. Start at Source, then prepared_file.

A file is looked at here without being parsed: its kind by its name, its encoding, its separator. What is handed on to
the ``datasets`` library is a link with a name of ours, or a copy in UTF-8, so that nothing in the name of a file (a
pattern, an address, a chain such as ``zip://``) means anything to it.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clps_core.errors import DataError
from clps_core.files import open_given
from clps_core.shown import visible
from clps_core.words import _

__all__ = [
    "FILE_KINDS",
    "UPLOAD_ENDINGS",
    "Source",
    "TextFile",
    "check_columns",
    "check_file",
    "found_source",
    "prepared_file",
]

FILE_KINDS = {
    ".txt": "text",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
"""How a file's name ends -> the builder of the ``datasets`` library that reads it."""
UPLOAD_ENDINGS = (*FILE_KINDS, ".zip")
"""How the name of a file that a browser sends may end; a ZIP contains pictures or sounds."""
PACKED = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".rar", ".lz4")
MOST_COLUMNS = 1000
SEPARATORS = ",;\t|"
HEAD = 1 << 16
CHUNK = 1 << 20
FIRST_ROWS = 1000
"""Of a table, whose fields are counted before it is read."""
LONGEST_FIELD = 1 << 27
HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
BUILDERS = {
    *("arrow", "audiofolder", "cache", "conll", "csv", "eval", "fasta", "fastq", "genbank", "generator", "harbor"),
    *("hdf5", "iceberg", "imagefolder", "json", "lance", "meshfolder", "mmcif", "niftifolder", "pandas", "parquet"),
    *("pdb", "pdffolder", "spark", "sql", "text", "tsfile", "videofolder", "vortex", "webdataset", "xml"),
}
"""Names that mean parts of the ``datasets`` library to it: it would read files of the folder that the process is in."""
OTHER_ENCODINGS = {"utf-16": "UTF-16", "utf-32": "UTF-32", "cp1252": "Windows-1252", "latin-1": "ISO-8859-1"}
"""What else a text may be in -> what it is called; the last one can always be read."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, as somebody said it.

    ``path``: a file, or a folder that ``datasets`` saved or that is laid out as on the hub; ``hub``: a name there, with
    ``config``, ``split`` and ``revision``. ``splits``: files of their own for validation and test. ``encoding``: of a
    text file that is not UTF-8. ``header``: whether the first line of a table names its columns. ``rows``: the most
    that are taken of each split. ``called``: what people read as its origin, by default path or name.
    """

    path: Path | None = None
    hub: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    splits: tuple[tuple[str, Path], ...] = ()
    encoding: str | None = None
    header: bool = True
    rows: int | None = None
    called: str = ""

    @property
    def origin(self) -> str:
        """What people read as its origin."""
        if self.called:
            return self.called
        if self.hub is not None:
            parts = [
                self.hub,
                *([self.config] if self.config else []),
                *([f"@ {self.revision}"] if self.revision else []),
            ]
            return _("Hugging Face: {name}", name=" ".join(parts))
        return str(self.path)

    @property
    def state(self) -> tuple[int, ...]:
        """Size and time of the file, by which one sees that it changed later; empty for all else."""
        if self.path is None or self.called or not self.path.is_file():
            return ()
        facts = self.path.stat()
        return facts.st_size, facts.st_mtime_ns


def found_source(text: str, *, files: bool = True) -> Source:
    """What a person means by ``text``: a path if there is one or it looks like one, else a name on the hub.

    ``files``: whether they may name files of this machine at all.
    """
    suffix = Path(text).suffix.lower()
    looks = text.startswith((".", "/", "~")) or suffix in FILE_KINDS or suffix in PACKED
    if files and (found := _existing(text)):
        return Source(path=found)
    if files and looks:
        raise DataError(_("the source must be an existing file or folder. Got {path}.", path=visible(text[:200])))
    if not HUB_NAME.fullmatch(text) or ".." in text or text in BUILDERS:
        raise DataError(
            _(
                "the source must be a file ({kinds}), a folder, or the name of a data set on Hugging Face, such as "
                "owner/name. Got {got!r}.",
                kinds=", ".join(UPLOAD_ENDINGS),
                got=visible(text[:80]),
            )
        )
    return Source(hub=text)


def _existing(text: str) -> Path | None:
    """The absolute path if there is such a file or folder; what can be no path is none."""
    try:
        path = Path(text).expanduser().absolute()
        return path if path.exists() else None
    except (RuntimeError, OSError, ValueError):
        return None


@dataclass(frozen=True)
class TextFile:
    """A file made ready for the ``datasets`` library: ``path`` is in UTF-8 and has a name of ours.

    ``builder``: the part of the library that reads it; ``separator`` and ``columns`` of a table.
    ``empty_fields``: the most that a row has after its columns, with nothing in them.
    """

    path: Path
    builder: str
    separator: str = ","
    columns: tuple[str, ...] = ()
    empty_fields: int = 0


def prepared_file(source: Path, folder: Path, *, encoding: str | None, header: bool, limit: int) -> TextFile:
    """``source`` made ready in ``folder``; raises ``DataError`` for whatever nothing can be read from."""
    builder = _builder(source)
    try:
        with open_given(source) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise DataError(
                    _(
                        "a data file must have at most {limit:,} MB here. Got {got:,} MB. Use a part of it.",
                        limit=limit // 10**6,
                        got=-(-size // 10**6),
                    )
                )
            ready = folder / f"source-{len(list(folder.iterdir()))}{source.suffix.lower()}"
            if builder == "parquet":
                _check_parquet(file, size)
            if builder == "parquet" or _is_plain(file, encoding):
                _link(source, ready)
            else:
                _write_utf8(file, encoding or "utf-8-sig", ready)
    except OSError as error:
        raise DataError(
            _("the source must be a readable file. Got {path}: {why}.",
              path=visible(str(source)[:200]), why=error.strerror or type(error).__name__)
        ) from None  # fmt: skip
    if builder != "csv":
        return TextFile(ready, builder)
    separator = "\t" if source.suffix.lower() == ".tsv" else _separator(ready)
    columns = _columns(ready, separator, header=header)
    return TextFile(ready, builder, separator, columns, _empty_fields(ready, separator, len(columns)))


def _link(source: Path, ready: Path) -> None:
    try:
        ready.symlink_to(source.resolve())
    except (OSError, NotImplementedError):  # Windows lets only some people make links
        shutil.copyfile(source, ready)


def check_file(source: Path, encoding: str | None) -> None:
    """Raise what ``prepared_file`` would say of the file itself: its name, its encoding, that it is empty."""
    if source.suffix.lower() == ".zip":
        return  # whoever opens it says what is wrong with it
    if _builder(source) == "parquet":
        return
    try:
        with open_given(source) as file:
            _is_plain(file, encoding)
    except OSError:
        return  # whoever reads it says why it cannot be read


def _builder(source: Path) -> str:
    ending = source.suffix.lower()
    if ending in PACKED:
        raise DataError(
            _("a data file must not be compressed. Got {ending}. Unpack it and add the file inside.", ending=ending)
        )
    if ending not in FILE_KINDS:
        raise DataError(
            _("a data file's name must end in {kinds}. Got {got}. Rename it, or save it as one of these.",
              kinds=", ".join(UPLOAD_ENDINGS), got=visible(source.name[-60:]))
        )  # fmt: skip
    return FILE_KINDS[ending]


def _check_parquet(file: BinaryIO, size: int) -> None:
    head = file.read(4)
    file.seek(max(0, size - 4))
    if size == 0:
        raise _empty()
    if head != b"PAR1" or file.read(4) != b"PAR1":
        raise DataError(_("a .parquet file must be complete. This one is not. Save or copy it again."))


def _empty() -> DataError:
    return DataError(_("the data must have rows. The file is empty. Choose another file."))


def _is_plain(file: BinaryIO, encoding: str | None) -> bool:
    """Whether the text is UTF-8 without a mark at its front; raises ``DataError`` that names what it is instead."""
    file.seek(0)
    head = file.read(HEAD)
    if not head.strip():
        if not head or not any(chunk.strip() for chunk in iter(lambda: file.read(CHUNK), b"")):
            raise _empty()
        file.seek(len(head))
    if encoding is not None:
        _check_encoding(encoding)
        return codecs.lookup(encoding).name == "utf-8" and not head.startswith(codecs.BOM_UTF8)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    if not wide and b"\0" in head:
        raise DataError(
            _("a text file must contain text. This one contains bytes with the value 0. Save it as UTF-8 text.")
        )
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
        for chunk in iter(lambda: file.read(CHUNK), b""):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        likely = _likely_encoding(file, head)
        raise DataError(
            _(
                "a text file must be UTF-8. This one looks like {called}. Convert it when you add it: choose the "
                "encoding {name}.",
                called=OTHER_ENCODINGS[likely],
                name=likely,
            )
        ) from None
    return not head.startswith(codecs.BOM_UTF8)


def _check_encoding(encoding: str) -> None:
    try:
        known = codecs.lookup(encoding)
        known = known if getattr(known, "_is_text_encoding", True) else None  # type: ignore[assignment]
    except (LookupError, ValueError):
        known = None
    if known is None:
        raise DataError(
            _("the encoding must be one that Python knows, such as cp1252 or utf-16. Got {got}.",
              got=visible(encoding[:40]))
        )  # fmt: skip


def _likely_encoding(file: BinaryIO, head: bytes) -> str:
    """By the mark at the front; else the first that can read all; the last one can."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    file.seek(0)
    try:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            chunk.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _write_utf8(file: BinaryIO, encoding: str, path: Path) -> None:
    """A copy in UTF-8 without a mark; raises ``DataError`` where the text is not in ``encoding``."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("w", encoding="utf-8", newline="") as copy:
            for chunk in iter(lambda: file.read(CHUNK), b""):
                copy.write(decoder.decode(chunk))
            copy.write(decoder.decode(b"", final=True))
    except UnicodeError:
        raise DataError(
            _(
                "the text is not in the encoding {name}. Choose another encoding.",
                name=visible(encoding[:40]),
            )
        ) from None


def _separator(path: Path) -> str:
    """What stands between the columns; a comma where nothing else is likely."""
    with path.open(encoding="utf-8", newline="") as file:
        head = file.read(HEAD)
    first = head.partition("\n")[0]
    counts = {one: first.count(one) for one in SEPARATORS}
    try:
        likely = csv.Sniffer().sniff(head, SEPARATORS).delimiter
    except csv.Error:
        likely = max(counts, key=counts.__getitem__)
    return likely if counts.get(likely) else ","


def _columns(path: Path, separator: str, *, header: bool) -> tuple[str, ...]:
    """The names in the first line, or numbers; raises ``DataError`` where names are missing or come twice."""
    with path.open(encoding="utf-8", newline="") as file:
        first = next(iter(_csv_rows(file, separator)), [])
    if not first:
        raise _empty()
    check_columns(len(first))
    if not header:
        return tuple(f"column {place + 1}" for place in range(len(first)))
    named = [one.strip() or f"column {place + 1}" for place, one in enumerate(first)]
    if len(set(named)) < len(named):
        twice = next(one for one in named if named.count(one) > 1)
        raise DataError(
            _("each column of the table must have a different name. Got {name} twice. Rename one of them.",
              name=visible(twice[:60]))
        )  # fmt: skip
    return tuple(named)


def check_columns(count: int) -> None:
    """Raise ``DataError`` where a table is wider than anybody's texts: it would take minutes."""
    if count > MOST_COLUMNS:
        raise DataError(
            _("a table must have at most {limit:,} columns. Got {got:,}. Keep only the columns with texts.",
              limit=MOST_COLUMNS, got=count)
        )  # fmt: skip


def _empty_fields(path: Path, separator: str, columns: int) -> int:
    """The most empty fields that a row has after its ``columns``; raises ``DataError`` where they are not empty.

    Only the first rows are looked at where none has any: the reader refuses a later one.
    """
    csv.field_size_limit(LONGEST_FIELD)
    most = 0
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(_csv_rows(file, separator), start=1):
            if number > FIRST_ROWS and not most:
                break
            most = max(most, len(row) - columns)
            if any(one.strip() for one in row[columns:]):
                raise DataError(
                    _(
                        "each row must have as many fields as there are columns ({columns}). Row {row} has {got}. "
                        "Put texts that contain {separator!r} in quotes.",
                      columns=columns, row=number, got=len(row), separator=separator)
                )  # fmt: skip
    return most


def _csv_rows(file: io.TextIOBase, separator: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(file, delimiter=separator) if row)
    except csv.Error as error:
        raise DataError(_("the table cannot be read: {why}.", why=visible(str(error)[:200]))) from None
