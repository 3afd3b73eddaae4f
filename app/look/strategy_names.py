"""What people call a strategy: ``cycle:3,lora=8`` -> Cycle, 3 stored + LoRA 8. Start at name_of."""

from __future__ import annotations

from clps_core.errors import ClpsError
from clps_core.sharing import NAMED_STRATEGIES, RULES, Strategy, parse_strategy
from clps_core.sharing.extras import Extras
from clps_core.sharing.sources import SourceUse
from clps_core.sharing.strategies import STACKS, RuleUse
from clps_core.words import _, kept_by_language, listed

__all__ = ["name_of", "rule_name", "target_name"]

LONGEST = 72


@kept_by_language(maxsize=512)
def name_of(text: str) -> str:
    """The name of the strategy ``text``; a text that is none stays as it is."""
    try:
        strategy = parse_strategy(text)
    except ClpsError:
        return _short(text)
    parts = [*_rules(strategy), *map(_tie, strategy.ties), *(_reuse(*one) for one in strategy.reuse)]
    parts += _extras(strategy.extras)
    if strategy.norms != "follow":
        parts.append({"own": _("separate norms"), "shared": _("one norm for all")}[strategy.norms])
    if len(parts) > 1 and strategy.default.name == "none" and not strategy.overrides:
        parts = parts[1:]
        parts[0] = parts[0][:1].upper() + parts[0][1:]
    return _short(" + ".join(parts))


def rule_name(use: RuleUse) -> str:
    """A rule with its option: Cycle, 3 stored; Loop 1/2/1; 0-1-1-0."""
    if use.name == "custom":
        return use.text
    title = RULES[use.name].title
    if use.integers:
        return f"{title} {'/'.join(map(str, use.integers))}"
    if use.num_slots is not None:
        return _("{title}, {number} stored", title=title, number=use.num_slots)
    return title


@kept_by_language(maxsize=512)
def target_name(target: str) -> str:
    """A target of the notation as people write it: ``decoder.cross_q`` -> decoder cross Q."""
    titles = {
        "attention": _("attention"), "cross_attention": _("cross-attention"), "ffn": _("FFN"),
        "encoder": _("encoder"), "decoder": _("decoder"),
        "q": "Q", "k": "K", "v": "V", "o": "O",
        "cross_q": _("cross Q"), "cross_k": _("cross K"), "cross_v": _("cross V"), "cross_o": _("cross O"),
        "ffn_in": _("FFN in"), "ffn_gate": _("FFN gate"), "ffn_out": _("FFN out"),
        "norm_attn": _("attention norm"), "norm_cross": _("cross norm"), "norm_ffn": _("FFN norm"),
    }  # fmt: skip
    return " ".join(titles.get(part, part) for part in target.split("."))


def _rules(strategy: Strategy) -> list[str]:
    for named in NAMED_STRATEGIES.values():
        if (named.strategy.default, named.strategy.overrides) == (strategy.default, strategy.overrides):
            return [named.title]
    alike: dict[str, list[str]] = {}
    for target, use in strategy.overrides:
        alike.setdefault(rule_name(use), []).append(target_name(target))
    apart = [_("{parts}: {rule}", parts=listed(parts), rule=rule) for rule, parts in alike.items()]
    return apart if apart and strategy.default.name == "none" else [rule_name(strategy.default), *apart]


def _tie(tie: tuple[str, str]) -> str:
    target, source = tie
    if target in STACKS or source in STACKS:
        source = source.partition(".")[0]
    return f"{target_name(target)} = {target_name(source)}"


def _reuse(target: str, use: SourceUse) -> str:
    stack, _dot, kind = target.rpartition(".")
    what = _("K and V") if kind == "kv_source" else _("attention")
    if stack:
        what = f"{target_name(stack)} {what}"
    if use.name == "every":
        return _("{what} of one layer in {number}", what=what, number=use.number or 2)
    if use.name == "upper" and use.number is not None:
        return _("{what} of the first {number} layers", what=what, number=use.number)
    if use.name == "upper":
        return _("{what} of the lower layers", what=what)
    return _("{what} from {layers}", what=what, layers=use.text)


def _extras(extras: Extras) -> list[str]:
    parts = [
        _("LoRA {rank} on {part}", rank=rank, part=target_name(target)) if target else _("LoRA {rank}", rank=rank)
        for target, rank in extras.lora
    ]
    if extras.depth_embedding != "none":
        parts.append(_("depth signal") if extras.depth_embedding == "sinusoidal" else _("learned depth"))
    if extras.layer_scale:
        parts.append(_("separate scales"))
    if extras.inject != "none":
        parts.append(_("input again"))
    if extras.train_loops is not None:
        parts.append(_("{fewest} to {most} loops", fewest=extras.train_loops[0], most=extras.train_loops[1]))
    return parts


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
