"""The switch that shows pages to a room: by hand, by the address, on every page of the session."""

from __future__ import annotations

import json
from collections.abc import Callable

from page_reading import tables
from recorded_runs import record
from streamlit.testing.v1 import AppTest

from app.look import presenting
from clps_core.store import Store

OpenPage = Callable[..., AppTest]


def is_large(test: AppTest) -> bool:
    """Whether the page carries the large style, which takes the side bar away."""
    return "stExpandSidebarButton" in tables(test)


def figure(test: AppTest) -> dict:
    return json.loads(test.get("plotly_chart")[0].proto.spec)


def test_the_address_asks_for_it_and_the_session_keeps_it_on_other_pages(open_page: OpenPage, home: object) -> None:
    test = open_page("start", present="1")
    assert is_large(test)
    assert test.toggle(key=presenting.SWITCH).value
    test.query_params.clear()
    test.switch_page("../pages/system.py").run()
    assert not test.exception
    assert is_large(test)
    assert list(test.query_params["present"]) == ["1"], "a copied address shows the same"


def test_the_switch_turns_it_on_and_off_and_says_so_in_the_address(open_page: OpenPage, home: object) -> None:
    test = open_page("start")
    assert not is_large(test)
    assert "present" not in test.query_params
    test.toggle(key=presenting.SWITCH).set_value(True).run()
    assert is_large(test)
    assert list(test.query_params["present"]) == ["1"]
    test.toggle(key=presenting.SWITCH).set_value(False).run()
    assert not is_large(test)
    assert "present" not in test.query_params


def test_words_and_marks_of_a_figure_grow_and_its_data_stay(open_page: OpenPage, store: Store) -> None:
    runs = ",".join(run.id for run in record(store))
    usual, large = figure(open_page("compare", runs=runs)), figure(open_page("compare", runs=runs, present="1"))
    assert [one["y"] for one in usual["data"]] == [one["y"] for one in large["data"]]
    assert large["data"][0]["marker"]["size"] > usual["data"][0]["marker"]["size"]
    assert large["layout"]["font"]["size"] == presenting.TYPE
    assert large["layout"]["height"] > usual["layout"]["height"]
