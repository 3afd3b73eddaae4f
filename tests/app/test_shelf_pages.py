"""What people keep: pins on Start, names and deletion of comparisons and runs, where the pages offer them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_reading import sentences, tables
from recorded_runs import mark, record
from shared_server import SharedServer, shared  # noqa: F401  # a fixture
from streamlit.testing.v1 import AppTest

from clps_core import samples
from clps_core.store import Store, schema, shelf

OpenPage = Callable[..., AppTest]
ROOT = Path(__file__).resolve().parents[2]


def keys(test: AppTest) -> set[str | None]:
    return {button.key for button in test.button}


def field(test: AppTest, start: str) -> Any:
    (found,) = [one for one in test.text_input if (one.key or "").startswith(start)]
    return found


def titles(test: AppTest) -> list[str]:
    """The names of the cards on Start, as they stand."""
    bodies = [block.proto.body for block in test.get("html")]
    return [body.partition("<h3><bdi>")[2].partition("</bdi></h3>")[0] for body in bodies if "<h3>" in body]


def test_the_sample_stays_on_start_beside_a_fork_and_whatever_comes_later(open_page: OpenPage, store: Store) -> None:
    parent = samples.install(store, [samples.ready_named("dates")])[0]
    for name in ("Fork of it", "later", "latest"):
        (run,) = record(store, ["all"], name=name)
        mark(store, run, parent_id=parent.id, start_from="best")
    assert titles(open_page("start")) == ["latest", "Costs little: translate dates"]


def test_a_pinned_comparison_stays_on_start_until_it_is_let_go(open_page: OpenPage, store: Store) -> None:
    (kept,) = record(store, ["none"], name="kept")
    record(store, ["all"], name="newest")
    test = open_page("start")
    assert titles(test) == ["newest"]
    shelf.pin_comparison(store, str(kept.comparison_id), True)
    test.run()
    assert titles(test) == ["newest", "kept"]
    test.button(key=f"card.pin.{kept.comparison_id}").click().run()
    assert titles(test) == ["newest"]


def test_pinned_runs_stand_together_under_the_names_they_were_given(open_page: OpenPage, store: Store) -> None:
    (first,), (second,) = record(store, ["none"], name="one"), record(store, ["all"], name="two")
    record(store, ["cycle"], name="newest")
    mark(store, second, name="The <b>warm</b> one")
    for run in (first, second):
        test = open_page("runs", runs=run.id)
        test.button(key=f"run.pin.{run.id}").click().run()
        assert sentences(test) == []
    test = open_page("start")
    assert titles(test) == ["newest", "Pinned runs"]
    shown = tables(test).partition("Pinned runs")[2]
    assert "The &lt;b&gt;warm&lt;/b&gt; one" in shown
    assert "No sharing" in shown


@pytest.mark.parametrize("page", ["start", "runs"])
def test_a_comparison_is_renamed_where_it_is_shown(open_page: OpenPage, store: Store, page: str) -> None:
    record(store, ["none"], name="before")
    place = {"start": "card", "runs": "runs"}[page]
    test = open_page(page)
    field(test, f"{place}.name.").set_value("after").run()
    assert sentences(test) == []
    assert [one.name for one in store.comparisons()] == ["after"]
    assert field(test, f"{place}.name.").value == "after"
    field(test, f"{place}.name.").set_value("   ").run()
    assert len(sentences(test)) == 1
    assert [one.name for one in store.comparisons()] == ["after"]


def test_a_run_is_renamed_and_its_row_says_so(open_page: OpenPage, store: Store) -> None:
    (run,) = record(store, ["none"])
    test = open_page("runs")
    assert "The baseline" not in tables(test)
    field(test, "run.name.").set_value("The baseline").run()
    assert store.run(run.id).name == "The baseline"
    assert "The baseline" in tables(test)


def test_a_comparison_is_deleted_after_a_tick_and_leaves_the_address(open_page: OpenPage, store: Store) -> None:
    (gone,), (left,) = record(store, ["none"], name="gone"), record(store, ["all"], name="left")
    test = open_page("runs", runs=gone.id)
    assert test.button(key=f"runs.delete.{gone.comparison_id}").disabled
    test.checkbox(key=f"runs.sure.{gone.comparison_id}").check().run()
    test.button(key=f"runs.delete.{gone.comparison_id}").click().run()
    assert sentences(test) == []
    assert [run.id for run in store.runs()] == [left.id]
    assert "".join(test.query_params["runs"]) == left.id


def test_while_a_run_is_running_its_comparison_cannot_be_deleted_and_the_page_says_why(
    open_page: OpenPage, store: Store
) -> None:
    (run,) = record(store, ["none"])
    mark(store, run, status="running")
    test = open_page("start")
    test.checkbox(key=f"card.sure.{run.comparison_id}").check().run()
    button = test.button(key=f"card.delete.{run.comparison_id}")
    assert button.disabled
    assert button.help == "1 of its runs is running. Cancel it first."


def test_what_is_somebody_elses_can_only_be_opened(
    open_page: OpenPage,
    store: Store,
    shared: SharedServer,  # noqa: F811
) -> None:
    own = shared.visitor()
    theirs, mine = record(store, ["none"], name="theirs")[0], record(store, ["all"], name="mine")[0]
    with store.writing() as connection:
        change = schema.comparison.update().where(schema.comparison.c.id == mine.comparison_id)
        connection.execute(change.values(owner=own))
    mark(store, mine, owner=own)
    shelf.pin_comparison(store, str(theirs.comparison_id), True)
    test = open_page("start")
    assert titles(test) == ["mine", "theirs"]
    assert f"card.delete.{mine.comparison_id}" in keys(test)
    assert f"card.delete.{theirs.comparison_id}" not in keys(test)
    assert any("Only its owner or a teacher may rename, pin or delete it" in text.value for text in test.markdown)


def test_pages_keep_and_remove_things_through_the_desk_alone() -> None:
    asked = {"find_comparison", "pinned_runs"}
    found = []
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "app").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in ("clps_core.store.shelf", "clps_core.jobs.shelf"):
                found += [f"{path.name}: {one.name}" for one in node.names if one.name not in asked]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "shelf":
                found += [f"{path.name}: shelf.{node.attr}"] if node.attr not in asked else []
    assert found == []
