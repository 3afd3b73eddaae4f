"""Cold start: from the command to the first page on the screen, next to an empty Streamlit app."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

from report import write_table

ROUNDS = 3
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
EMPTY_APP = "import streamlit as st\nst.title('Hello')\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(command: list[str], port: int, home: Path, browser: Browser) -> tuple[float, float, float]:
    """Seconds to a healthy server, seconds to the title on the screen, MB of the server's memory."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=home,
        env={**os.environ, "CLPS_HOME": str(home / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_healthy(port)
        healthy = time.perf_counter() - began
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}")
        page.locator("h1").first.wait_for(timeout=60_000)
        painted = time.perf_counter() - began
        page.close()
        memory = sum(child.memory_info().rss for child in family(process.pid)) / 1e6
        return healthy, painted, memory
    finally:
        for member in family(process.pid):
            member.kill()
        process.wait()


def wait_healthy(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(port)


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [*parent.children(recursive=True), parent]


def main() -> None:
    chromium = os.environ.get("CLPS_CHROMIUM", "chromium")
    import shutil

    ours: list[tuple[float, float, float]] = []
    empty: list[tuple[float, float, float]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which(chromium), args=FLAGS)
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                home, port = Path(folder), free_port()
                script = home / "empty.py"
                script.write_text(EMPTY_APP)
                streamlit = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
                options = [
                    "--server.address",
                    "127.0.0.1",
                    "--server.port",
                    str(port),
                    "--browser.gatherUsageStats",
                    "false",
                ]
                empty.append(measure([*streamlit, *options], port, home, browser))
            with tempfile.TemporaryDirectory() as folder:
                home, port = Path(folder), free_port()
                command = [sys.executable, "-m", "clps_core.cli", "dashboard", "--port", str(port), "--no-ready"]
                ours.append(measure(command, port, home, browser))
        browser.close()
    medians = [[statistics.median(values) for values in zip(*runs, strict=True)] for runs in (ours, empty)]
    rows = [
        [what, f"{a:.2f} {unit}", f"{b:.2f} {unit}", f"{a / b:.2f}"]
        for what, unit, a, b in zip(
            ("server healthy", "first page painted", "memory of the server"), ("s", "s", "MB"), *medians, strict=True
        )
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
