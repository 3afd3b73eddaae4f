"""Small pictures by class for tests: shapes in colours, and digits in grey."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from clps_core.tasks.mnist.data import Mnist

COLOURS = {"blue": (40, 60, 220), "red": (220, 40, 40)}
SHAPES = ("circle", "square", "triangle")


def shape(name: str, colour: tuple[int, int, int], seed: int, size: int = 40) -> Image.Image:
    """A shape in a colour on noise, anywhere in the picture."""
    generator = np.random.default_rng(seed)
    image = Image.fromarray(generator.integers(90, 170, (size, size + seed % 7, 3)).astype(np.uint8))
    draw, across = ImageDraw.Draw(image), int(generator.integers(size // 3, size // 2))
    left, top = (int(generator.integers(0, size - across)) for _ in range(2))
    box = (left, top, left + across, top + across)
    if name == "circle":
        draw.ellipse(box, fill=colour)
    elif name == "square":
        draw.rectangle(box, fill=colour)
    else:
        draw.polygon([(left, box[3]), (box[2], box[3]), (left + across // 2, top)], fill=colour)
    return image


def png(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def coloured(each: int = 12, size: int = 40) -> dict[str, bytes]:
    """Path -> content: ``each`` pictures of six classes."""
    return {
        f"shapes/{colour} {name}/{number}.png": png(shape(name, rgb, 1000 * at + number, size))
        for at, (colour, rgb) in enumerate(COLOURS.items())
        for name in SHAPES
        for number in range(SHAPES.index(name) * each, (SHAPES.index(name) + 1) * each)
    }


def grey(count: int = 60) -> dict[str, bytes]:
    """Path -> content: handwritten digits of task ``mnist``, with 16x16 pixels."""
    digits = Mnist(seed=0)
    images, labels = digits.pixels("test")[:count], digits.classes("test")[:count]
    return {
        f"{label}/{number}.png": png(Image.fromarray(image).resize((16, 16)))
        for number, (image, label) in enumerate(zip(images, labels, strict=True))
    }


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def laid_out(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
