"""What is on the screen is in the address: a copy of it shows the same later, or says that it is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from page_reading import sentences
from recorded_runs import record
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app import state
from app.attention.chosen import _named
from clps_core.store import Run, Store, schema

OpenPage = Callable[..., AppTest]


def address(test: AppTest) -> dict[str, str]:
    """The address as a person copies it."""
    return {name: value if isinstance(value, str) else ",".join(value) for name, value in test.query_params.items()}


def looped(store: Store) -> Run:
    """A run that every page can show: it has weights, and layers that repeat."""
    return stored_run(store, small_config("dates", "cycle:2"))


PAGES = {"runs": "runs", "compare": "runs", "depth": "runs", "tryit": "runs", "attention": "run"}
WIDGETS = {
    "runs": lambda test: test.selectbox(key="runs.comparison").value,
    "compare": lambda test: test.multiselect(key="compare.runs").value,
    "depth": lambda test: test.multiselect(key="depth.runs").value,
    "tryit": lambda test: test.multiselect(key="tryit.runs").value,
    "attention": lambda test: test.selectbox(key="attention.run").value,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_copied_address_of_a_default_view_shows_the_same_run_later(
    open_page: OpenPage, store: Store, page: str
) -> None:
    first = looped(store)
    copied = address(open_page(page, **({"depths": "1"} if page == "depth" else {})))
    assert copied[PAGES[page]] == first.id
    looped(store)
    later = open_page(page, **copied)
    assert sentences(later) == []
    assert address(later)[PAGES[page]] == first.id
    assert WIDGETS[page](later) in (first.id, [first.id], first.comparison_id)


@pytest.mark.parametrize("page", PAGES)
def test_an_address_whose_run_is_gone_says_so_and_shows_no_other(open_page: OpenPage, store: Store, page: str) -> None:
    gone, left = looped(store), looped(store)
    store.forget_run(gone.id)
    test = open_page(page, **{PAGES[page]: gone.id})
    assert [sentence.replace("\\", "") for sentence in sentences(test)] == [
        f"There is no run {gone.id}. It may have been deleted; choose from the list."
    ]
    assert WIDGETS[page](test) in (None, "", [])
    assert address(test)[PAGES[page]] == gone.id
    assert not test.get("plotly_chart")
    assert left.id not in "".join(block.proto.body for block in test.get("html"))


def test_what_is_there_is_offered_where_a_run_is_gone(open_page: OpenPage, store: Store) -> None:
    left = looped(store)
    for page, choose in {
        "runs": lambda test: test.selectbox(key="runs.comparison").set_value(left.comparison_id),
        "compare": lambda test: test.multiselect(key="compare.comparisons").set_value([left.comparison_id]),
        "attention": lambda test: test.selectbox(key="attention.run").set_value(left.id),
    }.items():
        test = open_page(page, **{PAGES[page]: "zzzz9999"})
        choose(test).run()
        assert sentences(test) == [], page
        assert address(test)[PAGES[page]] == left.id, page


def test_a_gone_run_of_an_empty_store_is_named_beside_the_way_to_a_first_one(open_page: OpenPage) -> None:
    test = open_page("runs", runs="zzzz9999")
    assert len(sentences(test)) == 1
    assert any("Nothing has been trained here yet" in text.value for text in test.markdown)


def test_the_beginning_of_an_id_names_a_run_only_where_it_names_one(store: Store) -> None:
    runs = [looped(store), looped(store)]
    assert _named(runs, runs[0].id) == runs[0]
    assert _named(runs, "") is None
    assert _named(runs[:1], runs[0].id[:4]) == runs[0]


def test_the_sweep_that_is_shown_is_in_the_address_and_a_gone_one_is_not_replaced(
    open_page: OpenPage, store: Store
) -> None:
    (run,) = record(store, ["none"])
    with store.writing() as connection:
        plan = {"method": "grid", "fields": {"optim.learning_rate": [0.001]}, "strategies": ["none"], "seeds": [0]}
        connection.execute(schema.comparison.update().values(plan=json.dumps(plan)))
    shown = address(open_page("train", way="fields"))
    assert shown["sweep"] == run.comparison_id
    gone = open_page("train", way="fields", sweep="zzzz9999")
    (sentence,) = sentences(gone)
    assert "There is no sweep zzzz9999" in sentence.replace("\\", "")
    assert address(gone)["sweep"] == "zzzz9999"
    assert gone.selectbox(key="sweep.shown").value is None


LINKS = sorted((Path(__file__).parent.parent / "fixtures" / "links").glob("*.json"))


@pytest.mark.parametrize("version", [path.stem for path in LINKS])
def test_links_of_an_older_version_still_open_what_they_name(open_page: OpenPage, store: Store, version: str) -> None:
    a, b = looped(store), looped(store)
    for kept in json.loads((LINKS[0].parent / f"{version}.json").read_text())["views"]:
        page, _mark, query = kept.format(a=a.id, b=b.id).partition("?")
        asked = parse_qs(query)
        test = open_page(page, **asked)
        assert not test.exception, kept
        assert sentences(test) == [], kept
        assert {name: address(test)[name] for name in asked} == {
            name: ",".join(values) for name, values in asked.items()
        }, kept


def test_an_address_names_every_run_of_the_largest_comparison() -> None:
    from clps_core.jobs.service import MOST_RUNS_AT_ONCE

    assert state.MAX_RUNS >= MOST_RUNS_AT_ONCE
