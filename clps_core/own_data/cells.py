"""What a row holds of a picture or a sound: its bytes, or the path of a file. Start at content_of.

A path may be anybody's: only files of the data set on the hub itself are read, without a login.
"""

from __future__ import annotations

import re
from typing import Any

from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["content_of"]


def content_of(cell: Any, inside: str, limit: int) -> bytes:
    """The bytes in ``cell``, ``{"bytes": ..., "path": ...}``, at most one more than ``limit`` of a file.

    ``inside``: how the path of a file of the data set itself begins. Raises ``DataError`` where there are none.
    """
    kept, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (None, None)
    if isinstance(kept, bytes):
        return kept
    if inside and isinstance(path, str) and _is_inside(path, inside):
        return _from_hub(path, limit)
    raise DataError(_("the row has no file in it, only a path."))


def _is_inside(path: str, inside: str) -> bool:
    outer = path.rpartition("::")[2]
    return outer.startswith(inside) and ".." not in path and bool(re.fullmatch(r"(zip://[^:]*::)?hf://[^:]*", path))


def _from_hub(path: str, limit: int) -> bytes:
    import fsspec  # type: ignore[import-untyped]

    try:
        with fsspec.open(path, "rb", hf={"token": False}) as file:
            content: bytes = file.read(limit + 1)
    except Exception as error:  # of the network, in any form
        raise DataError(_("it cannot be read from Hugging Face: {why}.", why=type(error).__name__)) from error
    return content
