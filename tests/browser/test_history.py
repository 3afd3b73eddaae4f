"""Back goes one view back: what a page writes into its own address is no step of the reader's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clps_core.samples import install, ready_named
from clps_core.store import open_store

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).resolve().parents[2] / "app" / "look" / "history.js"
PUSH = "address => history.pushState({}, '', address)"


@pytest.fixture
def bare_page(browser_page: Page) -> Page:
    """An empty page at /start with the script, where the test does what Streamlit does."""
    browser_page.route("**/*", lambda route: route.fulfill(body="<!doctype html><p>here", content_type="text/html"))
    browser_page.goto("http://clps.invalid/start")
    browser_page.evaluate(SCRIPT.read_text())
    return browser_page


def back(page: Page) -> list[str]:
    """The addresses, from the one that is shown back to the first."""
    length, found = page.evaluate("history.length"), [page.evaluate("location.pathname + location.search")]
    while found[-1] != "/start" and len(found) < length:
        page.evaluate("() => new Promise(done => { addEventListener('popstate', done, {once: true}); history.back() })")
        found.append(page.evaluate("location.pathname + location.search"))
    return found


def test_a_bare_address_that_is_filled_in_is_one_entry(bare_page: Page) -> None:
    for address in ("/runs", "/runs?runs=a"):
        bare_page.evaluate(PUSH, address)
    assert back(bare_page) == ["/runs?runs=a", "/start"]


def test_what_a_page_adds_to_the_query_of_a_link_is_no_entry_and_what_the_reader_adds_is(bare_page: Page) -> None:
    for address in ("/train?spec=1", "/train?spec=1&seed=0"):
        bare_page.evaluate(PUSH, address)
    bare_page.mouse.click(5, 5)
    bare_page.evaluate(PUSH, "/train?spec=1&seed=0&sweep=1")
    assert back(bare_page) == ["/train?spec=1&seed=0&sweep=1", "/train?spec=1&seed=0", "/start"]


def test_a_query_that_arrives_before_its_page_leaves_nothing_behind_the_page_before(bare_page: Page) -> None:
    for address in ("/start?runs=a", "/runs?runs=a", "/runs?spec=1", "/design?spec=1"):
        bare_page.evaluate(PUSH, address)
        if address == "/runs?runs=a":
            bare_page.mouse.click(5, 5)
    assert back(bare_page) == ["/design?spec=1", "/runs?runs=a", "/start"]


def test_what_the_reader_chose_is_an_entry_also_where_the_next_page_shows_the_same(bare_page: Page) -> None:
    for address in ("/runs?runs=a", "/runs?runs=b"):
        bare_page.evaluate(PUSH, address)
    bare_page.mouse.click(5, 5)
    bare_page.evaluate(PUSH, "/compare?runs=b")
    assert back(bare_page) == ["/compare?runs=b", "/runs?runs=b", "/runs?runs=a", "/start"]


@pytest.mark.slow
def test_back_goes_one_view_back(dashboard: Callable[..., str], browser_page: Page, tmp_path: Path) -> None:
    store = open_store(tmp_path / "home")
    install(store, [ready_named("dates")])
    store.close()
    page, url = browser_page, dashboard(tmp_path / "home", "--no-ready")
    page.goto(url)
    expect(page.get_by_role("heading", name="Costs little: translate dates")).to_be_visible(timeout=60_000)
    page.wait_for_function("window.clpsHistory")
    samples = "sample-dates-none%2Csample-dates-all%2Csample-dates-cycle"
    for title, question in (("Runs", "How is the training going?"), ("Compare", "Which model is better")):
        page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
        page.wait_for_url(f"**/{title.lower()}?runs={samples}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(question, timeout=60_000)
    page.go_back()
    page.wait_for_url(f"**/runs?runs={samples}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("How is the training going?", timeout=60_000)
    page.go_back()
    page.wait_for_url(f"{url}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("What is weight sharing", timeout=60_000)
