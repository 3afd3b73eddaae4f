"""A sweep's rule ends runs that are not worth going on with, says why, and compares like with like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from job_room import JobRoom, tiny

from clps_core.config import build_config, resolve
from clps_core.jobs import service
from clps_core.store import Point, Run, Store, metrics, schema
from clps_core.sweeps.stopping import read_stop, why_end
from clps_core.sweeps.watch import Watch
from clps_core.tasks import TASKS

DATES, DOCS = TASKS.usual("dates"), TASKS.usual("python-docs")
MEDIAN = {"rule": "median", "after": 20, "runs": 2}


def decided(rule: Mapping[str, Any], best: float, others: tuple[float, ...] = (), *, facts=DATES, step: int = 50):
    return why_end(read_stop(rule), facts, step, 200, best, others)


@pytest.mark.parametrize(
    ("facts", "best", "ends"),
    [(DATES, 0.19, True), (DATES, 0.2, False), (DATES, 0.9, False), (DOCS, 0.21, True), (DOCS, 0.2, False)],
)
def test_a_threshold_ends_what_is_not_yet_as_good(facts, best: float, ends: bool):
    said = decided({"rule": "threshold", "value": 0.2}, best, facts=facts)
    assert (said is not None) == ends
    if said:
        assert "step 50 of 200" in said
        assert "not reached 0.2" in said


@pytest.mark.parametrize(
    ("facts", "best", "ends"),
    [(DATES, 0.4, True), (DATES, 0.5, False), (DATES, 0.6, False), (DOCS, 0.6, True), (DOCS, 0.5, False)],
)
def test_the_median_rule_ends_what_is_strictly_worse_than_half_of_the_others(facts, best: float, ends: bool):
    said = decided(MEDIAN, best, (0.1, 0.5, 0.9), facts=facts)
    assert (said is not None) == ends
    if said:
        assert "median 0.5 of 3 other runs" in said


def test_equal_runs_end_nobody():
    assert decided(MEDIAN, 0.0, (0.0, 0.0, 0.0)) is None


def test_rules_wait_for_their_warm_up_and_for_enough_others():
    assert decided(MEDIAN, 0.0, (1.0, 1.0), step=19) is None
    assert decided(MEDIAN, 0.0, (1.0,)) is None
    assert decided(MEDIAN, 0.0, (1.0, 1.0), step=20) is not None
    assert decided({"rule": "threshold", "value": 1}, 0.0, step=49) is None, "a quarter of the steps if nothing is said"
    assert decided({"rule": "threshold", "value": 1}, 0.0, step=50) is not None


def test_no_rule_ends_a_run_at_its_last_step():
    assert decided(MEDIAN, 0.0, (1.0, 1.0), step=200) is None


def queued(store: Store, stop: Mapping[str, Any] | None, data: list[dict[str, Any]]) -> list[Run]:
    """One run per entry of ``data``, launched together under the rule."""
    partial = {"train": {"steps": 100, "eval_every": 10}}
    configs = [
        resolve(build_config({**partial, "data": {"task": "digits", **one}, "seed": seed})).config
        for seed, one in enumerate(data)
    ]
    plain = {"sweep": {"fields": {}}, **({"stop": dict(stop)} if stop else {})}
    return store.runs(comparison=store.create_comparison("watched", configs, sweep=plain))


def evaluated(store: Store, run: Run, values: Mapping[int, float]) -> None:
    points = [Point(run.id, "validation", "accuracy", step, value, float(step)) for step, value in values.items()]
    with store.writing() as connection:
        metrics.append(connection, run.id, points)


def watch(store: Store, run: Run) -> Watch:
    found = Watch.of(store, run)
    assert found is not None
    return found


def test_best_is_compared_with_the_best_of_others_up_to_the_same_step(store):
    mine, *others = queued(store, MEDIAN, [{}, {}, {}, {}])
    for place, other in enumerate(others):
        evaluated(store, other, {10: 0.5, 20: 0.3, 30: 0.9 + place / 100, 40: math.nan})
    watching = watch(store, mine)
    assert watching.evaluated(10, {"accuracy": 0.1}) is None, "the warm-up is not over"
    assert watching.evaluated(20, {"accuracy": 0.5}) is None, "0.5 is the others' best until step 20"
    said = watching.evaluated(30, {"accuracy": 0.2, "loss": 1.0})
    assert said is not None
    assert "the best accuracy was 0.5" in said
    assert "median 0.91 of 3" in said


def test_a_run_that_is_not_as_far_does_not_count(store):
    mine, *others = queued(store, MEDIAN, [{}, {}, {}])
    evaluated(store, others[0], {10: 0.9, 20: 0.9})
    evaluated(store, others[1], {10: 0.9})
    assert watch(store, mine).evaluated(20, {"accuracy": 0.1}) is None
    evaluated(store, others[1], {20: 0.9})
    assert watch(store, mine).evaluated(20, {"accuracy": 0.1}) is not None


def test_only_runs_on_the_same_validation_examples_are_compared(store):
    folds = [{"folds": 2, "fold": fold, "seed": seed} for fold in (0, 1) for seed in (0, 1, 2)]
    mine, *others = queued(store, MEDIAN, folds)
    for other in others[2:]:
        evaluated(store, other, {20: 0.9})
    assert watch(store, mine).evaluated(20, {"accuracy": 0.1}) is None
    for other in others[:2]:
        evaluated(store, other, {20: 0.8})
    said = watch(store, mine).evaluated(20, {"accuracy": 0.1})
    assert said is not None
    assert "median 0.8 of 2" in said


def test_what_a_run_reached_before_it_was_interrupted_counts(store):
    mine, *_others = queued(store, {"rule": "threshold", "value": 0.5, "after": 20}, [{}, {}])
    evaluated(store, mine, {10: 0.7, 20: 0.1})
    assert watch(store, mine).now() is None
    assert watch(store, mine).evaluated(30, {"accuracy": 0.1}) is None


def test_runs_without_a_rule_are_not_watched(store):
    assert Watch.of(store, queued(store, None, [{}, {}])[0]) is None
    assert Watch.of(store, queued(store, {"rule": "patience", "evaluations": 2}, [{}, {}])[0]) is None
    alone = store.runs(comparison=store.create_comparison("alone", [resolve(build_config({}))]))[0]
    assert Watch.of(store, alone) is None


@pytest.mark.slow
def test_a_run_that_a_rule_ended_is_finished_with_the_reason_and_stays_so(room: JobRoom):
    """Nobody reaches an exact match of 2. The run is queued again, as if killed before its outcome was written."""
    plain = {"sweep": {"fields": {}}, "stop": {"rule": "threshold", "value": 2, "after": 20}}
    (run,) = service.submit(room.store, [tiny("all", eval_every=20)], sweep=plain)
    (run,) = room.wait(run.id)
    assert (run.status, run.step) == ("finished", 20)
    assert run.reason is not None
    assert "step 20 of 140" in run.reason
    assert {artefact.kind for artefact in room.store.artefacts(run.id)} >= {"last", "best"}
    before = room.curves(run.id)
    with room.store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(status="queued"))
    service.ensure_supervisor(room.store)
    (again,) = room.wait(run.id)
    assert (again.status, again.step, again.reason) == ("finished", 20, run.reason)
    assert again.attempts == 2
    assert room.curves(again.id) == before
