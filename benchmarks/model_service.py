"""Memory of the dashboard's own process and the time of an answer, with the model process and without it.

``--before CHECKOUT`` measures an older checkout too, on which the dashboard's own process read the models.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psutil
from playwright.sync_api import Page

from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.samples import install
from clps_core.serving import InspectRun, ModelService, Settings
from clps_core.store import open_store
from driving import chromium, dashboard_command, free_port, served
from report import write_table

ROUNDS = 3
TEXTS = ("Friday, May 29, 1953", "Monday, June 1, 1998", "4 October 2021")
RUN = "sample-dates-all"
HERE = Path(__file__).resolve().parents[1]

MEASURES = {
    "own memory, other pages open": "MB",
    "own memory after Attention": "MB",
    "own memory after Depth": "MB",
    "model process after Depth": "MB",
    "first answer": "s",
    "second text": "s",
    "third text": "s",
    "Depth, 3 depths": "s",
}


def measure(checkout: Path, browser_page: Page, folder: Path) -> dict[str, float]:
    """One server of ``checkout`` from its start: megabytes and seconds by the names of ``MEASURES``."""
    store = open_store(folder / "home")
    install(store)
    store.close()
    os.environ["PYTHONPATH"] = str(checkout)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    found = {}

    def opened(address: str, wait_for: str) -> float:
        began = time.perf_counter()
        browser_page.goto(f"{url}/{address}")
        browser_page.locator(wait_for).first.wait_for(timeout=0)
        return time.perf_counter() - began

    with served(dashboard_command(port), port, folder / "home") as parent:
        for name in ("start", "design", "train", "runs", "compare", "system"):
            opened(name, "h1, [data-testid=stHeading]")
            browser_page.wait_for_timeout(1500)
        found["own memory, other pages open"] = parent.memory_info().rss / 1e6
        for name, text in zip(("first answer", "second text", "third text"), TEXTS, strict=True):
            address = f"attention?run={RUN}&language=de&text={quote(text)}"
            found[name] = opened(address, ".attention[data-selected]")
        found["own memory after Attention"] = parent.memory_info().rss / 1e6
        found["Depth, 3 depths"] = opened(f"depth?runs={RUN}&depths=2,4,6", "[data-testid=stPlotlyChart]")
        browser_page.get_by_role("figure").nth(1).wait_for(timeout=0)
        found["own memory after Depth"] = parent.memory_info().rss / 1e6
        found["model process after Depth"] = sum(map(resident, parent.children())) / 1e6
        browser_page.goto("about:blank")
    return found


def resident(process: psutil.Process) -> int:
    return int(process.memory_info().rss) if "clps_core.serving.child" in process.cmdline() else 0


def further_texts(folder: Path, rounds: int = 20) -> tuple[float, float]:
    """Median seconds of a further text without a browser: asked of the model service, and of the engine itself."""
    store = open_store(folder / "home")
    install(store)
    run_folder = store.run_folder(RUN)
    store.close()
    service = ModelService(Settings.of())
    asked, read = [], []
    for number in range(rounds + 1):
        text = f"May {number + 1}, 1953"
        began = time.perf_counter()
        service.ask(InspectRun(run_folder, (0, 0), text, (("language", "de"),)))
        asked.append(time.perf_counter() - began)
        began = time.perf_counter()
        inspect_run(Look(run_folder, text, options={"language": "de"}))
        read.append(time.perf_counter() - began)
    service.close()
    return statistics.median(asked[1:]), statistics.median(read[1:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked, read = further_texts(Path(folder))
    ways = {"now": HERE, **({"before": given.before.resolve()} if given.before else {})}
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        for _ in range(ROUNDS):
            for way, checkout in ways.items():
                with tempfile.TemporaryDirectory() as folder:
                    found[way].append(measure(checkout, page, Path(folder)))
                    print(way, found[way][-1], file=sys.stderr, flush=True)
    middle = {
        # Other work makes an answer later, never earlier; it does not change what is held.
        way: {
            name: (statistics.median if unit == "MB" else min)([one[name] for one in measured])
            for name, unit in MEASURES.items()
        }
        for way, measured in found.items()
    }
    rows = []
    for name, unit in MEASURES.items():
        now = middle["now"][name]
        cells = [f"{now:.0f} {unit}" if unit == "MB" else f"{now:.2f} {unit}"]
        if given.before:
            old = middle["before"][name]
            text = f"{old:.0f} {unit}" if unit == "MB" else f"{old:.2f} {unit}"
            cells += [text, f"{now / old:.2f}" if old else "–"]
        rows.append([name, *cells])
    alone = ["further text, without a browser", f"{1000 * asked:.0f} ms"]
    rows.append([*alone, *([f"{1000 * read:.0f} ms", f"{asked / read:.2f}"] if given.before else [])])
    write_table(
        "model_service",
        "The model process: memory of the dashboard's own process, and time of an answer",
        ["", "model process", *(["in the dashboard (commit 4683d56)", "now / before"] if given.before else [])],
        rows,
        f"Resident memory, and seconds from the navigation to the picture in headless Chromium, on a home with the "
        f"sample runs ({RUN}, other texts each time); of {ROUNDS} servers each, the ways alternating, the median of "
        "memory and the shortest time. The first answer imports torch: before in the dashboard, now in the model "
        "process, which starts for it. The second text of a run finds its model open. Depth is timed to its first "
        "chart. Without a browser: median of 20 texts, the engine reading the run each time (in the script's own "
        f"process, as the dashboard did). Other work on the machine meanwhile: load average {os.getloadavg()[1]:.1f} "
        f"on {os.cpu_count()} cores. On a busy machine the times of two servers differ by up to 2 x: of their ratios "
        "trust the direction at most.",
    )


if __name__ == "__main__":
    main()
