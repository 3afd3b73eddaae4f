"""The notation of strategies, the same on the command line, in YAML and in URLs. Start at parse_strategy.

Parts, separated by commas::

    cycle:3                          one rule for every component, with 3 stored layers
    loop:1/2/1                       a prelude of 1 layer, a core of 2 that is looped, a coda of 1
    0-1-2-2-1-0                      plain integers, one per layer
    attention=all,ffn=none           a rule per sublayer (attention, cross_attention, ffn)
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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from clps_core.errors import ConfigError
from clps_core.sharing.extras import DEPTH_EMBEDDINGS, INJECTIONS, MAX_LOOPS, Extras
from clps_core.sharing.rules import RULES
from clps_core.sharing.sources import REUSE_KINDS, SOURCE_RULES, SourceUse
from clps_core.sharing.strategies import (
    COMPONENTS,
    NAMED_STRATEGIES,
    NORM_FOLLOWS,
    NORM_MODES,
    STACKS,
    SUBLAYERS,
    RuleUse,
    Strategy,
)
from clps_core.suggestions import nearest
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

    Raises ``ConfigError`` that names what is wrong, lists what can stand there, and suggests the nearest name.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        raise ConfigError(
            _(
                "strategy must be a short text such as 'cycle:3' or 'attention=all,ffn=none'. Got {got!r}.",
                got=str(text)[:40],
            )
        )
    return _strategy(text)


@lru_cache(maxsize=1024)
def _strategy(text: str) -> Strategy:
    """A strategy is its text in addresses, forms, files and stores: a text parsed once need not be parsed again.

    What is wrong is not remembered, so that a rule that is added later is found.
    """
    _check_spaces(text)
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
        elif _is_target(part.partition(":")[0]):
            raise ConfigError(
                _(
                    "{target} must have a value. Got {part!r}. Write, for example, {example}.",
                    target=part.partition(":")[0],
                    part=part[:60],
                    example=_example(part.partition(":")[0]),
                )
            )
        elif not part:
            raise ConfigError(
                _(
                    "a strategy must not have an empty part between commas. Got {text!r}. Remove a comma.",
                    text=text[:60],
                )
            )
        elif draft.base is not None:
            raise ConfigError(
                _(
                    "a strategy must have one rule for all components. Got a second one: {part!r}. Write target=rule.",
                    part=part[:60],
                )
            )
        else:
            named = NAMED_STRATEGIES.get(part)
            draft.base = named.strategy if named else Strategy(_rule("strategy", part, NAMED_STRATEGIES))
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
    elif target in STACKS:
        other = next(stack for stack in STACKS if stack != target)
        raise ConfigError(
            _(
                "{target} alone must be tied, as in {target}=@{other}. Got {value!r}. To give it a rule, name a part "
                "of it, as in {target}.attention=all.",
                target=target,
                other=other,
                value=value[:60],
            )
        )
    else:
        _check_target(target)
        draft.overrides[target] = _rule(target, value, RULES)


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
            _(
                "train_loops must start with the smaller number, such as 1-6. Got {got!r}. Swap the numbers.",
                got=value[:40],
            )
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
    problem = _("{name} must be one of {known}. Got {value!r}.", name=name, known=", ".join(known), value=value[:60])
    raise ConfigError(problem + _meant(value, known))


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


def _rule(target: str, text: str, known: Iterable[str]) -> RuleUse:
    """A rule with its option, or integers; ``known`` are the names that can stand there."""
    integers = _integers(text)
    if integers is not None:
        return RuleUse("custom", integers=integers)
    name, colon, option = text.partition(":")
    if name in NAMED_STRATEGIES and name not in RULES and target == "strategy":
        raise ConfigError(
            _("{name} must be written without a number. Got {text}. Write {name}.", name=name, text=text[:60])
        )
    if name not in RULES:
        problem = _(
            "{target} must be one of {known}, or integers such as 0-1-1-0. Got {name!r}.",
            target=target,
            known=", ".join(known),
            name=text[:60],
        )
        raise ConfigError(problem + _meant(name, known, colon + option))
    if not colon:
        return RuleUse(name)
    if RULES[name].takes_core:
        return _core(name, option)
    return RuleUse(name, _after_colon(name, option))


def _core(name: str, option: str) -> RuleUse:
    if not re.fullmatch(r"[0-9]{1,3}/[0-9]{1,3}/[0-9]{1,3}", option):
        raise ConfigError(
            _(
                "the part after '{name}:' must be the numbers of layers prelude/core/coda, such as 1/2/1. Got "
                "{option!r}.",
                name=name,
                option=option[:20],
            )
        )
    return RuleUse(name, integers=tuple(map(int, option.split("/"))))


def _source(target: str, text: str) -> SourceUse:
    integers = _integers(text)
    if integers is not None:
        return SourceUse("custom", integers=integers)
    name, colon, option = text.partition(":")
    if name not in SOURCE_RULES:
        problem = _(
            "{target} must be one of {known}, or one layer number per layer, such as 0-0-2-2. Got {name!r}.",
            target=target,
            known=", ".join(SOURCE_RULES),
            name=text[:60],
        )
        raise ConfigError(problem + _meant(name, SOURCE_RULES, colon + option))
    return SourceUse(name, _after_colon(name, option) if colon else None)


def _integers(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, text.split("-"))) if re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})*", text) else None


def _after_colon(name: str, option: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", option):
        raise ConfigError(
            _("the part after '{name}:' must be a whole number. Got {option!r}.", name=name, option=option[:20])
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
        problem = _(
            "a tie must be written like k=@q, decoder=@encoder, decoder.ffn=@encoder or decoder.q=@encoder.k. Got "
            "{target}=@{source}.",
            target=target[:40],
            source=source[:40],
        )
        known = () if source in (*STACKS, *COMPONENTS) else (*STACKS, *COMPONENTS)
        raise ConfigError(problem + _meant(source, known))
    return source


def _is_target(text: str) -> bool:
    """Whether ``text`` can stand left of an equals sign."""
    stack, dot, name = text.rpartition(".")
    part = name in (*SUBLAYERS, *COMPONENTS, *REUSE_KINDS) and (not dot or stack in STACKS)
    return part or text in (*STACKS, *_SETTINGS, "lora")


def _example(target: str) -> str:
    """An assignment that shows what ``target`` takes."""
    name = target.rpartition(".")[2]
    values = {
        "lora": "8", "norms": "own", "depth_embedding": "learned", "layer_scale": "own", "inject": "add",
        "train_loops": "1-6", "encoder": "@decoder", "decoder": "@encoder", **dict.fromkeys(REUSE_KINDS, "every:2"),
    }  # fmt: skip
    return f"{target}={values.get(name, 'all')}"


def _check_target(target: str, *, linear: bool = False) -> str:
    """``target`` where it names what can have a rule (with ``linear``: LoRA); else the nearest name is suggested."""
    stack, dot, name = target.rpartition(".")
    parts = [*SUBLAYERS, *(one for one in COMPONENTS if not (linear and one in NORM_FOLLOWS))]
    if name in parts and (not dot or stack in STACKS):
        return target
    shown = target[:60]
    if linear:
        problem = _(
            "the part after 'lora.' must be one of {parts}, alone or after 'encoder.' or 'decoder.'. Got {target!r}.",
            parts=", ".join(parts),
            target=shown,
        )
        raise ConfigError(problem + _meant_target(target, parts, ()))
    parts += REUSE_KINDS
    settings = ["lora", *_SETTINGS]
    problem = _(
        "the name before '=' must be a part ({parts}; alone or after 'encoder.' or 'decoder.') or a setting "
        "({settings}). Got {target!r}.",
        parts=", ".join(parts),
        settings=", ".join(settings),
        target=shown,
    )
    raise ConfigError(problem + _meant_target(target, parts, settings))


def _meant_target(target: str, parts: Iterable[str], settings: Iterable[str]) -> str:
    stack, dot, name = target.rpartition(".")
    if not dot:
        return _meant(name, [*parts, *settings])
    near_stack = stack if stack in STACKS else nearest(stack, STACKS)
    near = name if name in parts else nearest(name, SUBLAYERS) or nearest(name, parts)
    return _(" Did you mean {near}?", near=f"{near_stack}.{near}") if near_stack and near else ""


def _meant(name: str, known: Iterable[str], rest: str = "") -> str:
    """A question that names the one of ``known`` that is most like ``name``; empty where none is like it."""
    near = nearest(name, known)
    return "" if near is None else _(" Did you mean {near}?", near=near + rest[:20])


def _check_spaces(text: str) -> None:
    """Refuse blanks where a comma belongs; around commas, ``=`` and ``@`` they do no harm."""
    inner = next((part for piece in text.split(",") for part in _sides(piece) if re.search(r"\s", part)), None)
    if inner is None:
        return
    problem = _("the parts of a strategy must be separated by commas. Got {part!r}.", part=text.strip()[:60])
    written = re.sub(r"\s*([=@,])\s*", r"\1", text.strip())
    written = re.sub(r"\s+", ",", written)
    try:
        parse_strategy(written)
    except ConfigError:
        raise ConfigError(problem) from None
    raise ConfigError(_("{problem} Write {written}.", problem=problem, written=written))


def _sides(piece: str) -> list[str]:
    target, _equals, value = piece.partition("=")
    return [target.strip(), value.strip().removeprefix("@").strip()]


def _target_order(item: tuple[str, object]) -> tuple[int, str]:
    name = item[0].rpartition(".")[2]
    known = [*SUBLAYERS, *COMPONENTS]
    return (known.index(name) if name in known else -1, item[0])


def _reuse_order(item: tuple[str, object]) -> tuple[int, str]:
    return (list(REUSE_KINDS).index(item[0].rpartition(".")[2]), item[0])
