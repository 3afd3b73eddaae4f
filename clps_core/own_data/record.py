"""What is kept of a data set: a folder, and what its ``dataset.json`` says. Start at DataSet, then find and names.

::

    CLPS_HOME/datasets/<name>/dataset.json     the record below
                              rows.arrow       the texts, cleaned, in the order of the source
                              index.arrow      of each row: a hash of its content, its split, its class
                              tokenizer.json   one that a person brought, if any
                              vocabularies/    trained tokenizers and what they say of the texts
                              tokens/          the texts as tokens, one file for each tokenizer
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from clps_core.errors import DataError
from clps_core.files import parsed_json, read_regular
from clps_core.shown import visible
from clps_core.suggestions import nearest
from clps_core.words import _

__all__ = [
    "FOLDER",
    "KINDS",
    "MASKED",
    "MODEL_ROLES",
    "PREFIX",
    "SEQ2SEQ",
    "DataSet",
    "Kind",
    "Split",
    "check_free",
    "check_name",
    "folder_of",
    "found_name",
    "harmless",
    "names",
    "owner_of",
    "read",
    "remove",
    "size_of",
    "task_name",
    "write",
]

FOLDER = "datasets"
PREFIX = "data:"
"""Of the names of the tasks that data sets are."""
MASKED = ":masked"
"""The end of the name of the second task that a data set for generation is: its tokens are masked and filled in."""
SEQ2SEQ = ":seq2seq"
"""The end of the name of the second task that a data set of sounds is: a decoder writes them down."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
RECORD = "dataset.json"
LAYOUT = 1
MOST_CLASSES = 1000

Split = Literal["train", "validation", "test"]
Kind = Literal["generation", "classification", "translation", "span", "images", "speech"]
KINDS: tuple[Kind, ...] = ("generation", "classification", "translation", "span")
"""Those of texts; ``media`` knows the others."""
MODEL_ROLES: Mapping[Kind, tuple[str, ...]] = {
    "generation": ("text",),
    "classification": ("text",),
    "translation": ("text", "target"),
    "span": ("context", "question"),
}
"""Kind of texts -> what becomes tokens. The first is what splits are cut by."""
LONGEST = {"source": 400, "licence": 400, "owner": 80, "added_at": 40}
"""Characters of the texts in a record."""
Text = Annotated[str, Field(max_length=400)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class DataSet(BaseModel):
    """The record of one data set. It comes from a file, so every field is bounded.

    ``columns``: role (``columns.ROLES``) -> the source's column. ``classes``: their names, sorted.
    ``splits``: split -> rows. ``given_splits``: those that came with the source; the others were cut by content.
    ``characters``, ``tokenizer``: of texts. ``stored``: of a medium, the sizes of what its module keeps.
    ``statistics``: see ``adding``. ``fingerprint``: of all rows with their splits. ``source``: where it came from;
    ``source_state``: size and time of the source file when it was read (empty for others). ``owner``: as in runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    layout: Literal[1] = 1
    name: Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
    kind: Kind
    columns: Mapping[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=200)]]
    classes: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=MOST_CLASSES)] = ()
    splits: Mapping[Split, Count]
    given_splits: tuple[Split, ...] = ()
    characters: Count = 0
    statistics: Mapping[str, Any] = Field(default_factory=dict)
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tokenizer: Annotated[str, Field(max_length=40)] = ""
    stored: Annotated[Mapping[Annotated[str, Field(max_length=20)], Count], Field(max_length=20)] = Field(
        default_factory=dict
    )
    source: Text
    source_state: Annotated[tuple[int, ...], Field(max_length=2)] = ()
    licence: Text = ""
    owner: Annotated[str, Field(max_length=80)] = "local"
    shared: bool = False
    added_at: Annotated[str, Field(max_length=40)] = ""

    @field_validator("source", "licence", "added_at", "owner", mode="before")
    @classmethod
    def _harmless(cls, value: object, info: ValidationInfo) -> object:
        return harmless(value, LONGEST[str(info.field_name)]) if isinstance(value, str) else value

    @property
    def task(self) -> str:
        """The name of the task that it is."""
        return task_name(self.name)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of all tasks that it is: a running text can be continued, and its gaps filled; sounds can be
        written down where they are heard, or one character after the other."""
        second = {"generation": MASKED, "speech": SEQ2SEQ}.get(self.kind)
        return (self.task,) if second is None else (self.task, self.task + second)

    @property
    def rows(self) -> int:
        """Of all splits."""
        return sum(self.splits.values())


def harmless(text: str, most: int, *, end: bool = False) -> str:
    """``visible``, of at most ``most`` characters (its ``end``, or its beginning); the same when it is done again.

    A cut can part a pair of marks that was harmless as a pair, and codes are longer than what they stand for.
    """
    while True:
        text = visible(text[-most:] if end else text[:most])
        if len(text) <= most:
            return text


def task_name(name: str) -> str:
    """The task of the data set ``name``."""
    return PREFIX + name


def found_name(task: str) -> str:
    """The data set of a task's name, which may come from anybody; raises ``DataError`` where it can be none."""
    return check_name(task.removeprefix(PREFIX).removesuffix(MASKED).removesuffix(SEQ2SEQ))


def check_name(name: str) -> str:
    """``name`` if a data set can be called so; it becomes a folder's name, so it is narrow."""
    if not NAME.fullmatch(name) or name.endswith((".", "-")):
        raise DataError(
            _(
                "a data set's name must have 1 to 40 characters (a-z, 0-9, '-', '_' and '.'), and begin and end with "
                "a letter or digit. Got {got!r}. Choose another name.",
                got=visible(name[:60]),
            )
        )
    return name


def folder_of(home: Path, name: str) -> Path:
    """Where the data set lies, or would lie."""
    return home / FOLDER / check_name(name)


def names(home: Path) -> list[str]:
    """The names of all data sets of ``home``, sorted."""
    try:
        entries = list(os.scandir(home / FOLDER))
    except OSError:
        return []
    return sorted(e.name for e in entries if NAME.fullmatch(e.name) and e.is_dir() and (Path(e.path) / RECORD).exists())


def check_free(home: Path, name: str) -> str:
    """``name`` if no data set is called so; else ``DataError``, which offers a free one."""
    check_name(name)
    if (home / FOLDER / name).exists():
        free = next(
            one for number in range(2, 10_000) if not (home / FOLDER / (one := f"{name[:34]}-{number}")).exists()
        )
        raise DataError(
            _(
                "a data set's name must be new. {name} exists already. Choose another name, such as {free}, or "
                "remove the old data set first.",
                name=name,
                free=free,
            )
        )
    return name


def read(home: Path, name: str) -> DataSet:
    """The record of ``name``; raises ``DataError`` where there is no such data set, or where it is damaged."""
    folder = folder_of(home, name)
    try:
        state = (folder / RECORD).stat()
    except OSError:
        known = names(home)
        likely = nearest(name, known)
        hint = _(" Did you mean {name}?", name=likely) if likely else ""
        raise DataError(
            _("there is no data set {name}.{hint} 'clps data list' shows all.",
              name=name, hint=hint)
        ) from None  # fmt: skip
    return _read(folder, name, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _read(folder: Path, name: str, _changed: int, _size: int) -> DataSet:
    try:
        found = DataSet.model_validate(parsed_json(read_regular(folder, RECORD, limit=1 << 20)))
    except (OSError, ValueError, ValidationError):
        found = None
    if found is None or found.name != name:
        raise DataError(
            _("the record of data set {name} is damaged. Remove the data set and add it again.",
              name=name)
        )  # fmt: skip
    return found


def owner_of(home: Path, name: str) -> str | None:
    """Whose data set it is, also where the rest of its record is damaged; ``None`` where nothing says it."""
    try:
        return read(home, name).owner
    except DataError:
        pass
    try:
        owner = parsed_json(read_regular(folder_of(home, name), RECORD, limit=1 << 20))["owner"]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return harmless(owner, LONGEST["owner"]) if isinstance(owner, str) else None


def write(folder: Path, record: DataSet) -> None:
    """Keep ``record`` in the data set's folder: complete or not at all."""
    path = folder / RECORD
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(record.model_dump(mode="json"), ensure_ascii=True))
    temporary.replace(path)


def remove(home: Path, name: str) -> None:
    """Delete the stored copy, also a damaged one; runs that were trained on it keep their results."""
    folder = folder_of(home, name)
    if not folder.is_dir() or folder.is_symlink():
        read(home, name)  # says that there is none
    going = folder.with_name(f".removing-{name}-{os.getpid()}")
    folder.replace(going)  # at once: nobody finds half of it
    shutil.rmtree(going, ignore_errors=True)


def size_of(home: Path, name: str) -> int:
    """Bytes of everything that is kept for the data set."""
    found = 0
    for folder, _folders, files in os.walk(folder_of(home, name)):
        for file in files:
            try:
                found += (Path(folder) / file).lstat().st_size
            except OSError:
                continue
    return found
