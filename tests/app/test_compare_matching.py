"""From a design on Compare to another scheme at the same budget, with the same seeds."""

from __future__ import annotations

from page_reading import sentences
from recorded_runs import record
from shared_server import SharedServer

from clps_core import api
from clps_core.analysis.counts import count
from clps_core.config import sharing_plan
from clps_core.matching import match
from clps_core.store.designs import design_of


def stored(run):
    return count(run.config.model, sharing_plan(run.config.model, run.config.sharing)).unique_parameters


def test_a_matched_design_is_queued_with_the_seeds_and_data_of_the_design(open_page, store, monkeypatch):
    monkeypatch.setattr("clps_core.jobs.service.ensure_supervisor", lambda *_given: None)
    runs = record(store, ["none"], range(3))
    test = open_page("compare", runs=",".join(run.id for run in runs))
    test.toggle(key="compare.match.on").set_value(True).run()
    assert sentences(test) == []
    assert test.selectbox(key="compare.scheme").value == "all"
    assert any("matched design differs by" in one.value for one in test.caption)
    test.button(key="compare.match.train").click().run()
    assert sentences(test) == []
    new = [run for run in store.runs() if run.id not in {one.id for one in runs}]
    assert [run.seed for run in new] == [run.seed for run in runs]
    assert {run.config.sharing.strategy for run in new} == {"all"}
    assert {run.config.data for run in new} == {runs[0].config.data}
    assert abs(stored(new[0]) / stored(runs[0]) - 1) < 0.01
    assert new[0].config.model.d_model > runs[0].config.model.d_model
    asked = api.match(runs[0].id, "all").config  # what the command says, too
    assert (new[0].config.model.d_model, new[0].config.model.d_ff) == (asked.model.d_model, asked.model.d_ff)
    test.button(key="compare.match.together").click().run()
    assert sentences(test) == []
    assert set(test.multiselect(key="compare.runs").value) == {run.id for run in (*runs, *new)}
    assert not test.toggle(key="compare.match.on").value


def test_what_cannot_be_matched_is_a_sentence(open_page, store):
    runs = record(store, ["none"])
    test = open_page("compare", runs=runs[0].id)
    test.toggle(key="compare.match.on").set_value(True).run()
    test.segmented_control(key="compare.as").set_value("kv_cache").run()
    assert any("must have a KV cache" in one for one in sentences(test))


def test_the_address_brings_the_choices_back_and_says_what_it_cannot_read(open_page, store):
    runs = record(store, ["none", "all"])
    ids, key = ",".join(run.id for run in runs), design_of(runs[1])
    test = open_page("compare", runs=ids, **{"match": key, "scheme": "cycle:2", "as": "flops", "change": "steps,depth"})
    assert sentences(test) == []
    assert test.toggle(key="compare.match.on").value
    assert (test.selectbox(key="compare.match").value, test.selectbox(key="compare.scheme").value) == (key, "cycle:2")
    assert test.segmented_control(key="compare.as").value == "flops"
    assert set(test.pills(key="compare.change.flops").value) == {"depth", "steps"}
    test.segmented_control(key="compare.as").set_value("parameters").run()
    test.selectbox(key="compare.scheme").set_value("none").run()
    assert {name: test.query_params[name] for name in ("match", "scheme", "as")} in (
        {"match": key, "scheme": "none", "as": "parameters"},
        {"match": [key], "scheme": ["none"], "as": ["parameters"]},
    )
    test.toggle(key="compare.match.on").set_value(False).run()
    assert not {"match", "scheme", "as", "change"} & set(test.query_params)
    bad = {"match": "<b>", "scheme": "<script>*", "as": "money", "change": "width,<i>"}
    said = " ".join(sentences(open_page("compare", runs=ids, **bad))).lower()
    assert all(part in said for part in ("address's match", "script", "address's as", '"change" in the address'))


def test_what_a_shared_server_would_refuse_is_said_before_it_is_queued(open_page, store, home, monkeypatch):
    (run,) = record(store, ["none"], batch_size=8)
    needed = match(run.config, "all").counts.executed_parameters
    quotas = "quotas: {{steps: 1000, batch_size: {size}, parameters: {most}}}"
    for size, most, words in (
        (8, needed // 2, f"needs {needed:,} executed parameters. This server allows {needed // 2:,}"),
        (4, needed, "must be at most 4 on this server"),
    ):
        SharedServer(home, monkeypatch, quotas.format(size=size, most=most)).visitor()
        test = open_page("compare", runs=run.id, match=design_of(run))
        said = [one.value.replace("\\", "") for one in (*test.warning, *test.error)]
        assert [words in one for one in said] == [True]
        offered = [one.key for one in test.button if one.key == "compare.match.train"]
        assert len(offered) == (size == 8)  # within the limits, what is near is offered all the same
    assert len(store.runs()) == 1
