"""The whole path as a person walks it: start a comparison, watch it, zoom, compare, look inside."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from job_room import PATIENCE
from playwright.sync_api import Locator, Page

from clps_core.inspection import inspect_run
from clps_core.jobs import service
from clps_core.look import Look
from clps_core.store import open_store

pytestmark = pytest.mark.browser

SMALL = ";".join(
    [
        "1;task=dates",
        "model.num_layers=2",
        "model.d_model=32",
        "model.d_ff=64",
        "train.steps=300",
        "train.batch_size=32",
        "train.log_every=2",
        "train.eval_examples=32",
        "train.test_examples=32",
    ]
)
TEXT = "Friday, May 29, 1953"


def test_a_comparison_is_started_watched_zoomed_compared_and_looked_into(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    url = dashboard(home, "--no-ready")
    page = browser_page

    page.goto(f"{url}/train?spec={SMALL}&strategy=none&strategy=all")
    page.get_by_role("button", name=re.compile("Train 2 runs")).click()
    chart = page.locator(".clps-live-chart").first
    chart.wait_for()
    page.evaluate("window.loadedOnce = true")

    first = points_beyond(chart, 0)
    second = points_beyond(chart, first)
    assert second > first

    zoom(page, chart)
    zoomed_to = chart.get_attribute("data-x-range")
    assert chart.get_attribute("data-zoomed") == "true"
    points_beyond(chart, int(chart.get_attribute("data-points") or 0))
    assert chart.get_attribute("data-zoomed") == "true"
    assert chart.get_attribute("data-x-range") == zoomed_to
    assert page.evaluate("window.loadedOnce === true"), "the page was loaded again"

    store = open_store(home)
    page.goto("about:blank")  # a chart that nobody looks at need not be drawn
    runs = service.wait(store, [run.id for run in store.runs()], timeout=2 * PATIENCE)
    assert [run.status for run in runs] == ["finished", "finished"]
    shared = next(run for run in runs if run.strategy == "all")
    unshared = next(run for run in runs if run.strategy == "none")
    assert (shared.unique_parameters or 0) < (unshared.unique_parameters or 0)

    page.goto(f"{url}/compare?runs={unshared.id},{shared.id}")
    page.locator(".clps-live-chart").first.wait_for()
    page.get_by_text("All layers", exact=True).first.wait_for()

    page.goto(f"{url}/attention?run={shared.id}&text={TEXT}")
    grid = page.locator("[data-painted]").first
    grid.wait_for()
    hover_shows_what_capture_says(page, grid, store.run_folder(shared.id))
    store.close()


def points_beyond(chart: Locator, known: int, timeout: float = PATIENCE) -> int:
    """The number of points in the chart once it is more than ``known``."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        points = int(chart.get_attribute("data-points") or 0)
        if points > known:
            return points
        time.sleep(0.25)
    raise AssertionError(f"the chart stayed at {known} points")


def zoom(page: Page, chart: Locator) -> None:
    """Drag over the middle of the first plot."""
    canvas = chart.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, height, steps=5)
    page.mouse.up()


def hover_shows_what_capture_says(page: Page, grid: Locator, folder: Path) -> None:
    language = re.search(r"language=(\w+)", page.url)
    options = {"language": language.group(1)} if language else {"language": "de"}
    expected = inspect_run(Look(folder, TEXT, options=options, which="best"))
    kind = grid.get_attribute("data-kind") or ""
    layer, head = map(int, (grid.get_attribute("data-selected") or "").split(","))

    canvas = grid.locator("canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    cell = ""
    for part in (0.5, 0.4, 0.6, 0.3):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * part)
        page.wait_for_timeout(200)
        cell = grid.get_attribute("data-hover-cell") or ""
        if cell:
            break
    query, key = map(int, cell.split(","))
    shown = float(grid.get_attribute("data-hover-value") or "nan")
    captured = float(np.asarray(expected.attention[kind])[layer, head, query, key])
    assert abs(shown - captured) <= 1 / 255
