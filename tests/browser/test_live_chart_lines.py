"""Which lines the live chart draws: means of seeds, and what is smoothed. In a real Chromium, without a server."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from app.chart.live_chart import _words
from app.chart.messages import next_message
from app.chart.run_curves import line_styles, panels_of
from app.compare.summary import grouped, summary
from app.look.assets import asset
from clps_core.store import Run, Store
from clps_core.tasks import TASKS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import EVERY, extend, mark, record

pytestmark = pytest.mark.browser
PARTS = ("held", "smooth", "mean", "draw", "live_chart")
NAMES = ["validation.loss", "validation.accuracy"]
ENDS = (200, 80, 60)
"""The last steps of the three seeds."""
RECEIVE = "data => feed({ data, setTriggerValue: () => { throw new Error('a part is missing'); } })"
MOUNT = "data => mount({ data, parentElement: document.body.appendChild(document.createElement('div')) })"
LINE = """({ speeds, ends }) => {
  const members = ends.map((end, seed) => {
    const steps = [...Array(end / 5 + 1).keys()].map((k) => 5 * k);
    const [xs, ys] = [steps.map((step) => step * speeds[seed]), steps.map((step) => step + 10 * seed)];
    return { design: "d", design_name: "D", replicate: `seed ${seed}`, finished: true, steps, xs, ys };
  });
  return together(members, members, { counted: "{count} of {runs}" });
}"""


@pytest.fixture
def chart(browser_page: Page) -> Page:
    """An empty page that knows the chart's code."""
    code = "".join(asset(f"chart/{part}.js") for part in PARTS).replace("export default function", "mount = function")
    feed = asset("chart/feed.js").replace("export default function", "feed = function")
    browser_page.set_content(f"<style>{asset('chart/live_chart.css')}</style>")
    names = "heldFor, smoothed, together, mounted"
    browser_page.evaluate(
        f"() => {{ let mount, feed; {code}; {feed}; Object.assign(window, {{ mount, feed, {names} }}); }}"
    )
    return browser_page


@pytest.fixture
def shown(chart: Page, store: Store) -> Callable[..., list[Run]]:
    """``shown(ends)``: three seeds of one design that end at these steps, all finished, on a mounted chart."""

    def show(ends: Sequence[int] = ENDS, **changes: Any) -> list[Run]:
        runs = record(store, ["none"], range(len(ends)), status="queued")
        for seed, (run, end) in enumerate(zip(runs, ends, strict=True)):
            extend(store, run, range(0, end + 1, 5), pace=1 / (1 + seed))
            mark(store, run, status="finished", step=end)
        runs = store.some_runs(run.id for run in runs)
        memory = next_message(
            None, [run.id for run in runs], NAMES, lambda ids, at: store.metrics_after(ids, at, NAMES)
        )
        chart.evaluate(RECEIVE, memory.message | {"key": "k"})
        panels = [asdict(panel) for panel in panels_of(TASKS.usual("digits"), "validation")]
        spec = {
            "key": "k", "panels": panels, "runs": [asdict(style) for style in line_styles(runs)],
            "words": _words("Curves"), "height": 200, "x": "step", "axisChoice": False, "mean": True,
        }  # fmt: skip
        chart.evaluate(MOUNT, spec | changes)
        return runs

    return show


def test_a_mean_of_seeds_is_over_all_of_them_and_ends_where_the_first_one_ends(chart: Page) -> None:
    mean, *rest = chart.evaluate(LINE, {"speeds": [1, 1, 1], "ends": [105, 40, 35]})
    assert mean["steps"] == list(range(0, 36, 5))
    assert mean["ys"] == [step + 10 for step in mean["steps"]], "no jump to the mean of those that are left"
    assert mean["spread"] == pytest.approx([10] * len(mean["ys"]))
    assert mean["stop"] == {"step": 35, "count": 3, "runs": "seed 2"}
    assert [(line["faint"], line["steps"][0], line["steps"][-1]) for line in rest] == [(True, 35, 105), (True, 35, 40)]


def test_a_mean_over_time_never_runs_backwards(chart: Page) -> None:
    mean, *_rest = chart.evaluate(LINE, {"speeds": [1, 3, 9], "ends": [105, 40, 35]})
    assert mean["xs"] == sorted(mean["xs"])
    assert mean["xs"] == pytest.approx([step * 13 / 3 for step in range(0, 36, 5)])


def test_a_seed_that_diverged_ends_the_mean_and_is_named(chart: Page) -> None:
    lines = chart.evaluate(
        """() => {
      const [steps, run] = [[0, 5, 10], { design: "d", design_name: "D", finished: true }];
      const line = (seed, ys) => ({ ...run, replicate: `seed ${seed}`, steps, xs: steps, ys });
      const members = [line(0, [1, 2, 3]), line(1, [3, NaN, NaN])];
      return together(members, members, { counted: "{count} of {runs}" });
    }"""
    )
    assert (lines[0]["steps"], lines[0]["ys"], lines[0]["stop"]["runs"]) == ([0], [2], "seed 1")
    assert [line["ys"] for line in lines[1:]] == [[1, 2, 3]]


def test_the_chart_its_table_and_the_table_of_figures_give_one_mean(
    chart: Page, store: Store, shown: Callable[..., list[Run]]
) -> None:
    runs = shown()
    (group,) = grouped([summary(store, run) for run in runs])
    values = [summary(store, run).scores[60] for run in runs]
    assert group.final is not None
    assert (group.final.mean, group.final.deviation) == (statistics.fmean(values), statistics.stdev(values))
    assert group.final_step == 60

    said = f"{100 * group.final.mean:.1f} % ± {100 * (group.final.deviation or 0):.1f} %"
    canvas = chart.locator("canvas[tabindex]").nth(1)
    assert f"No sharing (3): {said}" in (canvas.get_attribute("aria-label") or "")
    note = chart.locator(".note").inner_text()
    assert "No sharing: mean over 3 runs up to step 60; last value: mean over seed 2." in note
    canvas.focus()
    for _press in range(60 // EVERY + 1):
        chart.keyboard.press("ArrowRight")
    assert said in chart.locator(".tip").nth(1).inner_text()

    chart.get_by_text("Show as table").click()
    chart.locator("tbody tr").first.wait_for()
    rows = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in chart.locator("tbody tr").all()
    }
    means = chart.locator("thead tr").nth(1).locator("th").all_inner_texts()
    place = len(means) // 2  # the second panel's first line
    assert means[place] == "No sharing (3)"
    assert rows["60"][place] == said
    assert rows["80"][place] == "–", "the mean has ended"
    assert rows["200"][place + 1] == f"{100 * summary(store, runs[0]).scores[200]:.1f} %", "its longest run goes on"


def test_seeds_that_all_end_together_need_no_note_about_an_end(chart: Page, shown: Callable[..., list[Run]]) -> None:
    shown((100, 100))
    assert "up to step" not in chart.locator(".note").inner_text()
    assert "mean over that many runs" in chart.locator(".note").inner_text()


@pytest.mark.parametrize("x", [None, "undefined", "toString"])
def test_a_chart_without_a_known_axis_is_drawn_over_steps(
    chart: Page, shown: Callable[..., list[Run]], x: str | None
) -> None:
    shown(x=x)
    assert chart.locator(".clps-live-chart").get_attribute("data-x") == "step"
    assert chart.evaluate("() => heldFor('k').x") == "step"


SMOOTHED = "({ steps, ys, halfLife }) => smoothed(steps, ys, halfLife)"


def smoothed(page: Page, steps: Sequence[int], ys: Sequence[float], half_life: float) -> list[float]:
    return list(page.evaluate(SMOOTHED, {"steps": list(steps), "ys": list(ys), "halfLife": half_life}))


def noisy(steps: Sequence[int]) -> list[float]:
    return [3 / (1 + step / 100) + (0.3 if step // 5 % 3 == 0 else -0.15) for step in steps]


def test_what_is_smoothed_does_not_change_when_new_points_come(chart: Page) -> None:
    steps = range(0, 2000, 5)
    whole = smoothed(chart, steps, noisy(steps), 20)
    for known in (1, 2, 3, 9, 40, 200):
        assert smoothed(chart, steps[:known], noisy(steps)[:known], 20) == pytest.approx(whole[:known], rel=1e-12)


def test_smoothing_reaches_back_as_many_steps_in_a_longer_run(chart: Page) -> None:
    for last in (400, 4000):
        steps = range(0, last + 1, 5)
        ys = [float(step == last) for step in steps]  # one jump: how much of it is seen at once
        assert smoothed(chart, steps, ys, 20)[-1] == pytest.approx(1 - 0.5 ** (5 / 20), abs=1e-5)


def test_half_of_the_weight_lies_within_the_half_life(chart: Page) -> None:
    steps = range(0, 1001, 5)
    ys = [float(step > 980) for step in steps]  # the last 20 steps
    assert smoothed(chart, steps, ys, 20)[-1] == pytest.approx(0.5, abs=1e-6)


def test_a_line_of_which_every_25th_point_is_known_is_smoothed_over_the_same_steps(chart: Page) -> None:
    steps = range(0, 20_001, 5)
    ys = [3 / (1 + step / 2000) for step in steps]
    fine, coarse = smoothed(chart, steps, ys, 2000), smoothed(chart, steps[::25], ys[::25], 2000)
    assert coarse == pytest.approx(fine[::25], rel=0.03)
    mixed = [*steps[:2000:25], *steps[2000:]]  # thinned when it was sent, whole since
    values = dict(zip(steps, ys, strict=True))
    assert smoothed(chart, mixed, [values[step] for step in mixed], 2000)[-1] == pytest.approx(fine[-1], rel=0.03)


def test_smoothing_draws_nothing_towards_zero_and_bridges_no_gap(chart: Page) -> None:
    assert smoothed(chart, [0, 5, 10, 100], [2.0, 2.0, 2.0, 2.0], 500) == pytest.approx([2.0] * 4)
    gap = chart.evaluate("() => smoothed([0, 5, 10], [2, NaN, 4], 20).map(Number.isNaN)")
    assert gap == [False, True, False]


def test_the_band_is_smoothed_with_its_line(chart: Page, shown: Callable[..., list[Run]]) -> None:
    shown(panels=[asdict(panel) for panel in panels_of(TASKS.usual("digits"), "validation")])
    smooth, low, high, edges = chart.evaluate(
        """() => {
      const shown = mounted.get(document.querySelector(".clps-live-chart").parentElement);
      heldFor("k").smooth = 100;
      const { smooth, low, high, steps, ys, spread } = shown.linesOf({ id: "validation.loss", noisy: true })[0];
      return [smooth, low, high, smoothed(steps, ys.map((y, i) => y - spread[i]), 100)];
    }"""
    )
    assert low == pytest.approx(edges), "of the raw band a smoothed line could leave"
    assert all(bottom <= y <= top for bottom, y, top in zip(low, smooth, high, strict=True))


def test_the_control_says_the_span_in_steps(chart: Page, shown: Callable[..., list[Run]]) -> None:
    shown(panels=[asdict(panel) for panel in panels_of(TASKS.usual("digits"), "train")])
    control = chart.get_by_label("Smoothing")
    assert control.locator("option").all_inner_texts()[:3] == ["off", "5 steps", "10 steps"]
    assert control.input_value() == "10"
    control.select_option("500")
    assert chart.evaluate("() => heldFor('k').smooth") == 500
