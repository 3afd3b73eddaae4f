"""Dropout that does not cost a tenth of a step on the CPU. Start at drop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["drop"]

STEPS = 1 << 16


def drop(x: Tensor, probability: float, training: bool) -> Tensor:
    """Inverted dropout (Srivastava et al. 2014), drawn from torch's global generator.

    On the CPU each 64-bit draw serves four numbers, so ``probability`` is rounded to a multiple of
    1/65536 (and the kept numbers are scaled by exactly that). torch's own draws one Bernoulli number
    at a time: measured 2026-11-21, 262,144 numbers, one thread of an AMD EPYC: 2.0 ms against 0.6 ms.
    """
    if not training or probability == 0:
        return x
    if x.device.type != "cpu":
        return F.dropout(x, probability, True)
    dropped = min(round(probability * STEPS), STEPS - 1)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.int16)[: x.numel()] >= dropped - STEPS // 2
    return x * kept.to(x.dtype).mul_(STEPS / (STEPS - dropped)).view(x.shape)
