"""A metric says all about itself, so that a new one is ranked, written, drawn and checked as it says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from own_tasks import other_facts, registered

from app.chart.run_curves import panels_of
from app.compare.scatter import Dot, quality_scatter
from app.compare.summary import summary
from app.depth.figures import DepthLine, depth_curves
from app.look.formatting import metric as written
from app.sweep.picture import sweep_figure
from clps_core.errors import ConfigError
from clps_core.metrics import METRICS, Metric, metric_named
from clps_core.store import Comparison, Point, Run, Store, metrics, schema
from clps_core.sweeps import expand, sweep_from_plain, sweep_state
from clps_core.tasks import TASKS, TaskFacts, facts_kept

ERRORS = Metric("errors", lambda: "Errors", False, "err", 0.0, 50.0, usual=10.0)
BITS = Metric("bits", lambda: "Bits", False, "bit", 0.0, log=True, usual=8.0)
PLAIN: dict[str, Any] = {
    "base": {"data": {"task": "digits"}, "train": {"steps": 100}},
    "sweep": {"fields": {"model.d_model": [32, 64]}},
}


@contextmanager
def judged_by(new: Metric) -> Iterator[TaskFacts]:
    usual = TASKS.usual("digits")
    facts = replace(usual, metric=new.name, metrics=("loss", new.name), own_metrics=(new,), baseline=45.0)
    with registered(other_facts(facts)):
        yield TASKS.usual("digits")


@pytest.fixture(params=[ERRORS, BITS], ids=lambda one: one.name)
def facts(request: pytest.FixtureRequest) -> Iterator[TaskFacts]:
    with judged_by(request.param) as found:
        yield found


@pytest.mark.parametrize("one", METRICS.values(), ids=lambda one: one.name)
def test_every_metric_says_all_about_itself(one: Metric) -> None:
    assert METRICS[one.name] is one
    assert one.title
    assert one.title != one.name
    assert one.direction
    assert one.lowest < one.highest
    assert one.can_be_wanted(one.usual)
    assert one.step > 0
    assert one.shown(one.usual)
    assert one.shown(None) == "–"
    assert one.limits
    assert one.margin_in_words
    assert not (one.log and one.lowest <= 0 and one.range), "a logarithmic axis has no 0"


@pytest.mark.parametrize("task", TASKS.usable().values(), ids=lambda one: one.name)
def test_every_task_is_judged_by_one_of_its_metrics(task: TaskFacts) -> None:
    assert task.metric in task.metrics
    own = {one.name for one in task.own_metrics}
    assert set(task.metrics) <= set(METRICS) | own
    assert not own & set(METRICS), "everybody's metric means the same everywhere"
    assert facts_kept(task.name, None).judged_by is task.judged_by


def test_a_name_may_have_its_split_before_it() -> None:
    assert metric_named("validation.exact_match") is METRICS["exact_match"]


def test_what_is_not_known_is_a_plain_figure() -> None:
    unknown = metric_named("validation.rouge")
    assert (unknown.title, unknown.range, unknown.log, unknown.percent) == ("rouge", None, False, False)
    assert unknown.shown(0.5) == "0.500"
    assert facts_kept("a task of elsewhere", None).judged_by is METRICS["loss"]


def test_limits_leave_out_what_any_run_reaches() -> None:
    assert METRICS["accuracy"].limits == "more than 0 and at most 1 (0.8 for 80 %)"
    assert METRICS["perplexity"].limits == "at least 1"
    assert ERRORS.limits == "at least 0 and less than 50"
    assert [ERRORS.can_be_wanted(value) for value in (0.0, 49.0, 50.0, math.inf)] == [True, True, False, False]


def test_a_new_metric_is_written_in_its_unit(facts: TaskFacts) -> None:
    assert written(f"validation.{facts.metric}", 12.3456) == f"12.346 {facts.judged_by.unit}"
    assert facts.judged_by.without_unit(12.3456) == "12.346"


def test_its_curves_are_those_that_the_task_names(facts: TaskFacts) -> None:
    assert metrics.curve_names(facts)["validation"] == ("loss", facts.metric)
    assert facts.metric in metrics.curve_names()["validation"]


def ranked(store: Store, name: str) -> tuple[Comparison, list[Run]]:
    sweep = sweep_from_plain(PLAIN)
    made = store.create_comparison("new", expand(sweep), sweep=sweep.plain())
    comparison = next(one for one in store.comparisons() if one.id == made)
    runs = store.runs(comparison=made)
    for run, values in zip(runs, ({10: 30.0, 20: 20.0, 30: 25.0}, {10: 40.0, 20: 35.0}), strict=True):
        evaluated(store, run, name, values)
    return comparison, runs


def evaluated(store: Store, run: Run, name: str, values: Mapping[int, float]) -> None:
    points = [Point(run.id, "validation", name, step, value, float(step)) for step, value in values.items()]
    with store.writing() as connection:
        metrics.append(connection, run.id, points)
        connection.execute(
            schema.run.update().where(schema.run.c.id == run.id).values(status="finished", step=100, seconds=1.0)
        )


def test_a_new_metric_ranks_runs(store: Store, facts: TaskFacts) -> None:
    comparison, runs = ranked(store, facts.metric)
    state = sweep_state(store, comparison, slots=1)
    assert [one.values["model.d_model"] for one in state.configurations] == [32, 64]
    assert (state.best_value, state.metric, state.higher_is_better) == (20.0, facts.metric, False)
    assert store.bests(runs)[runs[0].id] == (20, 20.0)
    assert summary(store, store.run(runs[0].id)).best == (20, 20.0)
    assert facts.beats_baseline(20.0)
    assert not facts.beats_baseline(46.0)


def test_a_new_metric_is_drawn_on_its_axis(store: Store, facts: TaskFacts) -> None:
    comparison, _runs = ranked(store, facts.metric)
    judge = facts.judged_by
    panel = panels_of(facts)[1]
    assert (panel.range, panel.log, panel.kind, panel.note) == (judge.range, judge.log, "plain", "lower is better")
    depth = depth_curves(
        [DepthLine("a", "#000000", 0, 0, [1, 2], [20.0, 30.0], [True, False])], judge.name, "", "", None
    )
    assert depth.layout.yaxis.type == ("log" if judge.log else None)
    scatter = quality_scatter([Dot("a", "#000000", 1000, 20.0), Dot("b", "#000000", 2000, 35.0)], facts, judge.title)
    picture = sweep_figure(sweep_state(store, comparison, slots=1).configurations, judge.name, judge.title)
    assert [made.layout.yaxis.tickformat for made in (depth, scatter, picture)] == [None] * 3
    if judge is ERRORS:
        assert depth.layout.yaxis.range == pytest.approx((-4.5, 53.5))
        assert scatter.layout.yaxis.range == pytest.approx((-4.0, 52.0))
        assert picture.layout.yaxis.range == pytest.approx((18.8, 36.2))


def test_a_sweep_checks_a_threshold_by_it(facts: TaskFacts) -> None:
    def swept(value: float) -> None:
        expand(sweep_from_plain({**PLAIN, "stop": {"rule": "threshold", "value": value, "after": 20}}))

    swept(facts.judged_by.usual)
    with pytest.raises(ConfigError, match=f"{facts.judged_by.limits}: digits is judged by {facts.metric}"):
        swept(-1.0)
