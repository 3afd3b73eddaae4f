"""A browser too slow to draw one state of a page before the next one comes: messages are held back, none is raced."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from clps_core.store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import record

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def hold_back_the_first_run(page: Page) -> None:
    """Deliver what the page's first run says only after its second run, which is asked for as the first one was."""

    def on_socket(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        asked: list[bytes | str] = []
        held: list[bytes | str] = []
        finished = 0

        def from_browser(message: bytes | str) -> None:
            asked.append(message)
            server.send(message)

        def from_server(message: bytes | str) -> None:
            nonlocal finished
            if finished == 2:
                browser.send(message)
                return
            held.append(message)
            if isinstance(message, bytes) and ForwardMsg.FromString(message).WhichOneof("type") == "script_finished":
                finished += 1
                if finished == 1:
                    server.send(asked[0])
                else:
                    for one in held:
                        browser.send(one)

        browser.on_message(from_browser)
        server.on_message(from_server)

    page.route_web_socket("**/_stcore/stream*", on_socket)


def test_a_browser_that_draws_two_states_at_once_has_a_run_and_an_axis_selected(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page = browser_page
    page.set_default_timeout(120_000)
    runs = record(store, ["none", "all"])
    hold_back_the_first_run(page)
    page.goto(f"{dashboard(store.home, '--no-ready')}/compare?runs={','.join(run.id for run in runs)}")
    page.locator(".clps-live-chart").wait_for()
    axis = page.get_by_role("radiogroup", name="Horizontal axis")
    assert axis.locator("[aria-checked=true]").all_inner_texts() == ["Steps"]
    assert "recorded" in page.locator("[data-testid=stMultiSelect]").first.inner_text()
