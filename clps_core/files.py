"""Files that anybody may have made, opened without harm. Start at open_regular.

A run's folder may come from an archive or another person. What is read from it must be a regular file that lies in it:
opening a named pipe would wait for ever, a device could act, and a symbolic link could lead anywhere. So every file is
opened here: without waiting, without following links below the trusted folder, and not beyond a size. What is wrong is
an ``OSError`` whose ``strerror`` says it in words, so a caller treats it as any file that cannot be read.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from clps_core.words import _

__all__ = [
    "MAX_JSON_BYTES",
    "MAX_JSON_LEVELS",
    "open_given",
    "open_regular",
    "parsed_json",
    "read_json",
    "read_regular",
]

MAX_JSON_BYTES = 4 << 20
MAX_JSON_LEVELS = 64

# Windows has neither; there a folder's files are only checked to be regular.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)


def open_regular(folder: Path, *names: str, limit: int | None = None) -> BinaryIO:
    """The regular file ``names[0]/names[1]/...`` in ``folder``, opened to be read as bytes.

    ``folder`` itself may be a link: whoever set it up may have put it on another disk. Nothing below it may be.
    Raises ``FileNotFoundError`` where there is none, and ``OSError`` with a sentence where it is a link, no regular
    file, or larger than ``limit`` bytes.
    """
    place = folder.joinpath(*names)
    if not names or any(name in ("", ".", "..") or "/" in name or "\0" in name for name in names):
        raise _refused(errno.EINVAL, _("it is outside its folder"), place)
    try:
        descriptor = _descend(folder, names)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(error.errno, _("it is a symbolic link"), place) from None
        if error.errno == errno.ENOTDIR:
            raise _refused(error.errno, _("a folder in its path is a symbolic link or not a folder"), place) from None
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):  # a socket, or a device that is not there
            raise _refused(error.errno, _("it is not a regular file"), place) from None
        raise OSError(error.errno, error.strerror, str(place)) from None
    return _checked(descriptor, place, limit)


def open_given(path: Path, *, limit: int | None = None) -> BinaryIO:
    """As ``open_regular``, for a file that the administrator names: ``path`` may be a link and lie anywhere."""
    return _checked(os.open(path, os.O_RDONLY | _NO_WAIT), path, limit)


def read_regular(folder: Path, *names: str, limit: int) -> bytes:
    """The whole content of a file of ``open_regular``."""
    with open_regular(folder, *names, limit=limit) as file:
        return file.read(limit)


def read_json(folder: Path, *names: str, limit: int = MAX_JSON_BYTES) -> Any:
    """The JSON in a file of ``open_regular``; raises ``ValueError`` where it is none, with a sentence."""
    return parsed_json(read_regular(folder, *names, limit=limit))


def parsed_json(text: str | bytes, *, finite: bool = True) -> Any:
    """``text`` as JSON; raises ``ValueError`` for what is none and for more than ``MAX_JSON_LEVELS`` levels.

    ``finite``: refuse NaN and infinities, which JSON has not but Python writes.

    The standard reader ends in a ``RecursionError`` at some number of levels, and hands what has a few less to code
    that walks through it and ends in one.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant if finite else float, parse_int=_whole)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    level, below = 0, [data]
    while below := [inner for one in below if isinstance(one, dict | list) for inner in _inside(one)]:
        level += 1
        if level > MAX_JSON_LEVELS:
            raise ValueError(_too_deep())
    return data


def _inside(one: dict[str, Any] | list[Any]) -> list[Any]:
    return list(one.values()) if isinstance(one, dict) else one


def _too_deep() -> str:
    return _("JSON must be nested at most {limit} levels deep", limit=MAX_JSON_LEVELS)


def _no_constant(name: str) -> float:
    raise ValueError(_("JSON must have finite numbers only. Got {name}", name=name))


def _whole(digits: str) -> int:
    if len(digits) > 40:
        raise ValueError(_("JSON must have whole numbers of at most 40 digits. Got one of {got}", got=len(digits)))
    return int(digits)


def _descend(folder: Path, names: tuple[str, ...]) -> int:
    """Open folder after folder, each relative to the one before, so that none can be exchanged for a link meanwhile."""
    if not _NO_LINK:
        return os.open(folder.joinpath(*names), os.O_RDONLY)
    descriptor = os.open(folder, os.O_RDONLY | _FOLDER | _NO_WAIT)
    for place, name in enumerate(names):
        last = place == len(names) - 1
        try:
            if last and not stat.S_ISREG((found := os.lstat(name, dir_fd=descriptor)).st_mode):
                # Looked at before it is opened: opening a device can do something.
                raise OSError(errno.ELOOP if stat.S_ISLNK(found.st_mode) else errno.ENXIO, "")
            below = os.open(name, os.O_RDONLY | _NO_LINK | _NO_WAIT | (0 if last else _FOLDER), dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _checked(descriptor: int, place: Path, limit: int | None) -> BinaryIO:
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _refused(errno.ENXIO, _("it is not a regular file"), place)
        if limit is not None and facts.st_size > limit:
            raise _refused(
                errno.EFBIG, _("it has {got:,} bytes, more than {limit:,}", got=facts.st_size, limit=limit), place
            )
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refused(number: int, sentence: str, place: Path) -> OSError:
    return OSError(number, sentence, str(place))
