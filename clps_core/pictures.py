"""Pictures from anybody: a bounded reader, and what makes a small image of one. Start at read_picture.

Pillow decodes, in a fixed set of formats, one picture at a time, and only after its size is known. A picture is turned
as its EXIF says, laid on white where it is transparent, and scaled down; then it is grey or red, green and blue.
"""

from __future__ import annotations

import io
import re
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from clps_core.data.images import LEVELS
from clps_core.errors import DataError
from clps_core.words import _

__all__ = [
    "CANVAS",
    "FORMATS",
    "LARGEST_FILE",
    "MOST_PIXELS",
    "Picture",
    "fitted",
    "grey_digits",
    "ink_in_box",
    "is_grey",
    "png_of",
    "read_canvas",
    "read_picture",
    "to_grey",
]

LARGEST_FILE = 10_000_000
"""Bytes of a file."""
MOST_PIXELS = 25_000_000
"""Pixels of a picture before it is scaled down; decoded they take up to 100 MB."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
AT_MOST = 512
"""Pixels across what ``read_picture`` gives."""
CANVAS = 56
"""Pixels across a drawing as the browser sends it."""
PAPER = 0.05
"""Less ink than this is an uneven ground."""
LEAST_CONTRAST = 0.15
FEWEST_PIXELS = 5
"""A digit has at least so many dark pixels; fewer may be dust."""
FAINTEST = 0.1
"""A pixel with less ink does not count when the drawing's box is looked for."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation -> what brings the picture upright."""
ORIENTATION = 0x0112

LUMA = (19595, 38470, 7471)
"""Red, green and blue in grey, in 65,536ths."""
GREY_WITHIN = 8

_turn = threading.Lock()
"""One picture is decoded at a time, so that many visitors do not fill the memory together."""

Array = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """``pixels``: uint8 [H, W] (0 black, 255 white) or [H, W, 3]. ``animated``: it is the first frame of several.

    ``size``: pixels across and down in the file.
    """

    pixels: Array
    animated: bool = False
    size: tuple[int, int] = (0, 0)


def read_picture(content: bytes, *, colour: bool = False, at_most: int = AT_MOST) -> Picture:
    """The picture in a file's ``content``, at most ``at_most`` pixels across.

    Raises ``DataError`` in one sentence for what is too large or no picture.
    """
    if len(content) > LARGEST_FILE:
        raise DataError(
            _(
                "a picture must have at most {limit} MB. Got {got:.1f} MB. Make it smaller.",
                limit=LARGEST_FILE // 10**6,
                got=len(content) / 10**6,
            )
        )
    with _turn:
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_size(image)
                size = image.size
                return Picture(*_decoded(image, colour=colour, at_most=at_most), size)
        except DataError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # beyond Pillow's own limits
            raise _too_many_pixels(None) from None
        except Exception as error:  # decoders raise whatever the bytes lead them to
            raise DataError(
                _("the file must be a picture: PNG, JPEG, WebP or GIF. This one cannot be read. Choose another file.")
            ) from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels(image.width * image.height)


def _too_many_pixels(got: int | None) -> DataError:
    if got is None:
        return DataError(
            _("a picture must have at most {limit} megapixels. Got more. Make it smaller.", limit=MOST_PIXELS // 10**6)
        )
    return DataError(
        _(
            "a picture must have at most {limit} megapixels. Got {got}. Make it smaller.",
            limit=MOST_PIXELS // 10**6,
            got=round(got / 10**6),
        )
    )


def _decoded(image: Image.Image, *, colour: bool, at_most: int) -> tuple[Array, bool]:
    mode = "RGB" if colour else "L"
    animated = bool(getattr(image, "is_animated", False))
    orientation = image.getexif().get(ORIENTATION)
    image.draft(mode, (at_most, at_most))  # a JPEG can be decoded at a part of its size
    image.load()
    shown = _on_white(image)
    if (step := max(shown.size) // (2 * at_most)) > 1:
        shown = shown.reduce(step)
    shown = shown.convert(mode)
    shown.thumbnail((at_most, at_most))
    if orientation in TURNS:
        shown = shown.transpose(TURNS[orientation])
    return np.asarray(shown, dtype=np.uint8), animated


def _on_white(image: Image.Image) -> Image.Image:
    """In grey or in colours, with 8 bits and without transparency."""
    if image.mode.startswith("I"):  # 16 bits: Pillow would cut off at 255
        return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        ground = Image.new("RGB", above.size, "white")
        ground.paste(above, mask=above.getchannel("A"))
        return ground
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def is_grey(pixels: Array) -> bool:
    """Whether a picture [H, W, 3] shows no colour; JPEG files of grey pictures differ by little between channels."""
    signed = pixels.astype(np.int16)
    return bool(np.abs(signed - signed[..., :1]).max(initial=0) <= GREY_WITHIN)


def to_grey(pixels: Array) -> Array:
    """uint8 [..., H, W] of pictures [..., H, W, 3], weighed as ITU-R BT.601 does; what is grey stays as it is."""
    weighed = pixels.astype(np.uint32) @ np.array(LUMA, dtype=np.uint32)
    return ((weighed + (1 << 15)) >> 16).astype(np.uint8)


def png_of(pixels: Array) -> bytes:
    """A PNG file of a picture, uint8 [H, W] or [H, W, 3]."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def fitted(picture: Array, side: int) -> Array:
    """``picture`` [H, W] or [H, W, 3] as a square with ``side`` pixels across: its middle, as large as fits."""
    return np.asarray(ImageOps.fit(Image.fromarray(picture), (side, side), Image.Resampling.LANCZOS), dtype=np.uint8)


def ink_in_box(grey: Array, side: int, box: int) -> NDArray[np.float32]:
    """A drawing or a photo of a digit as MNIST has them: float32 [side, side], 0 is paper and 1 is ink.

    ``grey``: uint8 [H, W]. If its border is bright, it is inverted. What has ink is cut out, scaled to fit a box with
    ``box`` pixels across, and placed so that its centre of mass is in the middle (LeCun et al. 1998). Raises
    ``DataError`` where there is only one shade.
    """
    shade = grey.astype(np.float32) / 255
    around = float(np.median(np.concatenate([shade[0], shade[-1], shade[:, 0], shade[:, -1]])))
    ink = around - shade if around > 0.5 else shade - around
    most = float(np.sort(ink, axis=None)[-min(FEWEST_PIXELS, ink.size)])
    if not most > LEAST_CONTRAST:
        raise DataError(
            _("the picture must show a digit. Got only one shade of grey. Draw one, or choose another file.")
        )
    ink = np.clip((ink / most - PAPER) / (1 - PAPER), 0, 1)
    rows, columns = (np.flatnonzero((ink > FAINTEST).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box / max(ink.shape)
    size = [max(1, round(scale * length)) for length in ink.shape]
    small = np.asarray(
        Image.fromarray(ink.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BICUBIC), np.float32
    )
    small = np.clip(small, 0, 1)
    found = np.zeros((side, side), dtype=np.float32)
    at = [_place(small, axis, side) for axis in (0, 1)]
    found[at[0] : at[0] + size[0], at[1] : at[1] + size[1]] = small
    return found


def _place(ink: NDArray[np.float32], axis: int, side: int) -> int:
    """Where ``ink`` begins on ``axis``, so that its centre of mass is on pixel side/2, or as near as there is room."""
    weights = ink.sum(axis=1 - axis)
    centre = float((weights * np.arange(len(weights))).sum() / weights.sum())
    return min(max(0, round(side / 2 - centre)), side - len(weights))


def grey_digits(values: NDArray[np.float32]) -> str:
    """[side, side] in 0..1 as one hexadecimal digit for each pixel, in rows: how an image stands in an address."""
    return "".join(f"{level:x}" for level in np.rint(values * (LEVELS - 1)).astype(int).reshape(-1))


def read_canvas(text: object) -> Array:
    """A drawing as the browser sent it, unchecked: uint8 [CANVAS, CANVAS], ink is black. Raises ``DataError``."""
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{CANVAS**2}}}", text):
        raise DataError(_("the drawing could not be read. Draw it again."))
    levels = np.array([int(digit, 16) for digit in text], dtype=np.uint8).reshape(CANVAS, CANVAS)
    return 255 - levels * np.uint8(255 // (LEVELS - 1))
