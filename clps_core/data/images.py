"""What tasks have in common whose inputs are small images, grey or in colour, as patches. Start at LabelledImages.

An image is square, and so are its patches. A person says which one by the number of a test image, by its values in
rows, or by a digit from 0 to f for each pixel, which is how a drawn image stands in an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from clps_core.data.base import Array, Batch, Example, Fold, check_split, step_generator
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["LEVELS", "Images", "LabelledImages", "cut"]

LEVELS = 16
"""Shades of grey that a drawn image has: one hexadecimal digit for each pixel."""


@dataclass(frozen=True, eq=False)
class Images:
    """The images of each split, the same for every seed.

    ``pixels``: split -> [n, side, side] or [n, side, side, 3], from 0 to ``brightest``. ``labels``: split -> int64 [n].
    ``keys``: of the splits that a cross-validation cuts in another way, what says to which part an image belongs.
    """

    pixels: Mapping[str, Array]
    labels: Mapping[str, Array]
    keys: Mapping[str, Sequence[object]]
    brightest: float
    fingerprint: str

    @property
    def side(self) -> int:
        """Pixels across."""
        return int(self.pixels["test"].shape[1])

    @property
    def channels(self) -> int:
        """1 of grey images, 3 of those in colour."""
        return 3 if len(self.pixels["test"].shape) == 4 else 1


@lru_cache(maxsize=16)
def _folded(whole: Images, fold: Fold) -> Images:
    """``whole`` with all but the test images split in another way."""
    parts = ("validation", "train")
    held_out = np.array([fold.holds(key) for part in parts for key in whole.keys[part]])
    pixels, labels = (np.concatenate([of[part] for part in parts]) for of in (whole.pixels, whole.labels))
    return replace(
        whole,
        pixels={**whole.pixels, "validation": pixels[held_out], "train": pixels[~held_out]},
        labels={**whole.labels, "validation": labels[held_out], "train": labels[~held_out]},
        fingerprint=fold.name(whole.fingerprint),
    )


def cut(images: Array, patch: int, brightest: float) -> Array:
    """float32 [n, N, patch_dim] in 0..1 from images in 0..brightest: patches and their pixels in rows.

    Images [n, side, side] give patch_dim = patch^2, images [n, side, side, 3] three times as many: the channels of a
    pixel side by side.
    """
    across = images.shape[1] // patch
    channels = images.shape[3] if images.ndim == 4 else 1
    parts = images.reshape(-1, across, patch, across, patch, channels).swapaxes(2, 3)
    return (parts.reshape(-1, across * across, patch * patch * channels) / brightest).astype(np.float32)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\s,;\[\]()]+", text)


class LabelledImages:
    """A base for ``TaskData``: see there for the methods.

    ``patch``: pixels across a patch; ``seed`` decides the training batches only; ``fold`` splits all but the test
    images in another way.
    """

    pad_id = bos_id = eos_id = -1

    def __init__(self, images: Images, patch: int, facts: TaskFacts, seed: int, fold: Fold | None) -> None:
        self.facts, self.patch, self.seed = facts, patch, seed
        self._images = images if fold is None else _folded(images, fold)
        self.fingerprint = self._images.fingerprint

    @property
    def side(self) -> int:
        """Pixels across an image."""
        return self._images.side

    @property
    def patch_dim(self) -> int:
        """Numbers in a patch."""
        return self.patch**2 * self._images.channels

    def pixels(self, split: str) -> Array:
        """[n, side, side] or [n, side, side, 3] images of ``split``, as they were read."""
        return self._images.pixels[split]

    def images(self, split: str) -> Array:
        """float32 [n, N, patch_dim] patches of ``split``."""
        return self._cut(self.pixels(split)[:])

    def classes(self, split: str) -> Array:
        """int64 [n]: what each image of ``split`` shows."""
        return self._images.labels[split]

    def varied(self, images: Array, generator: np.random.Generator) -> Array:  # noqa: ARG002
        """Training images [B, side, side] or [B, side, side, 3] as the model gets them; the same by default."""
        return images

    def batch(self, step: int, batch_size: int) -> Batch:
        """Images drawn evenly, with replacement."""
        generator = step_generator(self.fingerprint, self.seed, step)
        places = generator.integers(len(self.classes("train")), size=batch_size)
        images = self.varied(self.pixels("train")[places], generator)
        return Batch(self._cut(images), None, None, self.classes("train")[places])

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The split's images in their (shuffled) order."""
        check_split(split)
        count = min(limit, len(self.classes(split)))
        for start in range(0, count, batch_size):
            here = slice(start, min(start + batch_size, count))
            yield Batch(self._cut(self.pixels(split)[here]), None, None, self.classes(split)[here])

    def _cut(self, images: Array) -> Array:
        return cut(images, self.patch, self._images.brightest)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``accuracy`` of always answering the most frequent class there, ``loss`` of always giving the shares."""
        check_split(split)
        accuracy, loss = constant_answer(self.classes(split)[:limit])
        return {"accuracy": accuracy, "loss": loss}

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """float32 [1, N, patch_dim] of a test image's number, of an image's values, or of its digits 0 to f."""
        pixels, longest = self.side**2, max(2_000, 5 * self.side**2)
        if len(text) > longest:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=longest,
                    got=len(text),
                )
            )
        words = _words(text)
        if len(words) == 1 and not self._is_drawn(words):
            return self._cut(self.pixels("test")[[self._number(words[0])]])
        if self._is_drawn(words):
            ink = self.drawn(np.array([int(digit, 16) for digit in words[0]]) / (LEVELS - 1))
            values = ink * self._images.brightest
        elif len(words) == pixels:
            values = np.array([self._value(word) for word in words])
        else:
            raise DataError(
                _(
                    "an image must be {side} rows of {side} values from 0 to {most}, or the number of a test image. "
                    "Got {got} values.",
                    side=self.side,
                    most=int(self._images.brightest),
                    got=len(words),
                )
            )
        grey = values.reshape(1, self.side, self.side)
        return self._cut(grey if self._images.channels == 1 else np.repeat(grey[..., None], 3, axis=-1))

    def drawn(self, ink: Array) -> Array:
        """Pixels in 0..1 of a drawing with so much ``ink`` in 0..1: by default ink is bright, on dark ground."""
        return ink

    def _is_drawn(self, words: Sequence[str]) -> bool:
        return len(words) == 1 and bool(re.fullmatch(f"[0-9a-f]{{{self.side**2}}}", words[0]))

    def _number(self, word: str) -> int:
        last = len(self.classes("test")) - 1
        if not re.fullmatch(r"[0-9]{1,9}", word) or int(word) > last:
            raise DataError(
                _("the number of a test image must be from 0 to {last}. Got {got!r}.", last=last, got=word[:40])
            )
        return int(word)

    def _value(self, word: str) -> float:
        value = float(word) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{0,6})?", word, re.ASCII) else -1.0
        most = int(self._images.brightest)
        if not 0 <= value <= most:
            raise DataError(
                _("each value must be a number from 0 to {most}. Got {got!r}. Change it.", most=most, got=word[:40])
            )
        return value

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A classifier has no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """What a test image shows; nobody knows it of another one."""
        words = _words(text)
        if len(words) != 1 or self._is_drawn(words):
            return None
        return self.decode([self.classes("test")[self._number(words[0])]])

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: what is no image is refused."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The name of one class number: the number."""
        return " ".join(str(label) for label in np.asarray(tokens).reshape(-1).tolist())

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Where each patch lies, for patches [N, patch_dim] or [1, N, patch_dim]; otherwise names of classes."""
        shape = np.shape(tokens)
        if shape[-1:] == (self.patch_dim,) and len(shape) > 1:
            across = self.side // self.patch
            return [
                _("row {row}, column {column}", row=place // across + 1, column=place % across + 1)
                for place in range(shape[-2])
            ]
        return [self.decode([label]) for label in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test images by number, with what they show."""
        shown = self.classes("test")[:count].tolist()
        return [Example(str(place), self.decode([label])) for place, label in enumerate(shown)]

    def tokenizer_json(self) -> str:
        """Empty: there are no tokens."""
        return ""
