"""Which schemes a design really uses, by its map. Start at schemes_of.

A card is claimed only where the design's map is the card's: in some stack every component goes by the slots
that the card's strategy gives at this depth, for some number of stored layers. What is written in which
notation makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.errors import ConfigError
from clps_core.schemes.catalogue import SCHEMES, rule_card
from clps_core.schemes.scheme import Scheme
from clps_core.sharing import RULES, SharingPlan, parse_strategy
from clps_core.sharing.rules import Rule, apply_rule, loop_slots
from clps_core.sharing.sources import SOURCE_RULES
from clps_core.sharing.strategies import NORM_FOLLOWS, STACKS, Stacks

__all__ = ["schemes_of"]

PLAIN = "none"
OWN_MAP = "integers"
Row = tuple[int | None, ...]
Rows = Mapping[str, Row]


def schemes_of(strategy: str, model: ModelConfig) -> list[Scheme]:
    """The cards of all that ``model`` uses under ``strategy``, in the order of SCHEMES.

    The card ``none`` where nothing is shared; ``integers`` for a map that no card has. A rule without a card of
    its own is the last, with a plain one. Raises ``ConfigError`` for a strategy that the model cannot have.
    """
    return list(_found(strategy, model, tuple(map(id, RULES.values()))))


@lru_cache(maxsize=256)
def _found(strategy: str, model: ModelConfig, _rules: tuple[int, ...]) -> tuple[Scheme, ...]:
    design = _Design(model, sharing_plan(model, SharingConfig(strategy=strategy)))
    names, plain = set[str](), dict[str, Scheme]()
    for stack in design.stacks:
        own, rules = _weights(design, stack)
        names |= own
        plain |= {rule.name: rule_card(rule) for rule in rules}
    names |= {*_ties(design), *_reuse(design), *_extras(design)}
    if "huginn" in names:
        plain.pop("loop", None)
    if not names and not plain:
        names.add(PLAIN)
    if model.embedding_width < model.d_model:
        names.add("factorised-embedding")
    return (*(scheme for name, scheme in SCHEMES.items() if name in names), *plain.values())


@dataclass(frozen=True)
class _Design:
    """A plan, and what is asked of it again and again."""

    model: ModelConfig
    plan: SharingPlan

    @property
    def stacks(self) -> tuple[str, ...]:
        return self.plan.map.stacks

    @cached_property
    def sizes(self) -> Stacks:
        """Number of layers and components of each stack."""
        mapping = self.plan.map
        return {stack: (mapping.num_layers(stack), tuple(mapping.components(stack))) for stack in self.stacks}

    def layers(self, stack: str) -> int:
        return self.plan.map.num_layers(stack)

    def rows(self, stack: str) -> dict[str, Row]:
        """Component -> number of the slot of each layer; ``None`` where a layer has no such weight."""
        found = {}
        for component in self.plan.map.components(stack):
            known: dict[object, int] = {}
            row = self.plan.map.row(stack, component)
            found[component] = tuple(None if slot is None else known.setdefault(slot, len(known)) for slot in row)
        return found


def _linear(rows: Rows) -> dict[str, Row]:
    return {component: row for component, row in rows.items() if component not in NORM_FOLLOWS}


def _alike(row: Row, other: Row) -> bool:
    """Whether two rows share in the same way, in the layers where the first has weights at all."""
    pairs = [(one, two) for one, two in zip(row, other, strict=True) if one is not None]
    return len({one for one, _two in pairs}) == len({two for _one, two in pairs}) == len(set(pairs))


def _apart(row: Row) -> bool:
    """Whether no two layers share."""
    present = [slot for slot in row if slot is not None]
    return len(set(present)) == len(present)


def _norms(rows: Rows) -> str:
    """How the norms of a stack go: ``follow`` their block, ``own``, ``shared``, or ``custom``."""
    norms = {name: row for name, row in rows.items() if name in NORM_FOLLOWS}
    # The weights of a norm are there even where its block reads another layer's.
    if all(_alike(rows[NORM_FOLLOWS[name]], row) for name, row in norms.items()):
        return "follow"
    if all(map(_apart, norms.values())):
        return "own"
    return "shared" if all(len(set(row)) == 1 for row in norms.values()) else "custom"


def _weights(design: _Design, stack: str) -> tuple[set[str], list[Rule]]:
    """The cards whose map a stack has, or else the rule that gives it."""
    rows = design.rows(stack)
    norms = _norms(rows)
    found = {"norms"} if norms in ("own", "shared") else set[str]()
    if all(map(_apart, _linear(rows).values())):
        return found | ({OWN_MAP} if norms == "custom" else set()), []
    if norms == "custom":
        return {OWN_MAP}, []
    whole = {name for name, scheme in SCHEMES.items() if _is_map(scheme) and _has_map(design, stack, scheme, norms)}
    found |= whole
    if whole & {name for name, scheme in SCHEMES.items() if scheme.kind == "weights"}:
        return found, []
    rule = _rule_of(design, stack)
    return (found, [rule]) if rule is not None else (found | {OWN_MAP}, [])


def _is_map(scheme: Scheme) -> bool:
    """Whether a card is about nothing but which layers share weights, within each stack."""
    parsed = None if scheme.strategy == "custom" else parse_strategy(scheme.strategy)
    return parsed is not None and scheme.kind != "outside" and not (parsed.ties or parsed.reuse or parsed.extras)


def _has_map(design: _Design, stack: str, scheme: Scheme, norms: str) -> bool:
    wanted = parse_strategy(scheme.strategy)
    if wanted.norms != "follow" and norms != wanted.norms:
        return False
    if scheme.name == "norms":
        return False  # found by the norms alone
    rows = _linear(design.rows(stack))
    return any(_same_rows(design, stack, rows, text) for text in _options(design, stack, scheme))


def _options(design: _Design, stack: str, scheme: Scheme) -> Iterator[str]:
    """The card's strategy with every number of stored layers that the card is about and the stack may have."""
    name, comma, rest = scheme.strategy.partition(",")
    rule, layers = RULES.get(name), design.layers(stack)
    if rule is None or not rule.takes_slots:
        yield scheme.strategy
        return
    for stored in sorted({len({*row} - {None}) for row in _linear(design.rows(stack)).values()}):
        fits = {"any": True, "half": stored == rule.default_slots(layers), "whole": layers % stored == 0}
        if stored - rule.ends > 1 and stored < layers and fits[scheme.stored]:
            yield f"{name}:{stored}{comma}{rest}"


def _same_rows(design: _Design, stack: str, rows: Rows, text: str) -> bool:
    """Whether the strategy ``text`` shares something in this stack, and what it shares is what ``rows`` share."""
    try:
        slots = parse_strategy(text).layer_slots(design.sizes)
    except ConfigError:
        return False
    wanted = {component: slots[stack, component] for component in rows}
    return not all(map(_apart, wanted.values())) and all(_alike(row, wanted[name]) for name, row in rows.items())


def _rule_of(design: _Design, stack: str) -> Rule | None:
    """The first rule that all components of a stack go by."""
    rows, layers = list(_linear(design.rows(stack)).values()), design.layers(stack)
    stored = max(len({*row} - {None}) for row in rows)
    core = design.plan.execution[stack].core
    for rule in RULES.values():
        try:
            if rule.takes_core:
                slots = loop_slots(layers, core) if core is not None else apply_rule(rule.name, layers)
            else:
                slots = apply_rule(rule.name, layers, stored if rule.takes_slots else None)
        except ConfigError:
            continue  # the rule has no such number of stored layers
        if all(_alike(row, slots) for row in rows):
            return rule
    return None


def _ties(design: _Design) -> Iterator[str]:
    """Cards of weights that stand for two components or two stacks."""
    tied = {f"{stack}.{name}" for stack in design.stacks for name in design.rows(stack) if _pool(design, stack, name)}
    if "encoder" in design.stacks and "decoder" in design.stacks:
        both = [name for name in _linear(design.rows("decoder")) if name in design.rows("encoder")]
        if all(_one_weight(design, ("decoder", name), ("encoder", name)) for name in both):
            yield "tied-transformers"
            tied -= {f"{stack}.{name}" for stack in STACKS for name in (*both, *NORM_FOLLOWS)}
    for query, key in (("q", "k"), ("cross_q", "cross_k")):
        same = [one for one in design.stacks if _one_weight(design, (one, query), (one, key))]
        if same:
            yield "shared-qk"
        tied -= {f"{stack}.{name}" for stack in same for name in (query, key)}
    if tied:
        yield OWN_MAP


def _pool(design: _Design, stack: str, component: str) -> bool:
    """Whether a row's weights belong to another row."""
    return any(
        slot is not None and slot.pool != f"{stack}.{component}" for slot in design.plan.map.row(stack, component)
    )


def _one_weight(design: _Design, one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two rows have one weight in every layer where both have any."""
    if any(component not in design.plan.map.components(stack) for stack, component in (one, other)):
        return False
    pairs = zip(design.plan.map.row(*one), design.plan.map.row(*other), strict=False)
    present = [(first, second) for first, second in pairs if first is not None and second is not None]
    return bool(present) and all(first == second for first, second in present)


def _reuse(design: _Design) -> Iterator[str]:
    for stack, reuse in design.plan.reuse.items():
        layers = design.layers(stack)
        if reuse.consumers("kv_source"):
            sources = tuple(reuse.source("kv_source", layer) for layer in range(layers))
            names = [name for name, rule in (("cla", "every"), ("yoco", "upper")) if _reads(rule, sources)]
            # With one reader there is no upper half: that is a pair.
            several = len(reuse.consumers("kv_source")) > 1
            yield from [name for name in names if name == "cla" or several] or [OWN_MAP]
        if reuse.consumers("attention_source"):
            sources = tuple(reuse.source("attention_source", layer) for layer in range(layers))
            yield "san" if _reads("every", sources) else OWN_MAP


def _reads(rule: str, sources: tuple[int, ...]) -> bool:
    layers = len(sources)
    return any(SOURCE_RULES[rule].function(layers, number) == sources for number in range(1, layers + 1))


def _extras(design: _Design) -> Iterator[str]:
    extras, plan = design.plan.extras, design.plan
    if plan.lora:
        yield "lora"
        yield from _low_rank(design)
    if extras.depth_embedding != "none":
        yield "depth-embedding"
        one = all(len(set(row) - {None}) == 1 for row in _rows_of_all(design))
        if extras.depth_embedding == "sinusoidal" and one:
            yield "universal-transformer"
    if extras.layer_scale:
        yield "layer-scale"
    if extras.inject != "none":
        yield "input-injection"
        if extras.inject == "concat" and any(map(_has_ends, (plan.execution[stack].core for stack in design.stacks))):
            yield "huginn"
    if extras.train_loops is not None:
        yield "random-loops"


def _rows_of_all(design: _Design) -> Iterable[Row]:
    return [row for stack in design.stacks for row in _linear(design.rows(stack)).values()]


def _has_ends(core: tuple[int, int, int] | None) -> bool:
    return core is not None and core[0] > 0 and core[2] > 0


def _low_rank(design: _Design) -> Iterator[str]:
    """Cards of whole layers that are shared while every matrix has low-rank weights of each layer's own."""
    ranks = design.plan.lora_ranks()
    for stack in design.stacks:
        rows, layers = _linear(design.rows(stack)), design.layers(stack)
        sites = {site for site, slot in design.plan.map.items() if slot is not None and site.component in rows}
        if not {site for site in sites if site.stack == stack} <= set(ranks):
            continue
        stored = max(len({*row} - {None}) for row in rows.values())
        for name, rule in (("relaxed-recursive", "cycle"), ("residual-transformer", "grouped")):
            if 1 < stored < layers and _same_rows(design, stack, rows, f"{rule}:{stored}"):
                yield name
