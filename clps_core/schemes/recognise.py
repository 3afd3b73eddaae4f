"""Which schemes a strategy's text makes use of. Start at schemes_of."""

from __future__ import annotations

from collections.abc import Iterator

from clps_core.errors import ConfigError
from clps_core.schemes.catalogue import SCHEMES
from clps_core.schemes.scheme import Scheme
from clps_core.sharing import RULES, Strategy, parse_strategy
from clps_core.sharing.rules import apply_rule
from clps_core.sharing.sources import SourceUse
from clps_core.sharing.strategies import COMPONENTS, FAMILIES, STACKS, RuleUse

__all__ = ["schemes_of"]

OF_RULE: dict[str, tuple[str, ...]] = {
    "none": (),
    "all": ("albert-all",),
    "grouped": ("albert-grouped",),
    "sequence": ("takase-sequence", "mobilellm-ls", "mor-sequence"),
    "cycle": ("takase-cycle", "mor-cycle"),
    "cycle_rev": ("takase-cycle-rev",),
    "sandwich": ("subformer",),
    "middle_cycle": ("mor-middle-cycle",),
    "middle_sequence": ("mor-middle-sequence",),
    "loop": ("huginn",),
    "custom": ("integers",),
}
"""Rule -> the cards of the papers that use it for whole layers."""

PLAIN = "none"


def schemes_of(strategy: str) -> list[Scheme]:
    """The cards that the text ``strategy`` touches: its rules, ties, reuse and extras, in the order of SCHEMES.

    The card ``none`` alone where nothing is shared. Raises ``ConfigError`` for a text that is none.
    """
    parsed = parse_strategy(strategy)
    found = {name for part in (_rules, _ties, _reuse, _extras) for name in part(parsed)}
    return [scheme for name, scheme in SCHEMES.items() if name in (found or {PLAIN})]


def _rules(strategy: Strategy) -> Iterator[str]:
    for stack in STACKS:
        uses = {
            family: [_use(strategy, stack, one) for one in members]
            for family, members in FAMILIES.items()
            if family != "cross_attention"
        }
        attention, ffn = uses["attention"], uses["ffn"]
        texts = {_rule_name(use) for use in (*attention, *ffn)}
        if len(texts) == 1:
            name = texts.pop()
            yield from OF_RULE[name]
            yield from _with_norms(name, strategy)
        else:
            yield from _of_parts([_rule_name(use) for use in attention], {_rule_name(use) for use in ffn})
    if strategy.norms != "follow":
        yield "norms"


def _use(strategy: Strategy, stack: str, component: str) -> RuleUse:
    """The rule of a component, or of what it is tied to."""
    ties = dict(strategy.ties)
    source = ties.get(f"{stack}.{component}", ties.get(component))
    if source in COMPONENTS:
        component = source
    return strategy.rule_of(stack, component) or strategy.default


def _with_norms(rule: str, strategy: Strategy) -> Iterator[str]:
    """Cards that are a rule together with norms of each layer's own."""
    if strategy.norms == "own" and rule in ("sequence", "grouped"):
        yield "minivit"


def _of_parts(attention: list[str], ffn: set[str]) -> Iterator[str]:
    """Cards for a strategy whose components follow different rules."""
    if attention == ["all", "all", PLAIN, PLAIN]:
        yield "qk-across-layers"
    elif set(attention) == {"all"}:
        yield "attention-only"
    else:
        yield from _mixed(set(attention))
    if ffn == {"all"}:
        yield from ("ffn-only", "one-wide-ffn")
    else:
        yield from _mixed(ffn)


def _mixed(rules: set[str]) -> Iterator[str]:
    """A rule of part of a family; no paper shares single matrices by ``all``."""
    for name in rules - {PLAIN}:
        yield from ("integers",) if name == "all" else OF_RULE[name]


def _rule_name(use: RuleUse) -> str:
    """The rule's name; plain integers bear the name of the rule that would give them, if there is one."""
    if use.name != "custom":
        return use.name
    layers, stored = len(use.integers), len(set(use.integers))
    canonical = tuple(list(dict.fromkeys(use.integers)).index(slot) for slot in use.integers)
    for name, rule in RULES.items():
        try:
            slots = apply_rule(name, layers, stored if rule.takes_slots else None)
        except ConfigError:
            continue  # the rule has no such number of stored layers
        if slots == canonical:
            return name
    return "custom"


def _ties(strategy: Strategy) -> Iterator[str]:
    for target, source in strategy.ties:
        stack, source_stack = (text.split(".")[0] if text.split(".")[0] in STACKS else "" for text in (target, source))
        if source_stack and source_stack != stack:
            yield "tied-transformers"
        elif {target.split(".")[-1], source.split(".")[-1]} in ({"q", "k"}, {"cross_q", "cross_k"}):
            yield "shared-qk"
        else:
            yield "integers"


def _reuse(strategy: Strategy) -> Iterator[str]:
    for target, use in strategy.reuse:
        if target.endswith("attention_source"):
            yield "san"
        else:
            yield "yoco" if _is_upper(use) else "cla"


def _is_upper(use: SourceUse) -> bool:
    if use.name != "custom":
        return use.name == "upper"
    first = next((layer for layer, source in enumerate(use.integers) if source != layer), len(use.integers))
    return len(use.integers) - first > 1 and set(use.integers[first:]) == {first - 1}


def _extras(strategy: Strategy) -> Iterator[str]:
    extras = strategy.extras
    tied = strategy.default.name
    if extras.lora:
        yield "lora"
        if tied == "cycle":
            yield "relaxed-recursive"
        if tied in ("grouped", "sequence"):
            yield "residual-transformer"
    if extras.depth_embedding != "none":
        yield "depth-embedding"
        if tied == "all" and extras.depth_embedding == "sinusoidal":
            yield "universal-transformer"
    if extras.layer_scale:
        yield "layer-scale"
    if extras.inject != "none":
        yield "input-injection"
    if extras.train_loops is not None:
        yield "random-loops"
