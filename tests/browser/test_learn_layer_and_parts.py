"""Learn in a real browser: one's own input through a layer, and a map that is painted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from clps_core.store import Store

pytestmark = pytest.mark.browser


def test_a_typed_input_is_followed_and_a_painted_map_is_counted(
    dashboard: Callable[..., str], store: Store, browser_page: Page
) -> None:
    page, url = browser_page, dashboard(store.home, "--no-ready")
    main = page.get_by_test_id("stMain")

    page.goto(f"{url}/learn?chapter=layer")
    expect(page.get_by_role("button", name="Show the answer")).to_be_disabled()
    expect(main).not_to_contain_text("Your input")
    page.get_by_text("All of it on itself", exact=True).click()
    page.get_by_role("button", name="Show the answer").click()
    expect(main).to_contain_text("Layer 1 begins with exactly these numbers.")
    page.get_by_label("Your input").fill("7 6 5 4 3 2 1 0")
    page.keyboard.press("Enter")
    weights = page.get_by_role("region", name="Scores and weights of this row")
    expect(weights).to_contain_text("7: f(7)=0")
    page.get_by_test_id("stButtonGroup").filter(has_text="Layer").get_by_text("2", exact=True).click()
    expect(main).to_contain_text("This was the last layer.")
    expect(page.locator(".clps-strip").first).to_contain_text("state x")

    page.goto(f"{url}/learn?chapter=parts")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Show the answer").click()
    page.locator('.cell[data-component=q][data-layer="1"]').click()
    page.get_by_role("button", name="this cell").click()
    page.get_by_role("button", name="Use a new slot").click()
    expect(page.locator('.cell[data-component=q][data-layer="1"]')).to_have_text("B")
    expect(page.get_by_role("region", name="Parameters stored in the layers")).to_contain_text("Your map")
