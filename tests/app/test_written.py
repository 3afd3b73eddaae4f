"""What language models wrote while they were trained: a row for each step, a column for each design."""

from __future__ import annotations

import pytest
from recorded_runs import record

from clps_core.data.text_samples import TextSample, keep_samples


def shown(test):
    return next((block.proto.body for block in test.get("html") if "clps-written" in block.proto.body), "")


@pytest.fixture
def runs(store):
    found = record(store, ["none", "all"], seeds=(0, 1), task="docstrings")
    for run in found:
        texts = [TextSample(step, start, f"<b>{run.strategy} {step}") for start in ("Return", "If") for step in (0, 50)]
        store.run_folder(run.id).mkdir(parents=True, exist_ok=True)
        keep_samples(store.run_folder(run.id), texts)
    return found


def test_the_designs_of_one_seed_stand_next_to_each_other_step_by_step(open_page, runs):
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert not test.exception
    assert "Generated text" in [one.value for one in test.header]
    table = shown(test)
    assert table.count('<th scope="col">') == 2
    assert table.count('<th scope="row">') == 2
    assert table.count("<td><bdi>") == 4
    assert "&lt;b&gt;none 50" in table, "texts are escaped"
    test.selectbox(key="compare.written.seed").select(1).run()
    test.selectbox(key="compare.written.beginning").select("If").run()
    assert not test.exception
    assert "If …" in shown(test)


def test_without_samples_there_is_no_section(open_page, store):
    runs = record(store, ["none"], task="docstrings")
    test = open_page("compare", runs=runs[0].id)
    assert not test.exception
    assert not shown(test)
    assert "Generated text" not in [one.value for one in test.header]
