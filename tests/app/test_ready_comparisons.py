"""Start tells what the ready comparisons show, as long as they are the ones that shipped."""

from __future__ import annotations

import re
import shutil
from html import unescape

from page_reading import tables
from recorded_runs import record
from shared_server import SharedServer

from app.runs.names import design_names, ready_names
from clps_core import samples, words
from clps_core.jobs import service
from clps_core.samples import READY, ready_named
from clps_core.samples.shipped import figures_of, sample_folder
from clps_core.samples.stories import design_name, judge_of, shown_spread, story_of, title_of, titled
from clps_core.store import shelf

KEYS = ("hops", "docstrings", "dates")
"""Enough of them for a page: all are tested in test_samples.py."""


def installed(store):
    return samples.install(store, [ready_named(key) for key in KEYS])


def cards(test):
    return [unescape(block.proto.body) for block in test.get("html") if "<h3>" in block.proto.body]


def test_each_ready_comparison_says_what_it_shows_and_what_not_with_the_figures_of_its_runs(open_page, store):
    installed(store)
    test = open_page("start")
    assert not test.exception
    told = [card for card in cards(test) if "clps-story" in card]
    assert len(told) == len(KEYS)
    for key, card in zip(KEYS, told, strict=True):
        ready = ready_named(key)
        story = story_of(ready)
        assert title_of(ready) in card
        assert story.shows in card
        assert story.leaves_open in card
        for one in figures_of(ready):
            assert design_name(ready, one) in card
            assert f"<small>{ready_names(ready)[one.design.key]}</small>" in card
            assert shown_spread(one.spread(judge_of(ready).name), judge_of(ready)) in card


def test_a_design_has_the_name_that_compare_gives_it_beside_that_of_the_story(store):
    samples.install(store)
    for ready in READY:
        runs = store.some_runs(ready.run_ids())[: len(ready.designs)]
        assert list(ready_names(ready).values()) == design_names(runs)


def test_its_links_open_all_its_runs_and_one_to_look_into(open_page, store):
    installed(store)
    links = [link.proto for link in open_page("start").get("page_link")]
    queries = [link.query_string for link in links]
    ids = ready_named("hops").run_ids()
    assert any(all(one in query for one in ids) for query in queries)
    assert any(query.endswith("run=sample-hops-3-all-0") for query in queries)


def test_without_one_of_its_runs_a_comparison_is_shown_without_the_story(open_page, store):
    installed(store)
    service.delete(store, "sample-hops-3-all-1")
    test = open_page("start")
    assert not test.exception
    shown = tables(test)
    assert title_of(READY[0]) in shown
    assert story_of(READY[0]).shows not in "".join(cards(test))
    assert story_of(ready_named("dates")).shows in "".join(cards(test))


def test_a_run_that_only_has_the_name_of_a_shipped_one_tells_no_story(open_page, store, tmp_path):
    """Somebody imports another run under the id of the sample before the sample comes in."""
    other = tmp_path / "other"
    shutil.copytree(sample_folder("sample-hops-1-all-0"), other)
    curves = (other / "metrics.csv").read_text()
    (other / "metrics.csv").write_text(re.sub(r"test,accuracy,([0-9]+),[0-9.]+", r"test,accuracy,\1,0.9", curves))
    service.import_run(store, other, comparison=title_of(READY[0]))
    samples.install(store, [ready_named(key) for key in ("hops", "dates")])
    assert store.final_scores(["sample-hops-1-all-0"])["sample-hops-1-all-0"].values["accuracy"] == 0.9
    test = open_page("start")
    assert not test.exception
    assert title_of(READY[0]) in tables(test)
    assert story_of(READY[0]).shows not in "".join(cards(test))


def test_what_somebody_takes_off_start_goes_and_own_comparisons_come_first(open_page, store):
    installed(store)
    record(store, ["all"], name="mine")
    test = open_page("start")
    names = [card.partition("<h3><bdi>")[2].partition("</bdi></h3>")[0] for card in cards(test)]
    assert names == ["mine", *(title_of(ready_named(key)) for key in KEYS)]
    hops = next(one for one in store.comparisons() if one.name == title_of(READY[0]))
    shelf.pin_comparison(store, hops.id, False)
    test.run()
    assert title_of(READY[0]) not in tables(test)


def test_what_ships_can_be_brought_in_later_and_the_button_goes(open_page, store, home):
    """An older home has other samples, and somebody may have deleted some."""
    installed(store)
    for run_id in ready_named("dates").run_ids():
        service.delete(store, run_id)
    test = open_page("start")
    button = test.button(key="start.bring_in")
    assert "two-hop" not in button.help
    assert title_of(ready_named("dates")) in button.help
    button.click().run()
    assert not test.exception
    assert story_of(ready_named("dates")).shows in "".join(cards(test))
    assert len(store.comparisons()) == len(READY)
    assert not [one for one in test.button if one.key == "start.bring_in"]


def test_on_a_shared_server_nobody_brings_them_in(open_page, store, home, monkeypatch):
    assert open_page("start").button(key="start.bring_in")
    SharedServer(home, monkeypatch).visitor()
    test = open_page("start")
    assert not test.exception
    assert test.header
    assert not [one for one in test.button if one.key == "start.bring_in"]


def test_a_ready_comparison_has_one_name_in_the_store_and_its_readers_title_on_start(store):
    words.ask_language(lambda: "zh")
    try:
        samples.install(store, [ready_named("dates")])
        (comparison,) = store.comparisons()
        assert comparison.name == "Costs little: translate dates", "or another reader would install it a second time"
        assert titled(ready_named("dates"), comparison.name) == "代价很小：翻译日期"
        assert titled(ready_named("dates"), "My dates") == "My dates"
    finally:
        words.ask_language(None)
