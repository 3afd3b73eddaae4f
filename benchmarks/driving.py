"""A dashboard and a Chromium for scripts: used by the benchmarks and by ``docs/make_pictures.py``."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium: ``CLPS_CHROMIUM``, or the one on the path."""
    with sync_playwright() as playwright:
        program = shutil.which(os.environ.get("CLPS_CHROMIUM", "chromium"))
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: Sequence[str], port: int, home: Path, log: Path | None = None) -> Iterator[psutil.Process]:
    """Run a server until the block ends; ready when Streamlit says it is healthy. What it says goes into ``log``."""
    environment = {**os.environ, "CLPS_HOME": str(home), "CLPS_HOSTS": "localhost"}
    with (log or Path(os.devnull)).open("wb") as said:
        process = subprocess.Popen(command, cwd=home.parent, env=environment, stdout=said, stderr=said)
    parent = psutil.Process(process.pid)
    try:
        wait_healthy(port)
        yield parent
    finally:
        for member in process_tree(parent):
            member.kill()
        process.wait()


@contextmanager
def dashboard(home: Path) -> Iterator[str]:
    """``clps dashboard`` on ``home`` as it is; yields its address."""
    port = free_port()
    with served(dashboard_command(port), port, home):
        yield f"http://127.0.0.1:{port}"


def dashboard_command(port: int) -> list[str]:
    """The command of a dashboard that queues nothing by itself."""
    return [sys.executable, "-m", "clps_core.cli", "dashboard", "--port", str(port), "--no-ready"]


def wait_healthy(port: int) -> None:
    """Return once the server on ``port`` answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(port)


def process_tree(parent: psutil.Process) -> list[psutil.Process]:
    """A process and everything it started."""
    return [*parent.children(recursive=True), parent]
