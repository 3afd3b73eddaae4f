"""Files that a browser sent, until they are added or replaced. Start at kept_upload."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from clps_core.errors import DataError
from clps_core.own_data.record import FOLDER
from clps_core.words import _

__all__ = ["forget_upload", "kept_upload", "tidy"]

PREFIX = ".upload-"
LEFT_OVER = (PREFIX, ".adding-", ".reading-", ".removing-")
OLD = 6 * 3600.0
"""Seconds after which a folder that nobody put away is taken for left over."""


def kept_upload(home: Path, name: str, content: bytes | memoryview) -> Path:
    """The file on the disk of the home, under a name of ours that ends like ``name``."""
    ending = Path(name).suffix.lower()[:12]
    place = home / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = Path(tempfile.mkdtemp(dir=place, prefix=PREFIX)) / f"upload{ending}"
        path.write_bytes(content)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(
            _("the upload cannot be saved in {folder}: {why}. Free some space there.", folder=place, why=why)
        ) from error
    return path


def forget_upload(path: Path | None) -> None:
    """Delete the file of ``kept_upload``."""
    if path is not None and path.parent.name.startswith(PREFIX):
        shutil.rmtree(path.parent, ignore_errors=True)


def tidy(home: Path) -> None:
    """Delete what sessions and processes that ended left behind."""
    with contextlib.suppress(OSError):
        for entry in (home / FOLDER).iterdir():
            if entry.name.startswith(LEFT_OVER) and time.time() - entry.stat().st_mtime > OLD:
                shutil.rmtree(entry, ignore_errors=True)
