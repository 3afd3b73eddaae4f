"""Chance without a history: dropout and the number of loops depend on (seed, step) alone.

So step 500 draws the same numbers whether or not the run was interrupted before it, and no
generator state needs to be saved.
"""

from __future__ import annotations

import hashlib

import torch

__all__ = ["loops_at", "reseed", "step_seed"]


def step_seed(seed: int, step: int) -> int:
    """A 63-bit seed for one step; sha256, so that neighbouring steps are unrelated."""
    return int.from_bytes(hashlib.sha256(f"dropout:{seed}:{step}".encode()).digest()[:8]) >> 1


def loops_at(bounds: tuple[int, int] | None, seed: int, step: int) -> int | None:
    """How often the core runs in one training step: each number from ``bounds`` is equally likely.

    ``None`` (as the map has it) without bounds. Two strategies with one seed draw the same numbers.
    """
    if bounds is None:
        return None
    fewest, most = bounds
    drawn = int.from_bytes(hashlib.sha256(f"loops:{seed}:{step}".encode()).digest()[:8])
    return fewest + drawn % (most - fewest + 1)


def reseed(seed: int, step: int, device: str = "cpu") -> None:
    """Seed the generators a training step draws from: the CPU's and, on ``cuda``, the GPUs'."""
    number = step_seed(seed, step)
    torch.default_generator.manual_seed(number)
    if device == "cuda":
        torch.cuda.manual_seed_all(number)
