"""Strategies: a rule for every component, ties, reuse and extras. Start at Strategy; ``grammar.py`` reads them.

A more specific target wins: ``decoder.q`` over ``q`` over ``decoder.attention`` over ``attention``
over the default rule. So too among ties, and a rule of one stack wins over a tie of more than its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from clps_core.errors import ConfigError
from clps_core.sharing.derived import Derived
from clps_core.sharing.extras import Extras
from clps_core.sharing.map import root_pool
from clps_core.sharing.rules import RULES, Core, apply_rule, loop_slots, rule_core
from clps_core.sharing.sources import REUSE_KINDS, Reuse, SourceUse
from clps_core.words import _

__all__ = [
    "COMPONENTS",
    "NAMED_STRATEGIES",
    "NORM_FOLLOWS",
    "NORM_MODES",
    "STACKS",
    "SUBLAYERS",
    "NamedStrategy",
    "RuleUse",
    "Stacks",
    "Strategy",
]

STACKS = ("encoder", "decoder")
SUBLAYERS: dict[str, tuple[str, ...]] = {
    "attention": ("q", "k", "v", "o"),
    "cross_attention": ("cross_q", "cross_k", "cross_v", "cross_o"),
    "ffn": ("ffn_in", "ffn_gate", "ffn_out"),
}
NORM_FOLLOWS = {"norm_attn": "o", "norm_cross": "cross_o", "norm_ffn": "ffn_out"}
NORM_MODES = ("follow", "own", "shared")
COMPONENTS: tuple[str, ...] = tuple(name for sublayer in SUBLAYERS.values() for name in sublayer) + tuple(NORM_FOLLOWS)

Stacks = Mapping[str, tuple[int, Sequence[str]]]
"""Stack -> number of layers, components a layer has."""


@dataclass(frozen=True)
class RuleUse:
    """A rule with its option: ``cycle:3``, ``loop:1/2/1``, or integers (``name`` is then ``custom``)."""

    name: str
    num_slots: int | None = None
    integers: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The notation that parses back to this."""
        if self.name == "custom":
            return "-".join(map(str, self.integers))
        if self.integers:
            return f"{self.name}:{'/'.join(map(str, self.integers))}"
        return self.name if self.num_slots is None else f"{self.name}:{self.num_slots}"

    def slots(self, num_layers: int) -> tuple[int, ...]:
        """The slot of each layer, 0-based."""
        if self.name == "custom":
            return self.integers
        if self.integers:
            return loop_slots(num_layers, self._core)
        return apply_rule(self.name, num_layers, self.num_slots)

    def core(self, num_layers: int) -> Core | None:
        """The part this rule repeats as a whole, if there is one."""
        if self.name == "custom":
            return None
        if self.integers:
            return self._core
        return rule_core(self.name, num_layers, self.num_slots)

    @property
    def _core(self) -> Core:
        prelude, core, coda = self.integers
        return prelude, core, coda


@dataclass(frozen=True)
class Strategy:
    """A rule for every component: ``default``, then more specific ``overrides``; and the extras.

    ``ties``: (target, source): the target uses the source's weights, layer by layer. ``reuse``:
    (``kv_source`` or ``decoder.kv_source``, rule). ``extras`` loosen ties.
    """

    default: RuleUse
    overrides: tuple[tuple[str, RuleUse], ...] = ()
    norms: str = "follow"
    ties: tuple[tuple[str, str], ...] = ()
    reuse: tuple[tuple[str, SourceUse], ...] = ()
    extras: Extras = field(default_factory=Extras)

    @property
    def text(self) -> str:
        """The shortest notation that parses back to this strategy."""
        for named in NAMED_STRATEGIES.values():
            if replace(named.strategy, norms=self.norms, extras=self.extras) == self:
                parts = [named.name]
                break
        else:
            parts = [self.default.text, *(f"{target}={use.text}" for target, use in self.overrides)]
            parts += [f"{target}=@{source}" for target, source in self.ties]
            parts += [f"{target}={use.text}" for target, use in self.reuse]
        if self.norms != "follow":
            parts.append(f"norms={self.norms}")
        return ",".join([*parts, *self.extras.parts])

    def layer_slots(self, stacks: Stacks) -> dict[tuple[str, str], tuple[int, ...]]:
        """Slot numbers for ``stacks``: (stack, component) -> slot of each layer; a tied row has its source's.

        Raises ``ConfigError`` where a rule or a tie does not fit the number of layers.
        """
        pools = self.pools(stacks)
        result: dict[tuple[str, str], tuple[int, ...]] = {}
        for stack, (num_layers, components) in stacks.items():
            for component in components:
                result[stack, component] = self._row(stack, component, num_layers, pools, stacks)
        return result

    def pools(self, stacks: Stacks) -> dict[str, str]:
        """Pool -> pool it is merged into, such as ``{"encoder.k": "encoder.q"}``.

        Raises ``ConfigError`` for a tie that names nothing of the model, or runs in a circle.
        """
        found: dict[str, str] = {}
        for target, source in sorted(self.ties, key=lambda tie: _closeness(tie[0])):
            pairs = _tied_rows(target, source, stacks, norms=self.norms != "own")
            if not pairs:
                raise ConfigError(
                    _(
                        "a tie must name parts that the model has. Got {target}=@{source}. Stacks here: {stacks}.",
                        target=target,
                        source=source,
                        stacks=", ".join(stacks),
                    )
                )
            found.update({row: root for row, root in pairs.items() if not self._ruled_closer(row, target)})
        for pool in found:
            root_pool(pool, found)
        return found

    def _ruled_closer(self, row: str, target: str) -> bool:
        """Whether ``row`` has a rule for its stack that is more specific than a tie of ``target``."""
        stack, _dot, component = row.partition(".")
        names = [name for name in _targets(stack, component) if name.startswith(f"{stack}.")]
        return any(name in names and _closeness(name) > _closeness(target) for name, _use in self.overrides)

    def reuse_of(self, stack: str, num_layers: int) -> Reuse:
        """What the layers of ``stack`` read from earlier ones; raises ``ConfigError`` where that cannot be."""
        uses = dict(self.reuse)
        chosen = {kind: uses.get(f"{stack}.{kind}", uses.get(kind)) for kind in REUSE_KINDS}
        sources = {kind: use.sources(num_layers) for kind, use in chosen.items() if use is not None}
        return Reuse(stack, num_layers, sources.get("kv_source", ()), sources.get("attention_source", ()))

    def lora_rank(self, stack: str, component: str) -> int:
        """The rank of LoRA at one component, 0 for none."""
        if component in NORM_FOLLOWS:
            return 0
        ranks = dict(self.extras.lora)
        return next((ranks[target] for target in (*_targets(stack, component), "") if target in ranks), 0)

    def cores(self, stack: str, stacks: Stacks) -> tuple[Core, ...]:
        """The parts that the rules of ``stack`` repeat, the default's first; the map says if all components repeat one.

        Raises ``ConfigError`` where the default rule states a part that does not fit the number of layers.
        """
        num_layers, components = stacks[stack]
        if self.default.core(num_layers) is not None:
            # Where every component has a rule of its own, nothing else asks whether this one fits.
            self.default.slots(num_layers)
        pools, uses = self.pools(stacks), [self.default]
        for component in components:
            root_stack, _dot, root = root_pool(f"{stack}.{component}", pools).partition(".")
            uses.append(self.rule_of(root_stack, root) or self.default)
        found = (use.core(num_layers) for use in uses)
        return tuple(dict.fromkeys(core for core in found if core is not None))

    def _row(
        self, stack: str, component: str, num_layers: int, pools: Mapping[str, str], stacks: Stacks
    ) -> tuple[int, ...]:
        pool = f"{stack}.{component}"
        root = root_pool(pool, pools)
        if root == pool:
            return self._slots_of(stack, component, num_layers)
        source_stack, _dot, source_component = root.partition(".")
        source = self._slots_of(source_stack, source_component, stacks[source_stack][0])
        if len(source) == num_layers:
            return source
        if len(set(source)) == 1:
            return source[:1] * num_layers
        raise ConfigError(
            _(
                "tied stacks must have the same number of layers, or one set of weights. {stack} {component} has "
                "{layers} layers, {source} has {got}. Make the depths equal.",
                stack=stack,
                component=component,
                layers=num_layers,
                source=root.replace(".", " "),
                got=len(source),
            )
        )

    def _slots_of(self, stack: str, component: str, num_layers: int) -> tuple[int, ...]:
        use = self.rule_of(stack, component)
        if use is not None:
            return use.slots(num_layers)
        if component in NORM_FOLLOWS:
            if self.norms == "own":
                return apply_rule("none", num_layers)
            if self.norms == "shared":
                return apply_rule("all", num_layers)
            return self._slots_of(stack, NORM_FOLLOWS[component], num_layers)
        return self.default.slots(num_layers)

    def rule_of(self, stack: str, component: str) -> RuleUse | None:
        """The most specific override of a component; ``None`` where the default or the norms' mode rules."""
        rules = dict(self.overrides)
        return next((rules[target] for target in _targets(stack, component) if target in rules), None)


def _targets(stack: str, component: str) -> tuple[str, ...]:
    """The targets that name a component, the most specific first."""
    sublayer = next((name for name, members in SUBLAYERS.items() if component in members), None)
    return (f"{stack}.{component}", component, *((f"{stack}.{sublayer}", sublayer) if sublayer else ()))


def _closeness(target: str) -> int:
    """How specific a target is: a stack, a sublayer, a component, a component of one stack."""
    stack, _dot, name = target.rpartition(".")
    if name not in COMPONENTS:
        return 0 if target in STACKS else 1
    return 3 if stack else 2


def _tied_rows(target: str, source: str, stacks: Stacks, *, norms: bool) -> dict[str, str]:
    """Pools that a tie merges: ``k=@q`` in every stack, ``decoder=@encoder`` for every component both have.

    Without ``norms``, a tie of blocks leaves their norms alone.
    """
    if target in STACKS or target.rpartition(".")[0]:
        stack, _dot, name = target.partition(".")
        source_stack, _dot, source_name = source.partition(".")
        if stack not in stacks or source_stack not in stacks:
            return {}
        own, theirs = stacks[stack][1], stacks[source_stack][1]
        if name in COMPONENTS:
            pairs = [(name, source_name or name)]
        else:
            blocks = SUBLAYERS.get(name, tuple(part for sublayer in SUBLAYERS.values() for part in sublayer))
            follow = [norm for norm, block in NORM_FOLLOWS.items() if norms and block in blocks]
            pairs = [(member, member) for member in (*blocks, *follow)]
        return {f"{stack}.{one}": f"{source_stack}.{two}" for one, two in pairs if one in own and two in theirs}
    return {
        f"{stack}.{target}": f"{stack}.{source}"
        for stack, (_layers, components) in stacks.items()
        if target in components and source in components
    }


@dataclass(frozen=True)
class NamedStrategy:
    """A strategy people pick by name; ``takes_slots`` says whether ``name:M`` is meaningful."""

    name: str
    title: str
    summary: str
    strategy: Strategy
    takes_slots: bool = False


def _named() -> dict[str, NamedStrategy]:
    """The rules in their order, and after ``all`` what shares one sublayer alone."""
    none, everything = RuleUse("none"), RuleUse("all")
    found = [
        NamedStrategy(rule.name, rule.title, rule.summary, Strategy(RuleUse(rule.name)), rule.takes_slots)
        for rule in RULES.values()
    ]
    attention = (("attention", everything), ("cross_attention", everything))
    after = [named.name for named in found].index("all") + 1
    found[after:after] = [
        NamedStrategy(
            "attention_only",
            _("Attention only"),
            _("All layers share self- and cross-attention; each has a separate feed-forward network."),
            Strategy(none, attention),
        ),
        NamedStrategy(
            "ffn_only",
            _("FFN only"),
            _("All layers share one feed-forward network; each has separate attention weights."),
            Strategy(none, (("ffn", everything),)),
        ),
    ]
    return {named.name: named for named in found}


NAMED_STRATEGIES: Mapping[str, NamedStrategy] = Derived(_named)
