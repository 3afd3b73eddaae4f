"""Inputs that people brought, such as sounds, kept in the home so that an address can name them. Start at keep_input.

Each owner has a folder with places and bytes of their own: what one person brings never takes another's away. The name
of an input is its owner's folder and a hash of its bytes: who was not given the name cannot find it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from clps_core.errors import DataError
from clps_core.files import read_regular
from clps_core.words import _, ngettext

__all__ = ["FOLDER", "MOST_KEPT", "NAME", "UNLIMITED", "Kept", "Room", "keep_input", "kept_input", "removed"]

FOLDER = "inputs"
MOST_KEPT = 200
"""Inputs of one owner."""
FRESH_SECONDS = 24 * 3600.0
"""An input of somebody else that is older than this makes room where all have as much as they may have together."""
NAME = r"[0-9a-f]{12}-[0-9a-f]{32}"
"""What the name of an input looks like."""


@dataclass(frozen=True)
class Room:
    """How many bytes of inputs may be kept; ``None``: any number. ``own``: of their owner, ``all``: of all owners."""

    own: int | None = None
    all: int | None = None


UNLIMITED = Room()


@dataclass(frozen=True)
class Kept:
    """The ``name`` of an input that was kept; ``gone``: how many older ones of its owner went to make room."""

    name: str
    gone: int = 0


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    time: float


def keep_input(home: Path, owner: str, content: bytes, ending: str, room: Room = UNLIMITED) -> Kept:
    """Keep ``content`` for ``owner`` under a name; where their room is full, their oldest inputs go.

    Raises ``DataError`` where it is larger than all their room, where all owners together have as much as they may
    have, and where the home cannot be written.
    """
    whose = hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()[:12]
    digest = hashlib.sha256(content).hexdigest()[:32]
    folder = home / FOLDER / whose
    name = f"{digest}.{ending}"
    if room.own is not None and len(content) > room.own:
        raise DataError(
            _(
                "what you bring here can take up to {limit} kB. This takes {got} kB. Bring a shorter or smaller one.",
                limit=room.own // 1000,
                got=-(-len(content) // 1000),
            )
        )
    try:
        own = [one for one in _files(folder) if one.path.name != name]
        gone = _oldest(own, len(content), MOST_KEPT - 1, room.own)
        if room.all is not None:
            _room_for_all(
                home, [*gone, *(one for one in _files(folder) if one.path.name == name)], len(content), room.all
            )
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{digest}.{secrets.token_hex(4)}.writing"
        try:
            temporary.write_bytes(content)
            temporary.replace(folder / name)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        for one in gone:
            one.path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            _("what you brought cannot be kept: {problem}. Free some space.", problem=error.strerror or "?")
        ) from error
    return Kept(f"{whose}-{digest}", len(gone))


def removed(kept: Kept) -> str:
    """A sentence about what went to make room for ``kept``; empty where nothing did."""
    if not kept.gone:
        return ""
    return ngettext(
        "All your places for sounds and pictures are taken: your oldest one was removed.",
        "All your places for sounds and pictures are taken: your {n} oldest ones were removed.",
        kept.gone,
    )


def kept_input(home: Path, name: str, ending: str, *, limit: int) -> bytes:
    """The bytes of the input of that name; ``FileNotFoundError`` or another ``OSError`` where it is not kept."""
    if not re.fullmatch(NAME, name, re.ASCII):
        raise FileNotFoundError(name)
    whose, _dash, digest = name.partition("-")
    return read_regular(home, FOLDER, whose, f"{digest}.{ending}", limit=limit)


def _room_for_all(home: Path, going: list[_File], size: int, limit: int) -> None:
    """Make room for ``size`` more bytes among all owners' inputs, without the ones that are ``going`` anyway."""
    leaving = {one.path for one in going}
    others = [one for folder in _folders(home) for one in _files(folder) if one.path not in leaving]
    too_many = sum(one.size for one in others) + size - limit
    if too_many <= 0:
        return
    old = [one for one in others if one.time < time.time() - FRESH_SECONDS]
    if sum(one.size for one in old) < too_many:
        raise DataError(
            _(
                "the sounds and pictures of all visitors together can take up to {limit} MB, and they do. Use an "
                "example of the task, or try again tomorrow.",
                limit=limit // 10**6,
            )
        )
    for one in _oldest(old, 0, len(old), sum(one.size for one in old) - too_many):
        one.path.unlink(missing_ok=True)


def _oldest(files: list[_File], size: int, most: int, limit: int | None) -> list[_File]:
    """The oldest ``files``, without which at most ``most`` are left, and room for ``size`` bytes within ``limit``."""
    left, taken, gone = len(files), sum(one.size for one in files) + size, []
    for one in sorted(files, key=lambda file: (file.time, file.path)):
        if left <= most and (limit is None or taken <= limit):
            break
        gone.append(one)
        left, taken = left - 1, taken - one.size
    return gone


def _folders(home: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(home / FOLDER) as found:
        return [Path(one.path) for one in found if one.is_dir(follow_symlinks=False)]
    return []


def _files(folder: Path) -> list[_File]:
    """What is kept in a folder of one owner. Another process may add and remove at the same time."""
    files = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        for one in found:
            with contextlib.suppress(FileNotFoundError):
                if not one.name.startswith(".") and one.is_file(follow_symlinks=False):
                    facts = one.stat(follow_symlinks=False)
                    files.append(_File(Path(one.path), facts.st_size, facts.st_mtime))
    return files
