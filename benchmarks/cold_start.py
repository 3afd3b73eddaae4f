"""Cold start: from the command to the first page on the screen, next to an empty Streamlit app."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from driving import chromium, dashboard_command, free_port, process_tree, served
from report import write_table

ROUNDS = 3
EMPTY_APP = "import streamlit as st\nst.title('Hello')\n"


def measure(command: list[str], port: int, home: Path, browser: Browser) -> tuple[float, float, float]:
    """Seconds to a healthy server, seconds to the title on the screen, MB of the server's memory."""
    began = time.perf_counter()
    with served(command, port, home) as server:
        healthy = time.perf_counter() - began
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}")
        page.locator("h1").first.wait_for(timeout=60_000)
        painted = time.perf_counter() - began
        page.close()
        memory = sum(member.memory_info().rss for member in process_tree(server)) / 1e6
    return healthy, painted, memory


def empty_app(port: int, folder: Path) -> list[str]:
    """The command of an app that shows one title."""
    script = folder / "empty.py"
    script.write_text(EMPTY_APP)
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    return [
        *command,
        "--server.address",
        "127.0.0.1",
        "--server.port",
        str(port),
        "--browser.gatherUsageStats",
        "false",
    ]


def main() -> None:
    ours: list[tuple[float, float, float]] = []
    empty: list[tuple[float, float, float]] = []
    with chromium() as browser:
        for _ in range(ROUNDS):
            for results in (empty, ours):
                with tempfile.TemporaryDirectory() as folder:
                    port = free_port()
                    command = dashboard_command(port) if results is ours else empty_app(port, Path(folder))
                    results.append(measure(command, port, Path(folder) / "home", browser))
    medians = [[statistics.median(values) for values in zip(*runs, strict=True)] for runs in (ours, empty)]
    names = (("server healthy", "s"), ("first page painted", "s"), ("memory of the server", "MB"))
    rows = [
        [name, f"{a:.2f} {unit}", f"{b:.2f} {unit}", f"{a / b:.2f}"]
        for (name, unit), a, b in zip(names, *medians, strict=True)
    ]
    write_table(
        "cold_start",
        "Cold start to the first page",
        ["", "CLPS Lab", "empty Streamlit app", "ratio"],
        rows,
        f"Medians of {ROUNDS} alternating rounds, an empty home each, headless Chromium already running.",
    )


if __name__ == "__main__":
    main()
