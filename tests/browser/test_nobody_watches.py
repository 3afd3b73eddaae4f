"""A run started in the browser goes on when the browser is closed and the dashboard is killed.

``tests/core/test_jobs_processes.py`` holds the same claim without a browser, in less time.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import psutil
import pytest
from job_room import JobRoom, Twin, eventually, tiny
from playwright.sync_api import Page

from clps_core.spec import to_spec

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_run_whose_browser_and_dashboard_are_killed_equals_its_undisturbed_twin(
    dashboard: Callable[..., str], browser_page: Page, room: JobRoom
) -> None:
    config = tiny(strategy="all", steps=600)
    [undisturbed] = room.submit(config)
    room.wait(undisturbed)
    twin = Twin(room, undisturbed)

    url = dashboard(room.home, "--no-ready")
    browser_page.goto(f"{url}/train?spec={to_spec(config)}&strategy=all&seed=0")
    browser_page.get_by_role("button", name=re.compile("Train")).last.click()
    started = eventually(lambda: {run.id for run in room.store.runs()} - {undisturbed}, "the run is queued").pop()
    browser_page.close()
    port = url.rpartition(":")[2]
    server = next(
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if {"streamlit", port} <= set(process.info["cmdline"] or ())
    )
    os.kill(server, signal.SIGKILL)
    assert room.store.run(started).active, "it was still going when the dashboard died"

    [run] = room.wait(started)
    assert (run.status, run.attempts) == ("finished", 1)
    twin.assert_equal(room, started)
