"""A sweep in figures: configurations best first, mean and spread over seeds and folds, time left."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clps_core.store import Comparison, Point, Run, Store, metrics, open_store, schema
from clps_core.sweeps import expand, sweep_from_plain, sweep_state
from clps_core.sweeps.results import seconds_left

PLAIN = {
    "base": {"data": {"task": "digits"}, "train": {"steps": 100}},
    "sweep": {"fields": {"optim.learning_rate": [0.001, 0.01], "sharing.strategy": ["none", "all"]}},
    "seeds": [0, 1],
    "folds": 2,
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "home")
    yield store
    store.close()


def queued(store: Store) -> tuple[Comparison, list[Run]]:
    sweep = sweep_from_plain(PLAIN)
    store.create_comparison("rates", expand(sweep), plan=sweep.plan())
    (comparison,) = store.comparisons()
    return comparison, store.runs(comparison=comparison.id)


def curve(store: Store, run: Run, name: str, values: Mapping[int, float]) -> None:
    points = [Point(run.id, "validation", name, step, value, float(step)) for step, value in values.items()]
    with store.writing() as connection:
        metrics.append(connection, run.id, points)


def mark(store: Store, run: Run, **values: object) -> None:
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(**values))


def quality(run: Run) -> float:
    rate, fold = run.config.optim.learning_rate, run.config.data.fold or 0
    return 0.5 + 20 * rate + 0.1 * (run.strategy == "none") + 0.01 * run.seed + 0.02 * fold


def test_configurations_come_best_first_with_their_spread_over_seeds_and_folds(store):
    comparison, runs = queued(store)
    for run in runs:
        curve(store, run, "accuracy", {10: 0.2, 20: quality(run), 30: 0.3})
        curve(store, run, "loss", {10: 99.0})
        mark(store, run, status="finished", step=100, seconds=30.0)
    state = sweep_state(store, comparison, slots=2)
    assert [one.settings for one in state.configurations] == [
        {"optim.learning_rate": rate, "sharing.strategy": strategy}
        for rate, strategy in [("0.01", "none"), ("0.01", "all"), ("0.001", "none"), ("0.001", "all")]
    ]
    for one in state.configurations:
        values = [quality(run) for run in one.runs]
        assert one.best is not None
        assert (one.best.count, {(run.seed, run.config.data.fold) for run in one.runs}) == (
            4,
            {(0, 0), (0, 1), (1, 0), (1, 1)},
        )
        assert one.best.mean == pytest.approx(statistics.fmean(values))
        assert one.best.deviation == pytest.approx(statistics.stdev(values))
    assert state.best_run is not None
    assert state.best_value == quality(state.best_run) == max(map(quality, runs))
    assert (state.ended, state.progress, state.seconds_left) == (16, 1.0, 0.0)


def test_a_sweep_that_nobody_began_says_what_it_does_not_know(store):
    comparison, runs = queued(store)
    state = sweep_state(store, comparison, slots=2)
    assert (state.best_run, state.best_value, state.seconds_left, state.progress) == (None, None, None, 0.0)
    assert state.statuses == {"queued": 16}
    assert sum(len(one.runs) for one in state.configurations) == len(runs)


def test_the_time_left_shares_what_is_to_do_among_the_slots(store):
    _comparison, runs = queued(store)
    mark(store, runs[0], status="finished", step=100, seconds=20.0)
    mark(store, runs[1], status="running", step=50, seconds=10.0)
    for run in runs[2:]:
        mark(store, run, status="cancelled")
    mark(store, runs[2], status="queued")
    found = store.runs()
    assert seconds_left(found, slots=2) == pytest.approx(20.0), "10 s and 20 s beside each other"
    assert seconds_left(found, slots=1) == pytest.approx(30.0), "10 s and then 20 s"


def test_runs_that_a_rule_ended_count_as_done(store):
    comparison, runs = queued(store)
    for run in runs:
        mark(store, run, status="finished", step=25, seconds=5.0)
    state = sweep_state(store, comparison, slots=1)
    assert (state.progress, state.ended, state.seconds_left) == (1.0, 16, 0.0)
    assert [one.ended_early for one in state.configurations] == [4, 4, 4, 4]


def test_a_comparison_without_a_plan_is_told_apart_by_what_differs(store):
    store.create_comparison("plain", expand(sweep_from_plain(PLAIN)))
    (comparison,) = store.comparisons()
    settings = [one.settings for one in sweep_state(store, comparison, slots=1).configurations]
    assert all(set(one) == {"optim.learning_rate", "sharing.strategy"} for one in settings)
    assert len(settings) == 4
