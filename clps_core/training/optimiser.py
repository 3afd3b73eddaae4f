"""AdamW over a model's weights, and its state as named tensors. Start at build_optimiser."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from clps_core.config import OptimConfig
from clps_core.errors import CheckpointError
from clps_core.words import _

__all__ = ["OPTIMISER_PREFIX", "build_optimiser", "decays", "optimiser_tensors", "restore_optimiser"]

OPTIMISER_PREFIX = "optimiser."
FUSED_DEVICES = ("cpu", "cuda")
TABLES = ("tokens.weight", "positions.weight", "token_types.weight")


def decays(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies: to matrices only, not to norms, biases and embedding tables.

    A decayed embedding row of a rare token would shrink at every step it is not seen.
    """
    return parameter.ndim >= 2 and not name.endswith(TABLES)


def build_optimiser(model: nn.Module, optim: OptimConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with two groups: decayed and not.

    A tied weight is one parameter: it is updated once a step, with the sum of its uses' gradients.
    Fused kernels are used on the devices that have them.
    """
    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n, p)], "weight_decay": optim.weight_decay},
        {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=optim.learning_rate,
        betas=(optim.beta1, optim.beta2),
        eps=optim.eps,
        fused=all(p.device.type in FUSED_DEVICES for _name, p in named),
    )


def optimiser_tensors(model: nn.Module, optimiser: torch.optim.AdamW) -> dict[str, Tensor]:
    """The optimiser's state as ``optimiser.<parameter>/<moment>``; empty before the first update."""
    return {
        f"{OPTIMISER_PREFIX}{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(model: nn.Module, optimiser: torch.optim.AdamW, tensors: Mapping[str, Tensor]) -> None:
    """Give ``optimiser`` the state in ``tensors``; raises ``CheckpointError`` where it does not fit."""
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    state: dict[str, dict[str, Tensor]] = {}
    for full_name, tensor in tensors.items():
        if not full_name.startswith(OPTIMISER_PREFIX):
            continue
        name, _slash, key = full_name.removeprefix(OPTIMISER_PREFIX).rpartition("/")
        if name not in shapes or (tensor.ndim and tensor.shape != shapes[name]):
            raise CheckpointError(
                _("a checkpoint must fit its model. {name} does not. Use the run's own config.", name=full_name)
            )
        state.setdefault(name, {})[key] = tensor
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    ordered = [names[id(parameter)] for group in optimiser.param_groups for parameter in group["params"]]
    plain = optimiser.state_dict()
    plain["state"] = {place: state[name] for place, name in enumerate(ordered) if name in state}
    optimiser.load_state_dict(plain)
