"""Many configurations are seen through at once: lines, what matters, and strategies over another field."""

from __future__ import annotations

import json
import math

import pytest
from page_reading import sentences
from recorded_runs import extend, mark, record

from app.sweep.parallel import lines_of, parallel_figure
from clps_core.store import open_store
from clps_core.sweeps import expand, sweep_from_plain, sweep_state

FIELDS = {"optim.learning_rate": [0.0001, 0.001, 0.01], "sharing.strategy": ["none", "all"]}


def recorded(home):
    """A grid whose better strategy depends on the rate; ids of the sweep and of its runs."""
    store = open_store(home)
    plain = {
        "base": {"data": {"task": "digits"}, "train": {"steps": 200}},
        "sweep": {"fields": FIELDS},
        "seeds": [0, 1],
    }
    sweep = sweep_from_plain(plain)
    configs = expand(sweep)
    sizes = [(5_000 + 100 * place, 10_000) for place in range(len(configs))]
    made = store.create_comparison("Rates", configs, sweep=sweep.plain(), parameters=sizes)
    for run in store.runs(comparison=made):
        far = abs(math.log10(run.config.optim.learning_rate) - (-2 if run.strategy == "none" else -4))
        extend(store, run, [0, 100, 200], pace=1 / (1 + far) + 0.001 * run.seed)
        mark(store, run, status="finished", step=200, seconds=20.0)
    state = sweep_state(store, next(one for one in store.comparisons() if one.id == made), 1)
    store.close()
    return state


def said(test) -> str:
    return " ".join(one.value for one in (*test.markdown, *test.caption)).replace("\\", "")


def drawn(test) -> dict:
    return json.loads(test.get("plotly_chart")[0].proto.spec)


def test_lines_have_an_axis_per_field_the_most_important_first(home):
    state = recorded(home)
    lines = lines_of(state.configurations, state.metric, ["sharing.strategy", "optim.learning_rate"])
    assert lines is not None
    titles = [axis.title for axis in lines.axes]
    assert titles == ["strategy", "learning_rate", "Accuracy", "Stored parameters"]
    rate = lines.axes[1]
    assert sorted(set(rate.values)) == pytest.approx([-4, -3, -2]), "by magnitude"
    assert [text for _place, text in rate.ticks] == ["0.0001", "0.001", "0.01"]
    (trace,) = parallel_figure(lines, state.metric).data
    assert list(trace.line.color) == list(lines.quality)
    assert trace.line.reversescale is False
    assert parallel_figure(lines, "perplexity").data[0].line.reversescale is True


def test_the_address_opens_each_picture_of_a_sweep(open_page, home):
    sweep = recorded(home).comparison.id
    test = open_page("train", sweep=sweep, fields="lines")
    assert sentences(test) == []
    assert drawn(test)["data"][0]["type"] == "parcoords"
    assert "6 configurations" in test.get("plotly_chart")[0].proto.alt
    test = open_page("train", sweep=sweep, fields="matters")
    assert sentences(test) == []
    assert "exactly (functional ANOVA)" in said(test)
    test = open_page("train", sweep=sweep, fields="strategy")
    assert sentences(test) == []
    assert "depends on learning_rate (significant interaction" in said(test)


def test_compare_offers_them_for_runs_of_no_sweep_that_differ_in_two_fields(open_page, store):
    runs = [run for size in (8, 16) for run in record(store, ["none", "all"], batch_size=size)]
    ids = ",".join(run.id for run in runs)
    test = open_page("compare", runs=ids)
    assert sentences(test) == []
    assert any("parcoords" in one.proto.spec for one in test.get("plotly_chart"))
    test = open_page("compare", runs=ids, fields="strategy")
    assert sentences(test) == []
    assert "two seeds or folds" in said(test)
    assert not any("Across" in one.value for one in open_page("compare", runs=runs[0].id).header)
