"""A page outlives its connection: cut, late or stuttering, it goes on by itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from job_room import eventually, tiny
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from clps_core.jobs import service
from clps_core.store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import record

pytestmark = pytest.mark.browser
BUSY_BAR = Path(__file__).resolve().parents[2] / "app" / "look" / "busy_bar.js"
STREAM = re.compile(r".*/_stcore/stream$")

COUNT_BUSY = """() => {
    window.timesBusy = 0;
    const bar = document.getElementById("clps-busy");
    new MutationObserver(() => { window.timesBusy += !bar.hidden; }).observe(bar, { attributes: true });
}"""


class Line:
    """The page's websocket, in the test's hands: it can be cut, and what the server says can be held back."""

    def __init__(self, page: Page) -> None:
        self.opened = 0
        self._held: list[bytes | str] | None = None
        self._page = page
        page.route_web_socket(STREAM, self._route)

    def _route(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        self.opened += 1
        self._socket, self._server = socket, server
        socket.on_message(server.send)
        server.on_message(self._deliver)

    def _deliver(self, message: bytes | str) -> None:
        if self._held is None:
            self._socket.send(message)
        else:
            self._held.append(message)

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for message in held:
            self._socket.send(message)

    def answers_held(self) -> int:
        """How many whole answers of the server to a click lie here."""
        self._page.title()  # messages arrive while Playwright works, not while Python sleeps
        messages = [ForwardMsg.FromString(one) for one in self._held or [] if isinstance(one, bytes)]
        return sum(one.WhichOneof("type") == "script_finished" for one in messages)

    def cut(self) -> None:
        self._socket.close(code=1011)
        self._server.close()


def points(chart: Locator) -> int:
    return int(chart.get_attribute("data-points") or 0)


@pytest.mark.slow
def test_a_page_takes_up_its_curves_after_the_connection_was_cut(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    page, line = browser_page, Line(browser_page)
    runs = service.submit(store, [tiny("none", steps=100_000), tiny("all", steps=100_000)])
    url = dashboard(store.home, "--no-ready")
    page.goto(f"{url}/runs?runs={','.join(run.id for run in runs)}")
    chart = page.locator(".clps-live-chart")
    eventually(lambda: chart.count() and points(chart) > 10, "the chart grows")
    page.evaluate("window.loadedOnce = true")
    page.evaluate(COUNT_BUSY)
    known = points(chart)
    eventually(lambda: points(chart) > known + 20, "the chart grows")
    assert page.evaluate("window.timesBusy") == 0, "the bar is for clicks, not for a clock"

    line.cut()
    known = points(chart)
    eventually(lambda: points(chart) > known, "the chart grows again")
    assert line.opened == 2
    assert page.evaluate("window.loadedOnce === true"), "the page was loaded again"


@pytest.mark.slow
def test_answers_that_come_late_and_all_at_once_are_shown(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    """The browser asks for a page it has seen, and by the time of the answer it has thrown away what it then knew."""
    page, line = browser_page, Line(browser_page)
    runs = record(store, ["none", "all"])
    url = dashboard(store.home, "--no-ready")
    page.goto(f"{url}/runs?runs={','.join(run.id for run in runs)}")
    chart = page.locator(".clps-live-chart")
    eventually(lambda: chart.count() and points(chart) > 10, "the chart is drawn")

    bar = page.locator("#clps-busy")
    assert bar.is_hidden()
    line.hold()
    for place, name in enumerate(["System", "Start", "System", "Start", "Runs"]):
        page.get_by_role("link", name=name, exact=True).first.click()
        eventually(lambda place=place: line.answers_held() > place, f"the answer to click {place} on {name}")
        bar.wait_for(state="visible")
    line.release()
    page.wait_for_url("**/runs*")
    problem = page.get_by_role("dialog")
    eventually(lambda: problem.count() or (chart.count() and points(chart) > 10), "the chart is drawn again")
    assert problem.all_inner_texts() == []
    bar.wait_for(state="hidden")


def test_a_script_that_did_not_arrive_is_asked_for_again(
    dashboard: Callable[..., str], browser_page: Page, store: Store
) -> None:
    lost: set[str] = set()

    def lose_first(route: Route) -> None:
        name = route.request.url.partition("?")[0]
        known = name in lost
        lost.add(name)
        route.continue_() if known else route.abort()

    page = browser_page
    page.route("**/_clps/scripts/*", lose_first)
    runs = record(store, ["none", "all"])
    address = f"{dashboard(store.home, '--no-ready')}/runs?runs={','.join(run.id for run in runs)}"
    page.goto(address)
    chart = page.locator(".clps-live-chart")
    eventually(lambda: chart.count() and points(chart) > 10, "the chart is drawn")
    assert lost

    # Streamlit calls a script once for each state that came while it loaded, and then clears up after all but the last.
    page.unroute("**/_clps/scripts/*")
    late: list[Route] = []
    page.route("**/_clps/scripts/*", lambda route: late.append(route))
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    line = Line(page)
    page.goto(address)
    loss = page.get_by_role("radio", name="Loss on validation data")
    loss.wait_for()
    eventually(lambda: page.title() and len(late) >= 2, "chart and feed wait for their scripts")
    line.hold()
    loss.click()
    eventually(lambda: line.answers_held() == 1, "the answer to the click")
    line.release()
    assert chart.count() == 0
    for route in late:
        route.continue_()
    eventually(lambda: chart.count() and points(chart) > 10, "the chart is drawn")
    expect(chart.locator("h2").first).to_contain_text("Loss on validation data")


def test_the_numbers_of_the_fields_that_the_busy_bar_reads_are_those_of_streamlit() -> None:
    numbers = {name: int(number) for name, number in re.findall(r"([A-Z_]+) = (\d+)[,;]", BUSY_BAR.read_text())}
    kinds = {
        "RERUN_SCRIPT": BackMsg,
        "IS_AUTO_RERUN": ClientState,
        "NEW_SESSION": ForwardMsg,
        "SCRIPT_FINISHED": ForwardMsg,
    }
    for name, kind in kinds.items():
        assert kind.DESCRIPTOR.fields_by_name[name.lower()].number == numbers[name]
