"""Rules: from a number of layers to the slot of each layer.

A rule is a function ``(num_layers, num_slots) -> tuple[int, ...]``; ``num_slots`` is how many
distinct layers are stored (papers: M, or G for groups). A scheme from a new paper is one such
function and one line in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["RULES", "Rule", "apply_rule"]


@dataclass(frozen=True)
class Rule:
    """One named rule.

    ``takes_slots`` says whether ``name:M`` is meaningful; ``source`` is where it was proposed.
    """

    name: str
    title: str
    summary: str
    source: str
    takes_slots: bool
    function: Callable[[int, int], tuple[int, ...]]

    def default_slots(self, num_layers: int) -> int:
        """The M used when none is given: half of the layers, rounded up."""
        return -(-num_layers // 2)


def _none(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return tuple(range(num_layers))


def _all(num_layers: int, _num_slots: int) -> tuple[int, ...]:
    return (0,) * num_layers


def _grouped(num_layers: int, num_slots: int) -> tuple[int, ...]:
    # Integers only: float forms put layer 15 of 22 into group 14 when there are 22 groups.
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
    if not 1 <= num_slots <= num_layers:
        raise ConfigError(
            _(
                "the number after {name}: must be between 1 and the number of layers ({layers}). "
                "Got {slots}. Lower it or add layers.",
                name=name,
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
