"""AdamW over a model's weights, Muon for its matrices if wanted, their average; as named tensors. Start at Optimiser.

The arithmetic is torch's (``torch.optim.adamw.adamw``, fused where there is such a kernel). Its class
``torch.optim.AdamW`` is not used: making one imports torch's compiler, which takes as long as
importing torch itself, and every run begins with that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from clps_core.config import OptimConfig
from clps_core.errors import CheckpointError
from clps_core.training.muon import Muon, by_muon
from clps_core.words import _

__all__ = ["OPTIMISER_PREFIX", "Optimiser", "decays"]

OPTIMISER_PREFIX = "optimiser."
FUSED_DEVICES = ("cpu", "cuda")
TABLES = ("tokens.weight", "queries.weight", "class_token.weight", "positions.weight", "token_types.weight")


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

    With ``optim.name`` muon, Muon updates the matrices of the layers in its place. With ``optim.ema_decay`` d it also
    keeps an average A of all weights W: after update t (from 1), A <- d_t A + (1 - d_t) W with
    d_t = min(d, (1 + t) / (10 + t)), so that an early average is not mostly the first weights (as TensorFlow's
    ``ExponentialMovingAverage`` with ``num_updates``).

    A tied weight is one parameter: it is updated once a step, with the sum of its uses' gradients.
    Every parameter must have a gradient at every step.
    """

    def __init__(self, model: nn.Module, optim: OptimConfig) -> None:
        named = dict(model.named_parameters())
        self.optim = optim
        self.parameters: list[Tensor] = list(named.values())
        matrices = {n: p for n, p in named.items() if optim.name == "muon" and by_muon(n, p.shape)}
        others = {n: p for n, p in named.items() if n not in matrices}
        self.muon = Muon(matrices, optim.muon_momentum, optim.weight_decay)
        self.groups = [
            _group(optim.weight_decay, {n: p for n, p in others.items() if decays(n, p)}),
            _group(0.0, {n: p for n, p in others.items() if not decays(n, p)}),
        ]
        self.fused = all(parameter.device.type in FUSED_DEVICES for parameter in self.parameters)
        self.updates = 0
        self.averages = {n: p.detach().clone() for n, p in named.items()} if optim.ema_decay else {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float, muon_learning_rate: float | None = None) -> None:
        """One update by the gradients that the parameters hold; ``muon_learning_rate``: for Muon's matrices."""
        self.muon.step(learning_rate if muon_learning_rate is None else muon_learning_rate)
        for group in self.groups:
            if not group.parameters:
                continue
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
        self.updates += 1
        if self.averages:
            kept = min(self.optim.ema_decay, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(list(self.averages.values()), self.parameters, 1 - kept)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has the averaged weights, if there is an average; then its own again, bit for bit."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        """Swap weights and average, one tensor at a time: no second copy of the model."""
        for parameter, average in zip(self.parameters, self.averages.values(), strict=False):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    @torch.no_grad()
    def average_from_here(self) -> None:
        """Let the average begin with the weights as they are now: those of a fork were put in place meanwhile."""
        for parameter, average in zip(self.parameters, self.averages.values(), strict=False):
            average.copy_(parameter)

    def tensors(self) -> dict[str, Tensor]:
        """The state, for a checkpoint: ``optimiser.<parameter>/mean`` and ``/square``, ``/momentum``, ``/average``."""
        moments = {
            f"{name}/{kind}": moment
            for group in self.groups
            for kind, moments in (("mean", group.means), ("square", group.squares))
            for name, moment in zip(group.names, moments, strict=True)
        }
        moments |= {f"{n}/momentum": one for n, one in zip(self.muon.names, self.muon.buffers, strict=True)}
        moments |= {f"{name}/average": average for name, average in self.averages.items()}
        return {OPTIMISER_PREFIX + name: tensor for name, tensor in moments.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take the state after ``step`` updates; ``CheckpointError`` where names or shapes do not fit."""
        own = self.tensors()
        given = {name: tensor for name, tensor in tensors.items() if name.startswith(OPTIMISER_PREFIX)}
        for name in [*own, *given]:
            if name not in own or name not in given or own[name].shape != given[name].shape:
                raise CheckpointError(
                    _("a checkpoint must fit its model. {name} does not. Use the run's own config.", name=name)
                )
        for name, tensor in own.items():
            tensor.copy_(given[name])
        self.updates = step
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
