"""A small picture on its way to the browser, for ``pixels.js``. Start at pixel_rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pixel_rows"]


def pixel_rows(image: NDArray[np.floating] | None) -> list[list[Any]] | None:
    """``image`` as rows of pixels: of a grey one [H, W] the ink in 0..1, of one in colour [H, W, 3] ``#rrggbb``."""
    if image is None or image.ndim == 2:
        return None if image is None else image.round(3).tolist()
    levels = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    return [[f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in row] for row in levels.tolist()]
