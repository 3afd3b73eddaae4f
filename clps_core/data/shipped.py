"""Data that ship beside the code of a task. Start at shipped_text, or shipped_bytes for what is no text."""

from __future__ import annotations

import hashlib
import lzma
from pathlib import Path

from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["shipped_bytes", "shipped_text"]

LARGEST = 16_000_000
"""Bytes of the longest content that is unpacked."""


def shipped_text(file: Path, sha256: str) -> str:
    """The text in the xz ``file``; see ``shipped_bytes``."""
    return shipped_bytes(file, sha256).decode("utf-8")


def shipped_bytes(file: Path, sha256: str) -> bytes:
    """The content of the xz ``file``, which must have the hash ``sha256``.

    Raises ``DataError`` where the file is missing, damaged or another one: what runs learn must be the same everywhere.
    """
    try:
        with lzma.open(file) as packed:
            content = packed.read(LARGEST)
    except (OSError, EOFError, lzma.LZMAError):
        content = b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            _("the file {file}, which comes with CLPS Lab, is missing or damaged. Install clps-lab again.",
              file=file.name)
        )  # fmt: skip
    return content
