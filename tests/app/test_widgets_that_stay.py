"""No widget's options hold anything that changes by itself: a browser answers with the label that it was shown."""

import time

import pytest
from page_reading import sentences
from recorded_runs import mark, record

from app.attention.source import run_label
from app.look.language import SWITCH


def options(test):
    kinds = ("selectbox", "multiselect", "button_group")
    return {(kind, one.label): list(one.options) for kind in kinds for one in test.get(kind)}


@pytest.mark.parametrize("page", ["compare", "runs"])
def test_options_are_the_same_an_hour_later_and_after_a_hundred_steps(open_page, store, monkeypatch, page):
    runs = record(store, ["none", "all"])
    record(store, ["cycle"])
    mark(store, runs[0], status="running", step=40)
    test = open_page(page, runs=",".join(run.id for run in runs))
    before = options(test)
    assert before
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    mark(store, runs[0], status="finished", step=140)
    after = options(test.run())
    assert {name: after[name] for name in before} == before, "others may come when a run has finished"


def test_a_run_is_called_the_same_in_a_list_while_it_trains_and_after(store):
    (run,) = record(store, ["all"])
    labels = set()
    for status in ("queued", "running", "finished"):
        mark(store, run, status=status)
        labels.add(run_label(store.run(run.id)))
    assert len(labels) == 1


def test_every_message_about_a_choice_says_what_is_chosen(open_page, store):
    record(store, ["none"])
    test = open_page("compare", x="tokens", cost="flops")
    for _message in range(2):
        choices = [one for one in test.get("button_group") if one.key != SWITCH]
        chosen = [[choice.options[place] for place in choice.proto.default] for choice in choices]
        assert chosen == [["Tokens"], ["training FLOPs"]]
        lists = [one for one in test.multiselect if one.key in ("compare.comparisons", "compare.runs")]
        assert [len(one.proto.default) for one in lists] == [1, 1]
        test.run()


def test_a_browser_that_has_drawn_nothing_yet_leaves_the_axis_as_it_is(open_page, store):
    record(store, ["none"])
    test = open_page("compare", x="tokens")
    axis = next(one for one in test.get("button_group") if one.value == "tokens")
    axis.set_value(None).run()
    assert not test.exception
    assert next(one for one in test.get("button_group") if one.key == axis.key).value == "tokens"
    assert test.query_params["x"] in ("tokens", ["tokens"])


@pytest.mark.parametrize("key", ["compare.comparisons", "compare.runs"])
def test_a_label_that_is_not_in_the_list_any_more_chooses_nothing(open_page, store, key):
    runs = record(store, ["none", "all"])
    test = open_page("compare", runs=",".join(run.id for run in runs))
    widget = test.multiselect(key=key)
    widget.set_value([*widget.value, "recorded · 2 runs · 3 minutes ago"]).run()
    assert not test.exception
    assert sentences(test) == []
    assert set(test.session_state["runs.seen"]) == {run.id for run in runs}
