"""A strategy that is being put together: its text, changed one choice at a time. Start at with_rule.

Every function takes a text and gives one; the text is all there is. Each raises ``ConfigError`` where the
choice and the rest of the text contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from clps_core.sharing import NAMED_STRATEGIES, Strategy, parse_strategy
from clps_core.sharing.sources import SourceUse
from clps_core.sharing.strategies import RuleUse

__all__ = [
    "CUSTOM",
    "base_name",
    "with_base",
    "with_extras",
    "with_lora",
    "with_norms",
    "with_overrides",
    "with_reuse",
    "with_rule",
    "with_ties",
]

CUSTOM = "custom"
"""The name under which plain integers are offered."""


def base_name(strategy: Strategy) -> str:
    """The named strategy that ``strategy`` starts from; ``CUSTOM`` for integers."""
    for named in NAMED_STRATEGIES.values():
        own = named.strategy
        if own.overrides and (own.default, own.overrides) == (strategy.default, strategy.overrides):
            return named.name
    return strategy.default.name


def with_base(text: str, name: str, num_layers: int) -> str:
    """Another named strategy; parts with a rule of their own stay where the new one says nothing of them."""
    strategy = parse_strategy(text)
    known = NAMED_STRATEGIES.get(name)
    if known is None:
        return _written(strategy, default=RuleUse(CUSTOM, integers=tuple(range(num_layers))))
    before = NAMED_STRATEGIES.get(base_name(strategy))
    kept = () if before is not None and before.strategy.overrides else strategy.overrides
    return _written(strategy, default=known.strategy.default, overrides=known.strategy.overrides or kept)


def with_rule(text: str, use: RuleUse) -> str:
    """Another option of the rule for whole layers."""
    return _written(parse_strategy(text), default=use)


def with_overrides(text: str, targets: Sequence[str], rule: Callable[[str], RuleUse]) -> str:
    """Rules of their own for ``targets`` alone; ``rule`` gives that of a target."""
    return _written(parse_strategy(text), overrides=tuple((target, rule(target)) for target in targets))


def with_ties(text: str, ties: Sequence[str]) -> str:
    """The ties ``ties``, each as in the notation: ``k=@q``."""
    pairs = tuple(
        (target, source.removeprefix("@")) for target, _equals, source in (one.partition("=") for one in ties)
    )
    return _written(parse_strategy(text), ties=pairs)


def with_norms(text: str, mode: str) -> str:
    """Norms that follow their block, are each layer's own, or shared."""
    return _written(parse_strategy(text), norms=mode)


def with_reuse(text: str, kind: str, use: SourceUse | None) -> str:
    """What layers read from earlier ones, in all stacks; ``None`` for nothing."""
    strategy = parse_strategy(text)
    kept = tuple(one for one in strategy.reuse if one[0].rpartition(".")[2] != kind)
    return _written(strategy, reuse=(*kept, *(((kind, use),) if use is not None else ())))


def with_lora(text: str, target: str, rank: int) -> str:
    """LoRA of ``rank`` on ``target`` (empty: every matrix); rank 0 is none."""
    return with_extras(text, lora=((target, rank),) if rank else ())


def with_extras(text: str, **changes: Any) -> str:
    """Other values for fields of ``Extras``."""
    strategy = parse_strategy(text)
    return _written(strategy, extras=replace(strategy.extras, **changes))


def _written(strategy: Strategy, **changes: Any) -> str:
    """The text of the changed strategy, read again so that what cannot be written is refused here."""
    return parse_strategy(replace(strategy, **changes).text).text
