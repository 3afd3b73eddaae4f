"""A lesson in a browser: what is hidden is not seen, what is locked takes no key, and leaving frees all of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.lesson.parts import PARTS, selector

pytestmark = pytest.mark.browser

DATES = "sample-dates-none,sample-dates-all"
WHERE = {
    "attention": "?run=sample-dates-all",
    "compare": f"?runs={DATES}",
    "depth": "?runs=sample-cups-fixed-0",
    "runs": f"?runs={DATES}",
    "tryit": f"?runs={DATES}",
}
"""Addresses on which a page has all its parts."""


def test_a_lesson_hides_and_locks_keeps_the_answer_and_lets_go(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(f"{dashboard(tmp_path / 'home', '--no-ready')}/learn")
    page.get_by_role("button", name="Open the lesson").first.click()
    question = "If all layers used the weights of the first one, what would become smaller?"
    expect(page.get_by_text(question)).to_be_visible()
    layers = page.locator('[class*="st-key-design_num_layers"]')
    expect(layers).to_be_visible()
    expect(page.locator(".st-key-scheme_cards")).to_be_hidden()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(layers).to_have_js_property("inert", True)
    page.get_by_text("The number of stored parameters").click()
    expect(page.get_by_text("Your answer is kept.")).to_be_visible()
    page.get_by_role("button", name="Next step").click()
    expect(page.get_by_text("Lesson · step 2 of 3")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Lesson · step 2 of 3")).to_be_visible()
    page.get_by_role("button", name="Previous step").click()
    expect(page.get_by_role("radio", name="The number of stored parameters")).to_be_checked()
    page.get_by_role("button", name="Leave the lesson").click()
    expect(page.get_by_text(question)).to_be_hidden()
    expect(page.locator(".st-key-scheme_cards")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(layers).to_have_js_property("inert", False)


@pytest.mark.slow
def test_every_part_is_on_its_page(dashboard: Callable[..., str], browser_page: Page, tmp_path: Path) -> None:
    url = dashboard(tmp_path / "home")
    for name in dict.fromkeys(part.page for part in PARTS if part.page):
        browser_page.goto(f"{url}/{name if name != 'start' else ''}{WHERE.get(name, '')}")
        for part in (one for one in PARTS if one.page in ("", name)):
            if part.name == "downloads" and name in ("learn", "data", "train"):
                continue
            browser_page.locator(selector(name, [part.name])).first.wait_for(state="attached")
