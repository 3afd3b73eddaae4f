"""Every tensor that a model of a config has, by name, before any memory is taken. Start at stored_shapes."""

from __future__ import annotations

from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.shapes import block_shapes, extra_shapes, outer_shapes, stack_layers

__all__ = ["stored_shapes"]


def stored_shapes(model: ModelConfig, sharing: SharingConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of each tensor of a resolved model's weights, as its ``state_dict`` has them.

    From the same shapes as the built model, but without torch: a checkpoint can be held against its config
    before anything is built. Tied weights come once.
    """
    plan = sharing_plan(model, sharing)
    blocks = {stack: block_shapes(model, stack) for stack in stack_layers(model)}
    groups = {}
    for slot in plan.map.slots:
        first = plan.map.sites(slot)[0]
        groups[f"bank.{slot}"] = blocks[first.stack][first.component]
    groups |= {name: one.shapes for name, one in outer_shapes(model).items()}
    groups |= {name: one.shapes for name, one in extra_shapes(model, plan).items()}
    return {f"{name}.{tensor}": shape for name, shapes in groups.items() for tensor, shape in shapes}
