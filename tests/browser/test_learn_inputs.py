"""Chapters of Learn that ask a trained model, in a real Chromium: maps are painted, and a chosen head stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clps_core.learning import Progress, keep_progress

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_two_uses_of_one_weight_stand_side_by_side_and_a_chosen_head_stays_with_another_input(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert keep_progress(home, "local", Progress({"inputs": "other", "kv": "same"}))
    url = dashboard(home, "--no-ready")
    page = browser_page
    page.goto(f"{url}/learn?chapter=inputs")
    maps = page.locator(".attention[data-layers='0,2']")
    expect(maps.locator("canvas.map")).to_have_count(2)
    chosen = maps.get_attribute("data-selected")
    other = "0" if chosen == "3" else "3"
    maps.get_by_role("button", name=f"Head {other}", exact=True).click()
    expect(maps).to_have_attribute("data-selected", other)
    page.get_by_role("button", name="Another example").click()
    expect(page.get_by_role("textbox", name="Your text")).to_have_value("3 0 6 2 4 1 5 7")
    expect(maps.get_by_role("img").first).to_have_attribute("aria-label", re.compile("Layer 0"))
    expect(maps).to_have_attribute("data-selected", other)
    assert "cell=" not in page.url
    page.get_by_role("radio", name="1 and 2").click()
    expect(page.locator(".attention[data-layers='1,2'] canvas.map")).to_have_count(2)

    page.goto(f"{url}/learn?chapter=kv")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="All layers", exact=True))
    expect(row).to_contain_text("67.1 MB")
    page.get_by_role("radiogroup", name="Heads for keys and values").get_by_role("radio", name="2", exact=True).click()
    expect(row).to_contain_text("16.8 MB")
    expect(row).to_contain_text("25.0 %")
