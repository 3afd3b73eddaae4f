"""The live chart in a real Chromium: it grows without a reload, keeps its zoom, and is sent only what is new."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from job_room import PATIENCE
from playwright.sync_api import Locator, Page, WebSocket

from app.chart.messages import MAX_PARTS, Memory, next_message
from app.look.assets import asset
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Point, Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import STEPS, extend, go_back, record

pytestmark = pytest.mark.browser
NAMES = ["train.loss", "validation.accuracy"]
DELIVER = "data => { let asked = false; feed({ data, setTriggerValue: () => { asked = true; } }); return asked; }"
HELD = "key => Object.fromEntries([...heldFor(key).lines].map(([name, line]) => [name, [line.steps, line.values]]))"


def until(condition: Callable[[], object], what: str, timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError(f"did not happen: {what}")


def points(chart: Locator) -> int:
    return int(chart.get_attribute("data-points") or 0)


class Progress:
    """Two runs that go on as often as somebody looks: no training takes the time of other tests."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs = record(store, ["none", "all"], status="running", steps=100_000)
        self.reached = STEPS

    def goes_on(self) -> bool:
        self.reached += 5
        for run in self.runs:
            extend(self.store, run, [self.reached])
        return True

    def shows(self, condition: Callable[[], bool], what: str) -> None:
        until(lambda: self.goes_on() and condition(), what)

    def grows(self, chart: Locator, by: int) -> None:
        known = points(chart)
        self.shows(lambda: points(chart) >= known + by, f"more than {known} points")


@pytest.fixture
def nobody_works(store: Store) -> Iterator[None]:
    """No supervisor takes runs that the test writes itself."""
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield
    lock.release()


def drag(page: Page, chart: Locator, start: float, end: float) -> None:
    """Drag over the first panel from one fraction of its width to another."""
    box = chart.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + 90, steps=6)
    page.mouse.up()


def overheard(page: Page) -> list[dict[str, Any]]:
    """A list that fills with the messages to live charts that come over the wire."""
    messages: list[dict[str, Any]] = []

    def on_frame(frame: bytes | str) -> None:
        start = frame.find(b'{"epoch"') if isinstance(frame, bytes) else -1
        if start >= 0:
            messages.append(json.JSONDecoder().raw_decode(frame[start:].decode("utf-8", "ignore"))[0])

    def on_socket(socket: WebSocket) -> None:
        socket.on("framereceived", on_frame)

    page.on("websocket", on_socket)
    return messages


@pytest.mark.usefixtures("nobody_works")
def test_the_chart_grows_without_a_reload_is_sent_only_new_points_and_keeps_its_zoom(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page, progress = browser_page, Progress(store)
    url = dashboard(store.home, "--no-ready")
    messages = overheard(page)
    page.goto(f"{url}/runs?runs={','.join(run.id for run in progress.runs)}")
    chart = page.locator(".clps-live-chart")
    chart.wait_for()
    page.evaluate("window.loadedOnce = true")
    progress.grows(chart, 40)

    drag(page, chart, 0.3, 0.6)
    assert chart.get_attribute("data-zoomed") == "true"
    zoomed_to = chart.get_attribute("data-x-range")
    progress.grows(chart, 40)
    assert chart.get_attribute("data-zoomed") == "true"
    assert chart.get_attribute("data-x-range") == zoomed_to
    # How many points a batch holds depends on how busy the machine is; that all come again would never end.
    progress.shows(
        lambda: int(chart.get_attribute("data-last-batch") or 0) < points(chart) / 2, "a batch of new points alone"
    )

    page.get_by_role("link", name="Compare", exact=True).first.click()
    page.wait_for_url("**/compare*")
    page.locator(".clps-live-chart").wait_for()
    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.wait_for_url("**/runs*")
    progress.grows(chart, 10)
    assert chart.get_attribute("data-x-range") == zoomed_to

    chart.locator("canvas").first.dblclick()
    until(lambda: chart.get_attribute("data-zoomed") == "false", "the zoom is reset")
    assert page.evaluate("window.loadedOnce === true"), "the page was loaded again"

    parts = {(message["epoch"], part["serial"]): part for message in messages for part in message["parts"]}
    carried = [
        (epoch, run, line, step)
        for (epoch, _serial), part in parts.items()
        for run, line, steps, _values, _seconds in part["lines"]
        for step in steps
    ]
    # A run of the page that is cut short may send its part again; whole curves again would be many times as much.
    assert len(carried) < 1.05 * len(set(carried)), "points came again"
    assert len(carried) >= points(chart)
    assert len(parts) > 5
    assert all(len(message["parts"]) <= MAX_PARTS for message in messages)


@pytest.mark.slow
def test_pointing_shows_the_values_of_all_lines_and_the_legend_hides_one(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page = browser_page
    runs = record(store, ["none", "all"])
    url = dashboard(store.home, "--no-ready")
    page.goto(f"{url}/runs?runs={','.join(run.id for run in runs)}")
    chart = page.locator(".clps-live-chart")
    until(lambda: points(chart) == 2 * (41 + 11), "all points")

    canvas = chart.locator("canvas").first
    canvas.focus()
    for _press in range(3):
        page.keyboard.press("ArrowRight")
    tip = chart.locator(".tip").first
    shown = tip.inner_text()
    assert "step 10" in shown
    for run in runs:
        value = store.curve(run.id, "train", "loss")[2].value
        assert f"{value:.4g}" in shown

    chart.get_by_role("button", name="All layers").click()
    canvas.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: "All layers" not in tip.inner_text(), "the hidden line has no value")
    assert "No sharing" in tip.inner_text()
    assert "No sharing" in (canvas.get_attribute("aria-label") or "")

    chart.get_by_text("Show as table").click()
    table = chart.locator("table")
    until(lambda: "100.0 %" in table.inner_text() or "96.4 %" in table.inner_text(), "the table has the last accuracy")

    chart.get_by_role("button", name="Time", exact=True).click()
    assert chart.get_attribute("data-x") == "seconds"
    assert chart.get_attribute("data-x-range") == "0,20"


def test_whatever_messages_are_lost_the_browser_ends_with_what_the_store_holds(
    browser_page: Page, store: Store
) -> None:
    feed = asset("chart/feed.js").replace("export default function", "window.feed = function")
    browser_page.evaluate(f"() => {{ {asset('chart/held.js')} {feed}; window.heldFor = heldFor; }}")
    asked = sum(follow_with_losses(browser_page, store, seed) for seed in range(3))
    assert asked > 3, "hardly any message was missed: the test tests nothing"


def follow_with_losses(page: Page, store: Store, seed: int) -> int:
    """Runs go on, go back and leave the chart while messages get lost; how often the browser asked anew."""
    chance = random.Random(seed)
    runs = record(store, ["none", "all", "cycle"], status="queued")
    reached = dict.fromkeys([run.id for run in runs], 0)
    memory: Memory | None = None
    asked, lost = 0, 0

    def read(run_ids: Sequence[str], cursor: int) -> tuple[list[Point], int]:
        return store.metrics_after(run_ids, cursor, NAMES)

    for still_to_come in reversed(range(60)):
        for _more in range(chance.randrange(4)):
            run = chance.choice(runs)
            reached[run.id] += 5
            extend(store, run, [reached[run.id]])
        run = chance.choice(runs)
        if chance.random() < 0.2 and reached[run.id]:
            reached[run.id] = chance.randrange(0, reached[run.id], 5)
            go_back(store, run, reached[run.id])
        shown = [run.id for run in runs if still_to_come < 3 or chance.random() < 0.95]
        memory = next_message(memory, shown, NAMES, read)
        lost = lost - 1 if lost else chance.choice([0, 0, 0, 0, 1, 5])
        if lost and still_to_come > 3:
            continue
        if page.evaluate(DELIVER, memory.message | {"key": str(seed)}):
            asked, memory = asked + 1, None

    held = page.evaluate(HELD, str(seed))
    for run in runs:
        for name in NAMES:
            steps, values = held.get(f"{run.id} {name}", [[], []])
            curve = store.curve(run.id, *name.split("."))
            assert steps == [point.step for point in curve]
            assert values == pytest.approx([point.value for point in curve], rel=1e-5)
    return asked


@pytest.mark.slow
def test_seeds_of_one_design_are_one_line_with_their_mean_and_spread(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page = browser_page
    runs = record(store, ["none", "all"], [0, 1, 2])
    url = dashboard(store.home, "--no-ready")
    page.goto(f"{url}/compare?runs={','.join(run.id for run in runs)}&x=tokens")
    chart = page.locator(".clps-live-chart")
    until(lambda: points(chart) == len(runs) * 2 * 11, "all points")
    assert chart.get_attribute("data-x") == "tokens"
    assert chart.locator(".legend button").all_inner_texts() == ["No sharing (3)", "All layers (3)"]

    canvas = chart.locator("canvas").first
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    losses = [store.curve(run.id, "validation", "loss")[1].value for run in runs if run.strategy == "none"]
    mean, spread = chart.locator(".tip").first.inner_text().splitlines()[-1].split(" ± ")
    assert [float(mean), float(spread)] == pytest.approx([statistics.fmean(losses), statistics.stdev(losses)], rel=1e-3)

    page.get_by_text("All layers is worse than No sharing by").first.wait_for()
    page.get_by_text("training FLOPs", exact=True).first.click(timeout=30_000)
    page.wait_for_url("**cost=flops*", timeout=30_000)
    page.get_by_text("Accuracy against training FLOPs").first.wait_for()

    chart.get_by_role("button", name="Mean of seeds").click()
    assert chart.locator(".legend button").count() == len(runs)
    canvas.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: "±" not in chart.locator(".tip").first.inner_text(), "every run has its own value")

    part = page.locator("[class*=st-key-live_] [data-testid=stElementContainer]").first
    faded = part.evaluate("node => { node.dataset.stale = 'true'; return getComputedStyle(node).opacity; }")
    assert faded == "1", "a part that draws itself again must not fade meanwhile"
