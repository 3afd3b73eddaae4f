"""From slots back to a strategy's text, so that a map can be edited by hand. Start at repaint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from clps_core.errors import ConfigError
from clps_core.sharing.grammar import parse_strategy
from clps_core.sharing.map import Site
from clps_core.sharing.rules import RULES
from clps_core.sharing.strategies import (
    NAMED_STRATEGIES,
    NORM_FOLLOWS,
    NORM_MODES,
    SUBLAYERS,
    RuleUse,
    Stacks,
    Strategy,
)
from clps_core.words import _

__all__ = ["repaint", "write_strategy"]

Row = tuple[int, ...]
Rows = Mapping[tuple[str, str], Row]


def repaint(text: str, stacks: Stacks, sites: Iterable[Site], slot: int) -> str:
    """The strategy ``text`` with ``slot`` at ``sites``, in its shortest notation.

    ``stacks``: stack -> (number of layers, components). Norms go on following their rule unless a
    norm's own site is painted. Raises ``ConfigError`` for sites that do not exist.
    """
    strategy = parse_strategy(text)
    pools = strategy.pools(stacks)
    rows = {key: _canonical(row) for key, row in strategy.layer_slots(stacks).items()}
    before = dict(rows)
    painted = set()
    for site in sites:
        key = (site.stack, site.component)
        if key not in rows or not 0 <= site.layer < len(rows[key]) or not 0 <= slot <= len(rows[key]):
            raise ConfigError(
                _(
                    "a site must name a layer and a component of the model. Got {site}, slot {slot}.",
                    site=site,
                    slot=slot,
                )
            )
        rows[key] = (*rows[key][: site.layer], slot, *rows[key][site.layer + 1 :])
        painted.add(key)
    if rows == before and not any(".".join(key) in pools for key in painted):
        # Another rule may give the same slots, but not the same core to loop.
        return strategy.text
    # A painted row leaves its tie; what was tied to it follows it still.
    tied = {pool: source for pool, source in pools.items() if tuple(pool.split(".")) not in painted}
    own_norms = {key for key in rows if key[1] in NORM_FOLLOWS and (key in painted or _has_own_rule(strategy, *key))}
    wanted = {
        key: row
        for key, row in rows.items()
        if ".".join(key) not in tied and (key[1] not in NORM_FOLLOWS or key in own_norms)
    }
    hints = [strategy.default, *(use for _target, use in strategy.overrides)]
    plain = parse_strategy(write_strategy(stacks, wanted, strategy.norms, hints))
    ties = strategy.ties if len(tied) == len(pools) else tuple(tied.items())
    return replace(plain, ties=ties, reuse=strategy.reuse, extras=strategy.extras).text


def write_strategy(stacks: Stacks, rows: Rows, norms: str = "follow", hints: Sequence[RuleUse] = ()) -> str:
    """The shortest text whose slots are ``rows``; norms that ``rows`` does not name go by ``norms``.

    Rows that are not named at all (tied ones) may have any slots. ``hints`` are the rules that were there
    before: of equal ones they are preferred, and a ``loop:2/4/2`` is tried besides the plain ones.
    """
    wanted = {key: _canonical(row) for key, row in rows.items()}
    for mode in dict.fromkeys((norms, *NORM_MODES)):
        for named in NAMED_STRATEGIES.values():
            candidate = replace(named.strategy, norms=mode)
            if _matches(candidate, stacks, wanted) and (mode == norms or _names_all_norms(stacks, wanted)):
                return candidate.text
    labels = {key: _labels(row, hints) for key, row in wanted.items()}
    blocks = {key: texts for key, texts in labels.items() if key[1] not in NORM_FOLLOWS}
    tally = Counter(text for texts in blocks.values() for text in texts)
    before = {hint.text for hint in hints}
    default = max(tally, key=lambda text: (tally[text], text in before, -len(text)))
    parts = [default, *_exceptions(stacks, blocks, default)]
    if norms != "follow":
        parts.append(f"norms={norms}")
    so_far = parse_strategy(",".join(parts)).layer_slots(stacks)
    for (stack, component), texts in labels.items():
        if component in NORM_FOLLOWS and _canonical(so_far[stack, component]) != wanted[stack, component]:
            parts.append(f"{stack}.{component}={texts[0]}")
    return parse_strategy(",".join(parts)).text


def _exceptions(stacks: Stacks, labels: Mapping[tuple[str, str], list[str]], default: str) -> list[str]:
    """``target=rule`` for every row that does not follow ``default``: whole sublayers where possible."""
    parts = []
    for sublayer, members in SUBLAYERS.items():
        found: dict[str, str] = {}
        for stack in stacks:
            rows = {key: texts for key, texts in labels.items() if key[0] == stack and key[1] in members}
            if not rows:
                continue
            common = [text for text in next(iter(rows.values())) if all(text in texts for texts in rows.values())]
            if default in common:
                found[stack] = default
            elif common:
                found[stack] = common[0]
            else:
                parts += [f"{s}.{c}={texts[0]}" for (s, c), texts in rows.items() if default not in texts]
        uses = {stack: text for stack, text in found.items() if text != default}
        everywhere = len(uses) == len(found) and len(set(uses.values())) == 1 and len(found) > 0
        if everywhere and not any(part.partition("=")[0].rpartition(".")[2] in members for part in parts):
            parts.append(f"{sublayer}={next(iter(uses.values()))}")
        else:
            parts += [f"{stack}.{sublayer}={text}" for stack, text in uses.items()]
    return parts


def _labels(row: Row, hints: Sequence[RuleUse]) -> list[str]:
    """Every rule that gives ``row``, the plainest first; plain integers where there is none."""
    stored = len(set(row))
    found = []
    plain = [RuleUse(rule.name, stored if rule.takes_slots else None) for rule in RULES.values()]
    for use in [*plain, *(hint for hint in hints if hint.name != "custom" and hint.integers)]:
        try:
            fits = _canonical(use.slots(len(row))) == row
        except ConfigError:
            continue
        if fits:
            found.append(use.text)
    return found or [RuleUse("custom", integers=row).text]


def _canonical(row: Sequence[int]) -> Row:
    seen: dict[int, int] = {}
    return tuple(seen.setdefault(slot, len(seen)) for slot in row)


def _matches(strategy: Strategy, stacks: Stacks, wanted: Rows) -> bool:
    try:
        slots = strategy.layer_slots(stacks)
    except ConfigError:
        return False
    return all(_canonical(slots[key]) == row for key, row in wanted.items())


def _names_all_norms(stacks: Stacks, wanted: Rows) -> bool:
    return all(
        (stack, component) in wanted
        for stack, (_layers, components) in stacks.items()
        for component in components
        if component in NORM_FOLLOWS
    )


def _has_own_rule(strategy: Strategy, stack: str, component: str) -> bool:
    return any(target in (component, f"{stack}.{component}") for target, _use in strategy.overrides)
