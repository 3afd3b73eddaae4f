"""One sound that anybody may have made, as samples. Start at heard.

WAV is read by ``data.wav``; FLAC, OGG and MP3 by ``soundfile`` (the extra ``sound``), which is asked for the length
first and then gives blocks, so that no more is decoded than may be used.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.data.wav import (
    FASTEST,
    LARGEST_WAV,
    LONGEST_SECONDS,
    SLOWEST,
    UnusableSound,
    as_heard,
    decoded_wav,
)
from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["LARGEST", "MOST_CHANNELS", "Heard", "heard", "too_large"]

LARGEST = LARGEST_WAV
"""Bytes of a sound's file: a longer one has more seconds than are used, at any usual rate."""
MOST_CHANNELS = 8
FORMATS = ("FLAC", "OGG", "MP3")
"""As ``soundfile`` calls what it may read here; it tells them by their content."""
BLOCK = 1 << 16
WHOLE = 0.9
"""The share of the declared length that must be there: the transcript is that of all of it."""


@dataclass(frozen=True)
class Heard:
    """A sound at ``log_mel.RATE``: ``samples`` int16 [n], one channel. ``rate``, ``channels``: of its file."""

    samples: NDArray[np.int16]
    rate: int
    channels: int


def heard(content: bytes) -> Heard:
    """The sound of a file. Raises ``UnusableSound``, and ``DataError`` where ``soundfile`` is needed and missing."""
    if len(content) > LARGEST:
        raise too_large(len(content))
    if not content:
        raise _unreadable()
    rate, sound = decoded_wav(content) if content[:4] == b"RIFF" else _decoded(content)
    if (channels := sound.shape[1]) > MOST_CHANNELS:
        raise UnusableSound(
            "unreadable",
            _("a sound must have at most {most} channels. Got {got}. Mix them.", most=MOST_CHANNELS, got=channels),
        )
    return Heard(np.rint(as_heard(rate, sound) * 32767).astype("<i2"), rate, channels)


def too_large(size: int) -> UnusableSound:
    """What is said of a file of ``size`` bytes, which is not read."""
    return UnusableSound(
        "long",
        _("the file of a sound must have at most {most} MB. Got {got:,.1f} MB. Shorten it.",
          most=LARGEST >> 20, got=size / 2**20),
    )  # fmt: skip


def _library() -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # the second: without its C library
        raise DataError(
            _(
                "FLAC, OGG and MP3 are read by the package soundfile, which is not installed. Install it: pip install "
                "'clps-lab[sound]'. Or convert the sounds to WAV."
            )
        ) from None
    return soundfile


def _decoded(content: bytes) -> tuple[int, NDArray[np.floating]]:
    """(samples of a second, [n, channels] from -1 to 1); of a sound that is too long only its length is right."""
    if not _known(content):
        raise _unreadable()
    library = _library()
    try:
        with library.SoundFile(io.BytesIO(content)) as file:
            rate, channels = int(file.samplerate), int(file.channels)
            if file.format not in FORMATS:
                raise _unreadable()
            if not (1 <= channels <= MOST_CHANNELS and SLOWEST <= rate <= FASTEST):
                raise UnusableSound(
                    "unreadable",
                    _(
                        "a sound must have 1 to {most} channels and {slowest:,} to {fastest:,} samples a second. Got "
                        "{channels} and {rate:,}. Convert it.",
                        most=MOST_CHANNELS,
                        slowest=SLOWEST,
                        fastest=FASTEST,
                        channels=channels,
                        rate=rate,
                    ),
                )
            longest = (LONGEST_SECONDS + 1) * rate
            if 0 <= longest < file.frames:
                return rate, np.broadcast_to(np.float32(0), (min(int(file.frames), 1 << 40), channels))
            found = _blocks(file, longest, channels)
            if len(found) < WHOLE * file.frames:
                raise _unreadable()
            return rate, found
    except (library.SoundFileError, RuntimeError, ValueError, TypeError, OverflowError):
        raise _unreadable() from None


def _blocks(file: Any, longest: int, channels: int) -> NDArray[np.floating]:
    """What is in the file, whatever its header declares, up to the first block after ``longest`` frames."""
    found: list[NDArray[np.floating]] = []
    count = 0
    while count <= longest:
        block = file.read(BLOCK, dtype="float32", always_2d=True)
        if not len(block):
            break
        found.append(block)
        count += len(block)
    return np.concatenate(found) if found else np.zeros((0, channels), dtype=np.float32)


def _known(content: bytes) -> bool:
    """Whether it begins as one of these files does; MP3 by its tag or the sync word of its first frame."""
    return (
        content[:4] in (b"fLaC", b"OggS") or content[:3] == b"ID3" or (content[0] == 0xFF and content[1:2] >= b"\xe0")
    )


def _unreadable() -> UnusableSound:
    return UnusableSound(
        "unreadable",
        _("a sound must be a WAV, FLAC, OGG or MP3 file. This is none, or it is damaged. Export it again."),
    )
