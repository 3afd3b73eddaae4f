"""The depth page in a real Chromium, on the samples that ship: no training, no waiting for one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clps_core.samples import install, ready_named
from clps_core.store import open_store

pytestmark = pytest.mark.browser

PATIENCE = 120_000
"""Milliseconds: the page asks a model twelve questions, maybe on a busy machine."""


def answer(page: Page, loops: int, column: int):
    """The cell of the answers' table."""
    row = page.locator(".clps-answers tbody tr").filter(has=page.get_by_role("rowheader", name=str(loops), exact=True))
    return row.locator("td").nth(column)


@pytest.mark.slow
def test_the_depth_of_a_sample_is_turned_and_the_answer_follows(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    store = open_store(tmp_path / "home")
    install(store, [ready_named("dates")])
    store.close()
    page = browser_page
    page.goto(f"{dashboard(tmp_path / 'home', '--no-ready')}/depth?depths=2,4,5")

    expect(answer(page, 4, 0)).to_contain_text("Mittwoch, 3. Oktober 1990 ✓", timeout=PATIENCE)
    expect(answer(page, 4, 0).locator("mark")).to_have_count(0)
    expect(answer(page, 2, 0).locator("mark").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    # The curve: one line per run, a ring at each depth of training.
    expect(page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace")).to_have_count(4)

    page.get_by_role("textbox", name="Your text").fill("Friday, May 29, 1953")
    page.get_by_role("textbox", name="Your text").press("Enter")
    expect(answer(page, 2, 1)).to_contain_text("Freitag, 29. Mai 1953 ✓", timeout=PATIENCE)
    page.wait_for_url(re.compile("text=Friday"))

    page.get_by_role("slider").press("ArrowRight")
    page.wait_for_url(re.compile("loops=5"))
    expect(page.get_by_text("at 5 loops: ● encoder: 5 layers")).to_be_visible()

    page.set_viewport_size({"width": 800, "height": 900})
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    inside = "() => document.scrollingElement.scrollWidth <= window.innerWidth"
    page.wait_for_function(inside)
    for table in (".clps-figures", ".clps-answers"):
        page.wait_for_function(
            f"() => {{const t = document.querySelector('{table}'); return t.scrollWidth <= t.clientWidth}}"
        )
