"""The extras of shared weights, as modules. Start at make_extras, then BetweenLayers.

Like the bank's weights these are registered once, by name (``extras.encoder.0.q.down``), and layers
hold unregistered references to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from clps_core.model.bank import register_at, unset_linear
from clps_core.model.embedding import sinusoids
from clps_core.shapes import ExtraShape
from clps_core.sharing import Execution
from clps_core.sharing.extras import Extras

__all__ = ["BetweenLayers", "LayerExtras", "Vector", "layer_extras", "make_extras"]


class Vector(nn.Module):
    """One learned vector of ``d_model`` numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))


LowRank = tuple[nn.Linear, nn.Linear]
"""LoRA of one matrix: down to the rank, and up again."""


@dataclass(frozen=True)
class LayerExtras:
    """What one executed layer has of its own: LoRA by component, scale by branch (``attn``, ``cross``, ``ffn``)."""

    lora: Mapping[str, LowRank]
    scales: Mapping[str, Vector]


def make_extras(root: nn.Module, shapes: Mapping[str, ExtraShape]) -> None:
    """Register a module for each of ``shapes`` (``shapes.extra_shapes``) under ``root``; memory not yet set."""
    for name, extra in shapes.items():
        size = dict(extra.shapes)["weight"]
        if len(size) == 2:
            register_at(root, name, unset_linear(size[1], size[0], bias=False))
        else:
            register_at(root, name, Vector(size[0]))


def layer_extras(root: nn.Module, shapes: Mapping[str, ExtraShape], stack: str, layer: int) -> LayerExtras:
    """References to the extras of one layer."""
    prefix = f"extras.{stack}.{layer}."
    names = [name for name, extra in shapes.items() if extra.layer == layer and extra.stack == stack]
    modules = {name.removeprefix(prefix): root.get_submodule(name) for name in names}
    lora = {
        name.removesuffix(".down"): (
            cast(nn.Linear, down),
            cast(nn.Linear, modules[f"{name.removesuffix('.down')}.up"]),
        )
        for name, down in modules.items()
        if name.endswith(".down")
    }
    scales = {
        name.removeprefix("scale_"): cast(Vector, module)
        for name, module in modules.items()
        if name.startswith("scale_")
    }
    return LayerExtras(lora, scales)


class BetweenLayers(nn.Module):
    """What happens between the layers of one stack: their order, re-injected input, the depth signal.

    Registers only a buffer that is not saved (the sinusoids); learned parts are references.
    """

    def __init__(self, root: nn.Module, execution: Execution, extras: Extras, stack: str, width: int) -> None:
        super().__init__()
        self.execution, self.inject, self.width = execution, extras.inject, width
        # Plain containers, which torch does not look into: the model registers these modules elsewhere.
        self.injection = (root.get_submodule(f"extras.{stack}.injection"),) if extras.inject == "concat" else ()
        learned = extras.depth_embedding == "learned"
        names = [f"extras.{stack}.{layer}.depth" for layer in range(execution.num_layers)] if learned else []
        self.learned = [(cast(Vector, root.get_submodule(name)),) for name in names]
        # Step t of the paper counts from 1 (Universal Transformer, arXiv 1807.03819, equation 4).
        # As long as training goes: a row that is computed later has to be copied, for which a GPU's step would wait.
        most = extras.train_loops[1] if extras.train_loops and execution.core else None
        rows = max(execution.num_layers, len(execution.layers(most)))
        table = sinusoids(rows + 1, width)[1:] if extras.depth_embedding == "sinusoidal" else None
        self.register_buffer("signal", table, persistent=False)

    def order(self, loops: int | None) -> tuple[int, ...]:
        """For each executed position the layer that stands there; ``ConfigError`` for loops that cannot be."""
        return self.execution.layers(loops)

    def loop_starts(self, loops: int | None) -> tuple[int, ...]:
        """The executed positions at which the core begins, where something is injected."""
        return () if self.inject == "none" else tuple(sorted(self.execution.starts(loops)))

    def injected(self, x_BTD: Tensor, begin_BTD: Tensor, *, first: bool) -> Tensor:
        """The core's input at the start of a loop; ``begin`` is what the first loop started from."""
        if self.injection:
            # Under autocast a product is 16 bits wide; the residual stream keeps its own precision.
            return cast(Tensor, self.injection[0](torch.cat([x_BTD, begin_BTD], -1))).to(begin_BTD.dtype)
        return x_BTD if first else x_BTD + begin_BTD

    def signalled(self, x_BTD: Tensor, place: int) -> Tensor:
        """With the signal of executed position ``place`` added, where there is one."""
        if self.learned:
            return x_BTD + self.learned[place][0].weight
        if not isinstance(self.signal, Tensor):
            return x_BTD
        if place < len(self.signal):
            return x_BTD + self.signal[place]
        return x_BTD + sinusoids(place + 2, self.width)[-1].to(x_BTD.device)
