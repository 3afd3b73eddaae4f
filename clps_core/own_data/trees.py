"""A folder or a ZIP with many files, read with bounds and never unpacked. Start at opened_tree.

What a person brings may be hostile: names that lead outside, links, files that unpack to more than the disk has. So
names are checked before anything is read, a file is read up to the size that it states, and nothing is written.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clps_core.errors import DataError
from clps_core.files import open_given, open_regular
from clps_core.limits import DATA
from clps_core.shown import has_control, visible
from clps_core.words import _

__all__ = ["Member", "Tree", "opened_tree"]

LONGEST_NAME, DEEPEST = 1_000, 20
"""Characters of a path in a tree, and its folders."""
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Files and folders that systems leave behind, as everything whose name begins with a dot."""


@dataclass(frozen=True, order=True)
class Member:
    """One file of a tree: ``path`` from the tree's top with ``/`` between, and its ``size`` in bytes."""

    path: str
    size: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of ``path``, then the file's name."""
        return PurePosixPath(self.path).parts

    @property
    def ending(self) -> str:
        """How its name ends, in lower case, with the dot."""
        return PurePosixPath(self.path).suffix.lower()


@dataclass(frozen=True)
class Tree:
    """``members``: all files, sorted by path, without what systems leave behind (``.DS_Store``, ``__MACOSX``)."""

    members: tuple[Member, ...]
    _read: Callable[[Member], bytes]

    def read(self, member: Member, *, limit: int) -> bytes:
        """The content of a member; raises ``DataError`` where it has more than ``limit`` bytes, or is damaged."""
        if member.size > limit:
            raise DataError(
                _("each file must have at most {limit:,.1f} MB. {name} has {got:,.1f} MB. Make it smaller.",
                  limit=limit / 10**6, name=visible(member.path[-100:]), got=member.size / 10**6)
            )  # fmt: skip
        return self._read(member)


@contextmanager
def opened_tree(path: Path, *, files: int = DATA.tree_files, size: int = DATA.tree_bytes) -> Iterator[Tree]:
    """The files in the folder or ZIP ``path`` while the block lasts.

    ``files``, ``size``: the most that it may have, and the most bytes of all of them together, unpacked. Raises
    ``DataError`` in one sentence for more, for names that lead outside, for links, and for what is no ZIP.
    """
    with ExitStack() as stack:
        try:
            if path.is_dir():
                found, read = _folder(path, files)
            else:
                # Of the file that was opened, not of a path that may be another one by then.
                archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(open_given(path))))
                found, read = _archive(archive, files)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
            raise DataError(
                _("the file must be a ZIP. {name} cannot be read as one. Pack it again.",
                  name=visible(path.name[-60:]))
            ) from None  # fmt: skip
        except OSError as error:
            raise DataError(
                _("the source must be a readable file. Got {path}: {why}.",
                  path=visible(str(path)[:200]), why=error.strerror or type(error).__name__)
            ) from None  # fmt: skip
        if (total := sum(one.size for one in found)) > size:
            raise DataError(
                _("the files must have at most {limit:,} MB together here, unpacked. Got {got:,} MB. Use a part of "
                  "them.", limit=size // 10**6, got=-(-total // 10**6))
            )  # fmt: skip
        yield Tree(tuple(sorted(found)), read)


def _folder(path: Path, most: int) -> tuple[list[Member], Callable[[Member], bytes]]:
    found: list[Member] = []
    for place, folders, names in os.walk(path):
        above = Path(place).relative_to(path)
        folders[:] = [one for one in folders if not _left_behind(one)]
        if len(above.parts) > DEEPEST:
            raise _too_deep(str(above))
        for name in (*folders, *names):
            facts = (Path(place) / name).lstat()
            inside = (above / name).as_posix()
            if _left_behind(name) or stat.S_ISDIR(facts.st_mode):
                continue
            if not stat.S_ISREG(facts.st_mode):
                raise _no_file(inside)
            found.append(Member(_checked_name(inside), facts.st_size))
            _check_count(len(found), most)

    def read(member: Member) -> bytes:
        try:
            with open_regular(path, *member.parts, limit=member.size) as file:
                return file.read(member.size)
        except OSError as error:
            raise _unreadable(member, error.strerror or type(error).__name__) from None

    return found, read


def _archive(archive: zipfile.ZipFile, most: int) -> tuple[list[Member], Callable[[Member], bytes]]:
    places: dict[Member, zipfile.ZipInfo] = {}
    names = set()
    for info in archive.infolist():
        name = _checked_name(info.filename)
        if info.is_dir() or any(map(_left_behind, PurePosixPath(name).parts)):
            continue
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _no_file(name)
        if info.flag_bits & ENCRYPTED:
            raise DataError(_("a ZIP must have no password. This one has. Pack it again without."))
        if name in names:
            raise DataError(
                _("each file of a ZIP must have a different name. Got {name} twice. Pack it again.",
                  name=visible(name[-100:]))
            )  # fmt: skip
        names.add(name)
        places[Member(name, info.file_size)] = info
        _check_count(len(places), most)

    def read(member: Member) -> bytes:
        info = places[member]
        try:
            if info.compress_type not in METHODS:
                raise NotImplementedError(_("its compression must be deflate, which is the usual one"))
            with archive.open(info) as file:
                content = file.read(member.size + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
            raise _unreadable(member, str(error) or type(error).__name__) from None
        if len(content) != member.size:
            raise _unreadable(member, _("it has another size than the ZIP states"))
        return content

    return list(places), read


def _left_behind(name: str) -> bool:
    return name.startswith(".") or name in LEFT_BY_SYSTEMS


def _checked_name(name: str) -> str:
    """``name`` if it leads to a place below the tree's top, and can be shown; else ``DataError``."""
    parts = name.rstrip("/").split("/")
    if (
        any(one in ("", ".", "..") for one in parts) or "\\" in name or ":" in parts[0] or has_control(name)
        or len(name) > LONGEST_NAME
    ):  # fmt: skip
        raise DataError(
            _("the path of each file must lead to a place inside. Got {name!r}. Pack the files again.",
              name=visible(name[:100]))
        )  # fmt: skip
    if len(parts) > DEEPEST:
        raise _too_deep(name)
    return name


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise DataError(
            _("there must be at most {limit:,} files here. There are more. Use a part of them.", limit=most)
        )


def _too_deep(name: str) -> DataError:
    return DataError(
        _("files must be at most {limit} folders deep. Got {name}. Move them up.",
          limit=DEEPEST, name=visible(name[:100]))
    )  # fmt: skip


def _no_file(name: str) -> DataError:
    return DataError(
        _("a folder or ZIP must contain all of its data. {name} is a link or no regular file. Put the file itself "
          "there.", name=visible(name[-100:]))
    )  # fmt: skip


def _unreadable(member: Member, why: str) -> DataError:
    return DataError(
        _("each file must be readable. Got {name}: {why}.", name=visible(member.path[-100:]), why=visible(why[:100]))
    )
