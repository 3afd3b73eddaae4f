"""The sharing map is painted with the mouse and with the keyboard, and its address brings it back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def cell(page: Page, component: str, layer: int):
    return page.locator(f'.cell[data-stack=encoder][data-component={component}][data-layer="{layer}"]')


def test_a_map_is_looked_at_painted_linked_and_handed_to_train(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(dashboard(tmp_path / "home", "--no-ready"))
    page.get_by_role("link", name="Design").first.click()

    cell(page, "q", 1).hover()
    expect(page.locator(".cell.same")).to_have_count(4)
    expect(page.locator(".aside")).to_contain_text("Used by layers 0, 1, 2, 3")

    cell(page, "q", 1).click()
    page.get_by_role("button", name="this cell").click()
    page.get_by_role("button", name="Use a new slot").click()
    page.wait_for_url(re.compile("strategy=all%2Cencoder.q%3D0-1-0-0"))
    expect(cell(page, "q", 1)).to_have_text("B")
    expect(cell(page, "k", 1)).to_have_text("A")

    cell(page, "q", 3).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "k", 2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".aside")).to_contain_text("Encoder · K · layer 2")

    page.get_by_role("button", name="Train this comparison").click()
    page.wait_for_url(re.compile("/train.*encoder.q%3D0-1-0-0"))
    page.get_by_role("link", name="Design").first.click()
    expect(cell(page, "q", 1)).to_have_text("B")
