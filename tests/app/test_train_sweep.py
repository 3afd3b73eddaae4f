"""The Train page makes sweeps of any field, from its form or a file, and tells which configuration is best."""

from __future__ import annotations

import json

import pytest
from hostile_text import merge_bomb
from page_reading import sentences, tables
from recorded_runs import extend, mark

from app.sweep.form import COMMON
from clps_core.store import open_store
from clps_core.sweeps import expand, sweep_from_plain

SIZES = "model.num_layers=1;model.d_model=16;model.d_ff=16;model.num_heads=2"
SMALL = f"1;task=digits;{SIZES};train.steps=10;train.batch_size=4"
PLAIN = {
    "base": {"data": {"task": "digits"}, "train": {"steps": 200, "eval_every": 20}},
    "sweep": {"fields": {"optim.learning_rate": [0.001, 0.01], "sharing.strategy": ["none", "all"]}},
    "seeds": [0, 1],
}


def button(test):
    return next(one for one in test.button if one.label.startswith("Train"))


def said(test):
    return " ".join(one.value for one in (*test.markdown, *test.caption)).replace("\\", "")


def comparisons(home):
    store = open_store(home)
    try:
        return store.comparisons()
    finally:
        store.close()


def recorded_sweep(home, *, ended: bool = True):
    """A sweep whose curves are written by the test; of a pair the later value learns more slowly."""
    store = open_store(home)
    sweep = sweep_from_plain(PLAIN)
    comparison = store.create_comparison("Rates", expand(sweep), sweep=sweep.plain(), parameters=[(5_000, 10_000)] * 8)
    for place, run in enumerate(store.runs(comparison=comparison)):
        if ended or place < 3:
            extend(store, run, range(0, 201, 20), pace=1 / (1 + place % 4))
            mark(store, run, status="finished", step=200, seconds=20.0)
    store.close()
    return comparison


def test_the_form_sweeps_a_learning_rate_at_once(open_page):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none", "all"])
    assert sentences(test) == []
    assert test.text_input(key="sweep.list.optim.learning_rate").value == "0.0005, 0.002, 0.008"
    assert "3 learning_rate × 2 strategy = **6 runs**" in said(test)
    assert button(test).label == "Train 6 runs side by side"


def test_any_field_seeds_and_folds_multiply_before_the_click(open_page):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none", "all"], seed=["0", "1"])
    test.multiselect(key="sweep.fields").set_value(["model.activation", "optim.beta2"]).run()
    test.text_input(key="sweep.list.optim.beta2").set_value("0.9, 0.99").run()
    test.number_input(key="sweep.folds").set_value(3).run()
    assert "3 activation × 2 beta2 × 2 strategy × 2 seeds × 3 folds = **72 runs**" in said(test)
    assert button(test).label == "Train 72 runs side by side"


def test_a_click_queues_the_sweep_and_its_results_appear_on_the_page(open_page, room):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none", "all"])
    test.text_input(key="sweep.list.optim.learning_rate").set_value("0.002, 0.004").run()
    test.selectbox(key="sweep.rule").set_value("median").run()
    assert "must have more runs on the same examples than it waits for (4). Got 4" in sentences(test)[0].replace(
        "\\", ""
    )
    assert button(test).disabled
    test.number_input(key="sweep.others").set_value(3).run()
    button(test).click().run()
    assert sentences(test) == []
    (comparison,) = comparisons(room.home)
    assert comparison.sweep is not None
    assert comparison.sweep["stop"] == {"rule": "median", "evaluations": None, "value": None, "after": 2, "runs": 3}
    configs = [run.config for run in room.store.runs(comparison=comparison.id)]
    made = {(config.optim.learning_rate, config.sharing.strategy) for config in configs}
    assert made == {(rate, strategy) for rate in (0.002, 0.004) for strategy in ("none", "all")}
    assert "".join(test.query_params["sweep"]) == comparison.id
    assert ">0.002<" in tables(test)
    assert "of 4 runs ended" in test.get("progress")[0].proto.text


def test_what_was_typed_is_still_there_after_a_look_at_another_page(open_page):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none"])
    test.multiselect(key="sweep.fields").set_value(["optim.beta1"]).run()
    test.text_input(key="sweep.list.optim.beta1").set_value("0.8, 0.9").run()
    test.switch_page("../pages/start.py").run()
    test.switch_page("../pages/train.py").run()
    assert test.text_input(key="sweep.list.optim.beta1").value == "0.8, 0.9"
    assert "2 beta1 × 1 strategy = **2 runs**" in said(test)


def test_a_random_search_draws_from_a_range(open_page):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none"])
    test.segmented_control(key="sweep.method").set_value("random").run()
    assert sentences(test) == []
    assert test.text_input(key="sweep.log_uniform.optim.learning_rate").value == "0.0002, 0.02"
    assert "8 draws = **8 runs**" in said(test)
    test.multiselect(key="sweep.fields").set_value(["model.dropout", "model.num_layers", "model.norm"]).run()
    assert sentences(test) == []
    ways = [test.selectbox(key=f"sweep.way.model.{name}").value for name in ("dropout", "num_layers", "norm")]
    assert ways == ["log_uniform", "integers", "list"]


@pytest.mark.parametrize("task", ["dates", "python-docs"])
def test_each_rule_that_ends_runs_suits_the_task_at_the_first_click(open_page, task):
    test = open_page("train", way="fields", spec=f"1;task={task}", strategy=["none", "all"])
    for rule in ("median", "patience", "threshold"):
        test.selectbox(key="sweep.rule").set_value(rule).run()
        assert sentences(test) == [], rule


def test_each_common_field_can_be_drawn_at_random_at_the_first_click(open_page):
    """A width is drawn in steps that fit the heads, and heads from a list that fits the width."""
    test = open_page("train", way="fields", spec="1;task=dates", strategy=["none"])
    test.segmented_control(key="sweep.method").set_value("random").run()
    test.number_input(key="sweep.runs").set_value(2)
    sizes = ("model.d_model", "model.num_heads")
    for fields in ([sizes[0]], [sizes[1]], [name for name in COMMON if name not in sizes]):
        test.multiselect(key="sweep.fields").set_value(fields).run()
        assert sentences(test) == [], fields


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "must have a list of values"),
        ("0.1, fast", "must be a number"),
        ("-1", "must be more than 0"),
        (", ".join(f"0.{n:03}" for n in range(1, 202)), "at most 200 runs"),
        ("<script>alert(1)</script>", "must be a number"),
    ],
)
def test_values_that_do_not_fit_are_one_sentence_and_nothing_can_be_queued(open_page, home, typed, words):
    test = open_page("train", way="fields", spec=SMALL, strategy=["none"])
    test.text_input(key="sweep.list.optim.learning_rate").set_value(typed).run()
    assert len(sentences(test)) == 1
    assert words in sentences(test)[0].replace("\\", "")
    assert button(test).disabled
    assert comparisons(home) == []


def test_a_file_page_starts_with_an_example_that_can_be_trained(open_page):
    test = open_page("train", way="file")
    assert sentences(test) == []
    assert "3 learning_rate × 2 strategy × 2 seeds = **12 runs**" in said(test)


def test_an_uploaded_file_is_shown_and_means_the_same_as_on_the_command_line(open_page):
    test = open_page("train", way="file")
    text = "strategies: [none, all]\ndata: {task: digits}\nfolds: 2\n"
    test.file_uploader(key="sweep.file").upload("mine.yaml", text.encode(), "text/yaml").run()
    assert test.text_area(key="sweep.text").value == text
    assert "2 strategy × 2 folds = **4 runs**" in said(test)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00binary", "UTF-8 text"),
        (b"x" * 200_001, "at most 200000 bytes"),
        (b"!!python/object/apply:os.system ['true']", "must be YAML"),
        (b"sweep: {fields: {__class__: [1]}}", "must be a field of a run"),
        (b"sweep: {method: random, runs: 0xffffffffffffffffffffff}", "64 bits"),
        (b"sweep: {method: random, runs: 1000000, fields: {model.dropout: {uniform: [0, 1]}}}", "at most 200 runs"),
        (b"model: {num_layers: 512, d_model: 16384}\ndata: {task: python-docs}\nfolds: 2", "does not fit into memory"),
        (merge_bomb(9).encode(), "must not merge groups with '<<'"),
        (("seeds: [" + "1," * 30_000 + "]").encode(), "at most 10,000 values"),
        (b"name: '<img src=x onerror=alert(1)>'\nsweep: {fields: {'<b>': [1]}}", "<b>"),
    ],
)
def test_a_hostile_file_is_one_sentence(open_page, home, content, words):
    test = open_page("train", way="file")
    test.file_uploader(key="sweep.file").upload("mine.yaml", content, "text/yaml").run()
    assert len(sentences(test)) == 1
    assert words in sentences(test)[0].replace("\\", "")
    assert comparisons(home) == []


def test_a_pasted_bomb_is_one_sentence(open_page, home):
    test = open_page("train", way="file")
    test.text_area(key="sweep.text").set_value(merge_bomb(9)).run()
    (sentence,) = sentences(test)
    assert "A config file must not merge groups with '<<'" in sentence.replace("\\", "")
    assert "line 2" in sentence
    assert comparisons(home) == []


def test_a_finished_sweep_says_which_configuration_is_best(open_page, home):
    comparison = recorded_sweep(home)
    test = open_page("train", sweep=comparison)
    assert sentences(test) == []
    assert "Best: **learning_rate 0.001 · none**" in said(test).replace("No sharing", "none")
    table = tables(test)
    assert table.index(">0.001<") < table.index(">0.01<")
    assert "(n = 2)" in said(test)
    assert "Too few runs to tell these apart from the best (2 pairs with the same seed and fold)" in said(test)
    (picture,) = test.get("plotly_chart")
    drawn = json.loads(picture.proto.spec)
    axes = [drawn["layout"][name]["title"]["text"] for name in ("xaxis", "xaxis2")]
    assert axes == ["learning_rate", "strategy"]
    assert test.get("progress")[0].proto.text == "8 of 8 runs ended"


def test_a_sweep_in_progress_says_how_long_it_still_takes(open_page, home):
    recorded_sweep(home, ended=False)
    test = open_page("train", way="fields")
    progress = test.get("progress")[0].proto.text
    assert "3 of 8 runs ended" in progress
    assert "left" in progress
    assert "Best so far" in said(test)


def test_the_rest_of_a_sweep_can_be_cancelled_from_its_card(open_page, home):
    comparison = recorded_sweep(home, ended=False)
    test = open_page("train", sweep=comparison)
    assert "5 waiting or running runs" in said(test)
    test.button(key=f"sweep.cancel.{comparison}").click().run()
    assert sentences(test) == []
    store = open_store(home)
    statuses = [run.status for run in store.runs(comparison=comparison)]
    store.close()
    assert statuses == ["finished"] * 3 + ["cancelled"] * 5
    assert test.get("progress")[0].proto.text == "8 of 8 runs ended · 5 cancelled"
    assert not [one for one in test.button if one.label == "Cancel them"]


def test_what_was_stopped_of_a_sweep_goes_on_from_its_card(open_page, room):
    comparison = recorded_sweep(room.home, ended=False)
    for run in room.store.runs(comparison=comparison, status="queued"):
        mark(room.store, run, status="cancelled")
    test = open_page("train", sweep=comparison)
    resume = test.button(key=f"sweep.resume.{comparison}")
    assert resume.label == "Resume 5 stopped runs"
    resume.click().run()
    assert sentences(test) == []
    assert [run.active for run in room.store.runs(comparison=comparison)] == [False] * 3 + [True] * 5


def test_an_address_of_a_sweep_that_is_not_there_harms_nothing(open_page):
    for text in ("nosuch", "../../etc", "<script>"):
        assert not problems(open_page("train", sweep=text))


def problems(test):
    return test.exception or [one for one in sentences(test) if "went wrong" in one]


def test_compare_says_of_a_sweep_which_configuration_is_best_and_takes_folds_together(open_page, home):
    store = open_store(home)
    sweep = sweep_from_plain(PLAIN | {"folds": 2, "seeds": [0]})
    comparison = store.create_comparison("Rates", expand(sweep), sweep=sweep.plain(), parameters=[(5_000, 10_000)] * 8)
    runs = store.runs(comparison=comparison)
    for place, run in enumerate(runs):
        extend(store, run, range(0, 201, 20), pace=1 / (1 + place % 4))
        mark(store, run, status="finished", step=200, seconds=20.0)
    store.close()
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert sentences(test) == []
    assert "Best: **learning_rate 0.001" in said(test)
    page = tables(test)
    assert page.count("<caption>Configurations, best first") == 1
    figures = page[page.index("Quality, size and speed") :]
    assert figures.count('<th scope="row">') == 4
    assert figures.count(">2</td>") == 4, "two folds each"
    part = open_page("compare", runs=f"{runs[0].id},{runs[1].id}")
    assert sentences(part) == []
