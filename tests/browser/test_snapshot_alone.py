"""A snapshot is opened with neither a network nor a server: everything draws, nothing is asked for, no script runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.snapshot.page import snapshot
from clps_core.samples import install
from clps_core.samples.ready import ready_named
from clps_core.store import Store
from clps_core.store.shelf import note_run

pytestmark = pytest.mark.browser

NOTE = "A *note*.\n\n<script>window.ran = 1</script> <img src=x onerror='window.ran = 2'> [x](javascript:window.ran=3)"


def test_a_snapshot_draws_alone_and_runs_nothing_of_others(store: Store, browser_page: Page, tmp_path: Path) -> None:
    install(store, [ready_named("dates")])
    ids = ["sample-dates-none", "sample-dates-all", "sample-dates-cycle"]
    note_run(store, ids[0], NOTE)
    file = tmp_path / "three.html"
    file.write_text(snapshot(store, store.some_runs(ids), title="Three <b>designs</b>"), encoding="utf8")
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.context.set_offline(True)
    browser_page.goto(file.as_uri())
    page = browser_page
    expect(page.locator("html")).to_have_attribute("data-drawn", "13")
    expect(page.get_by_role("heading", name="Three <b>designs</b>")).to_be_visible()
    expect(page.get_by_role("table", name="Quality, size and speed of each design").locator("tbody tr")).to_have_count(
        3
    )

    chart = page.locator(".clps-live-chart")
    plots = chart.locator("canvas[role=img]")
    expect(plots).to_have_count(3)
    painted = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    assert all(plots.nth(at).evaluate(painted) > 8 for at in range(3))
    plots.nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    expect(chart).to_have_attribute("data-zoomed", "true")

    grid = page.locator(".attention").first
    expect(grid).to_have_attribute("data-full", "0,0")
    grid.locator(".cell").last.click()
    expect(grid).to_have_attribute("data-full", "3,3")
    cell = page.locator(".map .cell").first
    cell.hover()
    expect(page.locator(".map .aside").first).to_contain_text("Used by layer 0 alone")
    cell.click()
    expect(page.locator(".map .pinned")).to_have_count(0)

    expect(page.locator(".note em")).to_have_text("note")
    assert page.evaluate("window.ran") is None
    assert page.locator(".note img, .note script, .note a[href]").count() == 0
    assert asked == [file.as_uri()]
