"""A reader's own language, in a real browser: found by itself, switched by hand, kept by links and reloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.navigation import PAGES
from clps_core.samples import install
from clps_core.store import Store, open_store

pytestmark = pytest.mark.browser

RUNS = "sample-dates-all,sample-dates-none"
QUERIES = {
    "runs": f"?runs={RUNS}",
    "compare": f"?runs={RUNS}",
    "depth": f"?runs={RUNS}&depths=4",
    "attention": "?run=sample-dates-all",
    "tryit": f"?runs={RUNS}",
}
CUT = """
() => [...document.querySelectorAll("[data-testid=stMain] *, [data-testid=stSidebar] *")]
  .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1)
  .filter((one) => /[\u4e00-\u9fff]/.test(one.innerText))
  .filter((one) => getComputedStyle(one).overflowX === "hidden")
  .filter((one) => !one.closest("[data-testid=stMultiSelect], [data-testid=stSelectbox]"))
  .map((one) => one.innerText.slice(0, 60))
"""
"""Chinese texts that are cut where they stand. What is chosen in a list is cut on purpose."""


@pytest.fixture
def chinese_page(chromium: Browser) -> Page:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    yield context.new_page()
    context.close()


def test_a_browsers_language_is_found_and_a_switch_lasts(
    dashboard: Callable[..., str], chinese_page: Page, tmp_path: Path
) -> None:
    url, page = dashboard(tmp_path / "home", "--no-ready"), chinese_page
    page.goto(f"{url}/system")
    title, root = page.get_by_role("heading", level=1), page.locator("html")
    expect(title).to_have_text("这台机器在做什么？")
    expect(root).to_have_attribute("lang", "zh")
    expect(page).to_have_title("系统 · CLPS Lab")
    assert "lang" not in page.url

    page.get_by_text("English", exact=True).click()
    expect(title).to_have_text("What is this machine doing?")
    expect(root).to_have_attribute("lang", "en")
    expect(page).to_have_url(re.compile(r"lang=en"))
    page.get_by_role("link", name="Train").click()
    expect(title).to_have_text("What do you want to train?")
    expect(page).to_have_url(re.compile(r"/train\?.*lang=en"))
    page.reload()
    expect(title).to_have_text("What do you want to train?")

    task, strategies = (
        page.locator("[data-testid=stSelectbox]").first,
        page.locator("[data-testid=stMultiSelect]").first,
    )
    task.click()
    page.get_by_role("option", name="Multi-hop lookup").click()
    expect(page).to_have_url(re.compile("hops"))
    page.get_by_text("中文", exact=True).click()
    expect(title).to_have_text("你想训练什么？")
    expect(page).not_to_have_url(re.compile(r"lang="))
    expect(strategies).to_contain_text("不共享")
    steps = page.locator("[data-testid=stNumberInput] input").first
    steps.fill("77")
    steps.press("Enter")
    expect(page).to_have_url(re.compile("hops.*steps%3D77"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("width", [800, 1440])
def test_no_page_is_wider_than_its_window_in_chinese_and_no_text_is_cut(
    lasting_dashboard: Callable[..., str], chinese_page: Page, tmp_path: Path, width: int
) -> None:
    home = tmp_path / "home"
    store: Store = open_store(home)
    install(store)
    store.close()
    url, page = lasting_dashboard(home, "--no-ready"), chinese_page
    page.set_viewport_size({"width": width, "height": 1100})
    for facts in PAGES:
        page.goto(f"{url}/{facts.name}{QUERIES.get(facts.name, '')}")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("[\\u4e00-\\u9fff]"))
        page.wait_for_function("() => !document.querySelector('[data-stale=true]')")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"), facts.name
        assert page.evaluate(CUT) == [], facts.name
