"""At which sizes a scheme fits. Start at plan_at and fitting.

A plan depends on sizes in two ways only: the rank of LoRA is at most the smaller side of its matrix, and components of
one slot have one shape. So it is made once for each depth, and looked at with other sizes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache, partial

from clps_core.config import ModelConfig
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import SharingPlan, parse_strategy
from clps_core.sharing.map import Block, Shapes
from clps_core.sharing.plan import build_plan

__all__ = ["fits", "fitting", "plan_at"]

Row = tuple[str, str]
ANY_SIZE: Shapes = (("weight", (2**62, 2**62)),)
"""Of every component, so that all that is in one slot has one shape, and every rank is small enough."""


def plan_at(model: ModelConfig, strategy: str) -> SharingPlan:
    """The plan of ``strategy`` at the depth of ``model``, whatever its widths are.

    Raises ``ConfigError`` where the strategy fits no width at this depth.
    """
    stacks = tuple((stack, layers, tuple(block_shapes(model, stack))) for stack, layers in stack_layers(model).items())
    return _plan(strategy, stacks)


# Dials of width are turned at one depth.
@lru_cache(maxsize=32)
def _plan(strategy: str, stacks: tuple[tuple[str, int, tuple[str, ...]], ...]) -> SharingPlan:
    blocks = {stack: Block(layers, dict.fromkeys(names, ANY_SIZE)) for stack, layers, names in stacks}
    return build_plan(blocks, parse_strategy(strategy))


def fits(model: ModelConfig, plan: SharingPlan) -> bool:
    """Whether ``plan`` (of ``plan_at``) fits the widths of ``model``."""
    return bool(fitting(range(1), lambda _value: model, plan))


def fitting(grid: range, model_at: Callable[[int], ModelConfig], plan: SharingPlan) -> range:
    """The values of ``grid`` (not empty) at which ``plan`` fits ``model_at``: neighbours, or none.

    They are neighbours because every size, and every difference of two sizes, only rises or only falls as a dial of
    width is turned: each is a whole multiple of the dial, a constant, or a proportion rounded.
    """

    sizes = _Sizes(model_at)
    for one, other in plan.map.tied_rows:
        grid = _alike(grid, sizes, one, other)
    for row, rank in {((site.stack, site.component), rank) for site, rank in plan.lora}:
        grid = grid[bisect_left(grid, rank, key=partial(sizes.smaller_side, row)) :]
    return grid


class _Sizes:
    """The shapes of all components at each value of a dial, made once for each."""

    def __init__(self, model_at: Callable[[int], ModelConfig]) -> None:
        self.model_at = model_at
        self.known: dict[int, dict[Row, Shapes]] = {}

    def shapes(self, row: Row, value: int) -> Shapes:
        if value not in self.known:
            model = self.model_at(value)
            self.known[value] = {
                (stack, component): shapes
                for stack in stack_layers(model)
                for component, shapes in block_shapes(model, stack).items()
            }
        return self.known[value][row]

    def sides(self, row: Row, value: int) -> list[int]:
        """All sizes of a component's tensors; those of its weight come first."""
        return [size for _name, shape in self.shapes(row, value) for size in shape]

    def smaller_side(self, row: Row, value: int) -> int:
        """Of the matrix."""
        return min(self.sides(row, value)[:2])


def _alike(grid: range, sizes: _Sizes, one: Row, other: Row) -> range:
    """The values at which two components have one shape."""
    if not grid or _kind(sizes.shapes(one, grid[0])) != _kind(sizes.shapes(other, grid[0])):
        return grid[:0]
    for place in range(len(sizes.sides(one, grid[0]))):

        def difference(value: int, place: int = place) -> int:
            return sizes.sides(one, value)[place] - sizes.sides(other, value)[place]

        grid = _zeros(grid, difference)
        if not grid:
            break
    return grid


def _kind(shapes: Shapes) -> list[tuple[str, int]]:
    """The tensors of a component, without their sizes."""
    return [(name, len(shape)) for name, shape in shapes]


def _zeros(grid: range, difference: Callable[[int], int]) -> range:
    """The values of ``grid`` at which a ``difference`` is 0 that only rises, or only falls."""
    first, last = difference(grid[0]), difference(grid[-1])
    sign = -1 if last < first else 1
    if first == last:
        return grid if first == 0 else grid[:0]

    def rising(value: int) -> int:
        return sign * difference(value)

    return grid[bisect_left(grid, 0, key=rising) : bisect_right(grid, 0, key=rising)]
