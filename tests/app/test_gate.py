"""Nothing gets in but this server's own pages, and with a token only who has it."""

import asyncio

import pytest
from streamlit.runtime.context import ContextProxy

from app.people.gate import HEADERS, Gate, token_cookie
from clps_core.addresses import Names

PORT = 8501
OWN = {"host": "127.0.0.1:8501"}
PAGE = OWN | {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
TOKEN = "a-token-that-nobody-guesses"


class Answer:
    def __init__(self, sent):
        self.status = sent[0].get("status", 403)
        self.headers = dict(sent[0].get("headers", []))
        self.body = sent[-1].get("body", b"").decode()
        self.passed = self.headers.get(b"x-inner") == b"1" or sent[0]["type"] == "websocket.accept"


def ask(path="/", headers=None, method="GET", query="", kind="http", hosts="", token=None):
    """What a browser gets."""
    sent = []

    async def inner(scope, _receive, send):
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-inner", b"1")]})
        await send({"type": "http.response.body", "body": b"inner"})

    async def send(message):
        sent.append(message)

    lines = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": kind, "path": path, "headers": lines, "server": ("127.0.0.1", PORT), "scheme": "http"}
    scope |= {"query_string": query.encode()} | ({"method": method} if kind == "http" else {})
    asyncio.run(Gate(inner, Names.of(hosts), token)(scope, None, send))
    return Answer(sent)


def connects(**headers):
    names = {name.replace("_", "-"): value for name, value in headers.items() if name not in ("hosts", "token")}
    options = {name: value for name, value in headers.items() if name in ("hosts", "token")}
    return ask("/_stcore/stream", names, kind="websocket", **options).passed


# Pages of others


def test_a_page_of_this_server_connects():
    assert connects(host="127.0.0.1:8501", origin="http://127.0.0.1:8501")
    assert connects(host="localhost:8501", origin="http://localhost:8501")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8501", "origin": "http://localhost:9999"},
        {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:9999"},
        {"host": "127.0.0.1:8501", "origin": "http://localhost"},
        {"host": "127.0.0.1:8501", "origin": "null"},
        {"host": "127.0.0.1:8501"},
        {"origin": "http://127.0.0.1:8501"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"host": "evil.example:8501", "origin": "http://evil.example:8501"},
    ],
)
def test_a_page_of_another_port_or_name_and_a_client_without_an_origin_do_not(headers):
    assert not connects(**headers)


def test_behind_a_proxy_the_names_in_clps_hosts_connect_and_no_others():
    assert connects(host="lab.example", origin="https://lab.example", hosts="lab.example")
    assert connects(host="lab.example:8443", origin="https://lab.example:8443", hosts="lab.example:8443")
    assert not connects(host="lab.example", origin="https://other.example", hosts="lab.example")
    assert not connects(host="other.example", origin="https://other.example", hosts="lab.example")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_uploads_come_from_own_pages_only(method):
    path = "/_stcore/upload_file/session/file"
    assert ask(path, OWN | {"origin": "http://127.0.0.1:8501"}, method).passed
    for origin in ({}, {"origin": "http://localhost:9999"}, {"origin": "null"}):
        assert ask(path, OWN | origin, method).status == 403


@pytest.mark.parametrize("path", ["/media/abc.png", "/_stcore/host-config", "/static/js/index.js", "/"])
def test_no_other_site_takes_parts_of_a_page(path):
    assert ask(path, OWN).passed
    assert ask(path, OWN | {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}).passed
    for site in ("same-site", "cross-site"):  # another port of this machine is the same site
        for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
            headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
            assert ask(path, OWN | headers).status == 403
    assert ask(path, OWN | {"origin": "http://localhost:9999"}).status == 403
    assert ask(path, OWN | {"origin": "http://localhost:9999"}, "OPTIONS").status == 403


def test_a_link_of_another_page_leads_here():
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert ask("/runs", OWN | link).passed


def test_a_name_that_is_not_the_servers_is_refused_with_what_to_set():
    answer = ask("/", {"host": "lab.example\xe9<b>"})
    assert answer.status == 403
    assert (
        "not called lab.example\\xe9<b>. From the machine it runs on, the address is http://127.0.0.1:8501."
        in answer.body
    )
    assert "CLPS_HOSTS" in answer.body
    assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
    page = ask("/", {"host": "lab.example<b>", "accept": "text/html,*/*"})
    assert (page.status, page.headers[b"content-type"]) == (403, b"text/html; charset=utf-8")
    assert "not called lab.example&lt;b&gt;." in page.body
    assert "<b>" not in page.body
    assert ask("/", {"host": "localhost:9000"}, hosts="localhost:9000").passed


@pytest.mark.parametrize(
    ("origin", "drawn"),
    [("http://localhost:8501", True), ("http://localhost:9999", False), ("http://evil.example", False), (None, False)],
)
def test_the_pages_look_too_where_nothing_is_around_them(open_page, store, monkeypatch, origin, drawn):
    headers = {"Host": "localhost:8501"} | ({"Origin": origin} if origin else {})
    monkeypatch.setattr(ContextProxy, "headers", property(lambda _self: headers))
    test = open_page("train")
    assert [one.value for one in test.error] == ([] if drawn else ["Only pages of this server may request this."])
    assert (len(test.button) > 0) is drawn


# Diagnostics


@pytest.mark.parametrize(
    "path",
    [
        "metrics",
        "script-health-check",
        "agent/interact",
        "agent/openapi.json",
        "agent/mcp",
        "message",
        "",
        "healthy",
        "health/",
        "upload_file",
        "tomorrow",
    ],
)
def test_what_pages_do_not_need_is_not_there(path):
    for before in ("", "/runs"):
        assert ask(f"{before}/_stcore/{path}", OWN).status == 404


@pytest.mark.parametrize("path", ["host-config", "bidi-components/clps/index.js", "health"])
def test_what_pages_need_is_there(path):
    assert ask(f"/_stcore/{path}", OWN).passed


def test_whether_the_server_is_up_is_told_to_everybody():
    assert ask("/_stcore/health", {"host": "10.0.0.1"}, token=TOKEN).passed
    assert ask("/_stcore/health", {}, "HEAD", token=TOKEN).passed
    assert not ask("/_stcore/health", {}, "POST").passed


# Headers


@pytest.mark.parametrize("headers", [OWN, {"host": "evil.example"}])
def test_every_answer_forbids_frames_of_others_and_guessing_of_types(headers):
    assert ask("/", headers).headers.items() >= dict(HEADERS).items()
    assert dict(HEADERS)[b"content-security-policy"] == b"frame-ancestors 'self'"


# The token


def cookie(token=TOKEN):
    return {"cookie": "=".join(token_cookie(token, PORT))}


@pytest.mark.parametrize("path", ["/", "/runs", "/static/js/index.js", "/media/abc.png", "/_stcore/host-config"])
def test_without_the_token_every_path_but_health_is_closed(path):
    for headers in (PAGE, PAGE | cookie("another-token-altogether"), PAGE | {"cookie": f"clps_token_8501={TOKEN}"}):
        answer = ask(path, headers, token=TOKEN)
        assert answer.status == 403
        assert "requires a token" in answer.body
    assert ask(path, PAGE, query="token=wrong", token=TOKEN).status == 403
    assert ask(path, PAGE, query="token=", token=TOKEN).status == 403
    assert ask(path, PAGE | cookie(), token=TOKEN).passed


def test_a_websocket_needs_the_cookie_too():
    own = {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"}
    assert not connects(**own, token=TOKEN)
    assert connects(**own, **cookie(), token=TOKEN)
    assert not connects(**own | {"origin": "http://127.0.0.1:9999"}, **cookie(), token=TOKEN)


def test_the_first_visit_gets_a_cookie_and_the_address_without_the_token():
    answer = ask("/runs", PAGE, query=f"runs=a%20b&token={TOKEN}&seed=", token=TOKEN)
    assert (answer.status, answer.headers[b"location"]) == (303, b"/runs?runs=a+b&seed=")
    assert answer.headers[b"set-cookie"].decode().startswith("=".join(token_cookie(TOKEN, PORT)) + "; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(answer.headers[b"set-cookie"].decode().split("; "))
    assert TOKEN.encode() not in answer.headers[b"set-cookie"] + answer.headers[b"location"]
    secure = ask("/", PAGE | {"x-forwarded-proto": "https"}, query=f"token={TOKEN}", token=TOKEN)
    assert b"Secure" in secure.headers[b"set-cookie"]


@pytest.mark.parametrize(
    ("path", "to"), [("//evil.example/x", b"/evil.example/x"), ("/\\evil.example", b"/%5Cevil.example"), ("/", b"/")]
)
def test_the_token_leads_to_no_other_site(path, to):
    assert ask(path, PAGE, query=f"token={TOKEN}", token=TOKEN).headers[b"location"] == to


def test_who_follows_a_link_from_elsewhere_is_asked_once_more_and_not_again():
    link = PAGE | {"sec-fetch-site": "cross-site"}
    first = ask("/runs", link, query="runs=%22%3E", token=TOKEN)
    assert first.status == 403
    assert 'content="0; url=/runs?runs=%22%3E&amp;token="' in first.body
    assert first.headers[b"content-type"] == b"text/html; charset=utf-8"
    again = ask("/runs", PAGE | cookie(), query="runs=%22%3E&token=", token=TOKEN)
    assert (again.status, again.headers[b"location"]) == (303, b"/runs?runs=%22%3E")
    assert "requires a token" in ask("/runs", link, query="token=", token=TOKEN).body
