"""Data that are no texts: which module reads, keeps and tells of each medium. Start at module, then Medium.

A medium comes in files (``Found.trees``: a folder or a ZIP), or in a column of rows that the ``datasets`` library reads
(``Found.rows``). Its module is imported when it is asked for, so that no medium pays for another.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from clps_core.errors import DataError
from clps_core.limits import DATA
from clps_core.own_data.columns import Guess
from clps_core.own_data.sources import FILE_KINDS, Source
from clps_core.own_data.trees import Tree, opened_tree
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.data.base import TaskData
    from clps_core.own_data.reading import Opened
    from clps_core.own_data.record import DataSet
    from clps_core.own_data.told import About
    from clps_core.tasks import DataLike, TaskFacts

__all__ = [
    "ENDINGS",
    "MEDIA",
    "ROLES",
    "Asked",
    "Found",
    "MediaKind",
    "Medium",
    "Preview",
    "kind_of_rows",
    "module",
    "of_trees",
]

MediaKind = Literal["images", "speech"]
MEDIA: Mapping[str, str] = {
    "images": "clps_core.own_data.images",
    "speech": "clps_core.own_data.speech",
}
"""Kind -> the dotted name of its module, which offers what ``Medium`` lists."""
ROLES: Mapping[str, tuple[str, ...]] = {"images": ("image", "label"), "speech": ("audio", "text")}
"""Kind -> the roles that columns of rows, or of a table beside the files, may be named for. The first is the medium."""
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "images": (".png", ".jpg", ".jpeg", ".webp", ".gif"),
    "speech": (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
}
"""Kind -> how the names of its files end, in lower case."""
SAVED = ("dataset_dict.json", "state.json")
"""Files in a folder that the ``datasets`` library saved."""
MOST_LOOKED_AT = 2_000
"""Files of a folder by whose names its medium is guessed."""


@dataclass(frozen=True)
class Preview:
    """The first rows of a source and what its columns are taken for. ``rows``: column -> its first values.

    ``medium``: of data that are no texts, what their module found, as plain data for JSON.
    """

    guess: Guess
    rows: Mapping[str, Sequence[Any]]
    running_text: bool = False
    medium: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """Where the data of a medium are: ``trees`` (split -> its files; all of them under ``train`` where one folder or
    ZIP may have folders for its splits), or else ``rows``, whose ``media`` names the columns."""

    trees: Mapping[str, Tree] = field(default_factory=dict)
    rows: Opened | None = None


@dataclass(frozen=True)
class Asked:
    """What a person said of them: ``columns`` (role -> column) and ``options`` of the medium, unchecked plain values.

    ``most``: items of each split to take, where it is limited. ``room``: bytes that the data set may take. ``said`` is
    told how many items were read.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    most: int | None = None
    room: int | None = None
    said: Callable[[int], None] = lambda _count: None


class Medium(Protocol):
    """The module of one medium. Everything that cannot be used raises ``DataError`` in one sentence."""

    def preview(self, found: Found, asked: Asked, /) -> Preview:
        """What ``keep`` would take the data for, by the first items."""

    def keep(self, folder: Path, found: Found, asked: Asked, about: Mapping[str, Any], /) -> DataSet:
        """Read everything, write it into ``folder`` and return the record; ``about``: its fields that say whose and
        what it is (name, source, owner ...)."""

    def facts(self, data: DataLike, known: DataSet, home: Path, /) -> TaskFacts:
        """Those of the task ``data.task``, one of ``known.tasks``."""

    def load(
        self, config: RunConfig, facts: TaskFacts, known: DataSet, *, home: Path, cache_folder: Path | None
    ) -> TaskData:
        """The batches: see ``work.DataModule``."""

    def about(self, home: Path, known: DataSet, /) -> About:
        """What people read of the data set."""

    def samples(self, home: Path, known: DataSet, count: int, split: str, /) -> list[dict[str, str]]:
        """Items of ``split`` as rows of words."""

    def warnings(self, known: DataSet, /) -> list[str]:
        """What a person should know before training, one sentence each."""


def module(kind: str) -> Medium:
    """The module of the medium ``kind``, one of ``MEDIA``."""
    return cast(Medium, importlib.import_module(MEDIA[kind]))


@contextmanager
def of_trees(source: Source, kind: str | None, *, limit: int = DATA.file_bytes) -> Iterator[tuple[str, Found] | None]:
    """(kind, files) while the block lasts, where ``source`` is a folder or ZIP of a medium; else ``None``.

    ``kind``: as asked for; by default guessed by the names of the files. ``limit``: bytes of a ZIP. Raises
    ``DataError`` where there is no such file, and for a ZIP of something else.
    """
    path = source.path
    if path is None or (kind is not None and kind not in MEDIA) or not _is_tree(path, kind):
        yield None
        return
    with ExitStack() as stack:
        trees = {}
        for split, one in {"train": path, **dict(source.splits)}.items():
            _check_size(one, limit)
            trees[split] = stack.enter_context(opened_tree(one))
        names = [one.path for tree in trees.values() for one in tree.members]
        found = kind or _likely(names)
        if found is None or not any(PurePosixPath(name).suffix.lower() in ENDINGS[found] for name in names):
            raise DataError(
                _(
                    "a folder or ZIP must contain pictures ({pictures}) or sounds ({sounds}). {name} contains "
                    "{n:,} files of other kinds. Texts must be a single file.",
                    pictures=", ".join(ENDINGS["images"]), sounds=", ".join(ENDINGS["speech"]),
                    name=visible((source.called or path.name)[-60:]), n=len(names))
            )  # fmt: skip
        yield found, Found(trees=trees)


def kind_of_rows(found: Opened, kind: str | None) -> str | None:
    """The medium that rows are used for: the one that is asked for, else that of their first column of a medium."""
    if kind is None:
        return next(iter(found.media.values()), None)
    if kind not in MEDIA:
        return None
    if kind not in found.media.values():
        wanted = _("pictures") if kind == "images" else _("sounds")
        raise DataError(
            _("data of kind {kind} must be a folder or ZIP of {wanted}, or have a column of them. This source does "
              "not. Choose another source, or another kind.", kind=kind, wanted=wanted)
        )  # fmt: skip
    return kind


def _is_tree(path: Path, kind: str | None) -> bool:
    """Whether it is read file by file, not by the ``datasets`` library."""
    if not path.is_dir():
        return path.suffix.lower() == ".zip"
    if any((path / name).is_file() for name in SAVED):
        return False
    names = _first_names(path)
    if kind is not None:
        return any(PurePosixPath(name).suffix.lower() in ENDINGS[kind] for name in names)
    return _likely(names) is not None


def _first_names(path: Path) -> list[str]:
    found: list[str] = []
    for _place, folders, names in os.walk(path):
        folders[:] = [one for one in folders if not one.startswith(".")]
        found += names
        if len(found) > MOST_LOOKED_AT:
            break
    return found


def _likely(names: Sequence[str]) -> str | None:
    """The medium of which there are more files than of others and of tables and texts, which may belong to it."""
    endings = [PurePosixPath(one).suffix.lower() for one in names if PurePosixPath(one).stem != "README"]
    counts = {kind: sum(one in known for one in endings) for kind, known in ENDINGS.items()}
    others = sum(one in FILE_KINDS for one in endings)
    kind = max(counts, key=counts.__getitem__)
    return kind if counts[kind] >= max(1, others) else None


def _check_size(path: Path, limit: int) -> None:
    try:
        size = 0 if path.is_dir() else path.stat().st_size
    except OSError:
        return  # whoever opens it says why it cannot be read
    if size > limit:
        raise DataError(
            _("a data file must have at most {limit:,} MB here. Got {got:,} MB. Use a part of it.",
              limit=limit // 10**6, got=-(-size // 10**6))
        )  # fmt: skip
