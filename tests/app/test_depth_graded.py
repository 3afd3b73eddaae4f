"""A metric at rising difficulty stands as a heat map against loops, and not as a dozen choices of the curve."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.attention import chosen
from app.depth.graded import grades_of, heat_map
from app.depth.source import deep
from app.depth.view import _most_telling
from clps_core.config import build_config, resolve
from clps_core.samples import install, ready_named
from clps_core.samples.shipped import figures_of
from clps_core.tasks import TASKS, frozen, thawed

RUNS = "sample-cups-fixed-0,sample-cups-random-0"


@pytest.fixture
def cups(store):
    return install(store, [ready_named("cups")])


def test_each_run_has_a_heat_map_and_the_curve_only_whole_metrics(open_page, cups):
    test = open_page("depth", runs=RUNS, depths="4")
    assert not test.exception
    assert "Swaps against loops" in [one.value for one in test.header]
    metric = next(one for one in test.segmented_control if set(one.options) >= {"Accuracy", "Loss"})
    assert metric.options == ["Accuracy", "Loss", "Accuracy, late swaps"]
    captions = " ".join(one.value for one in test.caption)
    assert "Measured on 500 validation examples" in captions
    assert "no better than the baseline (one fixed cup after each swap)" in captions


def test_the_cells_are_the_accuracies_by_swap_and_loops():
    task = TASKS.usual("cups")
    depth = figures_of(ready_named("cups"))[1].depth
    points = {n: SimpleNamespace(metrics={name: v[0] for name, v in depth[n].items()}) for n in (4, 8)}
    (cells,) = heat_map(task, points, "Swaps").data
    assert list(cells.x) == ["4", "8"]
    assert list(cells.y) == [str(swap) for swap in range(1, 13)]
    assert list(cells.z[8]) == [depth[n]["swap_9"][0] for n in (4, 8)]
    assert (cells.zmin, cells.zmax) == (task.baseline, 1.0)


@pytest.mark.parametrize(("difficulty", "last"), [(12, "5+"), (5, "5"), (4, "4")])
def test_the_last_row_says_whether_it_holds_all_that_is_harder(difficulty, last):
    config = resolve(build_config({"data": {"task": "brackets", "difficulty": difficulty}}))
    assert grades_of(config.facts) == [*(str(place) for place in range(1, int(last[0]))), last]
    assert grades_of(thawed(frozen(config.facts)))[-1] == last, "a run keeps it"


def test_of_a_comparison_each_design_is_shown_though_two_have_one_strategy(store):
    runs = install(store, [ready_named("hops")])
    found = [one for run in runs if (one := deep(run)) is not None]
    assert [one.run.id for one in _most_telling(found)] == ["sample-hops-1-all-0", "sample-hops-3-all-0"]
    assert chosen._most_telling(runs).id == "sample-hops-3-all-0", "one layer shares nothing"
