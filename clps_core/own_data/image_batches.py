"""The batches of a person's own pictures: see ``TaskData``. Start at load.

Pixels stay in a memory-mapped file; only those of a batch are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.config import RunConfig
from clps_core.config.data import USUAL_AUGMENT
from clps_core.data.base import Array, Fold, TaskData, check_split, digest, fold_of
from clps_core.data.images import Images, LabelledImages, cut
from clps_core.data.kept_pictures import KEPT, kept_picture
from clps_core.data.scores import constant_classes
from clps_core.own_data import record
from clps_core.own_data.image_keeping import stored_pixels
from clps_core.own_data.record import DataSet
from clps_core.own_data.rows import Index, folded, read_index
from clps_core.pictures import fitted, to_grey
from clps_core.tasks import TaskFacts

__all__ = ["OwnImages", "load"]

BRIGHTEST = 255.0
DEVIATION = 0.5
"""Of each channel of an input. With 1, grey digits are read worse; unscaled, shapes in colours are (decisions.md)."""
SHIFT_PART = 14
"""A training picture is moved by up to this part of its side, as ``mnist`` does."""


class _Rows:
    """Some rows of a memory-mapped file, read where they are asked for."""

    def __init__(self, pixels: Array, places: Array) -> None:
        self._pixels, self._places = pixels, places
        self.shape = (len(places), *pixels.shape[1:])

    def __getitem__(self, wanted: Any) -> Array:
        found: Array = self._pixels[self._places[wanted]]
        return found

    def __len__(self) -> int:
        return len(self._places)


class OwnImages(LabelledImages):
    """The task ``data:NAME`` of pictures. ``augment``: as ``data.augment``, how training pictures are varied."""

    def __init__(
        self, images: Images, facts: TaskFacts, seed: int, known: DataSet, *, augment: str, home: Path
    ) -> None:
        super().__init__(images, facts.patch_size or 1, facts, seed, None)
        self.names, self.augment, self.home = known.classes, augment, home
        scale = known.statistics["scale"]
        self._mean = np.array(scale["mean"], dtype=np.float32)
        self._unit = np.array(scale["deviation"], dtype=np.float32) / DEVIATION
        self._on_bright_ground = known.stored["ground"] > BRIGHTEST / 2

    def _cut(self, images: Array) -> Array:
        """Each channel with mean 0 and deviation ``DEVIATION`` over the training pictures."""
        shape = (*images.shape[:3], self._images.channels)
        scaled = (images.reshape(shape).astype(np.float32) / BRIGHTEST - self._mean) / self._unit
        return cut(scaled, self.patch, 1.0)

    def unscaled(self, patches: Array) -> Array:
        """Patches [..., patch_dim] as pixels in 0..1."""
        channels = patches.reshape(*patches.shape[:-1], -1, self._images.channels)
        found: Array = np.clip(channels * self._unit + self._mean, 0, 1).reshape(patches.shape)
        return found

    def varied(self, images: Array, generator: np.random.Generator) -> Array:
        """Pictures moved by a few pixels, what comes in at a border like that border; some mirrored, if asked for."""
        count, side = len(images), self.side
        if self.augment == "none":
            return images
        most = max(1, side // SHIFT_PART)
        by = generator.integers(0, 2 * most + 1, size=(count, 2))
        around = [(0, 0), (most, most), (most, most)] + [(0, 0)] * (images.ndim - 3)
        room = np.pad(images, around, mode="edge")
        rows, columns = (by[:, axis, None] + np.arange(side) for axis in (0, 1))
        if self.augment == "mirror":
            turned = generator.integers(0, 2, size=count).astype(bool)
            columns = np.where(turned[:, None], columns[:, ::-1], columns)
        moved: Array = room[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return moved

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of always the same classes, the most frequent first."""
        check_split(split)
        return constant_classes(np.bincount(self.classes(split)[:limit], minlength=len(self.names)))

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        """As of other images, or the name of a picture that was kept: its middle, as large as fits."""
        if not text.strip().startswith(KEPT):
            return super().encode_source(text, options=options)
        whole = kept_picture(self.home, text.strip())
        small = fitted(whole, self.side)
        return self._cut((small if self._images.channels == 3 else to_grey(small))[None])

    def drawn(self, ink: Array) -> Array:
        """On bright ground where that is what most pictures have."""
        return 1 - ink if self._on_bright_ground else ink

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:
        """The class of a test picture; nobody knows it of another one."""
        return None if text.strip().startswith(KEPT) else super().right_answer(text, options=options)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The class's name."""
        known = np.asarray(tokens).reshape(-1).tolist()
        return " ".join(self.names[one] for one in known if 0 <= one < len(self.names))


def load(config: RunConfig, facts: TaskFacts, known: DataSet, *, home: Path) -> TaskData:
    """The stored pictures; raises ``DataError`` where they are damaged."""
    data = config.data
    folder = record.folder_of(home, known.name)
    index = read_index(folder)
    pixels = stored_pixels(folder, known, len(index.keys))
    fold = fold_of(data.fold, data.folds)
    augment = data.augment or USUAL_AUGMENT
    images = _images(known, index, pixels, fold)
    return OwnImages(images, facts, data.seed, known, augment=augment, home=home)


def _images(known: DataSet, index: Index, pixels: Array, fold: Fold | None) -> Images:
    places = {split: index.of_split(split) for split in ("train", "validation", "test")}
    fingerprint = digest("own images 1", known.fingerprint)
    if fold is not None:
        places |= folded(index, places, fold)
        fingerprint = fold.name(fingerprint)
    return Images(
        {split: _Rows(pixels, one) for split, one in places.items()},  # type: ignore[misc]
        {split: index.labels[one].astype(np.int64) for split, one in places.items()},
        {},
        BRIGHTEST,
        fingerprint,
    )
