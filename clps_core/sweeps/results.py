"""How far a sweep is, and which of its designs is best. Start at sweep_state.

A *configuration* is what its runs have in common: all but the seeds and the part of a cross-validation. Its
quality is the mean over its finished runs of each one's best evaluation, with their standard deviation. A run that
failed or was stopped does not count beside finished ones: its best came early, so it would be unfair to its
configuration; leaving it out would be unfair to the others, so a configuration with a failed run comes behind them.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from clps_core.config import flat
from clps_core.store import schema
from clps_core.sweeps.plan import sweep_of_plan
from clps_core.sweeps.timing import seconds_left
from clps_core.tasks import TASKS, TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store import Comparison, Run, Store

__all__ = [
    "REPLICATES",
    "Configuration",
    "Spread",
    "SweepState",
    "configurations",
    "equal_to_best",
    "sweep_state",
    "worth_of_first",
]

_m = schema.metric.c
REPLICATES = ("seed", "data.seed", "data.fold")
"""Fields that repeat a configuration: which of their values is best says nothing about a design."""
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t, two-sided 95 %, for 1 to 10 degrees of freedom; more take the last one, a little too careful."""


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

    @property
    def may_be_chance(self) -> bool:
        """Whether 0 lies within the 95 % interval of the mean: a difference with this spread may be none."""
        if self.deviation is None:
            return True
        free = min(self.count - 1, len(T_95))
        return abs(self.mean) <= T_95[free - 1] * self.deviation / math.sqrt(self.count)


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in nothing but seeds and fold. ``values``: the fields that tell it from the others.

    ``counted`` are the bests that ``best`` is the mean of, by run id: those of finished runs, of others only while
    there are none. ``behind``: how much worse it is than the best configuration, over the pairs of runs with the
    same seeds and fold; ``None`` for the best one and where there is no such pair.
    """

    values: Mapping[str, Any]
    runs: tuple[Run, ...]
    counted: Mapping[str, float]
    best: Spread | None
    seconds: Spread | None
    behind: Spread | None = None

    @property
    def settings(self) -> dict[str, str]:
        """``values`` as short texts."""
        return {name: _shown(value) for name, value in self.values.items()}

    @property
    def name(self) -> str:
        """Such as ``learning_rate 0.003 · strategy all``."""
        said = [f"{field.rpartition('.')[2]} {value}" for field, value in self.settings.items()]
        return " · ".join(said) or self.runs[0].strategy

    @property
    def ended_early(self) -> int:
        """How many of its runs a rule ended before their last step."""
        return sum(ended_early(run) for run in self.runs)

    @property
    def failed(self) -> int:
        """How many of its runs failed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def finished(self) -> bool:
        """Whether any of its runs has finished: before, its quality is that of a beginning."""
        return any(run.status == "finished" for run in self.runs)


def ended_early(run: Run) -> bool:
    """Whether a rule ended ``run`` before its last step."""
    return run.status == "finished" and run.step < run.steps


@dataclass(frozen=True)
class SweepState:
    """A comparison in figures; ``configurations`` come best first, those without an evaluation last.

    ``best_run`` is the best run of the best configuration: not the luckiest of all.
    """

    comparison: Comparison
    runs: tuple[Run, ...]
    metric: str
    higher_is_better: bool
    configurations: tuple[Configuration, ...]
    bests: Mapping[str, float]
    best_run: Run | None
    seconds_left: float | None

    @property
    def best(self) -> Configuration | None:
        """The best configuration; ``None`` while nothing was evaluated."""
        first = self.configurations[0] if self.configurations else None
        return first if first is not None and first.best is not None else None

    @property
    def best_value(self) -> float | None:
        """The best evaluation of ``best_run``."""
        return self.bests[self.best_run.id] if self.best_run is not None else None

    @property
    def level(self) -> tuple[Configuration, ...]:
        """Configurations without a failed run that cannot be told from the best one: their lag may be chance."""
        others = self.configurations[1:]
        return tuple(one for one in others if one.behind and one.behind.may_be_chance and not one.failed)

    @property
    def first_is_alone(self) -> bool:
        """Whether the best one is better than each other by more than chance; each is compared, none has failed."""
        gaps = [None if one.failed else one.behind for one in self.configurations[1:]]
        return all(gap is not None and gap.mean > 0 and not gap.may_be_chance for gap in gaps)

    @property
    def ended(self) -> int:
        """Runs that nothing will happen to any more."""
        return sum(not run.active for run in self.runs)

    @property
    def progress(self) -> float:
        """Part of the work that is done, 0 to 1; what a rule saved counts as done, what was cancelled does not."""
        total = sum(run.steps for run in self.runs)
        done = sum(run.steps if run.status == "finished" else run.step for run in self.runs)
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
    sign = 1.0 if facts and facts.higher_is_better else -1.0
    found = _ranked(configurations(runs, bests, tuple(sweep.fields) if sweep else ()), sign)
    counted = found[0].counted if found else {}
    best_run = max((run for run in runs if run.id in counted), key=lambda run: sign * bests[run.id], default=None)
    left = seconds_left([one.runs for one in found], store.active_runs(), slots)
    return SweepState(
        comparison,
        tuple(runs),
        facts.metric if facts else "",
        facts.higher_is_better if facts else True,
        tuple(found),
        bests,
        best_run,
        left,
    )


def configurations(runs: Sequence[Run], bests: Mapping[str, float], fields: Sequence[str] = ()) -> list[Configuration]:
    """Runs by configuration, in the order of their first run; ``fields``: what the sweep varies, if it is known."""
    groups: dict[str, list[Run]] = {}
    configs: dict[str, dict[str, Any]] = {}
    for run in runs:
        config = flat(json.loads(run.config_text))
        for name in REPLICATES:
            config.pop(name, None)
        key = json.dumps(config, sort_keys=True)
        groups.setdefault(key, []).append(run)
        configs[key] = config
    if not fields:
        names = dict.fromkeys(name for config in configs.values() for name in config)
        fields = [name for name in names if len({repr(config.get(name)) for config in configs.values()}) > 1]
    shown = [name for name in fields if name not in REPLICATES]
    return [_configuration({name: configs[key].get(name) for name in shown}, groups[key], bests) for key in groups]


def _configuration(values: dict[str, Any], runs: Sequence[Run], bests: Mapping[str, float]) -> Configuration:
    evaluated = [run for run in runs if run.id in bests]
    finished = [run for run in evaluated if run.status == "finished"]
    counted = {run.id: bests[run.id] for run in finished or evaluated}
    return Configuration(
        values,
        tuple(runs),
        counted,
        Spread.of(list(counted.values())),
        Spread.of([run.seconds for run in runs if run.seconds and not run.active]),
    )


def _ranked(found: Sequence[Configuration], sign: float) -> list[Configuration]:
    """Best first, each with what it is behind; ``sign``: -1 where lower is better."""

    def place(one: Configuration) -> tuple[bool, bool, bool, float]:
        return one.best is None, not one.finished, one.failed > 0, -sign * one.best.mean if one.best else 0.0

    ordered = sorted(found, key=place)
    if not ordered or ordered[0].best is None:
        return ordered
    first = _by_replicate(ordered[0])
    behind = []
    for one in ordered[1:]:
        mine = _by_replicate(one)
        behind.append(Spread.of([sign * (first[key] - mine[key]) for key in first if key in mine]))
    return [ordered[0], *(replace(one, behind=gap) for one, gap in zip(ordered[1:], behind, strict=True))]


def equal_to_best(ranked: Sequence[Configuration]) -> list[Configuration]:
    """The best one and those that are exactly as good: at first often all, with a quality of 0."""
    best = ranked[0].best if ranked else None
    alike = [one for one in ranked if one.best is not None and best is not None and one.best.mean == best.mean]
    return [one for one in alike if one.finished == ranked[0].finished and not one.failed]


def worth_of_first(state: SweepState, called: Callable[[Configuration], str]) -> str | None:
    """Whether the first place means anything, in a sentence; ``called``: what a configuration is called there.

    ``None`` before all runs have ended, and where nobody can tell.
    """
    compared = [one.behind for one in state.configurations if one.behind is not None]
    if state.ended < len(state.runs) or not compared:
        return None
    if all(behind.count < 2 for behind in compared):
        return _("One run each: more seeds would tell whether the order is more than chance.")
    if state.level:
        names = "; ".join(map(called, state.level[:3])) + (" …" if len(state.level) > 3 else "")
        return _("As good as the first, as far as these runs can tell (95 %): {names}.", names=names)
    if state.first_is_alone:
        return _("The first is better than all others by more than chance explains (95 %, by pairs of runs).")
    return None


def _by_replicate(one: Configuration) -> dict[tuple[object, ...], float]:
    """Its counted bests by seed, data seed and fold."""
    found: dict[tuple[object, ...], float] = {}
    for run in one.runs:
        if run.id in one.counted:
            data = json.loads(run.config_text)["data"]
            found[run.seed, data.get("seed"), data.get("fold")] = one.counted[run.id]
    return found


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


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return _("none") if value is None else str(value)
