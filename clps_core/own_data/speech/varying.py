"""Training sounds made different at each step, so that a model learns what is said, not which sound it is.

Start at varied. Speed as in Ko et al. 2015, "Audio augmentation for speech recognition".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clps_core.data.log_mel import HOP, STACKED, WINDOW, features

__all__ = ["varied"]

SPEED = (0.85, 1.15)
NOISE = (0.0, 30.0)
"""Decibels by which a sound is above the noise that is added to it."""

Floats = NDArray[np.floating]


def varied(generator: np.random.Generator, samples: Floats, longest: int) -> Floats:
    """float32 [S, patch_dim] of ``samples`` [n] at ``log_mel.RATE``: another speed, with noise.

    S is at most ``longest``.
    """
    most = WINDOW + HOP * (STACKED * longest + STACKED - 1)
    slowest = min(1.0, max(SPEED[0], len(samples) / most))
    count = min(most, int(len(samples) / generator.uniform(slowest, SPEED[1])))
    places = np.linspace(0, len(samples) - 1, count, dtype=np.float32)
    said = np.interp(places, np.arange(len(samples), dtype=np.float32), samples).astype(np.float32)
    level = np.float32(np.sqrt(np.mean(said**2)) * 10 ** (-generator.uniform(*NOISE) / 20))
    return features(said + level * generator.standard_normal(count, dtype=np.float32))
