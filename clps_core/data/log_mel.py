"""Sound as numbers that a model reads: log-mel frames, several of them at each position. Start at log_mel.

Frames are cut without padding at the ends, weighted by a Hann window and taken apart by an FFT; the mel filters are
triangles that are evenly spaced on the mel scale of HTK (2595 log10(1 + f / 700)), none of them scaled. A test holds
filters and frames equal to librosa's.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BANDS",
    "POSITION_SECONDS",
    "RATE",
    "STACKED",
    "features",
    "log_mel",
    "mel_filters",
    "mel_power",
    "positions",
    "spectrogram_of",
]

RATE = 8_000
"""Samples of a second."""
WINDOW, HOP, FFT = 200, 80, 256
"""Samples of a frame (25 ms), from one frame to the next (10 ms), and of its FFT."""
BANDS = 40
STACKED = 4
"""Frames that stand at one position."""
POSITION_SECONDS = STACKED * HOP / RATE
FLOOR = 1e-6
"""Added to a band's power before the logarithm; samples are from -1 to 1."""
DEVIATIONS = 2.5
"""A spectrogram is drawn from so many standard deviations below its mean to so many above."""

Floats = NDArray[np.floating]


@cache
def mel_filters(bands: int = BANDS, fft: int = FFT, rate: int = RATE) -> Floats:
    """float64 [fft // 2 + 1, bands]: what each band takes of the power at each frequency."""
    most = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, most, bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, rate / 2, fft // 2 + 1)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


@cache
def _window() -> Floats:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(hann.astype(np.float32))


def frames(samples: int) -> int:
    """How many frames that many samples have."""
    return max(0, 1 + (samples - WINDOW) // HOP)


def positions(samples: int) -> int:
    """How many positions that many samples have; what is left over is not read."""
    return frames(samples) // STACKED


def mel_power(samples: Floats) -> Floats:
    """[F, BANDS]: power in each band of each frame of ``samples`` [n]."""
    count = frames(len(samples))
    if not count:
        return np.zeros((0, BANDS), dtype=np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(cut * _window(), FFT)) ** 2
    return np.asarray((power @ mel_filters()).astype(np.float32))


def log_mel(samples: Floats) -> Floats:
    """[F, BANDS]: natural logarithm of ``mel_power``."""
    return np.asarray(np.log(mel_power(samples) + np.float32(FLOOR)))


def features(samples: Floats) -> Floats:
    """float32 [S, STACKED * BANDS]: what a model reads of a sound [n] at ``RATE``, without its constant offset.

    Each band has mean 0 and standard deviation 1 over the sound, so that neither loudness nor the colour of a
    microphone matters; a band that never changes is 0.
    """
    found = log_mel(samples - samples.mean() if len(samples) else samples)
    count = len(found) // STACKED
    found = found[: count * STACKED]
    if not count:
        return np.zeros((0, STACKED * BANDS), dtype=np.float32)
    found = found - found.mean(0)
    found = found / np.maximum(found.std(0), np.float32(1e-3))
    return np.asarray(found.reshape(count, STACKED * BANDS).astype(np.float32))


def spectrogram_of(inputs: Floats) -> Floats:
    """float32 [BANDS, F] in 0..1, high bands first, from what a model read: [1, S, STACKED * BANDS]."""
    rows = np.asarray(inputs)[0].reshape(-1, BANDS)
    return np.asarray(np.clip(0.5 + rows.T[::-1] / (2 * DEVIATIONS), 0, 1).astype(np.float32))
