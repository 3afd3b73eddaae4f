"""The last chapters of Learn in a browser: predict, turn something, and go on to the design."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_the_helper_ends_in_a_design_that_opens_and_the_rank_moves_the_line(dashboard, browser_page, store):
    page, url = browser_page, dashboard(store.home)
    page.goto(f"{url}/learn?chapter=loosened")
    expect(page.get_by_role("button", name="Show the answer")).to_be_disabled()
    page.get_by_role("slider").first.press("ArrowLeft")
    page.get_by_role("button", name="Show the answer").click()
    expect(page.get_by_text("2.8 % of the way")).to_be_visible()
    page.get_by_role("slider").first.press("ArrowRight")
    expect(page.get_by_text("5.6 % of the way")).to_be_visible()
    page.get_by_role("button", name="Next: When not to share").click()
    page.get_by_text("About twice as much").click()
    page.get_by_role("button", name="Show the answer").click()
    page.get_by_text("Time for training", exact=True).click()
    expect(page.get_by_role("heading", name="Do not share", exact=True)).to_be_visible()
    page.get_by_role("link", name="Open in Design").first.click()
    expect(page).to_have_url(re.compile(r"/design\?.*strategy=none"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
