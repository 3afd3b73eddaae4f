"""Compare draws quality over a chosen cost, with the front; and over width, depth or loops."""

from __future__ import annotations

import json

import pytest
from page_reading import sentences
from recorded_runs import extend, mark, record

from app.compare.scaling import lines_over
from app.compare.scatter import Dot, quality_scatter
from app.compare.summary import grouped, summary
from clps_core.config import build_config, resolve
from clps_core.tasks import TASKS


def captions(test):
    return " ".join(one.value for one in test.caption).replace("\\", "")


def scaled(store, *changes):
    """One finished run for each change of the config, with a curve."""
    configs = [
        resolve(build_config({"data": {"task": "digits"}, "train": {"steps": 200, "eval_every": 20}, **one})).config
        for one in changes
    ]
    made = store.create_comparison("scaled", configs, parameters=[(100 * (1 + n), 1000) for n in range(len(configs))])
    for run in store.runs(comparison=made):
        extend(store, run, range(0, 201, 20))
        mark(store, run, status="finished", step=200, seconds=20.0)
    return store.runs(comparison=made)


def test_every_cost_of_the_address_is_drawn_or_says_why_not(open_page, store):
    runs = record(store, ["none", "all"], range(3))
    ids = ",".join(run.id for run in runs)
    for cost in ("flops", "cpu_seconds", "memory", "kv_cache"):
        test = open_page("compare", runs=ids, cost=cost)
        assert sentences(test) == []
        said = captions(test)
        if cost == "kv_cache":
            assert "An encoder keeps no cache" in said
        elif cost == "cpu_seconds":
            assert "was not recorded" in said
        else:
            assert "On the Pareto front" in said, (cost, said)
    assert any("cost must be one of" in one for one in sentences(open_page("compare", runs=ids, cost="love")))


def test_designs_on_the_front_have_a_ring_and_steps_that_join_them():
    dots = [Dot("a", "#111111", 100, 0.5, front=True), Dot("b", "#222222", 50, 0.4, 0.1, 5.0, front=True),
            Dot("c", "#333333", 100, 0.3)]  # fmt: skip
    made = quality_scatter(dots, TASKS.usual("digits"), "Accuracy", "training FLOPs")
    *marks, steps = made.data
    assert len(marks) == 3
    assert (list(steps.x)[:2], list(steps.y)[:2], steps.line.shape) == ([50, 100], [0.4, 0.5], "hv")
    assert (steps.marker.symbol, [size > 13 for size in steps.marker.size]) == ("circle-open", [True, True, False])
    assert (marks[1].error_x.array[0], marks[1].error_y.array[0]) == (5.0, 0.1)
    assert made.layout.xaxis.title.text == "training FLOPs"
    assert quality_scatter([Dot("a", "#111111", 0, 0.5), Dot("b", "#111111", 9, 0.5)], TASKS.usual("digits"), "A")


@pytest.mark.parametrize(
    ("over", "changes", "names", "sizes"),
    [
        ("width", [{"model": {"d_model": d}, "sharing": {"strategy": s}} for s in ("none", "all") for d in (64, 32)],
         ["No sharing", "All layers"], [[32, 64], [32, 64]]),
        ("depth", [{"model": {"num_layers": n}} for n in (2, 3, 4)], ["No sharing"], [[2, 3, 4]]),
        ("loops", [{"model": {"num_layers": n}, "sharing": {"strategy": s}}
                   for n, s in ((6, "loop:1/2/1"), (8, "loop:1/2/1"))], None, [[2, 3]]),
    ],
)  # fmt: skip
def test_a_line_joins_designs_that_differ_in_one_size(store, over, changes, names, sizes):
    groups = grouped([summary(store, run) for run in scaled(store, *changes)])
    lines = lines_over(groups, over)
    assert [[size for size, _group in line.points] for line in lines] == sizes
    if names:
        assert [line.name for line in lines] == names


def test_designs_that_differ_in_more_are_not_joined(store):
    changes = [{"model": {"d_model": 32}}, {"model": {"d_model": 64}, "optim": {"learning_rate": 0.01}}]
    assert lines_over(grouped([summary(store, run) for run in scaled(store, *changes)]), "width") == []


def test_the_scaling_view_is_in_the_address_or_says_why_not(open_page, store):
    runs = scaled(store, *[{"model": {"num_layers": n}} for n in (2, 4)])
    test = open_page("compare", runs=",".join(run.id for run in runs), scale="depth")
    assert sentences(test) == []
    charts = [json.loads(one.proto.spec) for one in test.get("plotly_chart")]
    assert any([2, 4] in [trace["x"] for trace in chart["data"]] for chart in charts)
    other = record(store, ["none", "all"])
    assert "No scaling chart" in captions(open_page("compare", runs=",".join(run.id for run in other)))
