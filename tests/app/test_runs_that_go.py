"""Every view of a run: inputs at the edge, and runs that are deleted or lose their weights while they are shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from clps_core.data.registry import load_task
from clps_core.jobs.keeping import prune
from clps_core.jobs.service import delete
from clps_core.store import Run, Store, schema
from clps_core.training.loading import load_model
from clps_core.training.probes import probe_inputs, write_probe
from clps_core.training.saved import checkpoint_path

OpenPage = Callable[..., AppTest]
VIEWS = ("grid", "heads", "difference", "layers", "lens", "matters", "moves", "tie", "training", "bertviz")
SLOW = ("grid", "difference", "layers", "moves", "bertviz")
TYPED = [
    pytest.param(view, marks=[pytest.mark.slow] if view in SLOW else [])
    for view in VIEWS
    if view not in ("matters", "training")
]
EVERYTHING = [f"{stack}.{place}" for stack in ("encoder", "decoder") for place in (0, 1)]
JAVASCRIPT = "ignore:.*(head|model)_view.js:pytest.PytestUnraisableExceptionWarning"


@pytest.fixture
def two(store: Store) -> list[Run]:
    found = [stored_run(store, small_config("dates", strategy, num_layers=2)) for strategy in ("all", "none")]
    with store.writing() as connection:
        connection.execute(schema.run.update().values(finished_at=1.0))
    return found


def drawn(test: AppTest) -> int:
    """How much of the view is drawn: figures, and for What matters, which draws nothing yet, its question."""
    asked = sum("which of these uses matter" in caption.value for caption in test.caption)
    return len(test.get("bidi_component")) + len(test.get("plotly_chart")) + asked


def sentence(test: AppTest) -> str:
    """The only one that the page complains with."""
    assert not test.exception
    (said,) = sentences(test)
    return said.replace("\\", "")


def fine(test: AppTest) -> AppTest:
    assert not test.exception
    assert sentences(test) == []
    assert drawn(test)
    return test


def keep_probes(store: Store, run: Run) -> None:
    """What a run keeps of its attention while it learns, of one step."""
    model, config, _step = load_model(store.run_folder(run.id))
    write_probe(store.run_folder(run.id), 7, model, probe_inputs(load_task(config)))


@pytest.mark.filterwarnings(JAVASCRIPT)
@pytest.mark.parametrize("view", VIEWS)
def test_a_run_that_goes_is_one_sentence_and_the_other_stays(
    open_page: OpenPage, store: Store, two: list[Run], view: str
) -> None:
    run, other = two
    if view == "training":
        keep_probes(store, run)
        keep_probes(store, other)
    query = {"run": run.id, "beside": other.id, "view": view, "text": "7", "target": "1", "kind": "encoder"}
    test = fine(open_page("attention", **query))
    both = drawn(test)
    assert len(prune(store, 0)) == 2
    assert drawn(fine(test.run())) == both, "the best weights stay"
    checkpoint_path(store.run_folder(other.id), "best").unlink()
    assert f"{other.id} has no weights and is not being trained" in sentence(test.run())
    assert drawn(test)
    delete(store, other.id)
    assert f"There is no run {other.id}" in sentence(test.run())
    assert drawn(test)


@pytest.mark.filterwarnings(JAVASCRIPT)
@pytest.mark.parametrize("view", TYPED)
def test_inputs_at_the_edge_and_nothing_left_inside(
    open_page: OpenPage, store: Store, two: list[Run], view: str
) -> None:
    run, other = two
    query = {"run": run.id, "beside": other.id, "view": view, "text": "7", "target": "1", "kind": "encoder"}
    test = fine(open_page("attention", **query))
    everything = drawn(test)
    for text, said in (
        ("☃☃", ""),
        ("1" * 31, ""),
        ("1" * 32, "at most 31 characters. Got 32. Shorten it"),
        (" ", "empty"),
    ):
        test.text_input(key="attention.text.dates").set_value(text).run()
        if said:
            assert said in sentence(test)
        else:
            assert drawn(fine(test)) == everything
    test.query_params["without"] = EVERYTHING
    test.text_input(key="attention.text.dates").set_value("7").run()
    fine(test)
    delete(store, run.id)
    assert f"There is no run {run.id}" in sentence(test.run())
    assert test.selectbox(key="attention.run").value == other.id, "the address named it, too"
    assert drawn(test)
    assert drawn(fine(test.run()))
    assert "beside" not in test.query_params


@pytest.mark.parametrize("page", ["depth", "tryit"])
def test_depth_and_try_it_go_on_with_the_runs_that_are_left(open_page: OpenPage, store: Store, page: str) -> None:
    config = small_config("dates", "cycle:2")
    config = config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 4})})
    runs = [stored_run(store, config) for _run in range(3)]
    key, depths = f"{page}.runs", {"depths": "1"} if page == "depth" else {}
    test = open_page(page, runs=",".join(run.id for run in runs), text="7", **depths)
    assert (sentences(test), test.multiselect(key=key).value) == ([], [run.id for run in runs])
    for text, said in (("☃☃", ""), ("1" * 32, "at most 31 characters. Got 32. Shorten it"), ("7", "")):
        test.text_input(key="attention.text.dates").set_value(text).run()
        assert not test.exception
        assert {one.replace("\\", "") for one in sentences(test)} <= {f"The text must have {said}."}
        assert bool(sentences(test)) is bool(said)
    delete(store, runs[0].id)
    assert f"There is no run {runs[0].id}" in sentence(test.run())
    assert test.multiselect(key=key).value == [run.id for run in runs[1:]]
    for name in ("best", "last"):
        checkpoint_path(store.run_folder(runs[1].id), name).unlink()
    test.query_params["runs"] = ",".join(run.id for run in runs[1:])
    assert f"{runs[1].id} has no weights and is not being trained" in sentence(test.run())
    assert test.multiselect(key=key).value == [runs[2].id]
    assert drawn(test)
