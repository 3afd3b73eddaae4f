"""Pictures from anybody: what is read, what is refused, and how a digit is fitted."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import psutil
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clps_core.errors import DataError
from clps_core.pictures import (
    CANVAS,
    LARGEST_FILE,
    MOST_PIXELS,
    fitted,
    grey_digits,
    ink_in_box,
    read_canvas,
    read_picture,
)
from clps_core.tasks.mnist.data import Mnist


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def half(mode: str = "L", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Black on the left, white on the right."""
    image = Image.new("L", size, 255)
    image.paste(0, (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def png(width: int, height: int) -> bytes:
    """A tiny file whose header says any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_each_format_is_read_in_grey_and_in_colour(kind: str, mode: str) -> None:
    image = half("RGB" if kind in ("JPEG", "WEBP") else mode)
    content = saved(image, kind)
    grey = read_picture(content)
    assert not grey.animated
    assert grey.pixels.shape == (20, 40)
    assert grey.pixels.dtype == np.uint8
    assert grey.pixels[:, :16].max() < 30
    assert grey.pixels[:, 24:].min() > 225
    assert read_picture(content, colour=True).pixels.shape == (20, 40, 3)


@pytest.mark.parametrize("mode", ["I;16", "CMYK", "LA", "RGBA"])
def test_sixteen_bits_four_inks_and_transparency_become_the_same_grey(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(half()).astype(np.uint16) * 257)
    elif mode == "CMYK":
        image = half("RGB").convert("CMYK")
    else:
        image = Image.merge("LA", (Image.new("L", (40, 20), 0), Image.fromarray(255 - np.asarray(half())))).convert(
            mode
        )
    found = read_picture(saved(image, "JPEG" if mode == "CMYK" else "PNG")).pixels
    assert found[:, :16].max() < 30
    assert found[:, 24:].min() > 225, "what is transparent is white"


def test_a_palette_with_a_transparent_colour_lies_on_white() -> None:
    image = half().convert("P")
    assert read_picture(saved(image, "PNG", transparency=0)).pixels.min() == 255


def test_a_photo_is_turned_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_picture(saved(half("RGB"), "JPEG", exif=exif)).pixels
    assert found.shape == (40, 20)
    assert found[:16].max() < 30, "black is above: the camera was turned to the right"


def test_a_large_picture_is_scaled_down_and_an_animation_shows_its_first_frame() -> None:
    assert max(read_picture(saved(half("L", (3000, 200)))).pixels.shape) <= 512
    assert max(read_picture(saved(half("RGB", (3000, 200)), "JPEG"), at_most=64).pixels.shape) <= 64
    for kind in ("GIF", "WEBP", "PNG"):
        moving = read_picture(
            saved(half("RGB"), kind, save_all=True, append_images=[Image.new("RGB", (40, 20), "white")])
        )
        assert moving.animated
        assert moving.pixels[:, :16].max() < 30


REFUSED = {
    "nothing": (b"", "must be a picture"),
    "text": (b"<script>alert(1)</script>", "must be a picture"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', "must be a picture"),
    "half a PNG": (saved(half("RGB", (400, 400)), "PNG")[:200], "must be a picture"),
    "half a JPEG": (saved(half("RGB", (400, 400)), "JPEG")[:700], "must be a picture"),
    "a bitmap": (saved(half(), "BMP"), "must be a picture"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "must be a picture"),
    "49 megapixels": (png(7_000, 7_000), r"at most 25 megapixels\. Got 49"),
    "100 megapixels": (png(10_000, 10_000), r"at most 25 megapixels\. Got"),
    "a bomb": (png(60_000, 60_000), "at most 25 megapixels"),
    "too many bytes": (b"\0" * (LARGEST_FILE + 1), "at most 10 MB"),
    "a short PNG": (png(4_000, 4_000), "must be a picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence_and_little_memory(name: str) -> None:
    content, words = REFUSED[name]
    before = psutil.Process().memory_info().rss
    with pytest.raises(DataError, match=words):
        read_picture(content)
    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_as_many_pixels_as_allowed_are_read() -> None:
    found = read_picture(saved(Image.new("1", (5_000, MOST_PIXELS // 5_000), 1)))
    assert max(found.pixels.shape) <= 512
    assert found.pixels.min() == 255


@settings(max_examples=examples(60), deadline=None)
@given(st.binary(max_size=300) | st.integers(0, 300).map(lambda at: damaged(at)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(DataError):
        assert read_picture(content).pixels.ndim == 2


def damaged(at: int) -> bytes:
    content = bytearray(saved(half("P"), ("PNG", "GIF", "WEBP")[at % 3]))
    content[at % len(content)] ^= 1 + at % 255
    return bytes(content)


def test_fitting_a_test_image_again_changes_little() -> None:
    images = Mnist(seed=0).pixels("test")[:100]
    changes = [np.abs(ink_in_box(255 - image, 28, 20) - image / 255).mean() for image in images]
    assert np.median(changes) < 0.01
    assert np.mean(np.array(changes) < 0.02) > 0.9, "few lie half a pixel off, and are moved by one"


def test_a_digit_is_found_whatever_its_size_place_and_ground() -> None:
    image = Mnist(seed=0).pixels("test")[0]
    large = np.asarray(Image.fromarray(image).resize((140, 140), Image.Resampling.BICUBIC))
    sheet = np.zeros((300, 400), np.uint8)
    sheet[20:160, 210:350] = large
    wanted = ink_in_box(image, 28, 20)
    noise = np.random.default_rng(0).integers(-4, 5, sheet.shape)
    grounds = {"dark": sheet, "bright": 255 - sheet, "paper": (200 - sheet * 0.6 + noise).clip(0, 255).astype(np.uint8)}
    for ground, grey in grounds.items():
        found = ink_in_box(grey, 28, 20)
        shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert min(np.abs(np.roll(found, by, (0, 1)) - wanted).mean() for by in shifts) < 0.03, ground


def test_ink_fits_the_box_and_its_mass_is_in_the_middle() -> None:
    tall = np.full((60, 60), 255, np.uint8)
    tall[5:55, 2:8] = 0
    found = ink_in_box(tall, 28, 20)
    assert (np.ptp(np.flatnonzero(found.any(1))) + 1, np.ptp(np.flatnonzero(found.any(0))) + 1) == (20, 2)
    centre = (found.sum(1) * np.arange(28)).sum() / found.sum()
    assert abs(centre - 14) <= 0.5
    dot = np.full((60, 60), 255, np.uint8)
    dot[:3, 57:] = 0
    assert ink_in_box(dot, 28, 20).max() > 0.9


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_one_shade_is_no_digit(shade: int) -> None:
    with pytest.raises(DataError, match="only one shade"):
        ink_in_box(np.full((30, 30), shade, np.uint8), 28, 20)


def test_a_drawing_is_read_from_its_digits_and_anything_else_is_refused() -> None:
    found = read_canvas("0" * (CANVAS**2 - 1) + "f")
    assert found.shape == (CANVAS, CANVAS)
    assert (found[0, 0], found[-1, -1]) == (255, 0)
    assert grey_digits(np.array([[0, 1], [0.5, 0.21]], np.float32)) == "0f83"
    for text in (None, 3, "", "f" * 784, "g" * CANVAS**2, "0" * (CANVAS**2 + 1), ["0"] * CANVAS**2, "F" * CANVAS**2):
        with pytest.raises(DataError, match="Draw it again"):
            read_canvas(text)


def test_a_square_is_cut_from_the_middle_in_grey_or_colour() -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    assert fitted(wide, 8).tolist() == [[255] * 8] * 8 or fitted(wide, 8)[:, 2:6].min() == 255
    assert fitted(np.zeros((9, 5, 3), np.uint8), 32).shape == (32, 32, 3)
