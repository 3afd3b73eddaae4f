"""From a design on Compare to another scheme at the same budget, with the same seeds."""

from __future__ import annotations

from page_reading import sentences
from recorded_runs import record

from clps_core.analysis.counts import count
from clps_core.config import sharing_plan


def stored(run):
    return count(run.config.model, sharing_plan(run.config.model, run.config.sharing)).unique_parameters


def test_a_matched_design_is_queued_with_the_seeds_and_data_of_the_design(open_page, store, monkeypatch):
    monkeypatch.setattr("clps_core.jobs.service.ensure_supervisor", lambda *_given: None)
    runs = record(store, ["none"], range(3))
    test = open_page("compare", runs=",".join(run.id for run in runs))
    test.toggle(key="compare.match.on").set_value(True).run()
    assert sentences(test) == []
    assert test.selectbox(key="compare.scheme").value == "all"
    assert any("matched design misses by" in one.value for one in test.caption)
    test.button(key="compare.match.train").click().run()
    assert sentences(test) == []
    new = [run for run in store.runs() if run.id not in {one.id for one in runs}]
    assert [run.seed for run in new] == [run.seed for run in runs]
    assert {run.config.sharing.strategy for run in new} == {"all"}
    assert {run.config.data for run in new} == {runs[0].config.data}
    assert abs(stored(new[0]) / stored(runs[0]) - 1) < 0.01
    assert new[0].config.model.d_model > runs[0].config.model.d_model


def test_what_cannot_be_matched_is_a_sentence(open_page, store):
    runs = record(store, ["none"])
    test = open_page("compare", runs=runs[0].id)
    test.toggle(key="compare.match.on").set_value(True).run()
    test.segmented_control(key="compare.as").set_value("kv_cache").run()
    assert any("without a KV cache" in one for one in sentences(test))
