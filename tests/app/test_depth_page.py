"""The depth page as a person walks through it, without a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from urllib.parse import parse_qs

import pytest
from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.depth.inside import marked
from app.depth.source import deep
from app.look.formatting import metric
from clps_core.config import RunConfig
from clps_core.depth import key_of, quality_at
from clps_core.inspection import inspect_run
from clps_core.jobs.evaluations import evaluate
from clps_core.jobs.processes import SupervisorLock
from clps_core.look import Look
from clps_core.samples import install, ready_named
from clps_core.samples.shipped import figures_of
from clps_core.store import Run, Store
from clps_core.store.queue import Queue
from clps_core.training.saved import checkpoint_path, stamp_text

OpenPage = Callable[..., AppTest]


def quick(task: str = "dates", strategy: str = "cycle:2") -> RunConfig:
    config = small_config(task, strategy)
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 8})})


@pytest.fixture
def dates(store: Store) -> Run:
    return stored_run(store, quick())


def said(test: AppTest) -> str:
    return " ".join(text.value for text in [*test.markdown, *test.caption])


def charts(test: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def address(test: AppTest, name: str) -> str:
    value = test.query_params[name]
    return value if isinstance(value, str) else value[0]


def test_without_any_run_the_page_says_what_it_needs(open_page: OpenPage, home: Path) -> None:
    test = open_page("depth")
    assert "No trained run has layers that repeat" in said(test)
    assert not test.multiselect


def test_runs_without_a_core_are_no_runs_for_this_page(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, quick("digits", "none"))
    stored_run(store, quick("digits", "cycle:2,lora=2"))
    test = open_page("depth", runs=run.id)
    assert not test.exception
    assert "No trained run has layers that repeat" in said(test)


def test_a_run_in_training_is_not_shown_before_it_has_ended(open_page: OpenPage, store: Store, dates: Run) -> None:
    running = stored_run(store, quick(), status="running")
    test = open_page("depth", runs=f"{running.id},{dates.id}", depths="1,2")
    assert "when its training has ended" in test.info[0].value
    assert test.multiselect(key="depth.runs").value == [dates.id]


def test_the_samples_work_at_once_and_are_right_where_they_were_trained(open_page: OpenPage, store: Store) -> None:
    install(store, [ready_named("dates")])
    test = open_page("depth", depths="2,4", loops="4")
    assert not test.exception
    assert sentences(test) == []
    assert [one.run.strategy for one in deep_runs_of(store)] == ["all", "cycle"]
    assert test.multiselect(key="depth.runs").value == ["sample-dates-all", "sample-dates-cycle"]
    assert tables(test).count("○ 100.0 %") == 2
    assert tables(test).count("✓") == 2
    assert "All layers is best at 4 loops, the depth it was trained at." in said(test)
    assert "Cycle is best at 2 loops, the depth it was trained at." in said(test)
    assert "the same weights had 100.0 % at 2 loops." in said(test)
    assert len(charts(test)) == 3


def test_runs_of_one_design_have_the_depth_of_their_mean(open_page: OpenPage, store: Store) -> None:
    ready = ready_named("cups")
    install(store, [ready])
    test = open_page("depth", runs=",".join(ready.run_ids()), depths="2,4,8,10,24")
    assert not test.exception
    assert sentences(test) == []
    for figures in figures_of(ready):
        means = {n: fmean(values["accuracy"]) for n, values in figures.depth.items() if n in (2, 4, 8, 10, 24)}
        best = max(means, key=lambda n: (means[n], -n))
        assert f"mean of 3 runs: best at {best} loops, {metric('accuracy', means[best])}." in said(test)


def deep_runs_of(store: Store) -> list:
    found = [deep(run) for run in store.runs()]
    return sorted((one for one in found if one is not None), key=lambda one: one.run.strategy)


@pytest.mark.parametrize(
    "task", ["dates", *(pytest.param(task, marks=pytest.mark.slow) for task in ("digits", "python-docs"))]
)
def test_figures_and_answers_are_what_the_model_gives(open_page: OpenPage, store: Store, task: str) -> None:
    run = stored_run(store, quick(task))
    folder = store.run_folder(run.id)
    test = open_page("depth", depths="1,3", loops="3")
    assert not test.exception
    assert sentences(test) == []
    at_three = quality_at(folder, 3).metrics
    name = {"dates": "exact_match", "digits": "accuracy", "python-docs": "perplexity"}[task]
    assert metric(name, at_three[name]).removesuffix(" ppl") in tables(test)
    curve = charts(test)[0]["data"][0]
    assert curve["x"] == [1, 3]
    assert curve["y"][1] == pytest.approx(at_three[name])
    text = {"dates": "Wednesday, October 3, 1990", "digits": "0", "python-docs": "Return the number of"}[task]
    seen = inspect_run(Look(folder, text, options={"language": "de"} if task == "dates" else {}, loops=3))
    distances = charts(test)[1]["data"][0]
    stack = next(iter(seen.movement))
    assert distances["y"] == pytest.approx(list(seen.movement[stack].distance), rel=1e-4)
    assert distances["text"] == ["A", "B"] * 3
    if task == "digits":
        assert f"<td><bdi>{marked(seen.prediction, seen.right_answer)}" in tables(test)


def test_what_is_chosen_goes_into_the_address(open_page: OpenPage, dates: Run) -> None:
    test = open_page("depth", depths="1,2,3")
    test.button_group(key="depth.metric").set_value("loss").run()
    test.button_group(key="depth.x").set_value("layers").run()
    test.select_slider(key="depth.loops").set_value(3).run()
    test.text_input(key="depth.depths").set_value("1,3").run()
    assert not test.exception
    assert sentences(test) == []
    assert [address(test, name) for name in ("metric", "x", "loops", "depths")] == ["loss", "layers", "3", "1,3"]
    assert charts(test)[0]["data"][0]["x"] == [2, 6]
    assert "encoder: 6 layers" in said(test)


@pytest.mark.parametrize("depths", ["65", "<b>"])
def test_bad_numbers_of_loops_are_one_sentence_and_usual_ones_are_shown(
    open_page: OpenPage, dates: Run, depths: str
) -> None:
    test = open_page("depth", depths=depths)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert "loops" in sentences(test)[0].lower()
    assert charts(test)[0]["data"][0]["x"] == [1, 2, 3, 4, 8]


def test_unknown_choices_in_the_address_are_named_and_left_out(open_page: OpenPage, dates: Run) -> None:
    test = open_page(
        "depth", depths="2", metric="beauty", x="<b>", loops="999", language="xx", runs=f"{dates.id},nosuchrun"
    )
    assert not test.exception
    assert len(sentences(test)) == 4
    assert test.multiselect(key="depth.runs").value == [dates.id]


def test_a_text_that_cannot_be_read_leaves_the_curve(open_page: OpenPage, dates: Run) -> None:
    test = open_page("depth", depths="1,2", text="May " * 60)
    assert not test.exception
    assert any("Shorten it" in sentence for sentence in sentences(test))
    assert len(charts(test)) == 1


def test_a_run_that_cannot_be_read_is_one_sentence_beside_the_others(
    open_page: OpenPage, store: Store, dates: Run
) -> None:
    broken = stored_run(store, quick(strategy="all"))
    for path in (store.run_folder(broken.id) / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"not weights")
    test = open_page("depth", runs=f"{broken.id},{dates.id}", depths="1,2")
    assert not test.exception
    assert sentences(test)
    assert charts(test)[0]["data"][0]["x"] == [1, 2]


def test_runs_and_compare_lead_here_where_a_run_has_a_core(open_page: OpenPage, store: Store, dates: Run) -> None:
    plain = stored_run(store, quick(strategy="none"))
    for page in ("runs", "compare"):
        links = [link.proto.label for link in open_page(page, runs=dates.id).get("page_link")]
        assert "Vary the depth" in links
        links = [link.proto.label for link in open_page(page, runs=plain.id).get("page_link")]
        assert "Vary the depth" not in links


def test_the_way_on_is_a_comparison_that_train_accepts(open_page: OpenPage, dates: Run) -> None:
    links = {link.proto.label: link.proto for link in open_page("depth", depths="2").get("page_link")}
    query = parse_qs(links["Train these with a random number of loops"].query_string)
    assert query["strategy"] == ["cycle:2", "cycle:2,train_loops=1-4"]
    train = open_page("train", spec=query["spec"][0], strategy=query["strategy"])
    assert not train.exception
    assert sentences(train) == []
    assert "Train 2 runs side by side" in [button.label for button in train.button]


def kept(store: Store, run: Run, values: dict[int, float], stamp: str) -> str:
    """What a job found before it was cancelled: exact match by loops, with weights of ``stamp``."""
    job = evaluate(store, "depths", run.id, [key_of(loops) for loops in (*values, 9)])
    queue = Queue(store)
    queue.start_next(0, "here", "boot")
    queue.begin_evaluation(job.id, 1, stamp, {"device": "cpu", "threads": 1})
    facts = {"loss": 1.0, "token_accuracy": 0.5, "step": 40.0, "examples": 8.0, "seconds": 1.0}
    found = {key_of(loops): {"exact_match": value, **facts} for loops, value in values.items()}
    queue.append(job.id, 1, [], progress={"step": len(values), "seconds": 1.0}, results=found)
    return job.id


@pytest.fixture
def nobody_works(home: Path, dates: Run) -> Iterator[None]:
    """No supervisor is started: its lock is taken."""
    lock = SupervisorLock(home)
    assert lock.acquire()
    yield
    lock.release()


def test_all_depths_are_evaluated_in_the_background(
    open_page: OpenPage, store: Store, dates: Run, nobody_works: None
) -> None:
    test = open_page("depth", depths="1,3", runs=dates.id)
    test.button(key="depth.evaluate").click().run()
    assert not test.exception
    (job,) = store.evaluations()
    assert (job.about_id, job.status, job.keys) == (dates.id, "queued", tuple(key_of(loops) for loops in (1, 2, 3)))
    assert progress(test) == ["Cycle, 2 stored: 0 of 3 depths · place 1 in the queue"]
    assert [button.key for button in test.button if button.key.startswith("depth.")] == [f"depth.cancel.{dates.id}"]
    test.button(key=f"depth.cancel.{dates.id}").click().run()
    assert store.job(job.id).status == "cancelled"
    assert "stopped after 0 depths" in said(test)
    assert test.button(key="depth.evaluate")
    assert test.multiselect(key="depth.runs").value == [dates.id], "an evaluation is no run"


def progress(test: AppTest) -> list[str]:
    return [bar.proto.text for bar in test.get("progress")]


def test_kept_depths_are_drawn_while_they_are_of_the_weights_that_the_run_has(
    open_page: OpenPage, store: Store, dates: Run, nobody_works: None
) -> None:
    stamp = stamp_text(store.run_folder(dates.id), "best")
    job = kept(store, dates, {1: 0.123, 2: 0.456}, stamp or "")
    working = open_page("depth", runs=dates.id)
    assert charts(working)[0]["data"][0]["y"] == [0.123, 0.456], "the rest is left to the job"
    assert progress(working)[0].startswith("Cycle, 2 stored: 2 of 3 depths")
    Queue(store).finish(job, 1, "finished", None)
    ended = open_page("depth", runs=dates.id, depths="1,2")
    assert charts(ended)[0]["data"][0]["y"] == [0.123, 0.456]
    assert "2 results are stored from evaluations in the background" in said(ended)
    os.utime(checkpoint_path(store.run_folder(dates.id), "best"), (1, 1))
    other = open_page("depth", runs=dates.id, depths="1,2")
    assert "its weights have changed since the stored results" in " ".join(one.value for one in other.info)
    assert 0.123 not in charts(other)[0]["data"][0]["y"]
    assert other.button(key="depth.evaluate")


def test_a_run_trained_at_many_depths_has_them_all_marked(open_page: OpenPage, store: Store) -> None:
    stored_run(store, quick("digits", "loop:1/1/1,train_loops=1-3"))
    test = open_page("depth", depths="1,2,3,4")
    assert not test.exception
    assert tables(test).count("○") == 2 * 3, "in the table of figures and in that of answers"
    assert charts(test)[0]["data"][1]["x"] == [1, 2, 3]


def test_another_task_forgets_what_only_the_old_one_could_read(open_page: OpenPage, store: Store, dates: Run) -> None:
    digits = stored_run(store, quick("digits", "all"))
    test = open_page("depth", runs=dates.id, text="May 3", language="fr", depths="1,2", metric="exact_match")
    test.button_group(key="depth.task").set_value("digits").run()
    assert not test.exception
    assert sentences(test) == []
    assert address(test, "runs") == digits.id
    assert not {"text", "language", "metric"} & set(test.query_params)
    assert test.multiselect(key="depth.runs").value == [digits.id]


def test_other_characters_than_those_of_the_right_answer_are_marked_and_escaped() -> None:
    assert marked("a<b", "a<b") == marked("a<b", None) == "a&lt;b"
    assert marked("a<c", "abc") == "a<mark>&lt;</mark>c"
    assert marked("", "abc") == ""
