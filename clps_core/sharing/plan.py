"""Everything a strategy means at given sizes: the map, reuse, extras and execution. Start at build_plan.

A plan is what the counter and the model are built from: which layer uses which weights (the map),
which activations it reads (reuse), what loosens its ties (extras), and how often the core runs
(execution). Plain integers, no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clps_core.errors import ConfigError
from clps_core.sharing.extras import MAX_LOOPS, Extras
from clps_core.sharing.map import Block, Shapes, SharingMap, Site, Slot, build_map
from clps_core.sharing.rules import RULES, Core
from clps_core.sharing.sources import REUSE_KINDS, Reuse
from clps_core.sharing.strategies import SUBLAYERS, Strategy
from clps_core.words import N_, Words, _, kept, told

__all__ = ["Execution", "SharingPlan", "build_plan", "plan_of"]

KEYED = Words(
    {
        "lora": N_("Each executed layer has its own LoRA matrices."),
        "depth_embedding=learned": N_("Each executed layer has its own depth vector (depth_embedding=learned)."),
        "layer_scale": N_("Each executed layer has its own scale (layer_scale)."),
    }
)
"""Why the number of loops is fixed, by the extra that exists once per executed layer."""


@dataclass(frozen=True)
class Execution:
    """The order in which one stack runs its layers.

    ``core`` is the repeated part, ``None`` where there is none; ``why`` then is the sentence that ``fixed`` gives,
    as ``words.kept``: a plan is made for one reader and read by others.
    """

    num_layers: int
    core: Core | None = None
    why: str | None = None

    @property
    def fixed(self) -> str | None:
        """Why the number of loops cannot be changed, in the language of who asks; ``None`` where it can."""
        return None if self.why is None else told(self.why)

    @property
    def loops(self) -> int:
        """How often the core runs in the layers that the map names (1 without a core)."""
        if self.core is None:
            return 1
        prelude, repeated, coda = self.core
        return (self.num_layers - prelude - coda) // repeated

    def layers(self, loops: int | None = None) -> tuple[int, ...]:
        """For each executed position the layer of the map that stands for it.

        Raises ``ConfigError`` for another number of loops than the map's where that is fixed.
        """
        if loops is None or loops == self.loops:
            return tuple(range(self.num_layers))
        if not 1 <= loops <= MAX_LOOPS:
            raise ConfigError(_("loops must be from 1 to {most}. Got {loops}.", most=MAX_LOOPS, loops=loops))
        if self.core is None or self.fixed:
            raise ConfigError(
                _(
                    "the number of loops must stay {own} for this run. Got {loops}. {why}",
                    own=self.loops,
                    loops=loops,
                    why=self.fixed or "",
                )
            )
        prelude, repeated, coda = self.core
        core = tuple(range(prelude, prelude + repeated))
        return (*range(prelude), *core * loops, *range(self.num_layers - coda, self.num_layers))

    def starts(self, loops: int | None = None) -> frozenset[int]:
        """The executed positions at which a loop begins (none without a core)."""
        if self.core is None:
            return frozenset()
        prelude, repeated, _coda = self.core
        count = self.loops if loops is None else loops
        return frozenset(range(prelude, prelude + repeated * count, repeated))

    def loop_numbers(self, loops: int | None = None) -> tuple[int, ...]:
        """For each executed position the loop of the core in which it stands, from 1 on; 0 outside."""
        count = len(self.layers(loops))
        if self.core is None:
            return (0,) * count
        prelude, repeated, coda = self.core
        return tuple(
            1 + (place - prelude) // repeated if prelude <= place < count - coda else 0 for place in range(count)
        )


@dataclass(frozen=True)
class SharingPlan:
    """A map, and per stack its reuse and execution; ``lora`` holds the rank of every site that has one."""

    map: SharingMap
    reuse: Mapping[str, Reuse] = field(default_factory=dict)
    execution: Mapping[str, Execution] = field(default_factory=dict)
    extras: Extras = field(default_factory=Extras)
    lora: tuple[tuple[Site, int], ...] = ()

    def lora_ranks(self) -> dict[Site, int]:
        """Rank of each site that has LoRA."""
        return dict(self.lora)

    def groups(self, stack: str, components: Sequence[str]) -> tuple[int, ...]:
        """Per layer a number; layers with equal numbers compute ``components`` with literally the same weights.

        A layer that reads another's activations counts with that layer's weights; one with LoRA of its own
        on any of the components counts for itself.
        """
        ranks, seen, found = self.lora_ranks(), dict[object, int](), []
        for layer in range(self.map.num_layers(stack)):
            sources = {component: self.computed_by(stack, layer, component) for component in components}
            slots = tuple(self.map.slot(stack, source, component) for component, source in sources.items())
            own = tuple(source for component, source in sources.items() if Site(stack, source, component) in ranks)
            found.append(seen.setdefault((slots, own), len(seen)))
        return tuple(found)

    def computed_by(self, stack: str, layer: int, component: str) -> int:
        """The layer whose weights give ``layer`` its ``component``: itself, or the one at the end of what it reads."""
        for kind, components in REUSE_KINDS.items():
            if component in components and layer in self.reuse[stack].consumers(kind):
                # Who reads probabilities may read those of a layer that in turn reads the keys of another.
                return self.computed_by(stack, self.reuse[stack].source(kind, layer), component)
        return layer

    @property
    def loops(self) -> int | None:
        """How often the core runs in the layers that the map names; ``None`` where no stack has a core."""
        found = [execution.loops for execution in self.execution.values() if execution.core is not None]
        return found[0] if found else None

    @property
    def fixed_loops(self) -> str | None:
        """Why the number of loops cannot be changed; ``None`` where it can."""
        return next((one.fixed for one in self.execution.values() if one.fixed), None)


def plan_of(mapping: SharingMap) -> SharingPlan:
    """A plan with nothing beside the map."""
    stacks = {stack: mapping.num_layers(stack) for stack in mapping.stacks}
    return SharingPlan(
        mapping,
        {stack: Reuse(stack, layers) for stack, layers in stacks.items()},
        {stack: Execution(layers, None, _no_core()) for stack, layers in stacks.items()},
    )


def build_plan(blocks: Mapping[str, Block], strategy: Strategy) -> SharingPlan:
    """``strategy`` at the sizes of ``blocks`` (stack -> what its layers consist of).

    Raises ``ConfigError`` that names layer and component where something does not fit.
    """
    stacks = {stack: (block.num_layers, tuple(block.shapes)) for stack, block in blocks.items()}
    _check_targets(strategy, stacks)
    reuse = {stack: strategy.reuse_of(stack, block.num_layers) for stack, block in blocks.items()}
    absent = frozenset(
        Site(stack, layer, component)
        for stack, one in reuse.items()
        for kind, components in REUSE_KINDS.items()
        for layer in one.consumers(kind)
        for component in components
    )
    mapping = build_map(blocks, strategy.layer_slots(stacks), ties=strategy.pools(stacks), absent=absent)
    lora = _lora(strategy, mapping, blocks)
    keyed = strategy.extras.keyed_by_layer(lora)
    execution = {
        stack: _execution(strategy.cores(stack, stacks), mapping, reuse[stack], stack, keyed) for stack in blocks
    }
    plan = SharingPlan(mapping, reuse, execution, strategy.extras, lora)
    _check_loops(plan)
    return plan


def _check_targets(strategy: Strategy, stacks: Mapping[str, tuple[int, tuple[str, ...]]]) -> None:
    """A rule, reuse or LoRA of a stack that the model does not have is a mistake, not nothing."""
    rules, loosened = (name for name, _use in strategy.overrides), (name for name, _rank in strategy.extras.lora)
    for target in (*rules, *(name for name, _use in strategy.reuse), *loosened):
        stack = target.rpartition(".")[0]
        if stack and stack not in stacks:
            raise ConfigError(
                _(
                    "{target} must name a stack of the model ({stacks}). Got {stack}. Change or remove it.",
                    target=target,
                    stacks=", ".join(stacks),
                    stack=stack,
                )
            )
    for target in (name for name, _rank in strategy.extras.lora if name):
        stack, _dot, name = target.rpartition(".")
        wanted = SUBLAYERS.get(name, (name,))
        if not any(set(wanted) & set(parts) for own, (_layers, parts) in stacks.items() if stack in ("", own)):
            raise ConfigError(
                _(
                    "lora.{target} must name a component of the model. It has no {name}. Remove it.",
                    target=target,
                    name=name,
                )
            )


def _lora(strategy: Strategy, mapping: SharingMap, blocks: Mapping[str, Block]) -> tuple[tuple[Site, int], ...]:
    if not strategy.extras.lora:
        return ()
    ranks = {row: strategy.lora_rank(*row) for row, _slots in mapping.rows}
    found = []
    for site, slot in mapping.items():
        rank = ranks[site.stack, site.component]
        if rank and slot is not None:
            _check_rank(site, rank, blocks[site.stack].shapes[site.component])
            found.append((site, rank))
    return tuple(found)


def _check_rank(site: Site, rank: int, shapes: Shapes) -> None:
    rows, columns = dict(shapes)["weight"]
    if rank > min(rows, columns):
        raise ConfigError(
            _(
                "the rank of LoRA must be at most the smaller side of its matrix ({limit} for {component} of {stack} "
                "layer {layer}). Got {rank}. Lower it.",
                limit=min(rows, columns),
                component=site.component,
                stack=site.stack,
                layer=site.layer,
                rank=rank,
            )
        )


def _execution(cores: Sequence[Core], mapping: SharingMap, reuse: Reuse, stack: str, keyed: str | None) -> Execution:
    """Of ``cores`` the first that every component repeats is the core."""
    num_layers = mapping.num_layers(stack)
    odd = {core: _not_periodic(mapping, stack, core) for core in cores}
    core = next((core for core, site in odd.items() if site is None), None)
    fixed = None
    if core is None:
        fixed = _no_core(next(iter(odd.values()), None))
    elif keyed is not None:
        fixed = KEYED[keyed]
    elif reuse:
        fixed = _("Layers of {stack} read activations from layers with fixed numbers.", stack=stack)
    return Execution(num_layers, core, None if fixed is None else kept(fixed))


def _no_core(odd: Site | None = None) -> str:
    """Why there is none; ``odd`` is the site that breaks the first part that a rule repeats."""
    if odd is None:
        known = ", ".join(rule.name for rule in RULES.values() if rule.core is not None)
        return _("The map has no repeating core: give every component one of the rules {known}.", known=known)
    return _(
        "Every loop must use the same weights, but {component} of {stack} layer {layer} uses different ones.",
        component=odd.component,
        stack=odd.stack,
        layer=odd.layer,
    )


def _not_periodic(mapping: SharingMap, stack: str, core: Core) -> Site | None:
    """The first site whose slot differs from that of the loops before."""
    prelude, repeated, coda = core
    known: dict[tuple[int, str], Slot] = {}
    for layer in range(prelude, mapping.num_layers(stack) - coda):
        for component in mapping.components(stack):
            slot = mapping.slot(stack, layer, component)
            # A layer that reads another's activations has no weight there, which is no other weight.
            if slot is not None and known.setdefault(((layer - prelude) % repeated, component), slot) != slot:
                return Site(stack, layer, component)
    return None


def _check_loops(plan: SharingPlan) -> None:
    """Random loops and re-injected input need a core."""
    extras = plan.extras
    wanted = f"inject={extras.inject}" if extras.inject != "none" else ""
    varied = extras.train_loops is not None and any(
        extras.train_loops != (one.loops, one.loops) for one in plan.execution.values()
    )
    for stack, one in plan.execution.items():
        if one.core is None and (wanted or varied):
            raise ConfigError(
                _(
                    "{part} must have a looped core in {stack}. Got none. {why}",
                    part=wanted or "train_loops",
                    stack=stack,
                    why=one.fixed or "",
                )
            )
        if varied and one.fixed:
            raise ConfigError(
                _(
                    "train_loops must be left out where the number of loops is fixed. {why} Remove one of them.",
                    why=one.fixed,
                )
            )
