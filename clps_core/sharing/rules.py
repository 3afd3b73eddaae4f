"""Rules: from a number of layers to the slot of each layer. Start at Rule.

A rule is a function ``(num_layers, num_slots) -> tuple[int, ...]``; ``num_slots`` is how many
distinct layers are stored (papers: M, or G for groups), first and last included. A scheme from a new
paper is one such function and one line in ``RULES``: ``Rule("mirror", _mirror)``. All else that a rule can
say of itself (options, the part it repeats, words, a card, a colour) has a default, and whatever lists rules
- the notation, the cards of ``schemes``, the controls and colours of the dashboard - is derived from it.

Some rules run a *core* again and again: ``(prelude, core, coda)`` in layers. There the number of
loops is a dial that can be turned after training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clps_core.errors import ConfigError
from clps_core.words import N_, Worded, _

__all__ = ["RULES", "Core", "Rule", "apply_rule", "default_loop", "loop_slots", "rule_core"]

Core = tuple[int, int, int]
"""Layers before, in and after the part that is repeated."""


@dataclass(frozen=True)
class Rule:
    """One named rule; ``name`` and ``function`` are all that it must have.

    ``takes_slots`` says whether ``name:M`` is meaningful, ``takes_core`` whether ``name:P/K/C`` is (the
    numbers then stand for ``function``, by ``loop_slots``). ``ends`` are the layers that keep weights of
    their own (first and last), whatever M is. ``core``: ``(num_layers, M)`` -> the part that is repeated as a
    whole, or ``None``. ``title``, ``summary`` and ``source`` (where it was proposed) are for people, ``colour`` is
    the ``#rrggbb`` of its lines and dots. ``card``: the words of its card, by the names of the fields of
    ``schemes.Scheme`` (``rule``, ``shared``, ``kept``, ``saved``, ``lost`` ...); a plain card is made where no
    card of a paper is about this rule.
    """

    name: str
    function: Callable[[int, int], tuple[int, ...]]
    title: Worded = Worded("")
    summary: Worded = Worded("")
    source: str = "-"
    takes_slots: bool = False
    takes_core: bool = False
    ends: int = 0
    core: Callable[[int, int], Core | None] | None = None
    colour: str = ""
    card: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", vars(self)["title"] or self.name.replace("_", " ").capitalize())
        object.__setattr__(self, "summary", vars(self)["summary"] or (lambda: _("The rule {name}.", name=self.name)))

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
                "core of at least 1 layer. Got {layers} layers. Use {fit} layers, or another core.",
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


def _one_core(_num_layers: int, _num_slots: int) -> Core:
    return (0, 1, 0)


def _cycle_core(num_layers: int, num_slots: int) -> Core | None:
    return _whole_core(num_layers, num_slots, 0)


def _sandwich_core(num_layers: int, _num_slots: int) -> Core | None:
    return (1, 1, 1) if num_layers > 2 else None


def _middle_core(num_layers: int, num_slots: int) -> Core | None:
    return _whole_core(num_layers, num_slots - 2, 1)


def _whole_core(num_layers: int, repeated: int, ends: int) -> Core | None:
    """A core of ``repeated`` layers between ``ends`` at either side, where it is not cut short."""
    return (ends, repeated, ends) if repeated > 0 and (num_layers - 2 * ends) % repeated == 0 else None


def _loop_core(num_layers: int, _num_slots: int) -> Core:
    return default_loop(num_layers)


def rule_core(name: str, num_layers: int, num_slots: int | None = None) -> Core | None:
    """The part that the rule ``name`` repeats as a whole; ``None`` where there is none, or it is cut short."""
    rule = RULES[name]
    if rule.core is None:
        return None
    return rule.core(num_layers, rule.default_slots(num_layers) if num_slots is None else num_slots)


TAKASE = "Takase & Kiyono 2021, arXiv 2104.06022"
MOR = "Bae et al. 2025 (Mixture-of-Recursions), arXiv 2507.10524"
ALBERT = "Lan et al. 2019 (ALBERT), arXiv 1909.11942"

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "none",
            _none,
            title=N_("No sharing"),
            summary=N_("Each layer has separate weights."),
            source="Vaswani et al. 2017, arXiv 1706.03762",
            colour="#6b7685",
        ),
        Rule(
            "all",
            _all,
            title=N_("All layers"),
            summary=N_("All layers use one layer's weights."),
            source=ALBERT,
            core=_one_core,
            colour="#1b72c5",
        ),
        Rule(
            "grouped",
            _grouped,
            title=N_("Groups"),
            summary=N_("Neighbouring layers share weights in groups of nearly equal size."),
            source=ALBERT,
            takes_slots=True,
            colour="#038154",
        ),
        Rule(
            "sequence",
            _sequence,
            title=N_("Sequence"),
            summary=N_("Each stored layer runs several times in a row."),
            source=TAKASE,
            takes_slots=True,
            colour="#a04e9f",
        ),
        Rule(
            "cycle",
            _cycle,
            title=N_("Cycle"),
            summary=N_("The stored layers run in order, repeatedly."),
            source=TAKASE,
            takes_slots=True,
            core=_cycle_core,
            colour="#c3520d",
        ),
        Rule(
            "cycle_rev",
            _cycle_rev,
            title=N_("Cycle, reversed end"),
            summary=N_("As in cycle, but the last pass runs in reverse order."),
            source=TAKASE,
            takes_slots=True,
            colour="#966e00",
        ),
        Rule(
            "sandwich",
            _sandwich,
            title=N_("Sandwich"),
            summary=N_("The first and the last layer have separate weights; all layers between share one set."),
            source="Reid et al. 2021 (Subformer), arXiv 2101.00234",
            ends=2,
            core=_sandwich_core,
            colour="#c6405c",
            card={
                "rule": N_("slot = 0 for the first layer, 1 for all layers between, 2 for the last"),
                "shared": N_("All weights of the layers between the first and the last."),
                "kept": N_("First and last layer: everything."),
                "saved": N_("The weights of L - 3 layers of each stack."),
            },
        ),
        Rule(
            "middle_cycle",
            _middle_cycle,
            title=N_("Middle cycle"),
            summary=N_(
                "The first and last layer have separate weights; the stored layers between run in order, repeatedly."
            ),
            source=MOR,
            takes_slots=True,
            ends=2,
            core=_middle_core,
            colour="#697c1a",
        ),
        Rule(
            "middle_sequence",
            _middle_sequence,
            title=N_("Middle sequence"),
            summary=N_(
                "The first and last layer have separate weights; each stored layer between runs several times in a row."
            ),
            source=MOR,
            takes_slots=True,
            ends=2,
            colour="#89644c",
        ),
        Rule(
            "loop",
            _loop,
            title=N_("Looped core"),
            summary=N_(
                "A prelude, a core that runs several times, and a coda. The number of loops can be changed later."
            ),
            source="Geiping et al. 2025 (Huginn), arXiv 2502.05171",
            takes_core=True,
            core=_loop_core,
            colour="#ab497d",
            card={
                "rule": N_("P layers before and C layers after; between them, K layers run r times: L = P + K r + C"),
                "shared": N_("The core's weights, in all loops."),
                "kept": N_("The prelude and the coda: everything."),
                "saved": N_("The weights of K (r - 1) layers."),
            },
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
        raise ConfigError(
            _("{name} must be written without a number. Got {name}:{slots}. Write {name}.", name=name, slots=num_slots)
        )
    least = rule.least_slots(num_layers)
    if not least <= num_slots <= num_layers:
        raise ConfigError(
            _(
                "the number after '{name}:' must be between {least} and the number of layers ({layers}). Got "
                "{slots}. Change it, or the number of layers.",
                name=name,
                least=least,
                layers=num_layers,
                slots=num_slots,
            )
        )
    slots = rule.function(num_layers, num_slots)
    if len(slots) != num_layers:
        raise ConfigError(
            _(
                "the function of the rule {name} must give one slot for each of the {layers} layers. Got {got}. "
                "Correct the function.",
                name=name,
                layers=num_layers,
                got=len(slots),
            )
        )
    if rule.takes_slots and len(set(slots)) != num_slots:
        raise ConfigError(
            _(
                "{name} must have a number of slots that it can reach: it splits {layers} layers into equal "
                "groups, which gives {reached} slots. Got {slots}. Use grouped:{slots}, which allows unequal "
                "groups.",
                name=name,
                layers=num_layers,
                reached=len(set(slots)),
                slots=num_slots,
            )
        )
    return slots
