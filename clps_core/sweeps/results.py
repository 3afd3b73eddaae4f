"""How far a sweep is, and which of its designs is best. Start at sweep_state.

A *configuration* is what its runs have in common: all but the seeds and the part of a cross-validation. Its
quality is the mean over its complete runs of each one's best evaluation, with their standard deviation; its test
score is that of the same runs. Validation ranks, test is only reported.

A run that failed or was stopped does not count beside finished ones: its best came early, so it would be unfair to its
configuration; leaving it out would be unfair to the others, so a configuration with a failed run comes behind them.
A run that ended early (by the sweep's rule, or out of patience) might have become better: its best is a lower bound. It
is kept apart from the mean, and no test is made of it; for the rank it counts as it stood, so that a configuration
cannot win by the runs that a rule left it.

What the first place is worth is told by pairs of complete runs with the same seeds and fold (``Verdict``): not
finding a difference is not finding none, so "as good" takes a test of its own (Schuirmann 1987, two one-sided tests).
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from clps_core.config.telling import differing
from clps_core.metrics import MARGIN, metric_named
from clps_core.store.designs import REPLICATES, by_design, config_table
from clps_core.sweeps.definition import stored_sweep
from clps_core.sweeps.timing import seconds_left
from clps_core.tasks import TaskFacts, bare_facts
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store import Comparison, Run, Store

__all__ = [
    "ERROR",
    "FEWEST_PAIRS",
    "MARGIN",
    "Configuration",
    "Spread",
    "SweepState",
    "Verdict",
    "configurations",
    "ended_early",
    "equal_to_best",
    "replicate_of",
    "sweep_state",
]

ERROR = 0.05
"""How often a test may be wrong."""
FEWEST_PAIRS = 3
"""With fewer, nothing is told: two differences are easily alike by chance."""

Verdict = Literal["behind", "as_good", "cannot_tell", "not_compared"]
"""Behind the first by more than chance explains; within ``MARGIN`` of it; neither of both; runs failed, ended early."""


def _deviation(values: Sequence[float]) -> float:
    """Sample standard deviation of two or more values; exactly 0 for equal ones.

    ``statistics.stdev`` adds fractions, which takes more than ten times as long: pages ask for hundreds at every tick.
    """
    if min(values) == max(values):
        return 0.0
    mean = statistics.fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


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
        return cls(statistics.fmean(values), _deviation(values) if len(values) > 1 else None, len(values))

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval of the mean by Student's t; without end for fewer than ``FEWEST_PAIRS`` values."""
        if self.deviation is None or self.count < FEWEST_PAIRS:
            return -math.inf, math.inf
        from scipy.special import stdtrit  # type: ignore[import-untyped]  # not at start: only sweeps need it

        half = float(stdtrit(self.count - 1, (1 + confidence) / 2)) * self.deviation / math.sqrt(self.count)
        return self.mean - half, self.mean + half

    @property
    def p_value(self) -> float:
        """How often a mean is this far from 0 or farther where the true one is 0: two-sided, by Student's t."""
        return min(1.0, 2 * self._below(-abs(self.mean)))

    def p_beyond(self, margin: float) -> float:
        """The same where the true mean is ``margin`` from 0 or more: the larger of two one-sided tests."""
        return max(self._below(-margin - self.mean), self._below(self.mean - margin))

    def _below(self, distance: float) -> float:
        """How often Student's t is below ``distance`` in standard errors; 1 for fewer than ``FEWEST_PAIRS`` values."""
        if self.deviation is None or self.count < FEWEST_PAIRS:
            return 1.0
        if self.deviation == 0:
            return 0.0 if distance < 0 else 1.0
        from scipy.special import stdtr

        return float(stdtr(self.count - 1, distance / (self.deviation / math.sqrt(self.count))))

    @property
    def may_be_chance(self) -> bool:
        """Whether 0 lies within the 95 % interval of the mean: a difference with this spread may be none."""
        return self.p_value >= ERROR

    def within(self, margin: float) -> bool:
        """Whether the mean is shown to be nearer to 0 than ``margin``: two one-sided tests, each wrong in 5 %."""
        return self.p_beyond(margin) < ERROR


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in nothing but seeds and fold. ``values``: the fields that tell it from the others.

    ``counted`` are the bests that ``best`` is the mean of, by run id: those of complete runs; where there are none, of
    runs that ended early, and before that of all. ``early``: the bests of the finished runs that ended early.
    ``standing`` ranks it: the mean over all finished runs, as they stood. ``test``: of the runs that count, as far as
    they have a score. ``behind``: how much worse it is than the best configuration, over the pairs of complete runs
    with the same seeds and fold; ``None`` for the best one and where there is no such pair.
    """

    values: Mapping[str, Any]
    runs: tuple[Run, ...]
    counted: Mapping[str, float]
    early: Mapping[str, float]
    best: Spread | None
    standing: float | None
    test: Spread | None
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
    def lower_bound(self) -> bool:
        """Whether all that counts are runs that ended early: with all of their steps they may have become better."""
        return bool(self.early) and self.counted.keys() == self.early.keys()

    @property
    def cut_short(self) -> bool:
        """Whether some of its runs failed or ended early."""
        return bool(self.failed or self.ended_early)

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
    """A comparison in figures; ``configurations`` come best first by validation, those without an evaluation last.

    ``best_run`` is the best run of the best configuration: not the luckiest of all.
    """

    comparison: Comparison
    runs: tuple[Run, ...]
    metric: str
    higher_is_better: bool
    configurations: tuple[Configuration, ...]
    bests: Mapping[str, float]
    tests: Mapping[str, float]
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
    def margin(self) -> float:
        """How much worse than the best one still is as good, in the metric's unit."""
        first = self.best
        return metric_named(self.metric).margin(first.best.mean if first is not None and first.best else None)

    def verdicts(self) -> dict[Verdict, list[Configuration]]:
        """What can be said of the configurations with a quality beside the best one."""
        found: dict[Verdict, list[Configuration]] = {}
        for one in self.configurations[1:]:
            if one.best is not None:
                found.setdefault(self._verdict(one), []).append(one)
        return found

    def _verdict(self, one: Configuration) -> Verdict:
        first, gap = self.configurations[0], one.behind
        if gap is None or one.cut_short or first.cut_short:
            return "not_compared"
        if gap.within(self.margin):
            return "as_good"
        return "cannot_tell" if gap.may_be_chance or gap.mean < 0 else "behind"

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
    facts = runs[0].facts if runs else bare_facts("")
    bests = {run_id: value for run_id, (_step, value) in store.bests(runs).items()}
    sweep = stored_sweep(comparison.sweep)
    judge, tests = facts.judged_by, _tests(store, runs, facts)
    found = _ranked(configurations(runs, bests, tuple(sweep.fields) if sweep else (), tests), judge.sign)
    counted = found[0].counted if found else {}
    best_run = max((run for run in runs if run.id in counted), key=lambda run: judge.worth(bests[run.id]), default=None)
    left = seconds_left([one.runs for one in found], store.active_jobs(), slots)
    return SweepState(
        comparison,
        tuple(runs),
        facts.metric,
        facts.higher_is_better,
        tuple(found),
        bests,
        tests,
        best_run,
        left,
    )


def configurations(
    runs: Sequence[Run],
    bests: Mapping[str, float],
    fields: Sequence[str] = (),
    tests: Mapping[str, float] | None = None,
) -> list[Configuration]:
    """Runs by configuration, in the order of their first run; ``fields``: what the sweep varies, if it is known.

    ``bests`` and ``tests``: the best validation and the test value of the runs that have one.
    """
    designs = [(config_table(members[0]), members) for members in by_design(runs).values()]
    shown = [name for name in fields or differing([table for table, _runs in designs]) if name not in REPLICATES]
    return [
        _configuration({name: table.get(name) for name in shown}, members, bests, tests or {})
        for table, members in designs
    ]


def _configuration(
    values: dict[str, Any], runs: Sequence[Run], bests: Mapping[str, float], tests: Mapping[str, float]
) -> Configuration:
    evaluated = [run for run in runs if run.id in bests]
    finished = [run for run in evaluated if run.status == "finished"]
    complete = [run for run in finished if not ended_early(run)]
    counted = {run.id: bests[run.id] for run in complete or finished or evaluated}
    standing = [bests[run.id] for run in finished or evaluated]
    return Configuration(
        values,
        tuple(runs),
        counted,
        early={run.id: bests[run.id] for run in finished if ended_early(run)},
        best=Spread.of(list(counted.values())),
        standing=statistics.fmean(standing) if standing else None,
        test=Spread.of([tests[run_id] for run_id in counted if run_id in tests]),
        seconds=Spread.of([run.seconds for run in runs if run.seconds and not run.active]),
    )


def _ranked(found: Sequence[Configuration], sign: float) -> list[Configuration]:
    """Best first, each with what it is behind; ``sign``: -1 where lower is better."""

    def place(one: Configuration) -> tuple[bool, bool, bool, float]:
        standing = 0.0 if one.standing is None else -sign * one.standing
        return one.best is None, not one.finished, one.failed > 0, standing

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
    """The best one and those with exactly its figure, all by complete runs or none: at first often all, with 0."""
    best = ranked[0].best if ranked else None
    alike = [one for one in ranked if one.best is not None and best is not None and one.best.mean == best.mean]
    alike = [one for one in alike if (one.finished, one.ended_early) == (ranked[0].finished, ranked[0].ended_early)]
    return [one for one in alike if not one.failed]


def _by_replicate(one: Configuration) -> dict[tuple[object, ...], float]:
    """The bests of its complete runs by seed, data seed and fold; while none has finished, of those that go on."""
    found: dict[tuple[object, ...], float] = {}
    for run in one.runs:
        if run.id in one.counted and not ended_early(run):
            found[replicate_of(run)] = one.counted[run.id]
    return found


def replicate_of(run: Run) -> tuple[object, ...]:
    """Its seed, data seed and fold: runs of two designs that have them in common make a pair."""
    return run.seed, *_data_replicate(run.config_text)


@lru_cache(maxsize=2048)
def _data_replicate(config_text: str) -> tuple[object, object]:
    data = json.loads(config_text)["data"]
    return data.get("seed"), data.get("fold")


def _tests(store: Store, runs: Sequence[Run], facts: TaskFacts) -> dict[str, float]:
    """The task's metric on the test split, of the runs that were scored."""
    scores = store.final_scores([run.id for run in runs])
    found = {run_id: score.values.get(facts.metric, math.nan) for run_id, score in scores.items()}
    return {run_id: value for run_id, value in found.items() if math.isfinite(value)}


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return _("none") if value is None else str(value)
