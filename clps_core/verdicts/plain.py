"""Verdicts as JSON-ready data. Start at as_plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clps_core.sweeps.results import ERROR, Spread
from clps_core.verdicts.judging import Verdict, Verdicts
from clps_core.verdicts.sentences import sentence

__all__ = ["as_plain"]


def as_plain(found: Verdicts, names: Mapping[str, str]) -> dict[str, Any]:
    """All verdicts; ``names``: what each design is called, by its key.

    Differences are positive where the design is better than the reference, in the metric's own unit (a share from 0
    to 1). ``interval`` is the 95 % interval of that pair alone; ``p`` and ``p_as_good`` are corrected by Holm over
    ``tests`` pairs. ``seconds`` among ``matched`` are CPU seconds, on a GPU wall seconds.
    """
    return {
        "metric": found.metric.name,
        "higher_is_better": found.metric.higher_is_better,
        "margin": found.margin,
        "reference": _design(found.reference.key, names),
        "reference_is_the_best": found.chosen_by_result,
        "tests": found.family,
        "verdicts": [_verdict(one, found, names) for one in found.found],
    }


def _verdict(one: Verdict, found: Verdicts, names: Mapping[str, str]) -> dict[str, Any]:
    budgets = one.budgets
    return {
        "design": _design(one.design.key, names),
        "verdict": one.kind,
        "reason": one.why,
        "sentence": sentence(one, found, names),
        "difference": _gap(one.gap),
        "test_difference": _gap(one.test_gap),
        "p": one.p,
        "p_as_good": one.p_as_good,
        "more_seeds": None if one.needed is None else {"seeds": one.needed.seeds, "to_show": one.needed.shows},
        "matched": list(budgets.matched) if budgets else [],
        "ratios": dict(budgets.ratios) if budgets else {},
        "seconds_not_compared": budgets.time if budgets else None,
        "run_ids": [run.id for run in one.design.runs],
        "reference_run_ids": [run.id for run in one.reference.runs],
    }


def _design(key: str, names: Mapping[str, str]) -> dict[str, str]:
    return {"key": key, "name": names.get(key, key)}


def _gap(gap: Spread | None) -> dict[str, Any] | None:
    if gap is None:
        return None
    low, high = gap.interval(1 - ERROR)
    return {"mean": gap.mean, "deviation": gap.deviation, "pairs": gap.count, "interval": [low, high]}
