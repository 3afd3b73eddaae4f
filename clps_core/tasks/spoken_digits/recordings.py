"""The recorded digits, and utterances made of them. numpy only. Start at utterance.

An utterance is a string of digits, each a little faster or slower and louder or softer than it was recorded, with gaps
before, between and after them, all in noise of one level. The same generator makes the same utterance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clps_core.data.log_mel import RATE, positions
from clps_core.errors import DataError
from clps_core.tasks.generated import HELD_OUT_PERCENT, mixed
from clps_core.words import _

__all__ = ["DIGITS", "SHA256", "drawn_digits", "longest", "recordings", "split_of", "utterance"]

FILE = Path(__file__).parent / "digits.npz"
SHA256 = "763e28076361aaf3b4172715b3e0855286a2851dce8cc9fd99671a3521192608"
DIGITS = 10
SPEED = (0.85, 1.15)
LOUDNESS = (-6.0, 0.0)
"""Decibels of a digit against its recording."""
GAP = (0.02, 0.22)
"""Seconds of silence before, between and after digits."""
NOISE = (-5.0, 15.0)
"""Decibels by which the speech is above the noise, on average over the digits."""

Samples = NDArray[np.float32]


@cache
def recordings() -> tuple[Samples, ...]:
    """The samples of each digit, from -1 to 1; raises ``DataError`` where the file is missing, damaged or another."""
    try:
        with FILE.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            found = [np.asarray(kept[f"digit_{digit}"], dtype=np.uint8) for digit in range(DIGITS)]
    except Exception as error:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        raise DataError(_damaged()) from error
    if hashlib.sha256(b"".join(one.tobytes() for one in found)).hexdigest() != SHA256:
        raise DataError(_damaged())
    return tuple((one.astype(np.float32) - np.float32(128)) / np.float32(128) for one in found)


def _damaged() -> str:
    return _(
        "the file {file}, which comes with CLPS Lab, is missing or damaged. Install clps-lab again.", file=FILE.name
    )


def split_of(digits: Sequence[int]) -> str:
    """The split that a string of digits belongs to, decided by a hash of it alone."""
    place = int(mixed(np.array([int("1" + "".join(map(str, digits)))], dtype=np.uint64))[0] % np.uint64(100))
    if place < HELD_OUT_PERCENT:
        return "validation"
    return "test" if place < 2 * HELD_OUT_PERCENT else "train"


def drawn_digits(generator: np.random.Generator, most: int) -> tuple[int, ...]:
    """1 to ``most`` digits; all lengths and all digits are equally likely."""
    count = int(generator.integers(1, most + 1))
    return tuple(generator.integers(DIGITS, size=count).tolist())


def longest(most: int) -> int:
    """Positions of the longest utterance of ``most`` digits that can be drawn."""
    slowest = max(_stretched(len(one), SPEED[0]) for one in recordings())
    return positions(most * slowest + (most + 1) * round(GAP[1] * RATE))


def utterance(generator: np.random.Generator, digits: Sequence[int]) -> Samples:
    """The samples of one utterance of ``digits``, at ``RATE``, its loudest sample 0.9."""
    parts: list[Samples] = [_gap(generator)]
    power = speech = 0.0
    for digit in digits:
        said = _said(generator, recordings()[digit])
        parts += [said, _gap(generator)]
        power += float((said**2).sum())
        speech += len(said)
    found = np.concatenate(parts)
    level = np.sqrt(power / max(1.0, speech)) * 10 ** (-generator.uniform(*NOISE) / 20)
    found = found + np.float32(level) * _noise(generator, len(found))
    return np.asarray(found * np.float32(0.9 / max(1e-6, float(np.abs(found).max()))))


def _said(generator: np.random.Generator, recorded: Samples) -> Samples:
    speed, decibels = generator.uniform(*SPEED), generator.uniform(*LOUDNESS)
    places = np.linspace(0, len(recorded) - 1, _stretched(len(recorded), speed), dtype=np.float32)
    said = np.interp(places, np.arange(len(recorded), dtype=np.float32), recorded)
    return np.asarray((said * 10 ** (decibels / 20)).astype(np.float32))


def _stretched(samples: int, speed: float) -> int:
    return int(samples / speed)


def _gap(generator: np.random.Generator) -> Samples:
    return np.zeros(round(generator.uniform(*GAP) * RATE), dtype=np.float32)


def _noise(generator: np.random.Generator, count: int) -> Samples:
    """Noise of mean power 1, from white to one with less of the high frequencies."""
    white = generator.standard_normal(count + 1, dtype=np.float32)
    share = np.float32(generator.uniform())
    return np.asarray((white[1:] + share * white[:-1]) / np.sqrt(1 + share**2))
