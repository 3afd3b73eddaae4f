"""A sweep is drawn against each field it varies, so that a good value can be seen and a doubtful one is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from recorded_runs import extend, mark

from app.sweep.picture import panels, sweep_figure
from clps_core.store import Store
from clps_core.sweeps import SweepState, expand, sweep_from_plain, sweep_state
from clps_core.sweeps.results import equal_to_best

BASE = {"data": {"task": "digits"}, "train": {"steps": 200}}


def recorded(store: Store, fields: dict[str, Any], paces: Sequence[float], **more: Any) -> SweepState:
    sweep = sweep_from_plain({"base": BASE, "sweep": {"fields": fields, **more}})
    made = store.create_comparison("drawn", expand(sweep), sweep=sweep.plain())
    for run, pace in zip(store.runs(comparison=made), paces, strict=False):
        extend(store, run, [0, 100, 200], pace=pace)
        mark(store, run, status="finished", step=200, seconds=9.0)
    return sweep_state(store, next(one for one in store.comparisons() if one.id == made), slots=1)


def test_each_field_that_differs_has_a_panel_and_lines_join_what_differs_in_it_alone(store):
    fields = {"optim.learning_rate": [0.01, 0.001, 0.0001], "model.dropout": [0.1], "sharing.strategy": ["none", "all"]}
    rate, strategy = panels(recorded(store, fields, [1, 0.9, 0.8, 0.7, 0.6, 0.5]).configurations)
    assert (rate.field, rate.numeric, rate.log) == ("optim.learning_rate", True, True)
    assert (strategy.field, strategy.numeric, strategy.log) == ("sharing.strategy", False, False)
    lines = [[one.values["optim.learning_rate"] for one in line] for line in rate.lines]
    assert lines == [[0.0001, 0.001, 0.01]] * 2
    assert all(len({one.values["sharing.strategy"] for one in line}) == 1 for line in rate.lines)
    assert sorted(len(line) for line in strategy.lines) == [2, 2, 2]


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([0.04, 0.12, 0.2, 0.29, 0.37], False),
        ([0.001, 0.002, 0.003], False),
        ([0, 0.01, 0.1], False),
        ([0.0005, 0.002, 0.008], True),
        ([0.0001, 0.003], True),
    ],
)
def test_an_axis_goes_by_magnitude_where_the_values_do(store, values, log):
    (panel,) = panels(recorded(store, {"optim.weight_decay": values}, [1.0] * 5).configurations)
    assert panel.log is log


def test_what_was_judged_by_less_training_is_hollow_and_the_best_has_a_ring(store):
    state = recorded(store, {"optim.learning_rate": [0.01, 0.001]}, [1.0, 0.2])
    mark(store, state.configurations[1].runs[0], step=80)
    state = sweep_state(store, state.comparison, slots=1)
    line, ring, *_rest = sweep_figure(state.configurations, "accuracy", "Accuracy").data
    assert list(zip(line.x, line.marker.symbol, strict=True)) == [(0.001, "circle-open"), (0.01, "circle")]
    assert list(ring.x) == [0.01]
    assert list(ring.y) == [max(line.y)]


def test_equals_are_ringed_alike_and_a_share_stays_between_0_and_1(store):
    """At first nobody gets anything right: then no configuration is better than another."""
    state = recorded(store, {"model.dropout": [0.1, 0.2]}, [0.0, 0.0])
    assert len(equal_to_best(state.configurations)) == 2
    drawn = sweep_figure(state.configurations, "accuracy", "Accuracy")
    assert len([trace for trace in drawn.data if trace.marker.symbol == "circle-open"]) == 2
    low, high = drawn.layout.yaxis.range
    assert -0.05 < low < 0 < high < 0.1


def test_what_has_no_quality_yet_is_not_drawn(store):
    assert panels(recorded(store, {"model.dropout": [0.1, 0.2]}, []).configurations) == []
    assert panels(recorded(store, {"model.dropout": [0.1, 0.2]}, [1.0]).configurations) == []
