"""Strategies: which rule each component follows, in one line of text. Start at parse_strategy.

Notation, the same on the command line, in YAML and in URLs::

    cycle:3                          one rule for every component, with 3 stored layers
    0-1-2-2-1-0                      the same as plain integers, one per layer
    attention=all,ffn=none           a rule per family (attention, cross_attention, ffn)
    all,norms=own                    norms: follow (their block, the default), own or shared
    none,decoder.q=all,decoder.k=all a single component, of one stack or of both

A more specific target wins: ``decoder.q`` over ``q`` over ``decoder.attention`` over ``attention``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from clps_core.errors import ConfigError
from clps_core.sharing.rules import RULES, apply_rule
from clps_core.words import _

__all__ = [
    "COMPONENTS",
    "FAMILIES",
    "NAMED_STRATEGIES",
    "NORM_MODES",
    "NamedStrategy",
    "RuleUse",
    "Strategy",
    "parse_strategy",
]

STACKS = ("encoder", "decoder")
FAMILIES: dict[str, tuple[str, ...]] = {
    "attention": ("q", "k", "v", "o"),
    "cross_attention": ("cross_q", "cross_k", "cross_v", "cross_o"),
    "ffn": ("ffn_in", "ffn_gate", "ffn_out"),
}
NORM_FOLLOWS = {"norm_attn": "o", "norm_cross": "cross_o", "norm_ffn": "ffn_out"}
NORM_MODES = ("follow", "own", "shared")
COMPONENTS: tuple[str, ...] = tuple(name for family in FAMILIES.values() for name in family) + tuple(NORM_FOLLOWS)
MAX_TEXT = 4096


@dataclass(frozen=True)
class RuleUse:
    """A rule with its option: ``cycle:3``, or integers (``name`` is then ``custom``)."""

    name: str
    num_slots: int | None = None
    integers: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The notation that parses back to this."""
        if self.name == "custom":
            return "-".join(map(str, self.integers))
        return self.name if self.num_slots is None else f"{self.name}:{self.num_slots}"

    def slots(self, num_layers: int) -> tuple[int, ...]:
        """The slot of each layer, 0-based."""
        if self.name == "custom":
            return self.integers
        return apply_rule(self.name, num_layers, self.num_slots)


@dataclass(frozen=True)
class Strategy:
    """A rule for every component: ``default``, then more specific ``overrides``; and the norms' mode."""

    default: RuleUse
    overrides: tuple[tuple[str, RuleUse], ...] = ()
    norms: str = "follow"

    @property
    def text(self) -> str:
        """The shortest notation that parses back to this strategy."""
        for named in NAMED_STRATEGIES.values():
            if replace(named.strategy, norms=self.norms) == self:
                return named.name if self.norms == "follow" else f"{named.name},norms={self.norms}"
        parts = [self.default.text, *(f"{target}={use.text}" for target, use in self.overrides)]
        if self.norms != "follow":
            parts.append(f"norms={self.norms}")
        return ",".join(parts)

    def layer_slots(self, stacks: Mapping[str, tuple[int, Sequence[str]]]) -> dict[tuple[str, str], tuple[int, ...]]:
        """Slot numbers for ``stacks`` (stack -> number of layers, components a layer has).

        Returns (stack, component) -> slot of each layer. Raises ``ConfigError`` where a rule does
        not fit the number of layers.
        """
        result: dict[tuple[str, str], tuple[int, ...]] = {}
        for stack, (num_layers, components) in stacks.items():
            for component in components:
                result[stack, component] = self._slots_of(stack, component, num_layers)
        return result

    def _slots_of(self, stack: str, component: str, num_layers: int) -> tuple[int, ...]:
        use = self._specific(stack, component)
        if use is not None:
            return use.slots(num_layers)
        if component in NORM_FOLLOWS:
            if self.norms == "own":
                return apply_rule("none", num_layers)
            if self.norms == "shared":
                return apply_rule("all", num_layers)
            return self._slots_of(stack, NORM_FOLLOWS[component], num_layers)
        return self.default.slots(num_layers)

    def _specific(self, stack: str, component: str) -> RuleUse | None:
        family = next((name for name, members in FAMILIES.items() if component in members), None)
        rules = dict(self.overrides)
        for target in (f"{stack}.{component}", component, f"{stack}.{family}", family):
            if target in rules:
                return rules[target]
        return None


@dataclass(frozen=True)
class NamedStrategy:
    """A strategy people pick by name; ``takes_slots`` says whether ``name:M`` is meaningful."""

    name: str
    title: str
    summary: str
    strategy: Strategy
    takes_slots: bool = False


def _named() -> dict[str, NamedStrategy]:
    none, everything = RuleUse("none"), RuleUse("all")
    found = [
        NamedStrategy(rule.name, rule.title, rule.summary, Strategy(RuleUse(rule.name)), rule.takes_slots)
        for rule in RULES.values()
    ]
    attention = (("attention", everything), ("cross_attention", everything))
    found[2:2] = [
        NamedStrategy(
            "attention_only",
            "Attention only",
            "All layers share self- and cross-attention; each keeps its own feed-forward network.",
            Strategy(none, attention),
        ),
        NamedStrategy(
            "ffn_only",
            "FFN only",
            "All layers share one feed-forward network; each keeps its own attention.",
            Strategy(none, (("ffn", everything),)),
        ),
    ]
    return {named.name: named for named in found}


NAMED_STRATEGIES: dict[str, NamedStrategy] = _named()


def parse_strategy(text: str) -> Strategy:
    """Read the notation at the top of this file.

    Raises ``ConfigError`` that lists what exists when a name is unknown.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        raise ConfigError(
            _(
                "strategy must be a short text such as 'cycle:3' or 'attention=all,ffn=none'. Got {got!r}.",
                got=str(text)[:40],
            )
        )
    strategy: Strategy | None = None
    overrides: dict[str, RuleUse] = {}
    norms = "follow"
    for part in (piece.strip() for piece in text.split(",")):
        target, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            if strategy is not None:
                raise ConfigError(
                    _(
                        "a strategy has one rule for all components. Got a second one: {part!r}. Write target=rule.",
                        part=part,
                    )
                )
            strategy = NAMED_STRATEGIES[part].strategy if part in NAMED_STRATEGIES else Strategy(_parse_rule(part))
        elif target == "norms":
            if value not in NORM_MODES:
                raise ConfigError(
                    _("norms must be one of {known}. Got {value!r}.", known=", ".join(NORM_MODES), value=value)
                )
            norms = value
        else:
            overrides[_check_target(target)] = _parse_rule(value)
    strategy = strategy or Strategy(RuleUse("none"))
    merged = {**dict(strategy.overrides), **overrides}
    return Strategy(strategy.default, tuple(sorted(merged.items(), key=_target_order)), norms)


def _parse_rule(text: str) -> RuleUse:
    if re.fullmatch(r"\d{1,4}(-\d{1,4})*", text):
        return RuleUse("custom", integers=tuple(map(int, text.split("-"))))
    name, colon, option = text.partition(":")
    if name not in RULES:
        raise ConfigError(
            _(
                "strategy must be one of {known}, or integers such as 0-1-1-0. Got {name!r}.",
                known=", ".join(NAMED_STRATEGIES),
                name=text[:60],
            )
        )
    if not colon:
        return RuleUse(name)
    if not re.fullmatch(r"\d{1,4}", option):
        raise ConfigError(
            _("the part after {name}: must be a whole number. Got {option!r}.", name=name, option=option[:20])
        )
    return RuleUse(name, int(option))


def _check_target(target: str) -> str:
    stack, dot, name = target.rpartition(".")
    if (name in FAMILIES or name in COMPONENTS) and (not dot or stack in STACKS):
        return target
    raise ConfigError(
        _(
            "a sharing target must be one of {known}, alone or after 'encoder.' or 'decoder.'. Got {target!r}.",
            known=", ".join([*FAMILIES, *COMPONENTS, "norms"]),
            target=target[:60],
        )
    )


def _target_order(item: tuple[str, RuleUse]) -> tuple[int, str]:
    name = item[0].rpartition(".")[2]
    return ([*FAMILIES, *COMPONENTS].index(name), item[0])
