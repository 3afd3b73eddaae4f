"""AdamW over a model's weights, its state as named tensors. Start at Optimiser.

The arithmetic is torch's (``torch.optim.adamw.adamw``, fused where there is such a kernel). Its class
``torch.optim.AdamW`` is not used: making one imports torch's compiler, which takes as long as
importing torch itself, and every run begins with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from clps_core.config import OptimConfig
from clps_core.errors import CheckpointError
from clps_core.words import _

__all__ = ["OPTIMISER_PREFIX", "Optimiser", "decays"]

OPTIMISER_PREFIX = "optimiser."
FUSED_DEVICES = ("cpu", "cuda")
TABLES = ("tokens.weight", "class_token.weight", "positions.weight", "token_types.weight")


def decays(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies: to matrices only, not to norms, biases and embedding tables.

    A decayed embedding row of a rare token would shrink at every step it is not seen.
    """
    return parameter.ndim >= 2 and not name.endswith(TABLES)


@dataclass
class _Group:
    """Parameters of one weight decay, with their two moments and their number of updates."""

    weight_decay: float
    names: list[str]
    parameters: list[Tensor]
    means: list[Tensor]
    squares: list[Tensor]
    counts: list[Tensor]


class Optimiser:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), decayed and undecayed weights apart.

    A tied weight is one parameter: it is updated once a step, with the sum of its uses' gradients.
    Every parameter must have a gradient at every step.
    """

    def __init__(self, model: nn.Module, optim: OptimConfig) -> None:
        named = dict(model.named_parameters())
        self.optim = optim
        self.parameters = list(named.values())
        self.groups = [
            _group(optim.weight_decay, {n: p for n, p in named.items() if decays(n, p)}),
            _group(0.0, {n: p for n, p in named.items() if not decays(n, p)}),
        ]
        self.fused = all(parameter.device.type in FUSED_DEVICES for parameter in self.parameters)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One update by the gradients that the parameters hold."""
        for group in self.groups:
            gradients = [parameter.grad for parameter in group.parameters]
            adamw(
                group.parameters,
                [gradient for gradient in gradients if gradient is not None],
                group.means,
                group.squares,
                [],
                group.counts,
                fused=self.fused,
                amsgrad=False,
                beta1=self.optim.beta1,
                beta2=self.optim.beta2,
                lr=learning_rate,
                weight_decay=group.weight_decay,
                eps=self.optim.eps,
                maximize=False,
            )

    def tensors(self) -> dict[str, Tensor]:
        """The moments as ``optimiser.<parameter>/mean`` and ``.../square``, for a checkpoint."""
        return {
            f"{OPTIMISER_PREFIX}{name}/{kind}": moment
            for group in self.groups
            for kind, moments in (("mean", group.means), ("square", group.squares))
            for name, moment in zip(group.names, moments, strict=True)
        }

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take the moments after ``step`` updates; ``CheckpointError`` where names or shapes do not fit."""
        own = self.tensors()
        given = {name: tensor for name, tensor in tensors.items() if name.startswith(OPTIMISER_PREFIX)}
        for name in [*own, *given]:
            if name not in own or name not in given or own[name].shape != given[name].shape:
                raise CheckpointError(
                    _("a checkpoint must fit its model. {name} does not. Use the run's own config.", name=name)
                )
        for name, tensor in own.items():
            tensor.copy_(given[name])
        for group in self.groups:
            for count in group.counts:
                count.fill_(step)


def _group(weight_decay: float, named: Mapping[str, Tensor]) -> _Group:
    parameters = list(named.values())
    return _Group(
        weight_decay,
        list(named),
        parameters,
        [torch.zeros_like(parameter) for parameter in parameters],
        [torch.zeros_like(parameter) for parameter in parameters],
        [torch.zeros((), dtype=torch.float32, device=parameter.device) for parameter in parameters],
    )
