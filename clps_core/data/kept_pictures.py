"""Pictures that people brought, as inputs that are kept (``kept_inputs``). Start at keep_picture and kept_picture.

A picture is kept as it is read: upright, without transparency, in colour, at most ``AT_MOST`` pixels across.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clps_core.data.kept_inputs import UNLIMITED, Kept, Room, keep_input, kept_input
from clps_core.errors import DataError
from clps_core.pictures import png_of, read_picture
from clps_core.words import _

__all__ = ["KEPT", "keep_picture", "kept_picture"]

KEPT = "picture:"
"""What the name of a kept picture begins with, where an input is typed."""
ENDING = "png"
AT_MOST = 256
LARGEST = 1 << 20
"""Bytes of a kept file; ``AT_MOST`` squared pixels take less, even of noise."""


def keep_picture(home: Path, owner: str, content: bytes, room: Room = UNLIMITED) -> Kept:
    """Keep the picture of a file for ``owner``, under a name such as ``picture:3f...``.

    Raises ``DataError`` as ``read_picture`` and ``keep_input`` do.
    """
    pixels = read_picture(content, colour=True, at_most=AT_MOST).pixels
    found = keep_input(home, owner, png_of(pixels), ENDING, room)
    return Kept(f"{KEPT}{found.name}", found.gone)


def kept_picture(home: Path | None, name: str) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] of the picture of that name; ``DataError`` where it is not, or no longer, kept."""
    try:
        if home is None or not name.startswith(KEPT):
            raise FileNotFoundError(name)
        content = kept_input(home, name.removeprefix(KEPT), ENDING, limit=LARGEST)
    except OSError as error:
        raise DataError(_("this picture is no longer kept. Upload or draw it again.")) from error
    return read_picture(content, colour=True, at_most=AT_MOST).pixels
