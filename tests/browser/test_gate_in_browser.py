"""A real browser at the gate: the printed address lets it in, then a link from elsewhere too, and no frame does."""

import contextlib
import http.server
import threading

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

TOKEN = "only-for-those-who-know-it"


def shown(what):
    expect(what).to_be_visible(timeout=60_000)


@pytest.fixture
def elsewhere():
    """``elsewhere(text) -> url``: a page of another server of this machine, under another name of it."""
    pages = {}

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def show(text):
        pages["/"] = text
        return f"http://localhost:{server.server_port}/"

    yield show
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_with_a_token_a_browser_needs_the_printed_address_once(dashboard, chromium, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("CLPS_TOKEN", TOKEN)
    url = dashboard(tmp_path / "home", "--no-ready")
    with contextlib.closing(chromium.new_context()) as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(url)
        shown(page.get_by_text("This dashboard requires a token."))

        page.goto(f"{url}/runs?token={TOKEN}")
        shown(page.get_by_test_id("stMain").get_by_role("heading").first)
        assert page.url.startswith(f"{url}/runs")
        assert TOKEN not in page.url
        (cookie,) = [one for one in context.cookies() if one["name"].startswith("clps_token_")]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

        page.goto(elsewhere(f'<a href="{url}/design">there</a>'))
        page.get_by_text("there").click()
        shown(page.get_by_test_id("stMain").get_by_role("heading").first)
        assert page.url.startswith(f"{url}/design")
        assert "token" not in page.url

    with contextlib.closing(chromium.new_context()) as context:  # somebody without it who follows the same link
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(elsewhere(f'<a href="{url}/design">there</a>'))
        page.get_by_text("there").click()
        shown(page.get_by_text("This dashboard requires a token."))


@pytest.mark.slow
def test_another_port_of_this_machine_neither_frames_nor_drives_the_dashboard(dashboard, chromium, elsewhere, tmp_path):
    url = dashboard(tmp_path / "home", "--no-ready")
    with contextlib.closing(chromium.new_context()) as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(elsewhere(f'<iframe src="{url}"></iframe>'))
        expect(page.frame_locator("iframe").get_by_test_id("stApp")).to_have_count(0)
        script = """url => new Promise(done => {
            const socket = new WebSocket(url.replace("http", "ws") + "/_stcore/stream", ["streamlit"]);
            socket.onopen = () => done("open");
            socket.onclose = () => done("closed");
        })"""
        assert page.evaluate(script, url.replace("127.0.0.1", "localhost")) == "closed"
        assert page.evaluate(script, url) == "closed"
        page.goto(url)
        assert page.evaluate(script, url) == "open", "what makes the two before worth a test"
