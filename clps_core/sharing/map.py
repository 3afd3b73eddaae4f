"""Which layer uses which weights. Start at SharingMap.

A *site* is one use of a weight (stack, layer, component); a *slot* is one stored weight (pool,
index). The map sends every site to a slot, or to ``None`` where the layer has no such weight.
A pool is by default (stack, component), written ``encoder.q``; a tie merges pools. In a finished map
a slot bears the pool of the first site that uses it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from clps_core.errors import ConfigError
from clps_core.words import _, shown

__all__ = ["Block", "SharingMap", "Site", "Slot", "build_map", "root_pool"]

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


class Site(NamedTuple):
    """One use of a weight: layer ``layer`` of ``stack`` uses ``component``."""

    stack: str
    layer: int
    component: str

    def __str__(self) -> str:
        return f"{self.stack}.{self.layer}.{self.component}"


class Slot(NamedTuple):
    """One stored weight: number ``index`` of ``pool`` (such as ``encoder.q``)."""

    pool: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody wants of a slot

    def __str__(self) -> str:
        return f"{self.pool}.{self.index}"


@dataclass(frozen=True)
class Block:
    """What one stack's layers consist of.

    ``shapes`` gives per component its tensors as ``((name, shape), ...)``; sharing only ever
    compares them, it never asks what they mean.
    """

    num_layers: int
    shapes: Mapping[str, Shapes]


@dataclass(frozen=True)
class SharingMap:
    """The partition of sites into slots; canonical: slots are named and numbered by first use.

    ``rows`` is ``((stack, component), (slot or None, one per layer))`` in declaration order.
    """

    rows: tuple[tuple[tuple[str, str], tuple[Slot | None, ...]], ...]

    @cached_property
    def _by_row(self) -> dict[tuple[str, str], tuple[Slot | None, ...]]:
        return dict(self.rows)

    @cached_property
    def _sites(self) -> dict[Slot, tuple[Site, ...]]:
        found: dict[Slot, list[Site]] = {}
        for site, slot in self.items():
            if slot is not None:
                found.setdefault(slot, []).append(site)
        return {slot: tuple(sites) for slot, sites in found.items()}

    @cached_property
    def tied_rows(self) -> frozenset[tuple[tuple[str, str], tuple[str, str]]]:
        """Pairs of different (stack, component) with a slot in common; the first of each uses it first."""
        pools = {(key, slot.pool) for key, slots in self.rows for slot in set(slots) if slot is not None}
        return frozenset(
            ((stack, component), key)
            for key, pool in pools
            for stack, _dot, component in [pool.partition(".")]
            if (stack, component) != key
        )

    @cached_property
    def uses(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(stack, component) -> slots that are used there first, and sites that have a weight."""
        return {
            (stack, component): (
                len({slot for slot in slots if slot is not None and slot.pool == f"{stack}.{component}"}),
                sum(slot is not None for slot in slots),
            )
            for stack in self.stacks
            for (own, component), slots in self.rows
            if own == stack
        }

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks, in order of execution."""
        return tuple(dict.fromkeys(stack for (stack, _component), _slots in self.rows))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot once, in order of first use."""
        return tuple(self._sites)

    def num_layers(self, stack: str) -> int:
        """How many layers ``stack`` executes."""
        return next(len(slots) for (name, _component), slots in self.rows if name == stack)

    def components(self, stack: str) -> tuple[str, ...]:
        """The components a layer of ``stack`` may have."""
        return tuple(component for (name, component), _slots in self.rows if name == stack)

    def row(self, stack: str, component: str) -> tuple[Slot | None, ...]:
        """The slot of each layer for one component."""
        return self._by_row[stack, component]

    def slot(self, stack: str, layer: int, component: str) -> Slot | None:
        """The slot of one site; ``None`` where the layer has no such weight."""
        return self._by_row[stack, component][layer]

    def sites(self, slot: Slot) -> tuple[Site, ...]:
        """Every site that uses ``slot``, first use first."""
        return self._sites[slot]

    def items(self) -> Iterator[tuple[Site, Slot | None]]:
        """Sites and their slots in order of execution: stack, layer, component."""
        for stack in self.stacks:
            rows = [(component, self.row(stack, component)) for component in self.components(stack)]
            for layer in range(self.num_layers(stack)):
                for component, slots in rows:
                    yield Site(stack, layer, component), slots[layer]

    def layer_groups(self, stack: str, components: Sequence[str] | None = None) -> tuple[int, ...]:
        """Per layer a number; layers with equal numbers use the same slots (in ``components``)."""
        names = components if components is not None else self.components(stack)
        seen: dict[tuple[Slot | None, ...], int] = {}
        groups = []
        for layer in range(self.num_layers(stack)):
            key = tuple(self.slot(stack, layer, component) for component in names)
            groups.append(seen.setdefault(key, len(seen)))
        return tuple(groups)

    def as_dict(self) -> dict[str, list[int | str | None]]:
        """Plain data: ``{"encoder.q": [0, 0, None]}``; a slot of another pool is ``"pool:0"``."""
        return {
            f"{stack}.{component}": [
                None
                if slot is None
                else slot.index
                if slot.pool == f"{stack}.{component}"
                else f"{slot.pool}:{slot.index}"
                for slot in slots
            ]
            for (stack, component), slots in self.rows
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[int | str | None]]) -> SharingMap:
        """The inverse of ``as_dict``; the result is made canonical. Raises ``ConfigError`` for anything else."""
        rows = []
        layers: dict[str, int] = {}
        for name, values in data.items():
            stack, _dot, component = name.partition(".")
            if not stack or not component or not isinstance(values, (list, tuple)):
                raise ConfigError(_("a map must have lists such as 'encoder.q': [0, 0]. Got {row!r}.", row=name[:60]))
            _check_row(stack, component, values, layers.setdefault(stack, len(values)))
            rows.append(((stack, component), tuple(_slot_from_plain(name, value) for value in values)))
        return cls(_canonical(rows))

    @cached_property
    def digest(self) -> str:
        """A short hash; equal maps have equal digests."""
        return hashlib.sha256(json.dumps(self.as_dict()).encode()).hexdigest()[:16]


def _slot_from_plain(row_name: str, value: int | str | None) -> Slot | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Slot(row_name, value)
    pool, _colon, index = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not pool or not re.fullmatch(r"[0-9]{1,6}", index):
        raise ConfigError(
            _(
                "a slot must be an integer, null, or 'pool:integer'. Got {value} in {row}.",
                value=shown(value),
                row=row_name,
            )
        )
    return Slot(pool, int(index))


def _canonical(
    rows: Sequence[tuple[tuple[str, str], tuple[Slot | None, ...]]],
) -> tuple[tuple[tuple[str, str], tuple[Slot | None, ...]], ...]:
    """Name every slot after its first use (stack, layer, component), so that equal partitions are equal maps."""
    by_row = dict(rows)
    numbers: dict[Slot, Slot] = {}
    used: dict[str, int] = {}
    for stack in dict.fromkeys(stack for stack, _component in by_row):
        of_stack = {component: slots for (name, component), slots in by_row.items() if name == stack}
        for at_layer in zip(*of_stack.values(), strict=True):
            for component, slot in zip(of_stack, at_layer, strict=True):
                if slot is not None and slot not in numbers:
                    pool = f"{stack}.{component}"
                    numbers[slot] = Slot(pool, used.get(pool, 0))
                    used[pool] = used.get(pool, 0) + 1
    return tuple((key, tuple(None if slot is None else numbers[slot] for slot in slots)) for key, slots in rows)


def build_map(
    blocks: Mapping[str, Block],
    layer_slots: Mapping[tuple[str, str], Sequence[int]],
    *,
    ties: Mapping[str, str] | None = None,
    absent: frozenset[Site] = frozenset(),
) -> SharingMap:
    """Join per-component slot numbers, ties and absent sites into a canonical map.

    ``blocks``: stack -> what its layers consist of. ``layer_slots``: (stack, component) -> slot of
    each layer. ``ties``: pool -> pool it is merged into (``{"encoder.k": "encoder.q"}``).
    Raises ``ConfigError`` where lengths do not fit, or where sites of one slot differ in shape.
    """
    merged = dict(ties or {})
    rows: list[tuple[tuple[str, str], tuple[Slot | None, ...]]] = []
    for stack, block in blocks.items():
        for component in block.shapes:
            numbers = layer_slots[stack, component]
            _check_row(stack, component, numbers, block.num_layers)
            pool = root_pool(f"{stack}.{component}", merged)
            rows.append(
                (
                    (stack, component),
                    tuple(
                        None if Site(stack, layer, component) in absent else Slot(pool, number)
                        for layer, number in enumerate(numbers)
                    ),
                )
            )
    sharing_map = SharingMap(_canonical(rows))
    _check_shapes(sharing_map, blocks)
    return sharing_map


def _check_row(stack: str, component: str, numbers: Sequence[int | str | None], num_layers: int) -> None:
    if len(numbers) != num_layers:
        raise ConfigError(
            _(
                "{stack} {component} must name one slot for each of the {layers} layers. Got {got} slots. "
                "Give {layers} integers.",
                stack=stack,
                component=component,
                layers=num_layers,
                got=len(numbers),
            )
        )
    for layer, number in enumerate(numbers):
        if isinstance(number, int) and number < 0:
            raise ConfigError(
                _(
                    "slots must be 0 or more. Got {number} for {stack} {component} of layer {layer}.",
                    number=number,
                    stack=stack,
                    component=component,
                    layer=layer,
                )
            )


def root_pool(pool: str, ties: Mapping[str, str]) -> str:
    """The pool that ``pool`` ends up in; raises ``ConfigError`` where ties run in a circle."""
    seen = {pool}
    while pool in ties:
        pool = ties[pool]
        if pool in seen:
            raise ConfigError(_("ties must not form a circle. Got one through {pool}. Remove one of them.", pool=pool))
        seen.add(pool)
    return pool


def _check_shapes(sharing_map: SharingMap, blocks: Mapping[str, Block]) -> None:
    if all(
        blocks[stack].shapes[component] == blocks[other].shapes[name]
        for (stack, component), (other, name) in sharing_map.tied_rows
    ):
        return
    for slot in sharing_map.slots:
        first, *others = sharing_map.sites(slot)
        expected = blocks[first.stack].shapes[first.component]
        for site in others:
            got = blocks[site.stack].shapes[site.component]
            if got != expected:
                raise ConfigError(
                    _(
                        "sites that share a slot must have the same shape. {first_component} of {first_stack} layer "
                        "{first_layer} has {expected}, {component} of {stack} layer {layer} has {got}. Give them "
                        "different slots, or make the sizes equal.",
                        first_component=first.component,
                        first_stack=first.stack,
                        first_layer=first.layer,
                        expected=dict(expected),
                        component=site.component,
                        stack=site.stack,
                        layer=site.layer,
                        got=dict(got),
                    )
                )
