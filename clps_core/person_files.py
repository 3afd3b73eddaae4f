"""One small file for each person, in a folder of the home: read, and written whole or not at all.

What lies in such a file may come from anybody: whoever reads it checks it. Start at read_of and keep_of.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from clps_core.files import read_json

__all__ = ["keep_of", "read_of", "remove_of", "stamp_of"]


def read_of(home: Path, folder: str, person: str, limit: int) -> Any:
    """The JSON that is kept of ``person``, who may be called anything.

    Raises ``OSError`` or ``ValueError`` where there is none, and for more than ``limit`` bytes.
    """
    return read_json(home, folder, _file(person), limit=limit)


def keep_of(home: Path, folder: str, person: str, plain: object, most: int) -> bool:
    """Write ``plain`` as JSON; ``False`` where it cannot be kept, such as on a full disk.

    Beyond ``most`` files of a folder, those go that have not been written for longest.
    """
    inside, name = home / folder, _file(person)
    temporary = inside / f".{name}.{secrets.token_hex(4)}.writing"
    try:
        inside.mkdir(parents=True, exist_ok=True)
        if not (inside / name).exists():
            _make_room(inside, most)
        temporary.write_text(json.dumps(plain), encoding="utf-8")
        temporary.replace(inside / name)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def remove_of(home: Path, folder: str, person: str) -> None:
    """Delete what is kept of ``person`` in ``folder``, if anything is."""
    with contextlib.suppress(OSError):
        (home / folder / _file(person)).unlink(missing_ok=True)


def stamp_of(home: Path, folder: str, person: str) -> int:
    """When it was last written, in nanoseconds of the file system's clock; 0 where there is none."""
    try:
        return (home / folder / _file(person)).stat().st_mtime_ns
    except OSError:
        return 0


def _make_room(folder: Path, most: int) -> None:
    files = [path for path in folder.iterdir() if path.suffix == ".json"]
    for path in sorted(files, key=lambda one: one.stat().st_mtime)[: max(0, len(files) - most + 1)]:
        path.unlink(missing_ok=True)


def _file(person: str) -> str:
    return f"{hashlib.sha256(person.encode('utf-8', 'replace')).hexdigest()[:32]}.json"
