"""Start always has something to open or says how to get it."""

from page_reading import tables

from app.start.comparison_card import featured
from clps_core.config import build_config, resolve
from clps_core.jobs.desk import Desk
from clps_core.policy import LOCAL_POLICY
from clps_core.store import open_store


def test_an_empty_store_shows_the_way_to_a_first_comparison(open_page):
    test = open_page("start")
    assert not test.exception
    assert any("Nothing has been trained here yet" in text.value for text in test.markdown)


def test_a_comparison_stands_ready_with_its_designs(open_page, home):
    store = open_store(home)
    configs = [resolve(build_config({"sharing": {"strategy": strategy}})).config for strategy in ("none", "cycle:2")]
    store.create_comparison("dates <i>first</i>", configs, parameters=[(1000, 1000), (500, 1000)])
    test = open_page("start")
    assert not test.exception
    shown = tables(test)
    assert "dates &lt;i&gt;first&lt;/i&gt;" in shown
    assert "Cycle, 2 stored" in shown
    assert any("2 runs are waiting" in text.value for text in test.markdown)
    store.close()


def test_the_newest_comparison_is_featured_first(home):
    store = open_store(home)
    config = resolve(build_config()).config
    store.create_comparison("older", [config])
    newest = store.create_comparison("newer", [config])
    assert [one.id for one in featured(store, Desk(store, LOCAL_POLICY, None))] == [newest]
    store.close()
