"""A sweep in figures: configurations best first, mean and spread over seeds and folds, time left."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clps_core.store import Comparison, Point, Run, Store, metrics, open_store, schema
from clps_core.sweeps import expand, sweep_from_plain, sweep_state
from clps_core.sweeps.results import Spread, ended_early, equal_to_best
from clps_core.timing import LAUNCH_SECONDS, START_SECONDS, seconds_left

PLAIN: dict[str, Any] = {
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


def queued(store: Store, plain: Mapping[str, Any] = PLAIN) -> tuple[Comparison, list[Run]]:
    sweep = sweep_from_plain(plain)
    configs = expand(sweep)
    sizes = [(one.config.model.d_model or 1, one.config.model.d_model or 1) for one in configs]
    made = store.create_comparison("rates", configs, sweep=sweep.plain(), parameters=sizes)
    comparison = next(one for one in store.comparisons() if one.id == made)
    return comparison, store.runs(comparison=comparison.id)


def ended(store: Store, run: Run, best: float, metric: str = "accuracy", **values: object) -> None:
    curve(store, run, metric, {10: best})
    mark(store, run, **{"status": "finished", "step": 100, "seconds": 30.0, **values})


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
    assert [one.values for one in state.configurations] == [
        {"optim.learning_rate": rate, "sharing.strategy": strategy}
        for rate, strategy in [(0.01, "none"), (0.01, "all"), (0.001, "none"), (0.001, "all")]
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


ONE = {"base": PLAIN["base"], "sweep": {"fields": {"model.d_model": [32, 64]}}, "seeds": [0, 1]}
"""Runs 0 and 2 are one configuration, 1 and 3 the other."""


def test_a_failed_run_neither_counts_nor_lets_its_configuration_win(store):
    """Without its failed run, the wider model would win by the one seed it survived."""
    comparison, (narrow, wide, narrow_again, wide_again) = queued(store, ONE)
    for run, best in [(narrow, 0.6), (narrow_again, 0.7), (wide, 0.9)]:
        ended(store, run, best)
    ended(store, wide_again, 0.1, status="failed", step=12)
    first, second = sweep_state(store, comparison, slots=1).configurations
    assert (first.values, first.failed) == ({"model.d_model": 32}, 0)
    assert (second.best, second.failed) == (Spread(0.9, None, 1), 1)
    assert sweep_state(store, comparison, slots=1).verdicts() == {"not_compared": [second]}


def test_a_run_that_is_not_done_does_not_count_beside_a_finished_one(store):
    comparison, (narrow, wide, narrow_again, wide_again) = queued(store, ONE)
    ended(store, narrow, 0.8)
    ended(store, wide, 0.7)
    ended(store, narrow_again, 0.1, status="running", step=10)
    ended(store, wide_again, 0.1, status="cancelled", step=10)
    state = sweep_state(store, comparison, slots=1)
    assert [one.best for one in state.configurations] == [Spread(0.8, None, 1), Spread(0.7, None, 1)]
    assert state.best_run is not None
    assert state.best_run.id == narrow.id


def test_a_beginning_is_shown_but_comes_behind_what_has_finished(store):
    comparison, (narrow, wide, *_rest) = queued(store, ONE)
    ended(store, narrow, 0.5)
    ended(store, wide, 0.6, status="running", step=10)
    assert [one.best.mean for one in sweep_state(store, comparison, slots=1).configurations if one.best] == [0.5, 0.6]


def test_the_best_run_is_of_the_best_configuration_and_not_the_luckiest_of_all(store):
    comparison, (narrow, wide, narrow_again, wide_again) = queued(store, ONE)
    for run, best in [(narrow, 0.6), (narrow_again, 0.7), (wide, 0.9), (wide_again, 0.2)]:
        ended(store, run, best)
    state = sweep_state(store, comparison, slots=1)
    assert state.best_run is not None
    assert (state.best_run.id, state.best_value) == (narrow_again.id, 0.7)
    assert state.best is not None
    assert state.best.values == {"model.d_model": 32}


def test_lower_is_better_where_the_task_says_so(store):
    plain = ONE | {"base": {"data": {"task": "python-docs"}, "train": {"steps": 100}}}
    comparison, runs = queued(store, plain)
    for run, best in zip(runs, (90.0, 80.0, 94.0, 82.0), strict=True):
        ended(store, run, best, metric="perplexity")
    state = sweep_state(store, comparison, slots=1)
    assert [one.values["model.d_model"] for one in state.configurations] == [64, 32]
    assert (state.best_value, state.higher_is_better) == (80.0, False)
    assert state.configurations[1].behind == Spread(11.0, pytest.approx(2**0.5), 2)


def test_how_far_behind_is_told_by_pairs_of_one_seed_and_fold(store):
    """Seeds and folds move all designs alike, so the pairs agree where the means overlap."""
    comparison, runs = queued(store)
    for run in runs:
        noise = 0.2 * run.seed + 0.1 * (run.config.data.fold or 0)
        lag = 0.05 * (run.strategy == "all") + 0.1 * (run.config.optim.learning_rate == 0.001)
        uneven = 0.08 * (run.seed == 0) * (run.strategy == "all") * (run.config.optim.learning_rate == 0.01)
        ended(store, run, 0.5 + noise - lag + uneven)
    state = sweep_state(store, comparison, slots=1)
    first, second, third, _fourth = state.configurations
    assert (first.behind, first.best.deviation if first.best else 0) == (None, pytest.approx(0.129, abs=0.001))
    assert second.behind == Spread(pytest.approx(0.01), pytest.approx(0.0462, abs=0.001), 4)
    assert third.behind == Spread(pytest.approx(0.1), pytest.approx(0), 4)
    verdicts = state.verdicts()
    assert verdicts["cannot_tell"] == [second]
    assert third in verdicts["behind"], "0.1 is behind in each pair, though the means lie within one deviation"


@pytest.mark.parametrize(
    ("values", "chance"),
    [
        ([0.1], True),
        ([0.1, 0.2], True),
        ([0.1, 0.11], True),
        ([0.1, 0.1001, 0.1], False),
        ([0.1, 0.1, 0.1], False),
        ([0.0, 0.0, 0.0], True),
        ([-0.1, 0.2, 0.1] * 4, True),
        ([0.1, 0.2, 0.15] * 4, False),
    ],
)
def test_a_difference_is_more_than_chance_where_its_interval_leaves_out_0(values, chance):
    spread = Spread.of(values)
    assert spread is not None
    assert spread.may_be_chance is chance


def test_data_seeds_repeat_a_configuration_and_are_not_ranked(store):
    comparison, runs = queued(store, {"base": PLAIN["base"], "sweep": {"fields": {"data.seed": [0, 1, 2]}}})
    for place, run in enumerate(runs):
        ended(store, run, 0.5 + place / 10)
    (one,) = sweep_state(store, comparison, slots=1).configurations
    assert (one.values, one.best) == ({}, Spread(0.6, pytest.approx(0.1), 3))


def test_the_time_left_shares_what_is_to_do_among_the_slots(store):
    comparison, runs = queued(store)
    mark(store, runs[0], status="finished", step=100, seconds=20.0)
    mark(store, runs[1], status="running", step=50, seconds=10.0)
    for run in runs[2:]:
        mark(store, run, status="cancelled")
    mark(store, runs[4], status="queued")
    assert sweep_state(store, comparison, slots=2).seconds_left == pytest.approx(20.0 + START_SECONDS), (
        "10 s, and a start and 20 s, at a time"
    )
    own = seconds_left(store.run(runs[1].id))
    assert 10.0 < own < 11.0, "fifty steps, and the score on the test split"
    assert sweep_state(store, comparison, slots=1).seconds_left == pytest.approx(own + 20.0 + START_SECONDS)


def test_the_time_left_goes_by_each_configurations_own_pace_then_by_size(store):
    """The wide model of 64 is expected at twice the pace of 32, until it has one of its own."""
    comparison, (narrow, wide, _narrow_again, _wide_again) = queued(store, ONE)
    mark(store, narrow, status="finished", step=100, seconds=10.0)
    assert sweep_state(store, comparison, slots=1).seconds_left == pytest.approx(20 + 10 + 20 + 3 * START_SECONDS)
    mark(store, wide, status="finished", step=100, seconds=15.0)
    assert sweep_state(store, comparison, slots=1).seconds_left == pytest.approx(10 + 15 + 2 * START_SECONDS)


def test_the_time_left_counts_what_others_have_queued_before(store):
    first, runs = queued(store, ONE)
    second, later = queued(store, ONE)
    for run in (*runs[:2], *later[:2]):
        mark(store, run, status="finished", step=100, seconds=10.0)
    assert sweep_state(store, first, slots=1).seconds_left == pytest.approx(20 + 2 * START_SECONDS)
    assert sweep_state(store, second, slots=1).seconds_left == pytest.approx(40 + 4 * START_SECONDS), (
        "two of the first go before"
    )


def test_the_time_left_counts_starts_as_the_sweeps_own_runs_had_them(store):
    comparison, runs = queued(store, ONE)
    for run in runs[:2]:
        mark(store, run, status="finished", step=100, seconds=10.0, attempts=1, started_at=50.0, finished_at=65.0)
    left = sweep_state(store, comparison, slots=1).seconds_left
    assert left == pytest.approx(2 * (10 + 5 + LAUNCH_SECONDS)), "5 s of each ended run were no training"


def test_runs_that_a_rule_ended_count_as_done(store):
    comparison, runs = queued(store)
    for run in runs:
        mark(store, run, status="finished", step=25, seconds=5.0)
    state = sweep_state(store, comparison, slots=1)
    assert (state.progress, state.ended, state.seconds_left) == (1.0, 16, 0.0)
    assert [one.ended_early for one in state.configurations] == [4, 4, 4, 4]


def test_what_was_cancelled_is_not_shown_as_done(store):
    comparison, runs = queued(store, ONE)
    mark(store, runs[0], status="finished", step=100)
    mark(store, runs[1], status="failed", step=20)
    for run in runs[2:]:
        mark(store, run, status="cancelled")
    state = sweep_state(store, comparison, slots=1)
    assert (state.progress, state.ended) == (pytest.approx(1.2 / 4), 4)


def test_a_comparison_without_a_stored_sweep_is_told_apart_by_what_differs(store):
    store.create_comparison("plain", expand(sweep_from_plain(PLAIN)))
    (comparison,) = store.comparisons()
    settings = [one.values for one in sweep_state(store, comparison, slots=1).configurations]
    assert all(set(one) == {"optim.learning_rate", "sharing.strategy"} for one in settings)
    assert len(settings) == 4


THREE = ONE | {"seeds": [0, 1, 2]}


def test_a_run_that_ended_early_is_kept_apart_from_the_mean(store):
    comparison, runs = queued(store, THREE)
    narrow, wide = (sorted((run for run in runs if run.config.model.d_model == d), key=by_seed) for d in (32, 64))
    for run, best in zip(narrow, (0.6, 0.62, 0.64), strict=True):
        ended(store, run, best)
    ended(store, wide[0], 0.8)
    ended(store, wide[1], 0.9)
    ended(store, wide[2], 0.3, step=25)
    one = next(
        one for one in sweep_state(store, comparison, slots=1).configurations if one.values["model.d_model"] == 64
    )
    assert one.best == Spread(pytest.approx(0.85), pytest.approx(0.0707, abs=1e-4), 2)
    assert (one.ended_early, one.early, one.lower_bound) == (1, {wide[2].id: 0.3}, False)
    assert one.standing == pytest.approx(2 / 3)


def by_seed(run: Run) -> int:
    return run.seed


def test_a_configuration_does_not_win_by_the_runs_that_a_rule_left_it(store):
    """Its one complete run is the best of all, but the rule ended the others for being bad."""
    comparison, runs = queued(store, THREE)
    for run in runs:
        if run.config.model.d_model == 32:
            ended(store, run, 0.6)
        else:
            ended(store, run, 0.9 if run.seed == 0 else 0.2, step=100 if run.seed == 0 else 25)
    state = sweep_state(store, comparison, slots=1)
    assert [one.values["model.d_model"] for one in state.configurations] == [32, 64]
    assert state.verdicts() == {"not_compared": [state.configurations[1]]}


def test_without_a_complete_run_a_quality_is_a_lower_bound(store):
    comparison, (narrow, wide, narrow_again, wide_again) = queued(store, ONE)
    for run, best in [(narrow, 0.6), (narrow_again, 0.7), (wide, 0.9), (wide_again, 0.8)]:
        ended(store, run, best, step=50)
    first, second = sweep_state(store, comparison, slots=1).configurations
    assert (first.values["model.d_model"], first.best.mean if first.best else 0) == (64, pytest.approx(0.85))
    assert (first.lower_bound, second.lower_bound, second.behind) == (True, True, None)


def test_a_figure_of_less_training_does_not_share_the_first_place(store):
    comparison, runs = queued(store, ONE)
    for run in runs:
        ended(store, run, 0.8, step=100 if run.config.model.d_model == 32 else 50)
    assert len(equal_to_best(sweep_state(store, comparison, slots=1).configurations)) == 1
    mark(store, runs[1], step=100)
    mark(store, runs[3], step=100)
    assert len(equal_to_best(sweep_state(store, comparison, slots=1).configurations)) == 2


@pytest.mark.parametrize(
    ("status", "step", "early"),
    [("finished", 99, True), ("finished", 100, False), ("failed", 99, False), ("running", 99, False)],
)
def test_only_a_finished_run_with_steps_left_has_ended_early(store, status, step, early):
    comparison, (run, *_others) = queued(store, ONE)
    mark(store, run, status=status, step=step)
    assert ended_early(store.run(run.id)) is early
    assert sum(one.ended_early for one in sweep_state(store, comparison, slots=1).configurations) == early


def test_validation_ranks_and_test_is_reported_of_the_runs_that_count(store):
    comparison, (narrow, wide, narrow_again, wide_again) = queued(store, ONE)
    for run, best, test in [(narrow, 0.6, 0.9), (narrow_again, 0.7, 0.8), (wide, 0.8, 0.1), (wide_again, 0.9, 0.3)]:
        ended(store, run, best)
        with store.writing() as connection:
            metrics.append(connection, run.id, [Point(run.id, "test", "accuracy", 10, test, 1.0)])
    mark(store, wide_again, step=50)
    first, second = sweep_state(store, comparison, slots=1).configurations
    assert (first.values["model.d_model"], first.test) == (64, Spread(0.1, None, 1))
    assert second.test == Spread(pytest.approx(0.85), pytest.approx(0.0707, abs=1e-4), 2)
