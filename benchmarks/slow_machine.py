"""Five minutes on a slow machine: the browser's processor throttled 4 x while two runs train on both cores.

Walks Runs, Compare, Attention and Depth by their links, and says how soon a click shows any reaction, how soon its page
is there, and what went wrong: in the console, on the page, in the server's log. ``--beside FOLDER`` walks with another
checkout first, on the same machine, for comparison. Start at main.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page
from playwright.sync_api import TimeoutError as TooLate

from driving import chromium, dashboard_command, free_port, served
from report import write_table

SECONDS = 300.0
THROTTLED = 4
PATIENCE_MS = 60_000
PAGES = {
    "runs": ".clps-live-chart",
    "compare": ".clps-live-chart",
    "attention": "[data-painted]",
    "depth": "[data-testid=stPlotlyChart]",
}
"""What must be there before a page counts as drawn."""

WATCH = """(link) => {
  const title = () => document.querySelector('[data-testid=stMain] h1')?.textContent;
  const bar = () => {
    const found = document.getElementById('clps-busy');
    return found && !found.hidden && getComputedStyle(found).visibility === 'visible';
  };
  const faded = () => [...document.querySelectorAll('[data-testid=stMain] [data-stale=true]')]
    .some((part) => +getComputedStyle(part).opacity < 0.9);
  const before = title();
  window.reacted = 0;
  link.addEventListener('click', () => {
    const began = performance.now();
    const look = () => {
      if (bar() || faded() || title() !== before) window.reacted = performance.now() - began;
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { once: true });
}"""
TINY = {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4}


def main() -> None:
    """Walk here, and before it in the other checkout, if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout of the project")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--walk", type=Path, help="walk once and write what happened into this file")
    given = parser.parse_args()
    if given.walk:
        given.walk.write_text(json.dumps(walk(given.seconds)))
        return
    here = Path(__file__).resolve().parents[1]
    found = {}
    for name, checkout in {"before": given.beside, "now": here}.items():
        if checkout:
            found[name] = walked(checkout.resolve(), given.seconds)
    report(found)


def walked(checkout: Path, seconds: float) -> dict[str, object]:
    """What a walk in a process of its own, with the code of ``checkout``, has seen."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "walk.json"
        command = [sys.executable, __file__, "--walk", str(result), "--seconds", str(seconds)]
        subprocess.run(command, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(checkout)})
        return dict(json.loads(result.read_text()))


def walk(seconds: float) -> dict[str, object]:
    """Go from page to page for so long; times in seconds."""
    from app import navigation
    from clps_core import samples
    from clps_core.config import build_config
    from clps_core.jobs import service
    from clps_core.store import open_store

    os.environ |= {"CLPS_SLOTS": "2", "CLPS_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store = open_store(home)
        samples.install(store)
        train = {"steps": 100_000, "eval_every": 200, "checkpoint_every": 500}
        parts = {"data": {"task": "dates"}, "model": TINY, "train": train}
        configs = [build_config({**parts, "sharing": {"strategy": strategy}}) for strategy in ("none", "all")]
        runs = service.submit(store, configs)
        log = Path(folder) / "server.log"
        port = free_port()
        with served(dashboard_command(port), port, home, log=log), chromium() as browser, health(port) as answers:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            problems, sizes = overheard(page), received(page)
            page.goto(f"http://127.0.0.1:{port}/runs?runs={','.join(run.id for run in runs)}")
            page.locator(PAGES["runs"]).first.wait_for(timeout=4 * PATIENCE_MS)
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": THROTTLED})
            titles = {facts.name: (facts.title, facts.question) for facts in navigation.PAGES}
            sizes.clear()
            clicks = stroll(page, titles, seconds, problems)
        for run in runs:
            service.cancel(store, run.id)
        service.wait(store, [run.id for run in runs])
        bad = [line for line in log.read_text().splitlines() if "Traceback" in line or "Error" in line]
        store.close()
        return {
            "clicks": clicks,
            "problems": problems,
            "log": bad,
            "health": answers,
            "load": os.getloadavg()[0],
            "bytes": sum(sizes),
        }


def overheard(page: Page) -> list[str]:
    """A list that fills with what the page complains of; Streamlit's own probes on a deep link find nothing."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(f"console: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"page: {error}"))
    return problems


def received(page: Page) -> list[int]:
    """A list that fills with the bytes of the messages to the page."""
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    return sizes


def stroll(
    page: Page, titles: dict[str, tuple[str, str]], seconds: float, problems: list[str]
) -> list[tuple[str, float, float]]:
    """Click from page to page: (page, seconds to a reaction, seconds until it is drawn)."""
    until, clicks = time.monotonic() + seconds, []
    while time.monotonic() < until:
        for name in ("compare", "attention", "depth", "runs"):
            title, question = titles[name]
            link = page.get_by_role("link", name=title, exact=True).first
            link.evaluate(WATCH)
            began = time.monotonic()
            try:
                link.click(timeout=PATIENCE_MS)
                page.get_by_role("heading", name=question).wait_for(timeout=PATIENCE_MS)
                page.locator(PAGES[name]).first.wait_for(timeout=PATIENCE_MS)
            except TooLate:
                problems.append(f"{name}: not there after {PATIENCE_MS // 1000} s")
            clicks.append((name, page.evaluate("window.reacted") / 1000, time.monotonic() - began))
            if page.get_by_role("dialog").or_(page.get_by_test_id("stException")).count():
                problems.append(f"{name}: a problem covers the page")
                page.reload()
            page.wait_for_timeout(4000)
    return clicks


class health:  # noqa: N801 - used like a function
    """Asks the server how it is, twice a second; its answers' seconds."""

    def __init__(self, port: int) -> None:
        self._address, self._ends = f"http://127.0.0.1:{port}/_stcore/health", threading.Event()
        self._answers: list[float] = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> list[float]:
        self._thread.start()
        return self._answers

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ends.wait(0.5):
            began = time.monotonic()
            with urllib.request.urlopen(self._address, timeout=60):
                self._answers.append(time.monotonic() - began)


def report(found: dict[str, dict[str, object]]) -> None:
    """One row a page, one column a checkout."""
    rows: list[Sequence[object]] = []
    for name in PAGES:
        rows.append((f"{name}: until the click shows a reaction", *(of(one, name, 1) for one in found.values())))
        rows.append((f"{name}: until the page is drawn", *(of(one, name, 2) for one in found.values())))
    rows.append(("the server answers, whatever it does", *(middle(one["health"]) for one in found.values())))
    rows.append(("received by the browser, kB a click", *(kilobytes(one) for one in found.values())))
    rows.append(("clicks", *(len(one["clicks"]) for one in found.values())))
    rows.append(("problems in console or page", *(len(one["problems"]) for one in found.values())))
    rows.append(("errors in the server's log", *(len(one["log"]) for one in found.values())))
    rows.append(("load average at the end", *(f"{one['load']:.1f}" for one in found.values())))
    for name, one in found.items():
        for problem in [*one["problems"], *one["log"]]:
            print(f"{name}: {problem}", file=sys.stderr)
    notes = (
        f"Seconds, median and longest. Chromium's processor is throttled {THROTTLED} x and two runs train on the two "
        "cores. A reaction is the first visible change: the bar over the page, fading parts, or the new page's title."
    )
    write_table("slow_machine", "Five minutes on a slow machine", ["", *found], rows, notes)


def of(one: dict[str, object], name: str, place: int) -> str:
    """Median and longest of the clicks on one page."""
    return middle([click[place] for click in one["clicks"] if click[0] == name])


def kilobytes(one: dict[str, object]) -> str:
    """What came over the websocket, ticks included, by clicks."""
    return f"{one['bytes'] / 1000 / len(one['clicks']):,.0f}"


def middle(values: Sequence[float]) -> str:
    """Median and longest, in seconds."""
    return f"{statistics.median(values):.2f} ({max(values):.2f})" if values else "-"


if __name__ == "__main__":
    main()
