"""Dropout without a history: the generator is reseeded from (seed, step) before every step.

So step 500 draws the same numbers whether or not the run was interrupted before it, and no
generator state needs to be saved.
"""

from __future__ import annotations

import hashlib

import torch

__all__ = ["reseed", "step_seed"]


def step_seed(seed: int, step: int) -> int:
    """A 63-bit seed for one step; sha256, so that neighbouring steps are unrelated."""
    return int.from_bytes(hashlib.sha256(f"dropout:{seed}:{step}".encode()).digest()[:8]) >> 1


def reseed(seed: int, step: int) -> None:
    """Seed torch's generators (CPU and CUDA) for one training step."""
    torch.manual_seed(step_seed(seed, step))
