"""The notation of strategies, the same on the command line, in YAML and in URLs. Start at parse_strategy.

Parts, separated by commas::

    cycle:3                          one rule for every component, with 3 stored layers
    loop:1/2/1                       a prelude of 1 layer, a core of 2 that is looped, a coda of 1
    0-1-2-2-1-0                      plain integers, one per layer
    attention=all,ffn=none           a rule per family (attention, cross_attention, ffn)
    none,decoder.q=all,k=all         a single component, of one stack or of both
    all,norms=own                    norms: follow (their block, the default), own or shared
    k=@q                             a tie: k uses the weights of q in the same layer
    decoder=@encoder                 decoder layer i uses encoder layer i's; decoder.ffn=@encoder only its FFN
    kv_source=every:2                keys and values are read from an earlier layer (every:2, upper:4, 0-0-2-2)
    attention_source=0-0-2-2         attention probabilities are
    lora=8,lora.decoder.q=4          low-rank weights of each executed layer
    depth_embedding=sinusoidal       or learned; layer_scale=own; inject=add or concat; train_loops=1-6

The part that every component repeats by one of the rules is the core of the loops; plain integers state none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clps_core.errors import ConfigError
from clps_core.sharing.extras import DEPTH_EMBEDDINGS, INJECTIONS, MAX_LOOPS, Extras
from clps_core.sharing.rules import RULES
from clps_core.sharing.sources import REUSE_KINDS, SOURCE_RULES, SourceUse
from clps_core.sharing.strategies import (
    COMPONENTS,
    FAMILIES,
    NAMED_STRATEGIES,
    NORM_MODES,
    STACKS,
    RuleUse,
    Strategy,
)
from clps_core.words import _

__all__ = ["MAX_TEXT", "parse_strategy"]

MAX_TEXT = 4096
MAX_RANK = 65_536


@dataclass
class _Draft:
    """What has been read so far."""

    base: Strategy | None = None
    overrides: dict[str, RuleUse] = field(default_factory=dict)
    ties: dict[str, str] = field(default_factory=dict)
    reuse: dict[str, SourceUse] = field(default_factory=dict)
    lora: dict[str, int] = field(default_factory=dict)
    norms: str = "follow"
    extras: Extras = field(default_factory=Extras)

    def finished(self) -> Strategy:
        base = self.base or Strategy(RuleUse("none"))
        rules = {**dict(base.overrides), **self.overrides}
        return Strategy(
            base.default,
            tuple(sorted(rules.items(), key=_target_order)),
            self.norms,
            tuple(sorted(self.ties.items(), key=_target_order)),
            tuple(sorted(self.reuse.items(), key=_reuse_order)),
            replace(self.extras, lora=tuple(sorted(self.lora.items(), key=_target_order))),
        )


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
    draft, seen = _Draft(), set[str]()
    for part in (piece.strip() for piece in text.split(",")):
        target, equals, value = (piece.strip() for piece in part.partition("="))
        if equals:
            if target in seen:
                raise ConfigError(
                    _("{target} must be given once, as a rule or a tie. Got it twice. Remove one.", target=target[:60])
                )
            seen.add(target)
            _read_assignment(draft, target, value)
        elif draft.base is not None:
            raise ConfigError(
                _(
                    "a strategy has one rule for all components. Got a second one: {part!r}. Write target=rule.",
                    part=part[:60],
                )
            )
        else:
            draft.base = NAMED_STRATEGIES[part].strategy if part in NAMED_STRATEGIES else Strategy(_rule(part))
    strategy = draft.finished()
    # A name such as attention_only may stand for more text than itself; what is stored must read back.
    if len(strategy.text) > MAX_TEXT:
        raise ConfigError(
            _(
                "strategy must be at most {limit} characters when written out. Got {got}. Shorten it.",
                limit=MAX_TEXT,
                got=len(strategy.text),
            )
        )
    return strategy


def _read_assignment(draft: _Draft, target: str, value: str) -> None:
    if target in _SETTINGS:
        _SETTINGS[target](draft, value)
    elif target == "lora" or target.startswith("lora."):
        where = target.partition(".")[2]
        if where or target != "lora":
            _check_target(where, linear=True)
        draft.lora[where] = _number(target, value, 1, MAX_RANK)
    elif target.rpartition(".")[2] in REUSE_KINDS and target.rpartition(".")[0] in ("", *STACKS):
        draft.reuse[target] = _source(target, value)
    elif value.startswith("@"):
        draft.ties[target] = _tie(target, value[1:].strip())
    else:
        draft.overrides[_check_target(target)] = _rule(value)


def _norms(draft: _Draft, value: str) -> None:
    draft.norms = _one_of("norms", value, NORM_MODES)


def _depth_embedding(draft: _Draft, value: str) -> None:
    draft.extras = replace(draft.extras, depth_embedding=_one_of("depth_embedding", value, DEPTH_EMBEDDINGS))


def _layer_scale(draft: _Draft, value: str) -> None:
    draft.extras = replace(draft.extras, layer_scale=_one_of("layer_scale", value, ("none", "own")) == "own")


def _inject(draft: _Draft, value: str) -> None:
    draft.extras = replace(draft.extras, inject=_one_of("inject", value, INJECTIONS))


def _train_loops(draft: _Draft, value: str) -> None:
    fewest, dash, most = value.partition("-")
    low = _number("train_loops", fewest, 1, MAX_LOOPS)
    high = _number("train_loops", most, 1, MAX_LOOPS) if dash else low
    if low > high:
        raise ConfigError(
            _("train_loops must name the fewest loops first, such as 1-6. Got {got!r}. Swap them.", got=value[:40])
        )
    draft.extras = replace(draft.extras, train_loops=(low, high))


_SETTINGS: dict[str, Callable[[_Draft, str], None]] = {
    "norms": _norms,
    "depth_embedding": _depth_embedding,
    "layer_scale": _layer_scale,
    "inject": _inject,
    "train_loops": _train_loops,
}


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value in known:
        return value
    raise ConfigError(
        _("{name} must be one of {known}. Got {value!r}.", name=name, known=", ".join(known), value=value[:60])
    )


def _number(name: str, value: str, least: int, most: int) -> int:
    if re.fullmatch(r"[0-9]{1,6}", value) and least <= int(value) <= most:
        return int(value)
    raise ConfigError(
        _(
            "{name} must be a whole number from {least} to {most}. Got {value!r}.",
            name=name,
            least=least,
            most=most,
            value=value[:20],
        )
    )


def _rule(text: str) -> RuleUse:
    integers = _integers(text)
    if integers is not None:
        return RuleUse("custom", integers=integers)
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
    if name == "loop":
        return _loop(option)
    return RuleUse(name, _after_colon(name, option))


def _loop(option: str) -> RuleUse:
    if not re.fullmatch(r"[0-9]{1,3}/[0-9]{1,3}/[0-9]{1,3}", option):
        raise ConfigError(
            _(
                "the part after loop: must be prelude/core/coda in layers, such as 1/2/1. Got {option!r}.",
                option=option[:20],
            )
        )
    return RuleUse("loop", integers=tuple(map(int, option.split("/"))))


def _source(target: str, text: str) -> SourceUse:
    integers = _integers(text)
    if integers is not None:
        return SourceUse("custom", integers=integers)
    name, colon, option = text.partition(":")
    if name not in SOURCE_RULES:
        raise ConfigError(
            _(
                "{target} must be one of {known}, or a layer for each layer such as 0-0-2-2. Got {name!r}.",
                target=target,
                known=", ".join(SOURCE_RULES),
                name=text[:60],
            )
        )
    return SourceUse(name, _after_colon(name, option) if colon else None)


def _integers(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, text.split("-"))) if re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})*", text) else None


def _after_colon(name: str, option: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", option):
        raise ConfigError(
            _("the part after {name}: must be a whole number. Got {option!r}.", name=name, option=option[:20])
        )
    return int(option)


def _tie(target: str, source: str) -> str:
    """The source of a tie, written in full: ``decoder.ffn=@encoder`` ties to ``encoder.ffn``."""
    if target not in STACKS:
        _check_target(target)
    stack, _dot, name = target.rpartition(".") if target not in STACKS else (target, "", "")
    if name not in COMPONENTS:
        good = source in STACKS and bool(stack)
    elif not stack:
        good = source in COMPONENTS
    else:
        source_stack, dot, source_name = source.partition(".")
        good = source_stack in STACKS and (not dot or source_name in COMPONENTS)
    if not good or source == target:
        raise ConfigError(
            _(
                "a tie must read k=@q, decoder=@encoder, decoder.ffn=@encoder or decoder.q=@encoder.k. "
                "Got {target}=@{source}.",
                target=target[:40],
                source=source[:40],
            )
        )
    return source


def _check_target(target: str, *, linear: bool = False) -> str:
    stack, dot, name = target.rpartition(".")
    known = name in FAMILIES or (name in COMPONENTS and not (linear and name.startswith("norm")))
    if known and (not dot or stack in STACKS):
        return target
    raise ConfigError(
        _(
            "a sharing target must be one of {known}, alone or after 'encoder.' or 'decoder.'. Got {target!r}.",
            known=", ".join([*FAMILIES, *COMPONENTS, *(() if linear else ("norms", *REUSE_KINDS, "lora"))]),
            target=target[:60],
        )
    )


def _target_order(item: tuple[str, object]) -> tuple[int, str]:
    name = item[0].rpartition(".")[2]
    known = [*FAMILIES, *COMPONENTS]
    return (known.index(name) if name in known else -1, item[0])


def _reuse_order(item: tuple[str, object]) -> tuple[int, str]:
    return (list(REUSE_KINDS).index(item[0].rpartition(".")[2]), item[0])
