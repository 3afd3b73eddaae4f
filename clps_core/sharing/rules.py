"""Rules: from a number of layers to the slot of each layer.

A rule is a function ``(num_layers, num_slots) -> tuple[int, ...]``; ``num_slots`` is how many
distinct layers are stored (papers: M, or G for groups), first and last included. A scheme from a new
paper is one such function and one line in ``RULES``.

Some rules run a *core* again and again: ``(prelude, core, coda)`` in layers. There the number of
loops is a dial that can be turned after training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["RULES", "Core", "Rule", "apply_rule", "default_loop", "loop_slots", "rule_core"]

Core = tuple[int, int, int]
"""Layers before, in and after the part that is repeated."""


@dataclass(frozen=True)
class Rule:
    """One named rule.

    ``takes_slots`` says whether ``name:M`` is meaningful; ``source`` is where it was proposed. ``ends``
    are the layers that keep weights of their own (first and last), whatever M is.
    """

    name: str
    title: str
    summary: str
    source: str
    takes_slots: bool
    function: Callable[[int, int], tuple[int, ...]]
    ends: int = 0

    def default_slots(self, num_layers: int) -> int:
        """The M used when none is given: half of the repeatable layers, rounded up, and the ends."""
        return self.ends + -(-max(0, num_layers - self.ends) // 2) if num_layers > self.ends else num_layers

    def least_slots(self, num_layers: int) -> int:
        """The smallest M there is."""
        return min(num_layers, self.ends + 1)


def _none(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return tuple(range(num_layers))


def _all(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return (0,) * num_layers


def _grouped(num_layers: int, num_slots: int) -> tuple[int, ...]:
    # Integers only: as floats, 15 / 22 * 22 is below 15, and 9 / (18 / 14) below 7.
    return tuple(layer * num_slots // num_layers for layer in range(num_layers))


def _sequence(num_layers: int, num_slots: int) -> tuple[int, ...]:
    run_length = -(-num_layers // num_slots)
    return tuple(layer // run_length for layer in range(num_layers))


def _cycle(num_layers: int, num_slots: int) -> tuple[int, ...]:
    return tuple(layer % num_slots for layer in range(num_layers))


def _cycle_rev(num_layers: int, num_slots: int) -> tuple[int, ...]:
    # Algorithm 1 of arXiv 2104.06022: cycle, but the last pass runs backwards.
    last_pass = num_slots * (-(-num_layers // num_slots) - 1)
    return tuple(
        layer % num_slots if layer < max(last_pass, num_slots) else num_slots - 1 - layer % num_slots
        for layer in range(num_layers)
    )


def _sandwich(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return _middle_cycle(num_layers, 3)


def _middle_cycle(num_layers: int, num_slots: int) -> tuple[int, ...]:
    # The last layer has a slot of its own: at 8 layers and two passes 0 1 2 3 1 2 3 4.
    return _between_ends(num_layers, num_slots, _cycle)


def _middle_sequence(num_layers: int, num_slots: int) -> tuple[int, ...]:
    return _between_ends(num_layers, num_slots, _sequence)


def _between_ends(num_layers: int, num_slots: int, rule: Callable[[int, int], tuple[int, ...]]) -> tuple[int, ...]:
    if num_layers <= 2:
        return tuple(range(num_layers))
    middle = tuple(1 + slot for slot in rule(num_layers - 2, num_slots - 2))
    return (0, *middle, max(middle) + 1)


def loop_slots(num_layers: int, core: Core) -> tuple[int, ...]:
    """Prelude and coda once, the core as often as ``num_layers`` says; raises ``ConfigError`` where it does not fit."""
    prelude, repeated, coda = core
    looped = num_layers - prelude - coda
    if repeated < 1 or looped < repeated or looped % repeated:
        raise ConfigError(
            _(
                "loop:{prelude}/{core}/{coda} must fit the number of layers: prelude + core x loops + coda, with a "
                "core of 1 layer or more. Got {layers} layers. Take {fit} layers, or another core.",
                prelude=prelude,
                core=repeated,
                coda=coda,
                layers=num_layers,
                fit=prelude + coda + max(1, repeated) * max(1, round(looped / max(1, repeated))),
            )
        )
    middle = tuple(prelude + layer % repeated for layer in range(looped))
    return (*range(prelude), *middle, *range(prelude + repeated, prelude + repeated + coda))


def default_loop(num_layers: int) -> Core:
    """One layer before, one after; the core is half of what lies between where that is even, else one layer."""
    if num_layers <= 2:
        return (0, 1, 0)
    between = num_layers - 2
    return (1, between // 2 if between % 2 == 0 else 1, 1)


def _loop(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return loop_slots(num_layers, default_loop(num_layers))


def rule_core(name: str, num_layers: int, num_slots: int | None = None) -> Core | None:
    """The part that the rule ``name`` repeats as a whole; ``None`` where there is none, or it is cut short."""
    if name == "loop":
        return default_loop(num_layers)
    if name == "all":
        return (0, 1, 0)
    if name == "sandwich":
        return (1, 1, 1) if num_layers > 2 else None
    if name not in ("cycle", "middle_cycle"):
        return None
    ends = RULES[name].ends // 2
    slots = RULES[name].default_slots(num_layers) if num_slots is None else num_slots
    repeated, looped = slots - 2 * ends, num_layers - 2 * ends
    return (ends, repeated, ends) if repeated > 0 and looped % repeated == 0 else None


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "none",
            "No sharing",
            "Every layer has weights of its own.",
            "Vaswani et al. 2017, arXiv 1706.03762",
            False,
            _none,
        ),
        Rule(
            "all",
            "All layers",
            "One layer's weights serve every layer.",
            "Lan et al. 2019 (ALBERT), arXiv 1909.11942",
            False,
            _all,
        ),
        Rule(
            "grouped",
            "Groups",
            "Neighbouring layers form groups of nearly equal size.",
            "Lan et al. 2019 (ALBERT), arXiv 1909.11942",
            True,
            _grouped,
        ),
        Rule(
            "sequence",
            "Sequence",
            "Each stored layer runs several times in a row.",
            "Takase & Kiyono 2021, arXiv 2104.06022",
            True,
            _sequence,
        ),
        Rule(
            "cycle",
            "Cycle",
            "The stored layers run in order, again and again.",
            "Takase & Kiyono 2021, arXiv 2104.06022",
            True,
            _cycle,
        ),
        Rule(
            "cycle_rev",
            "Cycle, reversed end",
            "As cycle, but the last pass runs backwards.",
            "Takase & Kiyono 2021, arXiv 2104.06022",
            True,
            _cycle_rev,
        ),
        Rule(
            "sandwich",
            "Sandwich",
            "The first and the last layer keep their own weights; all between them share one set.",
            "Reid et al. 2021 (Subformer), arXiv 2101.00234",
            False,
            _sandwich,
            ends=2,
        ),
        Rule(
            "middle_cycle",
            "Middle cycle",
            "First and last keep their own; the stored layers between them run in order, again and again.",
            "Bae et al. 2025 (Mixture-of-Recursions), arXiv 2507.10524",
            True,
            _middle_cycle,
            ends=2,
        ),
        Rule(
            "middle_sequence",
            "Middle sequence",
            "First and last keep their own; each stored layer between them runs several times in a row.",
            "Bae et al. 2025 (Mixture-of-Recursions), arXiv 2507.10524",
            True,
            _middle_sequence,
            ends=2,
        ),
        Rule(
            "loop",
            "Looped core",
            "A prelude, a core that runs several times, a coda; the number of loops can be changed later.",
            "Geiping et al. 2025 (Huginn), arXiv 2502.05171",
            False,
            _loop,
        ),
    )
}


def apply_rule(name: str, num_layers: int, num_slots: int | None = None) -> tuple[int, ...]:
    """The slot of each layer, 0-based, by the rule ``name``.

    Raises ``ConfigError`` for an unknown rule, or a ``num_slots`` the rule cannot reach.
    """
    rule = RULES.get(name)
    if rule is None:
        raise ConfigError(_("rule must be one of {known}. Got {name!r}.", known=", ".join(RULES), name=name))
    if num_slots is None:
        num_slots = rule.default_slots(num_layers)
    elif not rule.takes_slots:
        raise ConfigError(_("{name} takes no number. Got {name}:{slots}. Write {name}.", name=name, slots=num_slots))
    least = rule.least_slots(num_layers)
    if not least <= num_slots <= num_layers:
        raise ConfigError(
            _(
                "the number after {name}: must be between {least} and the number of layers ({layers}). "
                "Got {slots}. Change it, or the number of layers.",
                name=name,
                least=least,
                layers=num_layers,
                slots=num_slots,
            )
        )
    slots = rule.function(num_layers, num_slots)
    if rule.takes_slots and len(set(slots)) != num_slots:
        raise ConfigError(
            _(
                "{name} splits {layers} layers into runs of equal length and reaches {reached} slots. "
                "Got {slots}. Use grouped:{slots}, which allows unequal runs.",
                name=name,
                layers=num_layers,
                reached=len(set(slots)),
                slots=num_slots,
            )
        )
    return slots
