"""What is offered under the verdicts opens the panel of matches far below, and brings it into view."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clps_core.store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import mark, record

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_an_offered_match_comes_into_view_and_stands_in_the_address(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page = browser_page
    runs = record(store, ["none"], range(3)) + record(store, ["all"], range(3), steps=100)
    for run in runs[3:]:
        mark(store, run, step=100, unique_parameters=100)
    page.goto(f"{dashboard(store.home, '--no-ready')}/compare?runs={','.join(run.id for run in runs)}")
    offer = page.get_by_role("button", name="Match All layers")
    result = page.get_by_text("The matched design has exactly the same budget.")
    train = page.get_by_role("button", name="Train 3 runs with the same seeds")
    for _time in range(2):  # also where the panel is open already
        offer.click()
        expect(page.get_by_text("Match a budget with another scheme")).to_be_in_viewport()
        expect(result).to_be_in_viewport()
        page.mouse.wheel(0, -100_000)  # who moves is not brought back
        expect(page.get_by_text("Match a budget with another scheme")).not_to_be_in_viewport()
    assert "scheme=all&as=flops" in page.url
    page.reload()
    expect(train).to_be_visible()
    page.get_by_text("Match a budget with another scheme").click()
    expect(train).to_be_hidden()
    page.wait_for_url(lambda address: "match=" not in address)
