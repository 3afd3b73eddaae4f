"""Odd files in a run's folder, seen from the browser: they hold up nobody, and nobody reads through them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import gates_at, running_dashboard
from job_room import PATIENCE, eventually
from playwright.sync_api import Browser, Page, expect
from untrained_runs import small_config, stored_run

from clps_core.store import Run, Store
from clps_core.training.checkpoint import checkpoint_path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import record

pytestmark = pytest.mark.browser

SECRET = "what nobody may read"
IN_PLACE_OF_WEIGHTS = "best.safetensors is damaged: it is not a regular file."
IN_PLACE_OF_LOG = "cannot be read: it is a symbolic link."


@pytest.fixture
def sound(store: Store) -> Run:
    return stored_run(store, small_config(strategy="all"))


@pytest.fixture
def piped(store: Store) -> Run:
    """A finished run with a pipe in the place of its only weights. Nobody ever writes to it."""
    run = stored_run(store, small_config(strategy="all"))
    folder = store.run_folder(run.id)
    for name in ("last", "best"):  # whole ones would be taken in the place of ``best``
        checkpoint_path(folder, name).unlink()
    os.mkfifo(checkpoint_path(folder, "best"))
    return run


def answers_clicks(tab: Page) -> None:
    for name, question in (("System", "What is this machine doing?"), ("Runs", "How is the training going?")):
        tab.get_by_role("link", name=name, exact=True).first.click()
        expect(tab.get_by_role("heading", level=1)).to_have_text(question)


def says_only(page: Page, sentence: str) -> None:
    """One sentence about what does not work, and no traceback; nothing is waited for any more."""
    problems = page.get_by_test_id("stAlert")
    expect(problems).to_contain_text(sentence)
    expect(problems).to_have_count(1)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stMain")).not_to_contain_text("Reading the model ...")


@pytest.mark.slow
def test_a_pipe_in_the_place_of_weights_is_one_sentence_and_holds_up_nobody(
    dashboard: Callable[..., str], chromium: Browser, browser_page: Page, store: Store, sound: Run, piped: Run
) -> None:
    url = dashboard(store.home, "--no-ready")
    with contextlib.closing(chromium.new_page()) as other:
        other.set_default_timeout(1000 * PATIENCE)
        other.goto(f"{url}/runs?runs={sound.id}")
        expect(other.get_by_role("heading", level=1)).to_have_text("How is the training going?")
        for address in (f"attention?run={piped.id}", f"depth?runs={piped.id}&depths=2"):
            browser_page.goto(f"{url}/{address}")
            answers_clicks(other)
            says_only(browser_page, IN_PLACE_OF_WEIGHTS)
            answers_clicks(other)
        # All models are read one after the other: the turn must be free again.
        other.goto(f"{url}/attention?run={sound.id}")
        expect(other.locator(".attention[data-selected]")).to_be_visible()


def model_processes(server: int) -> list[psutil.Process]:
    return [one for one in psutil.Process(server).children() if "clps_core.serving.child" in one.cmdline()]


@pytest.mark.slow
@pytest.mark.parametrize("waits_for", ["a pipe", "a library"])
def test_the_server_ends_when_it_is_told_to_whatever_a_page_waits_for(
    chromium: Browser, store: Store, sound: Run, piped: Run, tmp_path: Path, waits_for: str
) -> None:
    gates = tmp_path / "gates"
    gates.mkdir()
    run, sentence = piped, IN_PLACE_OF_WEIGHTS
    if waits_for == "a library":
        os.mkfifo(gates / "torch")  # never opened
        run, sentence = sound, "Reading the model ..."
    with (
        running_dashboard(store.home, "--no-ready", **gates_at(gates)) as (url, process),
        contextlib.closing(chromium.new_page()) as page,
    ):
        page.goto(f"{url}/attention?run={run.id}")
        expect(page.get_by_test_id("stMain")).to_contain_text(sentence)
        models = eventually(lambda: model_processes(process.pid), "the model process is there")
        process.terminate()
        assert process.wait(timeout=PATIENCE) in (0, -signal.SIGTERM)
        assert psutil.wait_procs(models, timeout=PATIENCE)[1] == [], "the model process ends with it"


@pytest.mark.slow
def test_a_log_that_is_a_link_to_elsewhere_is_not_followed(
    dashboard: Callable[..., str], browser_page: Page, store: Store, tmp_path: Path
) -> None:
    (run,) = record(store, ["all"])
    (tmp_path / "elsewhere.txt").write_text(SECRET)
    folder = store.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").symlink_to(tmp_path / "elsewhere.txt")

    url = dashboard(store.home, "--no-ready")
    browser_page.goto(f"{url}/runs?runs={run.id}")
    browser_page.locator("[class*=st-key-actions-] [data-testid=stPopoverButton]").first.click()
    browser_page.get_by_role("button", name="Show the log").click()
    main = browser_page.get_by_test_id("stMain")
    expect(main.get_by_test_id("stAlert").or_(main.get_by_test_id("stCode")).first).to_be_visible()
    assert SECRET not in browser_page.content()
    says_only(browser_page, IN_PLACE_OF_LOG)
    expect(main.locator(".clps-live-chart")).to_be_visible()
