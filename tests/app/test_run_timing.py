"""How long a run will take, from what runs of other sizes took here."""

import os

import pytest
from recorded_runs import mark, record

from app.runs.timing import Pace, forecast, operations_per_step, seconds_left
from clps_core.config import build_config, resolve
from clps_core.timing import START_SECONDS, slowdown, units_of

TEST = 180 / 50 / 3
"""Steps that the score on the test split of `digits` takes as long as, in batches of 50."""
BATCHES = (4, 64, 512)
STEP, OPERATION = 0.02, 4e-11


def work(config):
    """Batches and operations of a run of 200 steps: 11 evaluations of 200 examples, a test of 180, forward only."""
    batch = config.train.batch_size
    batches = (11 * -(-200 // batch) + -(-180 // batch)) / 3
    share = (11 * 200 + 180) / batch / 3
    return 200 + batches, operations_per_step(config) * (200 + share)


def trained(store, batch, seconds_of):
    """A run of this batch size, and how long it took by ``seconds_of`` (batches, operations -> seconds)."""
    (run,) = record(store, ["none"], batch_size=batch)
    mark(store, run, seconds=seconds_of(*work(run.config)))
    return store.run(run.id)


def training(pace, config):
    """What ``pace`` expects without the start."""
    return pace.seconds(config) - pace.start_seconds


def test_runs_of_several_sizes_tell_a_steps_own_time_from_that_of_its_operations(store):
    runs = [
        trained(store, batch, lambda batches, operations: batches * STEP + operations * OPERATION) for batch in BATCHES
    ]
    pace = Pace.of(store, "digits")
    assert pace.runs == len(BATCHES)
    for run in runs:
        assert training(pace, run.config) == pytest.approx(run.seconds, rel=0.1)


@pytest.mark.parametrize("faster", [1, 100])
def test_one_tiny_run_promises_neither_hours_nor_nothing_for_a_larger_one(store, faster):
    """By operations alone the larger one would take 100 times as long; a step has its own time."""
    tiny = trained(store, BATCHES[0], lambda batches, _operations: batches * 0.03 / faster)
    large = trained(store, BATCHES[-1], lambda batches, operations: (batches * STEP + operations * OPERATION) / faster)
    store.forget_run(large.id)
    pace = Pace.of(store, "digits")
    assert pace.runs == 1
    assert training(pace, tiny.config) == pytest.approx(tiny.seconds, rel=0.5)
    by_operations = training(pace, tiny.config) * work(large.config)[1] / work(tiny.config)[1]
    assert 1.5 * training(pace, tiny.config) < training(pace, large.config) < 0.9 * by_operations


def test_where_nothing_was_trained_it_is_a_guess(store):
    (run,) = record(store, ["none"], status="queued")
    pace = Pace.of(store, "digits")
    assert pace.runs == 0
    assert pace.seconds(run.config) > 0


def test_the_start_of_a_process_counts_as_it_was_measured(store):
    (run,) = record(store, ["none"])
    assert Pace.of(store, "digits").start_seconds == START_SECONDS
    mark(store, run, started_at=1000.0, finished_at=1027.0, attempts=1)
    assert Pace.of(store, "digits").start_seconds == pytest.approx(27 - run.seconds + 1)
    mark(store, run, attempts=2)
    assert Pace.of(store, "digits").start_seconds == START_SECONDS, "a pause between two attempts is no start"


def test_more_evaluations_take_longer(store):
    trained(store, 64, lambda batches, operations: batches * STEP + operations * OPERATION)
    pace = Pace.of(store, "digits")
    seldom, often = (
        resolve(build_config({"data": {"task": "digits"}, "train": {"steps": 200, "eval_every": every}})).config
        for every in (200, 5)
    )
    share = training(pace, often) / training(pace, seldom)
    assert 1.17 < share < 1.27, "41 evaluations, each as long as about one step, beside 2 of them"


def test_the_time_left_counts_the_evaluations_to_come(store):
    """At step 45 of 100, evaluated at 50 and 100 on as many examples as six batches have: each costs two steps."""
    (run,) = record(store, ["none"], status="running", steps=100, eval_every=50, batch_size=50, eval_examples=300)
    mark(store, run, step=45, seconds=9.0)
    assert seconds_left(store.run(run.id)) == pytest.approx((55 + 2 * 2 + TEST) * 0.2)
    mark(store, run, step=50, seconds=10.4)
    assert seconds_left(store.run(run.id)) == pytest.approx((50 + 2 + TEST) * 0.2)
    mark(store, run, step=0, seconds=0.0)
    assert seconds_left(store.run(run.id)) is None


def test_a_forecast_counts_starts_slots_what_stands_before_and_a_busy_machine(store, monkeypatch):
    trained(store, 64, lambda batches, operations: batches * STEP + operations * OPERATION)
    config = store.runs()[0].config
    one = Pace.of(store, "digits").seconds(config)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (4.0, 4.0, 4.0))
    alone = forecast(store, [config] * 4, slots=2)
    assert (alone.low, alone.before) == (pytest.approx(2 * one), 0)
    assert alone.high == pytest.approx(3 * alone.low), "four other programs and two runs share two cores"
    mark(store, store.runs()[0], finished_at=store.clock() - 5, threads=1)
    assert forecast(store, [config] * 4, slots=2).high == pytest.approx(2.5 * alone.low), "one of the four was ours"
    record(store, ["all"], status="queued", batch_size=64)
    after = forecast(store, [config] * 4, slots=1)
    assert after.before == 1
    assert after.low > 4.5 * one
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0}, raising=False)
    assert slowdown(0, 2) == 1.0, "the load of cores that we may not use says nothing"


@pytest.mark.parametrize(
    ("task", "train", "batches"),
    [
        ("digits", {"batch_size": 60}, 180 / 60),  # all there are
        ("dates", {"batch_size": 50}, 2000 / 50),  # as many as the config says
        ("dates", {"batch_size": 64, "test_examples": 10**6}, 14592 / 64),
    ],
)
def test_the_time_includes_the_score_on_the_test_split(store, task, train, batches):
    (run,) = record(store, ["none"], task=task, status="running", **train)
    mark(store, run, step=run.steps, seconds=100.0)
    ended = store.run(run.id)
    assert seconds_left(ended) == pytest.approx(batches / 3 * 100.0 / units_of(ended, ended.step))
    guess = Pace.of(store, "python-docs")
    fewer = run.config.model_copy(update={"train": run.config.train.model_copy(update={"test_examples": 1})})
    assert guess.seconds(run.config) > guess.seconds(fewer)
