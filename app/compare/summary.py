"""Figures of runs for tables: best and final quality, time to a quality, seeds together. No streamlit here.

Start at ``summary`` (one run) and ``grouped`` (mean and spread over the seeds of one config).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.compare.kept import Curve, kept
from app.runs.names import design_names
from clps_core.config.telling import differing, said_value
from clps_core.store import Run, Store
from clps_core.store.curves import scores_of
from clps_core.store.designs import config_table, design_of
from clps_core.store.records import FinalScore
from clps_core.sweeps.results import Spread
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = [
    "Group",
    "Measured",
    "Summary",
    "differences",
    "group_names",
    "grouped",
    "quality_of_all",
    "summary",
    "test_note",
    "test_title",
]


@dataclass(frozen=True)
class Summary:
    """One run in figures. ``best`` and ``final`` are (step, value) of the task's metric on validation data.

    ``reached`` is (step, seconds) of the first evaluation that was at least as good as the wanted quality;
    ``scores`` are all finite ones, step -> value. ``test`` is the score on the test split, once the run has one.
    """

    run: Run
    metric: str
    higher_is_better: bool
    best: tuple[int, float] | None
    final: tuple[int, float] | None
    reached: tuple[int, float] | None = None
    test: FinalScore | None = None
    scores: Mapping[int, float] = field(default_factory=dict)

    @property
    def test_value(self) -> float | None:
        """The task's metric on the test split."""
        return self.test.values.get(self.metric) if self.test is not None else None


@dataclass(frozen=True)
class Group:
    """Runs of one config that differ only in their seeds, and in the fold of a cross-validation.

    ``counted`` of them are in the means: the finished ones, while there are any. A run that failed or still trains
    beside them would say nothing about the design but that its best came early.

    ``best`` is over each one's best evaluation, whenever that was. ``final`` is at ``final_step``, the last evaluation
    that all counted runs have, where the mean in the chart ends (``mean.js``): of runs of unequal length
    each one's last values would compare training of different length.
    """

    summaries: tuple[Summary, ...]
    counted: int
    best: Spread | None
    test: Spread | None
    final: Spread | None
    final_step: int | None
    tokens_per_second: Spread | None
    seconds: Spread | None
    seconds_to_quality: Spread | None
    cpu_seconds: Spread | None = None
    written: Mapping[str, Spread] = field(default_factory=dict)
    """Scores of whole answers on the test split, such as BLEU, which no evaluation on the way has."""

    @property
    def run(self) -> Run:
        """One of the runs, for what they have in common."""
        return self.summaries[0].run

    @property
    def counted_runs(self) -> tuple[Run, ...]:
        """Those that are in the means."""
        return tuple(one.run for one in _judged(self.summaries))

    @property
    def uneven(self) -> bool:
        """Whether a counted run has evaluations beyond the last one that all have."""
        return any(one.final and one.final[0] != self.final_step for one in _judged(self.summaries))


def summary(store: Store, run: Run, quality: float | None = None) -> Summary:
    """The figures of ``run``; ``quality`` is what ``reached`` asks for, in the metric's unit."""
    return Measured.of(store, [run]).summaries(quality)[0]


@dataclass(frozen=True)
class Measured:
    """What the store has of several runs, read once: from it their figures follow for any quality."""

    runs: tuple[Run, ...]
    curves: Mapping[str, Curve]
    tests: Mapping[str, FinalScore]

    @classmethod
    def of(cls, store: Store, runs: Sequence[Run]) -> Measured:
        """One statement, and one for each metric of which there is news, however many runs there are."""
        latest = store.latest([run.id for run in runs])
        return cls(tuple(runs), kept.curves(store, runs, latest), scores_of(latest))

    def summaries(self, quality: float | None = None) -> list[Summary]:
        """The figures of each run; ``quality`` is what ``reached`` asks for, in the metric's unit."""
        found = []
        for run in self.runs:
            judge, figures = run.facts.judged_by, self.curves[run.id].figures(quality)
            test = self.tests.get(run.id) if run.status == "finished" else None
            found.append(
                Summary(
                    run,
                    judge.name,
                    judge.higher_is_better,
                    best=figures.best,
                    final=figures.final,
                    reached=figures.reached,
                    test=test,
                    scores=figures.scores,
                )
            )
        return found


def test_note(task: TaskFacts) -> str:
    """Why there are two figures, validation and test, and what they are of."""
    if task.memory:
        return _(
            "This task measures memory: the validation and test examples are trained, too. Each run's best weights are "
            "chosen on the validation split. The test split is scored once, after training, and nothing is chosen by "
            "it."
        )
    return _(
        "Each run's best weights are chosen on the validation split, so validation scores tend to be too "
        "good. The test split is scored once, after training, and nothing is chosen by it."
    )


def test_title(task: TaskFacts) -> str:
    """The heading of scores on the test split of ``task``."""
    return _("Test, trained examples") if task.memory else _("Test")


def grouped(summaries: Sequence[Summary]) -> list[Group]:
    """Runs whose configs differ in nothing but seeds and fold, together; in the order of their first run."""
    groups: dict[str, list[Summary]] = {}
    for one in summaries:
        groups.setdefault(design_of(one.run), []).append(one)
    return [_group(members) for members in groups.values()]


def group_names(groups: Sequence[Group]) -> list[str]:
    """What tells the groups apart; see ``run_names``."""
    return design_names([group.run for group in groups])


def quality_of_all(summaries: Sequence[Summary]) -> float | None:
    """A round quality that every finished run has reached (before there is one, every run): the natural finishing line.

    Runs no better than the baseline are left out, and the line is better than the baseline: an untrained
    model must not reach it. ``None`` where there is no such line.
    """
    best = [one.best[1] for one in _judged(summaries) if one.best and _beats_baseline(one, one.best[1])]
    if not best:
        return None
    judge = summaries[0].run.facts.judged_by
    worst = judge.worst(best)
    if judge.higher_is_better:
        lines = [math.floor(worst * 20) / 20, math.floor(worst * 1000) / 1000, worst]
    else:
        units = [10.0 ** (math.floor(math.log10(worst)) - digits) for digits in (1, 3)] if worst > 0 else []
        lines = [*(round(math.ceil(worst / unit - 1e-9) * unit, 10) for unit in units), worst]
    return next(line for line in lines if _beats_baseline(summaries[0], line) and not judge.better(line, worst))


def _beats_baseline(one: Summary, value: float) -> bool:
    return value != 0 and one.run.facts.beats_baseline(value)


def _judged(summaries: Sequence[Summary]) -> Sequence[Summary]:
    """Those of finished runs, while there are any."""
    return [one for one in summaries if one.run.status == "finished"] or summaries


def _group(members: Sequence[Summary]) -> Group:
    counted = _judged(members)
    evaluated = [one.scores for one in counted if one.scores]
    shared = set.intersection(*map(set, evaluated)) if evaluated else set()
    end = max(shared, default=None)
    return Group(
        tuple(members),
        len(counted),
        best=Spread.of([one.best[1] for one in counted if one.best]),
        test=Spread.of([one.test_value for one in counted if one.test_value is not None]),
        final=Spread.of([scores[end] for scores in evaluated]) if end is not None else None,
        final_step=end,
        tokens_per_second=Spread.of([one.run.tokens_per_second for one in counted if one.run.tokens_per_second]),
        seconds=Spread.of([one.run.seconds for one in counted if one.run.seconds]),
        seconds_to_quality=Spread.of([one.reached[1] for one in counted if one.reached]),
        cpu_seconds=_cpu_seconds(counted),
        written=_written(counted),
    )


def _cpu_seconds(counted: Sequence[Summary]) -> Spread | None:
    """Only where it was recorded of all: versions before did not."""
    known = [one.run.cpu_seconds for one in counted if one.run.cpu_seconds is not None]
    return Spread.of(known) if len(known) == len(counted) else None


def _written(counted: Sequence[Summary]) -> dict[str, Spread]:
    """Metric -> spread, of what only the test scores have."""
    tests = [one.test.values for one in counted if one.test is not None]
    names = dict.fromkeys(name for values in tests for name in values if name not in counted[0].run.facts.metrics)
    found = {name: Spread.of([values[name] for values in tests if name in values]) for name in names}
    return {name: spread for name, spread in found.items() if spread is not None}


def differences(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Config field -> its value in each run, for the fields that are not the same in all runs."""
    tables = [config_table(run) for run in runs]
    return {field: [said_value(table.get(field)) for table in tables] for field in differing(tables)}
