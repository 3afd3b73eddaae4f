"""A real Chromium in front of a real dashboard.

``dashboard(home)`` starts the server on a free port of the loopback and stops it at the end of the
test; ``browser_page`` is a fresh page that fails the test if the console or the page reported an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from job_room import PATIENCE, end_processes
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from clps_core.store import Store, open_store

pytest.register_assert_rewrite("chapter_reader", "chapter_actions", "chapter_keys")
expect.set_options(timeout=1000 * PATIENCE)

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HARMLESS = ("Failed to load resource", "Cannot send rerun backMessage when disconnected")
"""What the console may say: problems of loading are seen by their response, and a page that ticks while its connection
is opened anew has nothing to tick with."""
ROOT = Path(__file__).resolve().parents[2]


def find_chromium() -> str | None:
    """The program to drive: ``CLPS_CHROMIUM``, or a Chromium or Chrome on the path."""
    for name in (os.environ.get("CLPS_CHROMIUM"), *CHROMIUM_NAMES):
        if name and (found := shutil.which(name)):
            return found
    return None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for each file: while Playwright is up, an event loop runs in this thread, and other files start their own."""
    yield from started_chromium()


def started_chromium(*flags: str) -> Iterator[Browser]:
    """A Chromium with more ``flags``, as long as a fixture needs it."""
    program = find_chromium()
    if program is None:
        pytest.skip("NO CHROMIUM: browser tests skipped; install one or set CLPS_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*CHROMIUM_FLAGS, *flags])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Page]:
    """A fresh 1440 x 900 page. ``page.problems`` collects errors; the test fails if there are any."""
    with watched_page(chromium) as page:
        yield page


@contextlib.contextmanager
def watched_page(chromium: Browser, **options: Any) -> Iterator[Page]:
    """A fresh 1440 x 900 page whose console and answers must be without errors; ``options``: more of its context."""
    context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    page = context.new_page()
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in HARMLESS):
            problems.append(f"console: {message.text}")

    def on_response(response: Response) -> None:
        # On a deep link Streamlit's own front end first asks /page/_stcore/..., and then the root.
        if response.status >= 400 and "/_stcore/" not in response.url:
            problems.append(f"{response.status}: {response.url}")

    page.on("console", on_console)
    page.on("response", on_response)
    page.on("pageerror", lambda error: problems.append(f"page: {error}"))
    page.set_default_timeout(1000 * PATIENCE)
    yield page
    context.close()
    assert not problems, problems


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on which nobody works."""
    store = open_store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def dashboard() -> Iterator[Callable[..., str]]:
    """``dashboard(home, *options) -> url``: ``clps dashboard`` on a free port, for one test."""
    yield from dashboards()


@pytest.fixture(scope="module")
def lasting_dashboard() -> Iterator[Callable[..., str]]:
    """The same for all tests of a file: a server takes seconds to start."""
    yield from dashboards()


def dashboards() -> Iterator[Callable[..., str]]:
    homes: list[Path] = []
    with contextlib.ExitStack() as running:

        def start(home: Path, *options: str) -> str:
            homes.append(home)
            return running.enter_context(running_dashboard(home, *options))[0]

        yield start
    for home in homes:  # what a dashboard let train goes on without it
        end_processes(home)


@contextlib.contextmanager
def running_dashboard(home: Path, *options: str, **more: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``clps dashboard`` on a free port as long as the context lasts: its address and its process.

    ``more``: what else its environment holds.
    """
    port = free_port()
    command = [sys.executable, "-m", "clps_core.cli", "dashboard", "--port", str(port), *options]
    environment = {**os.environ, "CLPS_HOME": str(home), "CLPS_HOSTS": "localhost", **more}
    with (home.parent / f"dashboard-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=home.parent, stdout=log, stderr=log)
    try:
        wait_until_healthy(port, process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        stop_tree(process.pid)
        process.wait(timeout=PATIENCE)
        stop_workers(home)


def gates_at(folder: Path) -> dict[str, str]:
    """What a server's environment must hold for ``tests/gated`` to keep its imports waiting at the gates there."""
    return {"CLPS_TEST_GATES": str(folder), "PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "gated"), str(ROOT)))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(port: int, process: subprocess.Popen[bytes], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the dashboard ended with {process.returncode}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the dashboard did not come up in time")


def stop_tree(pid: int) -> None:
    """Stop a process and its children, by id."""
    try:
        parent = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    processes = [*parent.children(recursive=True), parent]
    for process in processes:
        process.terminate()
    for process in psutil.wait_procs(processes, timeout=5)[1]:
        process.kill()


def stop_workers(home: Path) -> None:
    """Stop the supervisor and runners that belong to ``home``: they outlive the server on purpose."""
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        if any("clps_core.jobs" in word for word in arguments) and str(home) in arguments:
            stop_tree(process.pid)
