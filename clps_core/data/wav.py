"""Sounds that anybody may have made: WAV files, read with bounds, and written. Start at read_wav.

Read are uncompressed files: whole numbers of 8 (unsigned), 16, 24 or 32 bits, and floats of 32 or 64. Every length in
the file is checked against what is there.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clps_core.data.log_mel import RATE
from clps_core.errors import DataError
from clps_core.words import _

__all__ = [
    "FASTEST",
    "LARGEST_WAV",
    "LONGEST_SECONDS",
    "SHORTEST_SECONDS",
    "SLOWEST",
    "Samples",
    "UnusableSound",
    "as_heard",
    "decoded_wav",
    "read_wav",
    "resampled",
    "wav_bytes",
]

LARGEST_WAV = 16 << 20
LONGEST_SECONDS, SHORTEST_SECONDS = 20, 0.15
SLOWEST, FASTEST, MOST_CHANNELS = 4_000, 192_000, 32
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
QUIETEST = 1e-4
"""A sound whose loudest sample is nearer to its mean is silence."""

Samples = NDArray[np.float32]


class UnusableSound(DataError):
    """A sound that cannot be used. ``reason``: ``long``, ``short``, ``silent``, ``numbers`` or ``unreadable``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_wav(content: bytes) -> Samples:
    """float32 [n]: one channel at ``RATE``, its loudest sample 0.9, from the bytes of a WAV file.

    Several channels are averaged, a constant offset is taken away, another sample rate is converted. Raises
    ``UnusableSound`` for what is none or damaged, too long, too short, silent, or has samples that are no numbers.
    """
    if len(content) > LARGEST_WAV:
        raise UnusableSound(
            "long",
            _("a WAV file must have at most {most} MB. Got {got:.1f} MB. Shorten it.",
              most=LARGEST_WAV >> 20, got=len(content) / 2**20),
        )  # fmt: skip
    return as_heard(*decoded_wav(content))


def as_heard(rate: int, sound: NDArray[np.floating]) -> Samples:
    """float32 [m]: one channel at ``RATE``, its loudest sample 0.9, of ``sound`` [n, channels]; see ``read_wav``."""
    seconds = len(sound) / rate
    if seconds > LONGEST_SECONDS:
        raise UnusableSound(
            "long",
            _(
                "a sound must have at most {most} seconds. Got {got:,.1f}. Shorten it.",
                most=LONGEST_SECONDS,
                got=seconds,
            ),
        )
    if seconds < SHORTEST_SECONDS:
        raise UnusableSound(
            "short",
            _("a sound must have at least {least} seconds. Got {got:.3f}. Record it again.",
              least=SHORTEST_SECONDS, got=seconds),
        )  # fmt: skip
    if not np.isfinite(sound).all():
        raise UnusableSound(
            "numbers", _("every sample of a sound must be a finite number. Some are not. Export the file again.")
        )
    mono = sound.mean(axis=1, dtype=np.float64)
    mono -= mono.mean()
    peak = float(np.abs(mono).max())
    if not QUIETEST <= peak < np.inf:
        raise UnusableSound(
            "silent", _("a sound must not be silent. Got silence. Check the microphone, and record it again.")
        )
    found = resampled(mono / peak, rate, RATE)
    return np.asarray(0.9 * found / max(1e-6, float(np.abs(found).max())), dtype=np.float32)


def resampled(samples: NDArray[np.floating], before: int, after: int) -> NDArray[np.floating]:
    """``samples`` [n] of one rate at another, through the spectrum: nothing above half of the lower rate remains."""
    if before == after:
        return samples
    count = max(1, round(len(samples) * after / before))
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * (count / len(samples)))


def wav_bytes(samples: NDArray[np.floating], rate: int = RATE) -> bytes:
    """A WAV file of 16 bits and one channel; samples beyond -1 and 1 are cut."""
    whole = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return target.getvalue()


def decoded_wav(content: bytes) -> tuple[int, NDArray[np.floating]]:
    """(samples of a second, [n, channels] from -1 to 1) of a WAV file; raises ``UnusableSound``.

    Of a sound that is too long only its length is right.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise _unreadable()
    parts = dict(reversed(list(_chunks(content))))  # the first of each kind
    head, body = parts.get(b"fmt "), parts.get(b"data")
    if head is None or body is None or len(head) < 16:
        raise _unreadable()
    kind, channels, rate, _bytes_a_second, _block, bits = struct.unpack_from("<HHIIHH", head)
    if kind == EXTENSIBLE and len(head) >= 26:
        (kind,) = struct.unpack_from("<H", head, 24)
    if not (1 <= channels <= MOST_CHANNELS and SLOWEST <= rate <= FASTEST):
        raise UnusableSound(
            "unreadable",
            _(
                "a WAV file must have 1 to {most} channels and {slowest:,} to {fastest:,} samples a second. Got "
                "{channels} and {rate:,}. Convert it.",
                most=MOST_CHANNELS,
                slowest=SLOWEST,
                fastest=FASTEST,
                channels=channels,
                rate=rate,
            ),
        )
    width = bits // 8
    if (kind, bits) not in ((PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)):
        raise UnusableSound(
            "unreadable",
            _("a WAV file must be uncompressed, with 8, 16, 24 or 32 bits. Got format {kind} with {bits} bits. "
              "Convert it.",
              kind=kind, bits=bits),
        )  # fmt: skip
    longest = (LONGEST_SECONDS + 1) * rate  # enough to tell that it is too long
    count = len(body) // (width * channels)
    if count > longest:
        return rate, np.broadcast_to(np.float32(0), (count, channels))
    return rate, _numbers(body[: count * width * channels], kind, width).reshape(count, channels)


def _numbers(body: bytes, kind: int, width: int) -> NDArray[np.floating]:
    if kind == FLOAT:
        return np.asarray(np.frombuffer(body, dtype=f"<f{width}").astype(np.float64))
    if width == 1:
        return np.asarray((np.frombuffer(body, np.uint8).astype(np.float32) - 128) / 128)
    if width == 3:
        three = np.frombuffer(body, np.uint8).reshape(-1, 3)
        four = np.concatenate([np.zeros((len(three), 1), np.uint8), three], axis=1)
        return np.asarray(np.ascontiguousarray(four).view("<i4").reshape(-1).astype(np.float64) / 2**31)
    return np.asarray(np.frombuffer(body, dtype=f"<i{width}").astype(np.float64) / 2 ** (8 * width - 1))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each chunk; the length of the last one may be wrong, as in a file that is still recorded."""
    at = 12
    for _round in range(1000):
        if at + 8 > len(content):
            return
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        yield kind, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _unreadable() -> UnusableSound:
    return UnusableSound(
        "unreadable", _("the sound must be a WAV file. This is none, or it is damaged. Export it as WAV.")
    )
