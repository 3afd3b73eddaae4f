"""Small pictures as PNG files in an address, for a page's HTML. Start at shaded and tinted."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["shaded", "tinted"]

TINT = (31, 111, 178)
"""Of what is more or less: a middle tone, whose opacity says how much. It stands on a light and on a dark page."""
SHADES = ((0, (12, 8, 38)), (64, (87, 16, 110)), (128, (188, 55, 84)), (192, (249, 142, 9)), (255, (252, 255, 164)))
"""Of a spectrogram, from silent to loud: dark to light, also without colours."""

Values = NDArray[np.floating]


def shaded(values: Values) -> str:
    """The address of a picture of ``values`` [H, W] in 0..1 in the colours of a spectrogram."""
    return _address(_shades()[_bytes(values)])


def tinted(values: Values) -> str:
    """The address of a picture of ``values`` [H, W] in 0..1 in one colour, more opaque for higher values."""
    level = _bytes(values)
    pixels = np.empty((*level.shape, 4), dtype=np.uint8)
    pixels[..., :3], pixels[..., 3] = TINT, level
    return _address(pixels)


def _bytes(values: Values) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8))


@cache
def _shades() -> NDArray[np.uint8]:
    at = [place for place, _colour in SHADES]
    channels = [np.interp(np.arange(256), at, [colour[one] for _place, colour in SHADES]) for one in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _address(pixels: NDArray[np.uint8]) -> str:
    """``pixels`` [H, W, 3 or 4] as a PNG file (ISO 15948), in an address."""
    height, width, channels = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * channels)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 6 if channels == 4 else 2, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    )
    return "data:image/png;base64," + b64encode(file).decode()
