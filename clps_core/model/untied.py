"""A model in which every use of one stored weight has a copy of its own. Start at untie.

The gradient of a shared weight is the sum of the gradients of its uses. With copies each of them can be seen.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

from torch import nn

from clps_core.model.extras import BetweenLayers
from clps_core.model.layer import Layer
from clps_core.model.transformer import Transformer
from clps_core.sharing import Execution, Slot

__all__ = ["Use", "untie", "uses_of"]


@dataclass(frozen=True)
class Use:
    """One use of a weight in a pass: by ``component`` of the layer at executed position ``place`` of ``stack``.

    ``module`` is what is used there.
    """

    stack: str
    place: int
    component: str
    module: nn.Module


def uses_of(model: Transformer, slot: Slot, loops: int | None = None) -> tuple[Use, ...]:
    """Every use of ``slot`` in a pass with ``loops``, in order of execution, as the model is edited."""
    return tuple(
        Use(stack, place, component, layers[index].weights[component])
        for stack, layers in _layers(model).items()
        for place, index in enumerate(model.executed(stack, loops))
        for component in model.map.components(stack)
        if model.map.slot(stack, index, component) == slot
    )


def untie(model: Transformer, slot: Slot, loops: int | None = None) -> tuple[Use, ...]:
    """Give every use of ``slot`` in a pass with ``loops`` a copy of it, in place; the uses, in order of execution.

    The model then computes what it did, with this number of loops alone, and its state has the copies no names in it:
    it is for one backward pass.
    """
    found = []
    for stack, layers in _layers(model).items():
        between = cast(BetweenLayers, model.get_submodule(f"{stack}_between"))
        order = between.order(loops)
        copies = []
        for index in order:
            layer = copy.copy(layers[index])
            layer.weights = dict(layer.weights)
            for component in model.map.components(stack):
                if model.map.slot(stack, index, component) == slot:
                    layer.weights[component] = copy.deepcopy(layer.weights[component])
            copies.append(layer)
        model.add_module(f"{stack}_layers", nn.ModuleList(copies))
        between.execution = Execution(len(order), between.execution.core, between.execution.why)
        found += [
            Use(stack, place, component, copies[own].weights[component])
            for place, own in enumerate(model.executed(stack, loops))  # an edit may have swapped two
            for component in model.map.components(stack)
            if model.map.slot(stack, order[own], component) == slot
        ]
    return tuple(found)


def _layers(model: Transformer) -> dict[str, list[Layer]]:
    """The layers of each stack, by their numbers in the map."""
    return {
        stack: [cast(Layer, layer) for layer in cast(nn.ModuleList, model.get_submodule(f"{stack}_layers"))]
        for stack in model.map.stacks
    }
