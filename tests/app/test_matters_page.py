"""The view of what matters: every part of the runs left out in turn."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ablated_runs import ablated
from page_reading import sentences, tables
from shared_server import SharedServer, shared  # noqa: F401  # a fixture
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.matters_map import Shown, change_text, map_payload
from clps_core.ablation import KIND, Ablation, Effect, ablate, keys_of
from clps_core.config import RunConfig, sharing_plan
from clps_core.jobs import service
from clps_core.jobs.processes import SupervisorLock
from clps_core.metrics import metric_named
from clps_core.store import Run, Store, schema
from clps_core.training.saved import checkpoint_path

OpenPage = Callable[..., AppTest]
HOPS = "sample-hops-3-all-0"


def quick(strategy: str, **model: Any) -> RunConfig:
    config = small_config("digits", strategy, **model)
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 5})})


@pytest.fixture
def two(store: Store) -> list[Run]:
    """Two layers twice, and two layers of their own."""
    return [stored_run(store, quick("loop:0/2/0")), stored_run(store, quick("none", num_layers=2))]


@pytest.fixture(autouse=True)
def nobody_works(home: Path) -> Iterator[None]:
    """No supervisor is started: its lock is taken."""
    home.mkdir(mode=0o700, exist_ok=True)
    lock = SupervisorLock(home)
    assert lock.acquire()
    yield
    lock.release()


def maps(test: AppTest) -> list[dict[str, Any]]:
    found = [json.loads(one.proto.json) for one in test.get("bidi_component") if one.proto.json]
    return [one for one in found if "runs" in one and "chosen" in one]


def cells(drawn: dict[str, Any], run: int) -> dict[str, dict[str, Any]]:
    rows = [row for stack in drawn["runs"][run]["stacks"] for row in stack["rows"]]
    return {cell["part"]: cell for row in rows for cell in row["cells"] if "part" in cell}


def said(test: AppTest) -> str:
    return " ".join(text.value for text in [*test.markdown, *test.caption, *test.info])


def progress(test: AppTest) -> list[str]:
    return [bar.proto.text for bar in test.get("progress")]


def test_two_runs_are_asked_for_followed_and_stopped(open_page: OpenPage, store: Store, two: list[Run]) -> None:
    test = open_page("attention", run=two[0].id, beside=two[1].id, view="matters")
    assert not test.exception
    assert sentences(test) == []
    assert "which of these uses matter" in said(test)
    assert maps(test) == []
    test.button(key="attention.matters.evaluate").click().run()
    assert not test.exception
    jobs = {job.about_id: job for job in store.evaluations(kind=KIND)}
    assert {run.id: jobs[run.id].keys for run in two} == {run.id: keys_of(run.config) for run in two}
    assert [bar.partition(": ")[2].partition(" · ")[0] for bar in progress(test)] == [
        "0 of 15 evaluations", "0 of 7 evaluations",
    ]  # fmt: skip
    assert not [one for one in test.button if one.key == "attention.matters.evaluate"], "all is asked for"
    test.button(key=f"attention.matters.cancel.{two[0].id}").click().run()
    assert store.job(jobs[two[0].id].id).status == "cancelled"
    assert "stopped after 0 evaluations" in said(test)
    assert test.button(key="attention.matters.evaluate")


def test_both_maps_have_one_scale_and_the_figures_of_the_engine(
    open_page: OpenPage, store: Store, two: list[Run]
) -> None:
    for run in two:
        ablated(store, run, keys_of(run.config))
    found = [ablate(store.run_folder(run.id)) for run in two]
    test = open_page(
        "attention", run=two[0].id, beside=two[1].id, view="matters", metric="loss", without="encoder.1.ffn"
    )
    assert not test.exception
    assert sentences(test) == []
    (drawn,) = maps(test)
    changes = {(run, effect.part): effect.changes["loss"] for run, one in enumerate(found) for effect in one.effects}
    most = max(map(abs, changes.values()))
    for (run, part), change in changes.items():
        cell = cells(drawn, run)[part]
        assert cell["text"] == change_text(metric_named("loss"), change, unit=False)
        assert cell["share"] == pytest.approx(abs(change) / most, abs=1e-4)
        assert cell["worse"] == (change > 0), "of the loss, less is better"
    assert [row["name"] for row in drawn["runs"][0]["stacks"][0]["rows"]] == [
        "whole loop", "whole layer", "attention", "FFN",
    ]  # fmt: skip
    assert [row["name"] for row in drawn["runs"][1]["stacks"][0]["rows"]] == ["whole layer", "attention", "FFN"]
    letters = [cells(drawn, 0)[f"encoder.{place}.ffn"]["letter"] for place in range(4)]
    assert letters == ["A", "B", "A", "B"]
    assert "Seen:" in said(test)
    assert "Not proved:" in said(test)
    assert drawn["chosen"] == "encoder.1.ffn"
    assert said(test).count("Layer 1, FFN left out: loss") == 2, "a sentence for each run"
    assert test.get("download_button")

    shown = tables(test)
    assert shown.index("Loop 1") >= 0
    rows = [row for row in shown.splitlines() if "Layer 3" in row]
    assert all("–" in row for row in rows), "the second run has no fourth layer"
    assert test.button(key="attention.matters.lens")


def test_a_loop_in_the_address_is_all_of_its_layers(open_page: OpenPage, store: Store, two: list[Run]) -> None:
    ablated(store, two[0], keys_of(two[0].config))
    left_out = ["encoder.2", "encoder.3"]
    test = open_page(
        "attention", run=two[0].id, view="matters", without=left_out, loops="5", patch="encoder.0=encoder.1"
    )
    assert maps(test)[0]["chosen"] == "encoder.loop.2"
    assert "Loop 2 left out: accuracy" in said(test)
    assert "as often as designed (loops: 2). Other numbers of loops are not shown." in said(test)
    assert "This view ignores patches." in said(test)
    test.button(key="attention.matters.lens").click().run()
    assert sentences(test) == []
    assert "loops" not in test.query_params, "read as it was evaluated"
    assert test.query_params["without"] == left_out
    several = open_page("attention", run=two[0].id, view="matters", without=["encoder.0", "encoder.3", "<b>"])
    assert not several.exception
    assert maps(several)[0]["chosen"] == ""


def test_rows_are_shown_while_others_are_still_to_do_and_of_these_weights_only(
    open_page: OpenPage, store: Store, two: list[Run]
) -> None:
    run = two[1]
    ablated(store, run, keys_of(run.config)[:3], ended=None)
    working = open_page("attention", run=run.id, view="matters")
    assert not working.exception
    drawn = cells(maps(working)[0], 0)
    assert [part for part, cell in drawn.items() if "text" in cell] == ["encoder.0", "encoder.0.attention"]
    assert progress(working)[0].partition(": ")[2].startswith("3 of 7 evaluations")
    os.utime(checkpoint_path(store.run_folder(run.id), "best"), (1, 1))
    other = open_page("attention", run=run.id, view="matters")
    assert maps(other) == []


def test_what_a_job_failed_of_is_said_and_kept_results_of_other_weights_are_not_shown(
    open_page: OpenPage, store: Store, two: list[Run]
) -> None:
    run = two[1]
    job = ablated(store, run, keys_of(run.config)[:2], ended="failed")
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == job).values(reason="the disk is full"))
    os.utime(checkpoint_path(store.run_folder(run.id), "best"), (1, 1))
    test = open_page("attention", run=run.id, view="matters")
    assert not test.exception
    assert "the disk is full" in sentences(test)[0]
    assert "its weights have changed since the stored results" in said(test)
    assert maps(test) == []
    assert test.button(key="attention.matters.evaluate")


def test_a_run_that_is_deleted_while_it_is_looked_at_is_one_sentence(
    open_page: OpenPage, store: Store, two: list[Run]
) -> None:
    ablated(store, two[1])
    test = open_page("attention", run=two[0].id, beside=two[1].id, view="matters")
    assert len(maps(test)[0]["runs"]) == 1
    assert "no results for these examples yet" in said(test), "the first is not silently missing"
    assert "No sharing" in maps(test)[0]["runs"][0]["name"], "nor is it unclear which one is shown"
    assert test.button(key="attention.matters.evaluate")
    service.delete(store, two[1].id)
    test.run()
    assert not test.exception
    assert len(sentences(test)) == 1
    assert maps(test) == []


def test_a_run_in_training_is_asked_for_when_it_has_ended(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, quick("all", num_layers=1), status="running")
    test = open_page("attention", run=run.id, view="matters")
    assert not test.exception
    assert "still training" in said(test)
    assert not [one for one in test.button if one.key == "attention.matters.evaluate"]


def test_on_a_shared_server_others_see_the_figures_and_may_not_ask(
    open_page: OpenPage,
    store: Store,
    two: list[Run],
    shared: SharedServer,  # noqa: F811
) -> None:
    owner = shared.visitor()
    with store.writing() as connection:
        connection.execute(schema.run.update().values(owner=owner))
    shared.visitor()
    test = open_page("attention", run=two[1].id, view="matters")
    assert not test.exception
    button = test.button(key="attention.matters.evaluate")
    assert button.disabled
    assert "not evaluate this run" in button.help


def test_bad_choices_in_the_address_are_one_sentence_each(open_page: OpenPage, store: Store, two: list[Run]) -> None:
    test = open_page("attention", run=two[1].id, view="matters", metric="beauty", split="<b>", without="<b>")
    assert not test.exception
    assert len(sentences(test)) == 2


def test_the_way_from_the_list_of_runs_leads_here(open_page: OpenPage, two: list[Run]) -> None:
    links = [link.proto for link in open_page("runs", runs=two[0].id).get("page_link")]
    (link,) = [one for one in links if one.label == "What matters in this run"]
    assert "view=matters" in link.query_string
    assert two[0].id in link.query_string


# The map alone


def shown(*effects: Effect, whole: float = 2.0, strategy: str = "all") -> Shown:
    config = small_config("digits", strategy, num_layers=2)
    plan = sharing_plan(config.model, config.sharing)
    whole_metrics = {"loss": whole, "accuracy": 0.5}
    return Shown("a1", "<b>", "b", Ablation("test", 9, 9, 3, whole_metrics, effects), plan, 2)


def effect(part: str, loss: float, error: float | None = None) -> Effect:
    errors = {} if error is None else {"loss": error}
    return Effect(part, {"loss": 2.0 + loss, "accuracy": 0.5}, {"loss": loss, "accuracy": 0.0}, errors)


def test_better_and_worse_certain_and_unsure_cells_are_told_apart() -> None:
    one = shown(
        effect("encoder.0", 1.0, 0.1), effect("encoder.1", -0.5, 0.3), effect("encoder.1.attention.1", 0.0, 0.0)
    )
    drawn = map_payload([one], metric_named("loss"), "")
    found = cells(drawn, 0)
    assert [found[f"encoder.{place}"]["worse"] for place in range(2)] == [True, False]
    assert [found[f"encoder.{place}"]["unsure"] for place in range(2)] == [False, True]
    assert [found[f"encoder.{place}"]["share"] for place in range(2)] == [1.0, 0.5]
    assert found["encoder.0"]["said"] == "Layer 0: +1 (95 % interval +0.804 to +1.2), 2.000 to 3.000"
    assert "the same for every example" in found["encoder.1.attention.1"]["said"]
    assert "text" not in found["encoder.0.attention.1"], "not evaluated so far"
    assert drawn["words"]["better"].startswith("−1:")
    assert drawn["words"]["worse"].startswith("+1:")
    assert "The first 9 test examples" in drawn["runs"][0]["whole"]


def test_a_run_that_diverged_draws_no_number_and_takes_no_scale() -> None:
    broken = shown(
        effect("encoder.0", math.nan), effect("encoder.1", math.inf), effect("encoder.0.ffn", 0.25), whole=math.nan
    )
    found = cells(map_payload([broken], metric_named("loss"), ""), 0)
    assert [found[part]["text"] for part in ("encoder.0", "encoder.1")] == ["–", "–"]
    assert found["encoder.0.ffn"]["share"] == 1.0
    json.dumps(map_payload([broken], metric_named("loss"), ""), allow_nan=False)


@pytest.mark.parametrize(
    ("metric", "change", "text"),
    [
        ("accuracy", -0.1234, "−12.3 points"),
        ("accuracy", 0.00025, "+0.025 points"),
        ("accuracy", 0.0, "0 points"),
        ("loss", 1.23456, "+1.23"),
        ("loss", -0.03214, "−0.032"),
        ("loss", 0.00006, "+<0.001"),
        ("perplexity", -12345.6, "−12,346 ppl"),
    ],
)
def test_changes_are_written_with_their_sign(metric: str, change: float, text: str) -> None:
    assert change_text(metric_named(metric), change) == text
