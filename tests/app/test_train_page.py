"""The Train page queues matched runs with one click, and refuses before anything is queued."""

import pytest
from page_reading import sentences
from recorded_runs import record

from clps_core.store import open_store

SMALL = (
    "1;task=dates;model.num_layers=2;model.d_model=16;model.d_ff=32;model.num_heads=2;train.steps=20;train.batch_size=4"
)


def button(test):
    return next(one for one in test.button if one.label.startswith("Train"))


def number(test, path):
    return test.number_input(key=f"train.{path}")


def runs_in(home):
    store = open_store(home)
    try:
        return store.runs()
    finally:
        store.close()


def test_the_first_click_finds_a_comparison_already_chosen(open_page):
    test = open_page("train")
    assert sentences(test) == []
    assert test.multiselect(key="train.strategies").value == ["none", "all", "cycle"]
    assert button(test).label == "Train 3 runs side by side"
    assert not button(test).disabled


def test_a_click_queues_runs_that_differ_in_strategy_and_seed_alone_and_shows_them(open_page, room):
    test = open_page("train", spec=SMALL, strategy=["none", "cycle:2"], seed=["0", "3"])
    button(test).click().run()
    runs = runs_in(room.home)
    assert sorted((run.strategy, run.seed) for run in runs) == [
        ("cycle:2", 0),
        ("cycle:2", 3),
        ("none", 0),
        ("none", 3),
    ]
    assert len({run.comparison_id for run in runs}) == 1
    assert len({run.config.data.seed for run in runs}) == 1
    alike = {
        run.config.model_copy(update={"seed": 0, "sharing": run.config.sharing.model_copy(update={"strategy": "none"})})
        for run in runs
    }
    assert len({config.model_dump_json() for config in alike}) == 1
    assert test.title[0].value == "How is the training going?"
    assert set("".join(test.query_params["runs"]).split(",")) == {run.id for run in runs}


def test_a_link_fills_the_form_and_fields_the_form_does_not_show_are_kept(open_page, room):
    test = open_page("train", spec=SMALL + ";train.eval_every=7;sharing.strategy=all")
    assert number(test, "model.d_model").value == 16
    assert test.multiselect(key="train.strategies").value == ["none", "all"]
    assert any("eval\\_every = 7" in caption.value for caption in test.caption)
    button(test).click().run()
    assert {run.config.train.eval_every for run in runs_in(room.home)} == {7}


def test_optimiser_and_schedule_are_asked_kept_in_the_address_and_queued(open_page, room):
    test = open_page("train", spec=SMALL, strategy=["none"], seed=["0"])
    drawn = {one.key for one in test.number_input}
    assert not {"train.optim.muon_learning_rate", "train.optim.decay_fraction"} & drawn, "nothing that has no effect"
    test.button_group(key="train.optim.name").set_value("muon").run()
    test.button_group(key="train.optim.schedule").set_value("wsd").run()
    assert number(test, "optim.muon_learning_rate").value is None
    number(test, "optim.muon_momentum").set_value(0.9)
    number(test, "optim.decay_fraction").set_value(0.5)
    number(test, "train.accumulate").set_value(2)
    number(test, "optim.ema_decay").set_value(0.99).run()
    assert sentences(test) == []
    spec = test.query_params["spec"]
    again = open_page("train", spec=spec, strategy=["none"], seed=["0"])
    assert (number(again, "optim.ema_decay").value, number(again, "optim.decay_fraction").value) == (0.99, 0.5)
    number(again, "optim.muon_learning_rate").set_value(0.01).run()
    button(again).click().run()
    (run,) = runs_in(room.home)
    optim = run.config.optim
    assert (optim.name, optim.schedule, optim.decay_fraction, optim.ema_decay) == ("muon", "wsd", 0.5, 0.99)
    assert (optim.muon_learning_rate, optim.muon_momentum, run.config.train.accumulate) == (0.01, 0.9, 2)


def test_more_micro_batches_than_examples_are_one_sentence(open_page):
    test = open_page("train", spec=SMALL)
    number(test, "train.accumulate").set_value(9).run()
    assert "must be at most batch_size (4). Got 9." in " ".join(sentences(test)).replace("\\", "")


def test_a_link_that_names_strategy_and_seed_twice_says_which_is_used(open_page):
    test = open_page("train", spec=SMALL + ";sharing.strategy=all;seed=5", strategy=["none", "cycle:2"], seed=["0"])
    said = " ".join(sentences(test)).replace("\\", "")
    assert (
        "he address must give strategy only once. Its spec says all, its list says none, cycle:2. The list is used."
        in said
    )
    assert "he address must give seed only once. Its spec says 5, its list says 0. The list is used." in said
    plain = open_page("train", spec=SMALL + ";sharing.strategy=all", strategy=["none", "all"])
    assert sentences(plain) == []


def test_the_address_says_what_the_form_says(open_page):
    test = open_page("train")
    test.selectbox(key="train.task").set_value("digits").run()
    number(test, "train.steps").set_value(123).run()
    test.multiselect(key="train.strategies").set_value(["none", "grouped"]).run()
    again = open_page("train", **{name: test.query_params[name] for name in ("spec", "strategy", "seed")})
    assert number(again, "train.steps").value == 123
    assert again.selectbox(key="train.task").value == "digits"
    assert again.multiselect(key="train.strategies").value == ["none", "grouped"]


def test_what_was_typed_is_still_there_after_a_look_at_another_page(open_page):
    test = open_page("train")
    number(test, "train.steps").set_value(321).run()
    test.switch_page("../pages/runs.py").run()
    test.switch_page("../pages/train.py").run()
    assert number(test, "train.steps").value == 321


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.num_heads", 5, "d_model must be divisible by num_heads"),
        ("model.d_model", 99_999, "at most 65536"),
        ("optim.learning_rate", 99.0, "at most 10"),
    ],
)
def test_sizes_that_do_not_fit_are_one_sentence_and_nothing_can_be_queued(open_page, home, path, value, words):
    test = open_page("train")
    number(test, path).set_value(value).run()
    assert len(sentences(test)) == 1
    assert words in sentences(test)[0].replace("\\", "")
    assert button(test).disabled
    assert runs_in(home) == []


@pytest.mark.parametrize("typed", ["cycl", "cycle:9", "<script>alert(1)</script>", "0-1-2-3-4-5-6-7-8"])
def test_a_strategy_that_cannot_be_is_refused_before_anything_is_queued(open_page, home, typed):
    test = open_page("train")
    test.session_state["train.strategies"] = ["none", typed]
    test.run()
    assert len(sentences(test)) == 1
    assert button(test).disabled
    assert runs_in(home) == []


def test_nothing_chosen_says_what_is_needed(open_page):
    test = open_page("train")
    test.multiselect(key="train.strategies").set_value([]).run()
    assert "at least one strategy" in sentences(test)[0]
    assert button(test).disabled


def test_a_model_that_would_exhaust_the_memory_is_refused_on_the_page(open_page, home):
    test = open_page("train", spec="1;task=python-docs;model.num_layers=512;model.d_model=16384;model.num_heads=4")
    assert len(sentences(test)) == 1
    assert button(test).disabled
    assert runs_in(home) == []


def test_the_estimate_says_whether_it_was_measured_or_guessed(open_page, home):
    assert any("guess" in one.value for one in open_page("train", spec="1;task=digits").markdown)
    store = open_store(home)
    record(store, task="digits")
    store.close()
    measured = [one.value for one in open_page("train", spec="1;task=digits").markdown]
    assert any("Based on 2 earlier runs" in text for text in measured)
    assert not any("guess" in text for text in measured)


def test_a_generated_task_has_its_dial_in_the_form_and_others_have_none(open_page):
    test = open_page("train", spec="1;task=hops", strategy=["none"], seed=["0"])
    assert number(test, "data.difficulty").label == "Hops"
    assert number(test, "data.difficulty").value == 2
    assert "difficulty" not in "".join(test.query_params["spec"])
    number(test, "data.difficulty").set_value(3).run()
    assert sentences(test) == []
    assert "data.difficulty=3" in "".join(test.query_params["spec"])
    number(test, "data.difficulty").set_value(9).run()
    assert any("data.difficulty of task hops must be from 1 to 8. Got 9" in text for text in sentences(test))
    test.selectbox(key="train.task").set_value("dates").run()
    assert sentences(test) == []
    assert not [one for one in test.number_input if one.key == "train.data.difficulty"]


def test_a_task_of_images_has_its_patch_size_in_the_form_and_others_have_none(open_page):
    test = open_page("train", spec="1;task=mnist", strategy=["none"], seed=["0"])
    sizes = test.button_group(key="train.data.patch_size")
    assert (sizes.label, sizes.options, sizes.value) == ("Patch size", ["2", "4", "7", "14"], 7)
    assert "patch" not in "".join(test.query_params["spec"])
    sizes.set_value(4).run()
    assert sentences(test) == []
    assert "data.patch_size=4" in "".join(test.query_params["spec"])
    again = open_page("train", spec="".join(test.query_params["spec"]), strategy=["none"], seed=["0"])
    assert again.button_group(key="train.data.patch_size").value == 4
    again.selectbox(key="train.task").set_value("digits").run()
    assert sentences(again) == []
    assert "patch" not in "".join(again.query_params["spec"])
    assert not [one for one in again.button_group if one.key == "train.data.patch_size"]
