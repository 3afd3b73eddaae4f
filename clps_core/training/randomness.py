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


def reseed(seed: int, step: int, device: str = "cpu") -> None:
    """Seed the generators a training step draws from: the CPU's and, on ``cuda``, the GPUs'."""
    number = step_seed(seed, step)
    torch.default_generator.manual_seed(number)
    if device == "cuda":
        torch.cuda.manual_seed_all(number)
