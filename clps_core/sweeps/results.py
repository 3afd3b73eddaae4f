"""How far a sweep is, and which of its designs is best. Start at sweep_state.

A *configuration* is what its runs have in common: all but the seed and the part of a cross-validation. Its
quality is the mean over those of each run's best evaluation, with their standard deviation.
"""

from __future__ import annotations

import heapq
import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from clps_core.store import schema
from clps_core.sweeps.plan import sweep_of_plan
from clps_core.tasks import TASKS, TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store import Comparison, Run, Store

__all__ = ["Configuration", "Spread", "SweepState", "configurations", "seconds_left", "sweep_state"]

_m = schema.metric.c
MOST_FIELDS_SHOWN = 6


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (``None`` for a single value) of ``count`` values."""

    mean: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of ``values``; ``None`` for none."""
        if not values:
            return None
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in nothing but seed and fold. ``settings``: the fields that tell it from the others."""

    settings: dict[str, str]
    runs: tuple[Run, ...]
    best: Spread | None
    seconds: Spread | None

    @property
    def name(self) -> str:
        """Such as ``learning_rate 0.003 · strategy all``."""
        said = [f"{field.rpartition('.')[2]} {value}" for field, value in self.settings.items()]
        return " · ".join(said) or self.runs[0].strategy

    @property
    def ended_early(self) -> int:
        """How many of its runs a rule ended before their last step."""
        return sum(run.status == "finished" and run.step < run.steps for run in self.runs)


@dataclass(frozen=True)
class SweepState:
    """A comparison in figures; ``configurations`` come best first, those without an evaluation last."""

    comparison: Comparison
    runs: tuple[Run, ...]
    metric: str
    higher_is_better: bool
    configurations: tuple[Configuration, ...]
    best_run: Run | None
    best_value: float | None
    seconds_left: float | None

    @property
    def ended(self) -> int:
        """Runs that nothing will happen to any more."""
        return sum(not run.active for run in self.runs)

    @property
    def progress(self) -> float:
        """Part of the work that is done, 0 to 1; what a rule saved counts as done."""
        total = sum(run.steps for run in self.runs)
        done = sum(run.step if run.active else run.steps for run in self.runs)
        return done / total if total else 0.0

    @property
    def statuses(self) -> dict[str, int]:
        """Status -> number of runs."""
        return dict(Counter(run.status for run in self.runs))


def sweep_state(store: Store, comparison: Comparison, slots: int) -> SweepState:
    """The state of ``comparison``, a sweep or not; ``slots``: how many runs advance at once."""
    runs = store.runs(comparison=comparison.id)
    facts = TASKS.get(runs[0].task) if runs else None
    bests = _bests(store, runs, facts) if facts else {}
    sweep = sweep_of_plan(comparison.plan)
    found = configurations(runs, bests, tuple(sweep.fields) if sweep else ())
    sign = 1.0 if facts and facts.higher_is_better else -1.0
    ordered = sorted(found, key=lambda one: (one.best is None, -sign * one.best.mean if one.best else 0.0))
    best_run = max((run for run in runs if run.id in bests), key=lambda run: sign * bests[run.id], default=None)
    return SweepState(
        comparison,
        tuple(runs),
        facts.metric if facts else "",
        facts.higher_is_better if facts else True,
        tuple(ordered),
        best_run,
        bests[best_run.id] if best_run else None,
        seconds_left(runs, slots),
    )


def configurations(runs: Sequence[Run], bests: Mapping[str, float], fields: Sequence[str] = ()) -> list[Configuration]:
    """Runs by configuration, in the order of their first run; ``fields``: what the sweep varies, if it is known."""
    groups: dict[str, list[Run]] = {}
    flat: dict[str, dict[str, Any]] = {}
    for run in runs:
        config = _flat(json.loads(run.config_text))
        for name in ("seed", "data.fold"):
            config.pop(name, None)
        key = json.dumps(config, sort_keys=True)
        groups.setdefault(key, []).append(run)
        flat[key] = config
    if not fields:
        names = dict.fromkeys(name for config in flat.values() for name in config)
        fields = [name for name in names if len({repr(config.get(name)) for config in flat.values()}) > 1]
    return [
        Configuration(
            {name: _shown(flat[key].get(name)) for name in fields[:MOST_FIELDS_SHOWN]},
            tuple(members),
            Spread.of([bests[run.id] for run in members if run.id in bests]),
            Spread.of([run.seconds for run in members if run.seconds and not run.active]),
        )
        for key, members in groups.items()
    ]


def seconds_left(runs: Sequence[Run], slots: int) -> float | None:
    """About how long until the last run is done, at the pace of those that have begun; ``None`` before one has.

    A run that has not begun is expected to take as many seconds a step as the others do on average. Runs of
    other sweeps are not counted, and a rule may end runs earlier.
    """
    paces = [run.seconds / run.step for run in runs if run.step and run.seconds]
    waiting = [run for run in runs if run.active]
    if not waiting:
        return 0.0
    if not paces:
        return None
    usual = statistics.fmean(paces)
    free = [0.0] * max(1, slots)
    for run in sorted(waiting, key=lambda run: run.status != "running"):
        pace = run.seconds / run.step if run.step and run.seconds else usual
        heapq.heapreplace(free, free[0] + (run.steps - run.step) * pace)
    return max(free)


def _bests(store: Store, runs: Sequence[Run], facts: TaskFacts) -> dict[str, float]:
    """Each run's best value of the task's metric on validation; one query."""
    best = sa.func.max if facts.higher_is_better else sa.func.min
    query = (
        sa.select(_m.run_id, best(_m.value))
        .where(_m.run_id.in_([run.id for run in runs]), _m.split == "validation", _m.name == facts.metric)
        .group_by(_m.run_id)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {row[0]: float(row[1]) for row in rows if row[1] is not None and math.isfinite(row[1])}


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return _("none") if value is None else str(value)
