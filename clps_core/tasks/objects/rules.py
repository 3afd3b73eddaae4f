"""How a picture of several digits is put together. Start at pictures. numpy only.

A picture is 32x32, grey with a little noise. Digits of 8x8 pixels are enlarged to 12 to 17, cut to their ink, and put
where they cover little of each other; their boxes are those of the ink. Fragments of other digits of the same split,
which belong to no object, lie between them: the clutter. It has random numbers of its own, so that the objects of
held-out pictures are the same with any clutter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLASSES",
    "HELD_OUT",
    "PATCH",
    "PATCHES",
    "SIDE",
    "Glyphs",
    "Picture",
    "cut_to_patches",
    "draw",
    "glyphs_of",
]

Array = NDArray[Any]

SIDE, PATCH = 32, 4
PATCHES = (SIDE // PATCH) ** 2
CLASSES = 10
HELD_OUT = 1000
"""Pictures of the validation split, and as many of the test split."""
DIGIT = 8
SIZES = (12, 13, 14, 15, 16, 17)
"""To how many pixels the 8 of a digit are enlarged."""
INK = 0.25
"""Ink is at least as bright as this, of 1."""
GREY, NOISE = 0.15, 0.03
COVERED = 0.1
"""At most this part of the smaller of two boxes is covered by the other."""
TRIES = 60
FRAGMENT = (3, 6)
"""Sides of a fragment, the last one left out."""


@dataclass(frozen=True)
class Glyphs:
    """Digit images of one split: their ``classes`` [n], and per size each one's ink, float32 [height, width]."""

    classes: Array
    inks: Sequence[Sequence[Array]]


@dataclass(frozen=True)
class Picture:
    """``pixels``: float32 [32, 32] in 0..1; ``classes``: int64 [k]; ``boxes``: float32 [k, 4] (``data.detection``)."""

    pixels: Array
    classes: Array
    boxes: Array


@cache
def _enlarging(size: int) -> Array:
    """[size, 8]: linear interpolation between the centres of pixels."""
    at = np.clip((np.arange(size) + 0.5) * DIGIT / size - 0.5, 0, DIGIT - 1)
    return np.asarray(np.clip(1 - np.abs(at[:, None] - np.arange(DIGIT)), 0, 1))


def glyphs_of(images: Array, classes: Array) -> Glyphs:
    """Of ``images`` [n, 8, 8] in 0..1 and their ``classes`` [n]."""
    inks = []
    for size in SIZES:
        enlarged = (_enlarging(size) @ images.astype(np.float64) @ _enlarging(size).T).astype(np.float32)
        inks.append([_ink(one) for one in enlarged])
    return Glyphs(classes.astype(np.int64), inks)


def _ink(image: Array) -> Array:
    rows, columns = np.flatnonzero((image >= INK).any(1)), np.flatnonzero((image >= INK).any(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def draw(glyphs: Glyphs, most: int, clutter: int, generator: np.random.Generator) -> Picture:
    """A picture of 1 to ``most`` objects and up to ``clutter`` fragments."""
    pixels = np.full((SIDE, SIDE), GREY, dtype=np.float32)
    beside = np.random.Generator(np.random.PCG64(int(generator.integers(2**63))))
    taken: list[tuple[int, int, int, int]] = []
    classes = []
    for _object in range(int(generator.integers(1, most + 1))):
        for _try in range(TRIES):
            size, place = int(generator.integers(len(SIZES))), int(generator.integers(len(glyphs.classes)))
            ink = glyphs.inks[size][place]
            box = _placed(ink.shape, generator)
            if all(_covered(box, other) <= COVERED for other in taken):
                _put(pixels, ink, box)
                taken.append(box)
                classes.append(glyphs.classes[place])
                break
    for _fragment in range(clutter):
        _scatter(pixels, glyphs, taken, beside)
    pixels += beside.normal(0.0, NOISE, pixels.shape).astype(np.float32)
    corners = np.array(taken, dtype=np.float32)
    boxes = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1) / SIDE
    return Picture(np.clip(pixels, 0, 1), np.array(classes, dtype=np.int64), boxes)


def _placed(shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of something of ``shape`` (height, width), anywhere in the picture."""
    left, top = int(generator.integers(SIDE - shape[1] + 1)), int(generator.integers(SIDE - shape[0] + 1))
    return left, top, left + shape[1], top + shape[0]


def _covered(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Which part of the smaller box the other one covers."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))


def _put(pixels: Array, ink: Array, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    np.maximum(pixels[top:bottom, left:right], ink, out=pixels[top:bottom, left:right])


def _scatter(
    pixels: Array, glyphs: Glyphs, taken: Sequence[tuple[int, int, int, int]], generator: np.random.Generator
) -> None:
    """One fragment that covers no object, where there is room for it."""
    ink = glyphs.inks[int(generator.integers(len(SIZES)))][int(generator.integers(len(glyphs.classes)))]
    height, width = (min(int(generator.integers(*FRAGMENT)), side) for side in ink.shape)
    top, left = int(generator.integers(ink.shape[0] - height + 1)), int(generator.integers(ink.shape[1] - width + 1))
    fragment = ink[top : top + height, left : left + width]
    for _try in range(TRIES):
        box = _placed(fragment.shape, generator)
        if all(_covered(box, other) == 0 for other in taken):
            _put(pixels, fragment, box)
            return


def cut_to_patches(pixels: Array) -> Array:
    """float32 [n, 64, 16] of pictures [n, 32, 32]: patches in rows, pixels of each in rows."""
    across = SIDE // PATCH
    cut = pixels.reshape(-1, across, PATCH, across, PATCH).swapaxes(2, 3)
    return np.ascontiguousarray(cut.reshape(-1, PATCHES, PATCH * PATCH), dtype=np.float32)
