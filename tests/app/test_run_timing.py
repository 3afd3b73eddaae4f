"""How long a run will take, from what runs of other sizes took here."""

import pytest
from recorded_runs import mark, record

from app.components.run_timing import Pace, operations_per_step, scoring_steps, seconds_left

BATCHES = (4, 64, 512)
STEP, OPERATION = 0.02, 4e-11


def trained(store, batch, seconds_of):
    """A run of this batch size, and how long it took by ``seconds_of`` (operations of a step -> seconds)."""
    (run,) = record(store, ["none"], batch_size=batch)
    mark(store, run, seconds=seconds_of(operations_per_step(run.config)) * run.step)
    return store.run(run.id)


def test_runs_of_several_sizes_tell_a_steps_own_time_from_that_of_its_operations(store):
    runs = [trained(store, batch, lambda operations: STEP + operations * OPERATION) for batch in BATCHES]
    pace = Pace.of(store, "digits")
    assert pace.runs == len(BATCHES)
    for run in runs:
        assert pace.seconds(run.config) == pytest.approx(run.seconds / run.step * run.steps, rel=0.1)


@pytest.mark.parametrize("faster", [1, 100])
def test_one_tiny_run_promises_neither_hours_nor_nothing_for_a_larger_one(store, faster):
    """By operations alone the larger one would take 100 times as long; a step has its own time."""
    tiny = trained(store, BATCHES[0], lambda _operations: 0.03 / faster)
    large = trained(store, BATCHES[-1], lambda operations: (STEP + operations * OPERATION) / faster)
    store.forget_run(large.id)
    pace = Pace.of(store, "digits")
    assert pace.runs == 1
    assert pace.seconds(tiny.config) == pytest.approx(tiny.seconds / tiny.step * tiny.steps, rel=0.5)
    by_operations = pace.seconds(tiny.config) * operations_per_step(large.config) / operations_per_step(tiny.config)
    assert 2 * pace.seconds(tiny.config) < pace.seconds(large.config) < 0.9 * by_operations


def test_where_nothing_was_trained_it_is_a_guess(store):
    (run,) = record(store, ["none"], status="queued")
    pace = Pace.of(store, "digits")
    assert pace.runs == 0
    assert pace.seconds(run.config) > 0


@pytest.mark.parametrize(
    ("task", "train", "steps"),
    [
        ("digits", {"batch_size": 60}, 180 / 60 / 3),  # all there are
        ("dates", {"batch_size": 50}, 2000 / 50 / 3),  # as many as the config says
        ("dates", {"batch_size": 50, "test_examples": 10**6}, 14592 / 50 / 3),
    ],
)
def test_the_time_includes_the_test_at_the_end(store, task, train, steps):
    (run,) = record(store, ["none"], task=task, status="running", **train)
    assert scoring_steps(run.config) == pytest.approx(steps)
    guess = Pace.of(store, "python-docs")
    longer = run.config.model_copy(update={"train": run.config.train.model_copy(update={"steps": 2 * run.steps})})
    step = (guess.seconds(longer) - guess.seconds(run.config)) / run.steps
    assert guess.seconds(run.config) == pytest.approx(step * (run.steps + steps))
    mark(store, run, step=100, seconds=10.0)
    assert seconds_left(store.run(run.id)) == pytest.approx(0.1 * (run.steps - 100 + steps))
