"""Muon for the matrices of the layers: momentum whose direction is made orthogonal. Start at Muon.

Muon (Keller Jordan 2024, kellerjordan.github.io/posts/muon). For a matrix W [R, C] with gradient G:

* B <- mu B + (1 - mu) G, and U = mu B + (1 - mu) G (Nesterov's form; ``mu``: ``optim.muon_momentum``);
* O = NewtonSchulz(U), close to the orthogonal U V^T of U's singular value decomposition: X = U / |U|, then five times
  X <- a X + (b A + c A A) X with A = X X^T and (a, b, c) = (3.4445, -4.7750, 2.0315);
* W <- (1 - rate * decay) W - rate * 0.2 sqrt(max(R, C)) O. With this factor an update is as large as AdamW's usual one
  (root mean square 0.2), so AdamW's rate and decay fit (Liu et al. 2025, arXiv 2502.16982, section 2.2).

``torch.optim.Muon`` takes one matrix at a time, in bf16, which is slow on a CPU. Here matrices of one shape (either way
round) stand in one batched product: in fp32 on the CPU, in bf16 on a GPU that computes in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["COEFFICIENTS", "ITERATIONS", "Muon", "by_muon", "newton_schulz", "update_scale"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
EPS = 1e-7
RMS = 0.2
"""Root mean square of the updates, in units of the rate: about that of AdamW's."""
LAYERS = "bank."
"""Only weights of layers have such names; embeddings, head, LoRA and other extras do not."""


def by_muon(name: str, shape: Sequence[int]) -> bool:
    """Whether Muon may update the tensor: a matrix of a layer."""
    return name.startswith(LAYERS) and len(shape) == 2


def update_scale(shape: Sequence[int]) -> float:
    """By how much an orthogonal update of a matrix of ``shape`` is multiplied."""
    return RMS * math.sqrt(max(shape))


def newton_schulz(stacked: Tensor) -> Tensor:
    """[N, R, C] with R <= C -> the same shape: each matrix with singular values of about 0.7 to 1.2, if not tiny."""
    a, b, c = COEFFICIENTS
    found: Tensor = stacked / stacked.norm(dim=(1, 2), keepdim=True).clamp(min=EPS)
    for _iteration in range(ITERATIONS):
        gram = found @ found.mT
        mixed = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        found = torch.baddbmm(found, mixed, found, beta=a)
    return found


class Muon:
    """Muon over named matrices; each has one buffer, its momentum. A tied weight is one matrix and updated once."""

    def __init__(self, named: Mapping[str, Tensor], momentum: float, weight_decay: float) -> None:
        self.names = list(named)
        self.parameters = list(named.values())
        self.buffers = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.momentum, self.weight_decay = momentum, weight_decay
        self._stacks: dict[tuple[int, ...], list[int]] = {}
        for place, parameter in enumerate(self.parameters):
            self._stacks.setdefault(tuple(sorted(parameter.shape)), []).append(place)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One update by the gradients that the matrices hold."""
        if not self.parameters:
            return
        gradients = [parameter.grad for parameter in self.parameters]
        held = [gradient for gradient in gradients if gradient is not None]
        torch._foreach_lerp_(self.buffers, held, 1 - self.momentum)
        wanted = torch._foreach_lerp(held, self.buffers, self.momentum)
        if self.weight_decay:
            torch._foreach_mul_(self.parameters, 1 - learning_rate * self.weight_decay)
        for places in self._stacks.values():
            self._update(places, [wanted[place] for place in places], learning_rate)

    def _update(self, places: Sequence[int], wanted: Sequence[Tensor], learning_rate: float) -> None:
        """Update the matrices at ``places``, which have one shape or its transpose."""
        lying = [one if one.shape[0] <= one.shape[1] else one.mT for one in wanted]
        stacked = torch.stack(lying)
        orthogonal = newton_schulz(stacked.to(_number_format(stacked))).to(stacked.dtype)
        for place, update in zip(places, orthogonal, strict=True):
            parameter = self.parameters[place]
            turned = update if parameter.shape[0] <= parameter.shape[1] else update.mT
            parameter.add_(turned, alpha=-learning_rate * update_scale(parameter.shape))


def _number_format(tensor: Tensor) -> torch.dtype:
    """In which numbers the iteration computes: it needs few digits, but a CPU is slow at bf16."""
    halves = tensor.device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if halves else tensor.dtype
