"""How similar the heads of two layers are, one head after the other: long maps of many heads fit into memory.

The same as ``similarity.attention_similarity``, which takes arrays, on tensors. Start at heads_alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["heads_alike"]


def heads_alike(one: Tensor, other: Tensor, *, causal: bool = False) -> Tensor:
    """1 - mean Jensen-Shannon divergence (bits) over queries: [H, Q, K] twice -> float64 [H].

    With ``causal`` the first query is left out (if there are others): it can look at nothing but itself.
    """
    begin = 1 if causal and one.shape[-2] > 1 else 0
    return torch.stack([_alike(p[begin:], r[begin:]) for p, r in zip(one, other, strict=True)])


def _alike(one: Tensor, other: Tensor) -> Tensor:
    """[Q, K] twice -> one number."""
    p, r = _distributions(one), _distributions(other)
    apart = (_entropy((p + r) / 2) - (_entropy(p) + _entropy(r)) / 2) / math.log(2)
    apart[(p.sum(-1) == 0) != (r.sum(-1) == 0)] = 1.0  # a row of zeros is alike to another one only
    return 1 - apart.clamp(0, 1).mean()


def _distributions(weights: Tensor) -> Tensor:
    values = weights.double()
    total = values.sum(-1, keepdim=True)
    return torch.where(total > 0, values / total, 0.0)


def _entropy(p: Tensor) -> Tensor:
    found: Tensor = torch.special.entr(p).sum(-1)
    return found
