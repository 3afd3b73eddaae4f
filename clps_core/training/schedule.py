"""The learning rate of each step: linear warm-up, then a cosine. A pure function, so resume needs no state."""

from __future__ import annotations

import math

from clps_core.config import OptimConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, steps: int, optim: OptimConfig) -> float:
    """The rate of update number ``step`` (0-based) out of ``steps``.

    Warm-up is linear and reaches ``learning_rate`` with update ``warmup_steps - 1``; the cosine
    (Loshchilov & Hutter 2017, arXiv 1608.03983, eq. 5, one cycle) ends with the last update at exactly
    ``final_ratio * learning_rate``.
    """
    if step < optim.warmup_steps:
        return optim.learning_rate * (step + 1) / optim.warmup_steps
    progress = min(1.0, (step + 1 - optim.warmup_steps) / (steps - optim.warmup_steps))
    fall = 0.5 * (1.0 + math.cos(math.pi * progress))
    return optim.learning_rate * (optim.final_ratio + (1.0 - optim.final_ratio) * fall)
