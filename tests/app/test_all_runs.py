"""Runs as a place: searched, page by page, with the columns one wants; notes, tags and the archive on the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from page_reading import sentences, tables
from recorded_runs import mark, record
from shared_server import SharedServer, shared  # noqa: F401  # a fixture
from streamlit.testing.v1 import AppTest

from app.runs import all_runs
from clps_core.store import Store, shelf

OpenPage = Callable[..., AppTest]


def names(test: AppTest) -> list[str]:
    """The strategies of the rows that the table of all runs has, as they stand."""
    return list(test.dataframe[0].value["Sharing"]) if test.dataframe else []


def said(test: AppTest) -> str:
    return "\n".join([*(one.value for one in (*test.markdown, *test.caption, *test.info)), tables(test)])


def starting(elements: Any, start: str) -> Any:
    (found,) = [one for one in elements if (one.key or "").startswith(start)]
    return found


def test_all_runs_are_searched_and_the_address_keeps_the_search(open_page: OpenPage, store: Store) -> None:
    one, other = record(store, ["none", "all"], status="queued")
    mark(store, other, status="failed", tags='["paper"]')
    test = open_page("runs", view="all")
    assert sentences(test) == []
    assert names(test) == ["none", "all"]
    test.text_input(key="runs.where").set_value("tag:paper status:failed").run()
    assert names(test) == ["all"]
    assert "".join(test.query_params["where"]) == "tag:paper status:failed"
    again = open_page("runs", view="all", where="strategy:none")
    assert names(again) == ["none"]
    assert again.text_input(key="runs.where").value == "strategy:none"
    again.text_input(key="runs.where").set_value(f"-{one.id}").run()
    assert names(again) == ["all"]


@pytest.mark.parametrize("where", ["d_modle>3", "d_model>wide", '"half', "x" * 501, "sort:tag"])
def test_a_search_that_is_none_is_one_sentence(open_page: OpenPage, store: Store, where: str) -> None:
    record(store, ["none"], status="queued")
    test = open_page("runs", view="all", where=where)
    assert len(sentences(test)) == 1
    assert not test.exception
    assert test.text_input(key="runs.where").value == where[:500], "what was typed is not lost"


def test_columns_are_chosen_by_address_and_a_bad_one_is_named(open_page: OpenPage, store: Store) -> None:
    (run,) = record(store, ["none"])
    mark(store, run, tags='["a", "b"]', notes="why", created_at=1_767_225_600.0)
    columns = "quality,d_model,model.bias,last.loss,test.accuracy,tags,note,created,comparison,colour"
    test = open_page("runs", view="all", columns=columns)
    assert len(sentences(test)) == 1
    assert "'colour'" in sentences(test)[0]
    table = test.dataframe[0].value
    assert list(table.columns)[1:4] == ["Best", "d_model", "model.bias"]
    (row,) = table.to_dict("records")
    assert row["Best"].endswith(" %")
    assert row["d_model"] == run.config.model.d_model
    assert bool(row["model.bias"])
    assert 0 < row["last.loss"] < 1
    assert (row["Tags"], row["test.accuracy"]) == ("#a #b", None)
    assert "why" in row["Note"]
    assert "recorded" in row["Comparison"]
    test.multiselect(key="runs.columns").set_value(["seed", "task"]).run()
    assert "".join(test.query_params["columns"]) == "seed,task"
    assert list(test.dataframe[0].value.columns)[1:] == ["Seed", "Task"]


def test_a_long_list_comes_page_by_page(open_page: OpenPage, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_runs, "PAGE_RUNS", 2)
    record(store, ["none", "all", "cycle", "every:2", "sandwich"][:3], seeds=[0, 1], status="queued")
    test = open_page("runs", view="all", page="2", where="sort:seed")
    assert "Runs 3 to 4 of 6" in said(test)
    assert list(test.dataframe[0].value["Seed"]) == [0, 1]
    beyond = open_page("runs", view="all", page="99")
    assert "Runs 5 to 6 of 6" in said(beyond)


def test_chosen_runs_are_tagged_and_archived_and_come_back(open_page: OpenPage, store: Store) -> None:
    runs = record(store, ["none", "all"])
    test = open_page("runs", view="all")
    test.checkbox[0].check().run()
    starting(test.text_input, "runs.tags.").set_value("paper #v2 -draft").run()
    assert sentences(test) == []
    assert [run.tags for run in store.some_runs([run.id for run in runs])] == [("paper", "v2")] * 2
    starting(test.text_input, "runs.tags.").set_value("a,b").run()
    assert len(sentences(test)) == 1
    test.button(key="runs.archive_chosen").click().run()
    assert "All runs here are archived" in said(test)
    test.toggle(key="runs.archived").set_value(True).run()
    assert names(test) == ["none", "all"]
    assert "".join(test.query_params["archived"]) == "1"
    test.checkbox[0].check().run()
    test.button(key="runs.archive_chosen").click().run()
    assert [comparison.archived_at for comparison in store.comparisons(archived=False)] == [None]


def test_active_runs_cannot_be_archived_and_the_button_says_why(open_page: OpenPage, store: Store) -> None:
    record(store, ["none"], status="queued")
    test = open_page("runs", view="all")
    test.checkbox[0].check().run()
    button = test.button(key="runs.archive_chosen")
    assert button.disabled
    assert "neither waiting nor running" in button.help


def test_an_archived_comparison_leaves_the_pages_unless_it_is_asked_for(open_page: OpenPage, store: Store) -> None:
    record(store, ["none"], name="kept")
    (gone,) = record(store, ["all"], name="shelved")
    test = open_page("runs")
    test.button(key=f"runs.archive.{gone.comparison_id}").click().run()
    assert sentences(test) == []
    assert store.comparisons(archived=False)[0].name == "kept"
    assert "shelved" not in tables(open_page("start"))
    plain = open_page("runs")
    assert not any("shelved" in option for option in plain.selectbox(key="runs.comparison").options)
    plain.toggle(key="runs.show_archived").set_value(True).run()
    assert any("shelved" in option for option in plain.selectbox(key="runs.comparison").options)
    named = open_page("compare", runs=gone.id)
    assert "All layers" in tables(named), "an address still shows it"


def test_a_note_is_written_shown_and_harmless_on_runs_and_compare(open_page: OpenPage, store: Store) -> None:
    (run,) = record(store, ["none"])
    hostile = "**why** <script>alert(1)</script> ![x](https://evil.example/x.png)"
    test = open_page("runs")
    starting(test.text_area, f"runs.note.{run.comparison_id}").set_value(hostile)
    test.button(key=f"runs.keep.{run.comparison_id}").click().run()
    assert sentences(test) == []
    assert store.comparisons()[0].notes == hostile
    for page in ("runs", "compare"):
        shown = [one for one in open_page(page).markdown if "**why**" in one.value]
        assert len(shown) == 1
        assert not shown[0].allow_html
        assert "![" not in shown[0].value
        assert "<script" not in shown[0].value
    starting(test.text_area, f"run.note.{run.id}").set_value("of the run")
    test.button(key=f"run.keep.{run.id}").click().run()
    assert store.run(run.id).notes == "of the run"
    assert "of the run" in said(test)


def test_a_visitor_reads_notes_and_changes_only_their_own(
    open_page: OpenPage,
    store: Store,
    shared: SharedServer,  # noqa: F811
) -> None:
    (theirs,) = record(store, ["none"], name="theirs")
    shelf.note_comparison(store, str(theirs.comparison_id), "read me")
    mark(store, theirs, notes="read this, too", tags='["x"]')
    shared.visitor()
    test = open_page("runs", runs=theirs.id)
    assert "read me" in said(test)
    assert "read this, too" in said(test)
    assert list(test.text_area) == []
    everything = open_page("runs", view="all", where="tag:x")
    everything.checkbox[0].check().run()
    assert everything.button(key="runs.archive_chosen").disabled
    assert "you may not" in everything.button(key="runs.archive_chosen").help
    assert "read this, too" in said(everything)
    assert list(everything.text_area) == []


def test_a_page_of_all_runs_asks_the_store_as_often_for_many_as_for_one(open_page: OpenPage, store: Store) -> None:
    record(store, ["none"], seeds=range(2))
    few = statements_of(lambda: open_page("runs", view="all"))
    record(store, ["all"], seeds=range(20))
    assert statements_of(lambda: open_page("runs", view="all")) <= few


def test_compare_asks_the_store_as_often_for_many_runs_as_for_few(open_page: OpenPage, store: Store) -> None:
    few = record(store, ["none"], seeds=range(2))
    asked = statements_of(lambda: open_page("compare", runs=",".join(run.id for run in few)))
    many = few + record(store, ["all", "cycle"], seeds=range(8))
    assert statements_of(lambda: open_page("compare", runs=",".join(run.id for run in many))) <= asked + 2


def statements_of(do: Callable[[], object]) -> int:
    """How many statements reached SQLite meanwhile, whichever store sent them."""
    seen: list[str] = []

    def noted(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", noted)
    try:
        do()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", noted)
    return len(seen)
