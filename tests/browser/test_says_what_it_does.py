"""A page says what it is doing before it is done, however long that takes: the causes wait at gates."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, free_port, gates_at, stop_tree, wait_until_healthy
from playwright.sync_api import Page, expect

from clps_core.samples import install, ready_named
from clps_core.store import open_store

pytestmark = pytest.mark.browser

GATED = (
    "app.runs.news",
    "app.attention.panels",
    "torch",
    "app.depth.view",
    "clps_core.training.evaluation",
)


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[tuple[str, Callable[[str], None]]]:
    """The address of a dashboard all of whose gates are shut, and ``open_gate(module)``."""
    home, gates = tmp_path / "home", tmp_path / "gates"
    gates.mkdir()
    for module in GATED:
        os.mkfifo(gates / module)
    store = open_store(home)
    install(store, [ready_named("dates")])
    store.close()
    port = free_port()
    environment = {**os.environ, "CLPS_HOME": str(home), **gates_at(gates)}
    flags = ["--server.port", str(port), "--server.headless", "true", "--server.fileWatcherType", "none"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "main.py"), *flags]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)

    def open_gate(module: str) -> None:
        (gates / module).write_bytes(b"open")  # waits until the server stands at the gate
        (gates / module).unlink()

    wait_until_healthy(port, process)
    yield f"http://127.0.0.1:{port}", open_gate
    stop_tree(process.pid)
    process.wait(timeout=10)


def test_attention_and_depth_say_at_once_what_they_wait_for(
    gated: tuple[str, Callable[[str], None]], browser_page: Page
) -> None:
    url, open_gate = gated
    main = browser_page.get_by_test_id("stMain")

    browser_page.goto(f"{url}/attention?run=sample-dates-all")
    expect(main).to_contain_text("Opening the page ...")
    open_gate("app.runs.news")
    expect(main).to_contain_text("What does each layer look at?")
    expect(main).to_contain_text("Looking for trained runs ...")
    open_gate("app.attention.panels")
    expect(main).to_contain_text("Reading the model ...")
    expect(browser_page.get_by_role("textbox", name="Your text")).to_be_visible()
    open_gate("torch")
    expect(browser_page.locator(".attention[data-selected]")).to_be_visible(timeout=120_000)
    expect(main).not_to_contain_text("Reading the model ...")

    browser_page.goto(f"{url}/depth?runs=sample-dates-all&depths=4")
    expect(main).to_contain_text("What does more depth do?")
    expect(main).to_contain_text("Looking for runs whose layers repeat ...")
    open_gate("app.depth.view")
    expect(main).to_contain_text("Evaluating at each depth: 0 of 1")
    open_gate("clps_core.training.evaluation")
    expect(browser_page.get_by_role("figure").first).to_be_visible(timeout=120_000)
    expect(main).not_to_contain_text("Looking for")
