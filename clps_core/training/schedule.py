"""The learning rate of each step: linear warm-up, then a schedule. A pure function, so resume needs no state.

No torch here.
"""

from __future__ import annotations

import math

from clps_core.config import OptimConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, steps: int, optim: OptimConfig, peak: float | None = None) -> float:
    """The rate of update number ``step`` (0-based) out of ``steps``.

    Warm-up is linear and reaches ``learning_rate`` with update ``warmup_steps - 1``. With p, the part of the updates
    after the warm-up that is done (1 with the last), r = ``final_ratio`` and d = ``decay_fraction``, the rate is then
    ``learning_rate`` times:

    * ``cosine`` (Loshchilov & Hutter 2017, arXiv 1608.03983, eq. 5, one cycle): r + (1 - r) (1 + cos(pi p)) / 2
    * ``linear``: r + (1 - r) (1 - p)
    * ``constant``: 1
    * ``wsd``, warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395, section 4; linear decay as in Hägele et al.
      2024, arXiv 2405.18392): 1, and over the last ``decay_fraction`` of all updates, as far as they lie behind the
      warm-up, r + (1 - r) (1 - q), where q is the part of these that is done.

    All but ``constant`` end with the last update at exactly ``final_ratio * learning_rate``. ``peak``: another highest
    rate in the place of ``learning_rate``, such as Muon's.
    """
    highest = optim.learning_rate if peak is None else peak
    if step < optim.warmup_steps:
        return highest * (step + 1) / optim.warmup_steps
    if optim.schedule == "constant":
        return highest
    begin = optim.warmup_steps
    if optim.schedule == "wsd":
        begin = max(begin, steps - max(1, round(optim.decay_fraction * steps)))
    progress = min(1.0, max(0, step + 1 - begin) / max(1, steps - begin))
    fall = 0.5 * (1.0 + math.cos(math.pi * progress)) if optim.schedule == "cosine" else 1.0 - progress
    return highest * (optim.final_ratio + (1.0 - optim.final_ratio) * fall)
