"""Saved weights into a model, strictly. Start at load_weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from clps_core.errors import CheckpointError
from clps_core.words import _

__all__ = ["load_weights"]


def load_weights(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy ``state`` into ``model``; nothing is changed unless every name and shape fits.

    Raises ``CheckpointError`` that names the first weight that is missing, unknown or of another shape.
    """
    own = model.state_dict()
    for name in own:
        if name not in state:
            raise CheckpointError(
                _("saved weights must hold {name}. It is missing. They belong to another model or map.", name=name)
            )
    for name, tensor in state.items():
        if name not in own:
            raise CheckpointError(
                _("saved weights must fit the model. It has no {name}. They belong to another model or map.", name=name)
            )
        if tensor.shape != own[name].shape:
            raise CheckpointError(
                _(
                    "{name} must be of shape {wanted}. Got {got}. The weights belong to a model of other sizes.",
                    name=name,
                    wanted=tuple(own[name].shape),
                    got=tuple(tensor.shape),
                )
            )
    model.load_state_dict(dict(state), strict=True)
