"""Every design against a reference, over paired seeds. Start at verdicts.

A difference counts as real by the paired t test, Holm over all pairs that are judged together; "as good" takes two
one-sided tests (Schuirmann 1987), Holm over the same pairs. Each of the two kinds of statement is wrong for some pair
in at most 5 % of cases. The 95 % interval of a difference is that of its pair alone, as papers give it: it may exclude
0 where Holm does not.

Where the reference is the best design by its mean, the data chose it, so Holm goes over all pairs of designs.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from clps_core.errors import NotFoundError
from clps_core.metrics import Metric
from clps_core.sweeps.results import ERROR, FEWEST_PAIRS, Spread, ended_early
from clps_core.verdicts.budgets import Compared, compared
from clps_core.verdicts.contenders import Contender, Pair
from clps_core.verdicts.evidence import Needed, holm, more_seeds
from clps_core.words import _, shown

__all__ = ["BEST", "Kind", "NoVerdict", "Verdict", "Verdicts", "verdicts"]

BEST = "best"
"""As a reference: the design with the best mean."""

LAST_BITS = 1e-12

Kind = Literal["better", "worse", "as_good", "cannot_tell", "none"]
NoVerdict = Literal[
    "data", "fork", "unscored", "failed", "unfinished", "early", "unpaired", "unmatched", "few_pairs", "saturated",
    "no_spread",
]  # fmt: skip
"""Why there is no verdict: other data or training before; runs that have no score, failed, are not finished, or ended
before their last step; no common seed, no common budget, fewer than three pairs; all scores the best there is; every
difference the same."""
ORDER: tuple[Kind, ...] = ("better", "worse", "as_good", "cannot_tell", "none")


@dataclass(frozen=True)
class Verdict:
    """What pairs of runs tell of ``design`` beside ``reference``.

    ``gap`` is how much better it is (negative: worse) over the pairs, in the metric's unit; ``test_gap`` the same on
    the test split, where all pairs have a score. ``p`` and ``p_as_good`` are Holm's over ``family`` pairs. ``why``:
    with the kind ``none``, the reason; ``about``: its facts, such as the fields that differ.
    """

    design: Contender
    reference: Contender
    kind: Kind
    gap: Spread | None = None
    test_gap: Spread | None = None
    budgets: Compared | None = None
    p: float | None = None
    p_as_good: float | None = None
    family: int = 0
    needed: Needed | None = None
    why: NoVerdict | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdicts:
    """All designs against one; ``found`` has the most important first. ``margin``: how much is still as good."""

    metric: Metric
    margin: float
    reference: Contender
    designs: tuple[Contender, ...]
    found: tuple[Verdict, ...]
    chosen_by_result: bool

    @property
    def family(self) -> int:
        """Over how many pairs Holm goes."""
        return max((one.family for one in self.found), default=0)

    @property
    def decided(self) -> bool:
        """Whether any pair got a verdict, be it that nothing can be told."""
        return self.family > 0


def verdicts(designs: Sequence[Contender], reference: str | None = None) -> Verdicts:
    """Judge ``designs``, of one task, against ``reference``: the key of one, ``BEST``, or the first of them.

    Raises ``NotFoundError`` for a reference that is none of them, and ``ValueError`` without designs.
    """
    if not designs:
        raise ValueError("there must be a design to judge")
    metric = designs[0].run.facts.judged_by
    against = _reference(designs, reference, metric)
    chosen = reference == BEST
    best = _mean(against)
    margin = metric.margin(best)
    judged = [_beside(one, against, metric) for one in designs if one.key != against.key]
    others = [
        _beside(one, other, metric)
        for one, other in itertools.combinations([one for one in designs if one.key != against.key], 2)
        if chosen
    ]
    found = _decided(judged, others, margin)
    return Verdicts(metric, margin, against, tuple(designs), tuple(sorted(found, key=_place)), chosen)


def _reference(designs: Sequence[Contender], asked: str | None, metric: Metric) -> Contender:
    if asked == BEST:
        complete = [one for one in designs if one.complete] or [one for one in designs if one.bests] or designs
        return max(complete, key=lambda one: metric.worth(value) if (value := _mean(one)) is not None else -1e300)
    if asked is None:
        return designs[0]
    found = next((one for one in designs if one.key == asked), None)
    if found is None:
        known = ", ".join(one.key for one in designs)
        raise NotFoundError(
            _("the reference must be best or one of these designs: {known}. Got {got}.", known=known, got=shown(asked))
        )
    return found


def _mean(one: Contender) -> float | None:
    values = [one.bests[run.id] for run in one.complete] or list(one.bests.values())
    return statistics.fmean(values) if values else None


def _beside(design: Contender, reference: Contender, metric: Metric) -> Verdict:
    """What two designs have to be judged by; its kind is ``none`` where they cannot be, else still open."""
    pairs = design.pairs(reference)
    budgets = compared(pairs) if pairs else None
    why, about = _hindrance(design, reference, pairs, budgets, metric)
    gap = Spread.of([metric.sign * (design.bests[one.id] - reference.bests[other.id]) for one, other in pairs])
    tests = [(design.tests.get(one.id), reference.tests.get(other.id)) for one, other in pairs]
    both = [(one, other) for one, other in tests if one is not None and other is not None]
    test_gap = Spread.of([metric.sign * (one - other) for one, other in both]) if len(both) == len(pairs) else None
    if why is None and gap is not None and not _spreads(gap):
        why = "no_spread"
    kind: Kind = "none" if why else "cannot_tell"
    return Verdict(design, reference, kind, gap, test_gap, budgets, why=why, about=about)


def _spreads(gap: Spread) -> bool:
    """Whether its values differ by more than the last bits of a float."""
    return gap.deviation is not None and gap.deviation > LAST_BITS * max(1.0, abs(gap.mean))


def _hindrance(
    design: Contender, reference: Contender, pairs: Sequence[Pair], budgets: Compared | None, metric: Metric
) -> tuple[NoVerdict | None, dict[str, Any]]:
    """Why they cannot be judged, the weightiest reason, and its facts."""
    if fields := [name for name, value in design.data.items() if reference.data.get(name) != value]:
        return "data", {"fields": fields}
    if len(design.prints | reference.prints) > 1:
        return "data", {"fields": []}
    if design.begins_with != reference.begins_with:
        return "fork", {}
    for one in (design, reference):
        if hindered := _hindered(one):
            return hindered, {"design": one.key}
    if not pairs or budgets is None:
        return "unpaired", {}
    if not budgets.matched:
        return "unmatched", {}
    if len(pairs) < FEWEST_PAIRS:
        return "few_pairs", {"pairs": len(pairs)}
    values = [one.bests[run.id] for one, place in ((design, 0), (reference, 1)) for run in (p[place] for p in pairs)]
    if all(value == (metric.highest if metric.higher_is_better else metric.lowest) for value in values):
        return "saturated", {}
    return None, {}


def _hindered(one: Contender) -> NoVerdict | None:
    """What is wrong with its runs: those that failed or ended early would be missing where they did worst."""
    if any(run.status == "failed" for run in one.runs):
        return "failed"
    if any(run.status != "finished" for run in one.runs):
        return "unfinished"
    if any(ended_early(run) for run in one.runs):
        return "early"
    return None if all(run.id in one.bests for run in one.runs) else "unscored"


def _decided(judged: Sequence[Verdict], others: Sequence[Verdict], margin: float) -> list[Verdict]:
    """``judged`` with what the tests say, corrected over them and ``others``."""
    family = [one.gap for one in (*judged, *others) if one.kind != "none" and one.gap is not None]
    differs = holm([gap.p_value for gap in family])
    equal = holm([gap.p_beyond(margin) for gap in family])
    tests = iter(zip(differs, equal, strict=True))
    found = []
    for one in judged:
        if one.kind == "none" or one.gap is None:
            found.append(one)
            continue
        p, p_as_good = next(tests)
        kind: Kind = "cannot_tell"
        if p_as_good < ERROR:
            kind = "as_good"
        elif p < ERROR:
            kind = "better" if one.gap.mean > 0 else "worse"
        needed = more_seeds(one.gap, margin, len(family)) if kind == "cannot_tell" else None
        found.append(replace(one, kind=kind, p=p, p_as_good=p_as_good, family=len(family), needed=needed))
    return found


def _place(one: Verdict) -> tuple[int, int, float]:
    """Decided ones first, by how sure they are; of the others first those that a match would help."""
    return ORDER.index(one.kind), one.why != "unmatched", one.p if one.p is not None else 1.0
