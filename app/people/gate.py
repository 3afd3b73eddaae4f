"""Who may speak to the server at all, before Streamlit sees anything: ASGI middleware. Start at Gate.

A page of another site, or of another port of this machine, can make a browser send requests here. So each request
must name this server (``Host``) and come from one of its own pages (``Origin``, ``Sec-Fetch-Site``). A websocket
drives runs, so it needs an ``Origin``: every browser sends one, and other programs have the command line. With a
token, only who opened the printed address gets in: other accounts of this machine can reach its ports, too.
"""

from __future__ import annotations

import hashlib
import hmac
import html
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import cookie_parser

from clps_core.addresses import Names
from clps_core.words import _

__all__ = ["HEADERS", "Gate", "token_cookie"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CORE = "/_stcore/"
HEALTH = "health"
OPEN_CORE = (HEALTH, "host-config", "stream", "upload_file/", "bidi-components/")
"""What pages need of Streamlit's own paths, and the answer to "are you up". All else is closed, so that a
diagnostic path that a new Streamlit adds (``metrics``, ``agent``) does not open by itself."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PLAIN = b"text/plain; charset=utf-8"
TOKEN = "token"  # noqa: S105  # a parameter's name

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'self'"),  # no other site frames the page and leads clicks there
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Added to every answer that does not have them."""


@dataclass(frozen=True)
class _Answer:
    """What the gate says itself. ``then``: where a browser goes on by itself; ``more`` are further headers."""

    status: int
    text: str = ""
    then: str = ""
    more: tuple[tuple[bytes, bytes], ...] = ()


class Gate:
    """Passes on what comes from this server's own pages. ``names`` are its further names, ``token`` its token."""

    def __init__(self, app: App, names: Names, token: str | None = None) -> None:
        self.app, self.names, self.token = app, names, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass, and add ``HEADERS`` to what may."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _value in message.get("headers", [])}
                mine = [pair for pair in HEADERS if pair[0] not in present]
                message = {**message, "headers": [*message.get("headers", []), *mine]}
            await send(message)

        answer = self._answer(scope)
        if answer is None:
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        else:
            wants = b"".join(value for name, value in scope["headers"] if name.lower() == b"accept")
            as_page = b"text/html" in wants and answer.text != ""
            body = (_page(answer.text, answer.then) if as_page or answer.then else answer.text).encode()
            headers = [
                (b"content-type", b"text/html; charset=utf-8" if as_page or answer.then else PLAIN),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                *answer.more,
            ]
            await send_with_headers({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, scope: Scope) -> _Answer | None:
        """Why this may not pass, or where it should go first; ``None`` where it may pass."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        core = scope["path"].partition(CORE)[2] if CORE in scope["path"] else None
        if core == HEALTH and scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        if core is not None and not any(core == one or (one[-1] == "/" and core.startswith(one)) for one in OPEN_CORE):
            return _Answer(404, _("There is nothing here."))
        port = (scope.get("server") or (None, None))[1]
        host = headers.get(b"host")
        if not self.names.knows(host, port):
            return _Answer(403, _unknown(host, port))
        if not self._from_own_page(scope, headers, port):
            return _Answer(403, _("Only pages of this server may request this."))
        return None if self.token is None else self._without_token(scope, headers, port)

    def _from_own_page(self, scope: Scope, headers: dict[bytes, str], port: int | None) -> bool:
        origin, host = headers.get(b"origin"), headers.get(b"host")
        own = self.names.knows_origin(origin, host, port, scope.get("scheme", "http").replace("ws", "http"))
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            return own
        # A link of another page may lead here, but nothing of ours becomes a part of that page.
        if headers.get(b"sec-fetch-mode") == "navigate" and headers.get(b"sec-fetch-dest", "document") == "document":
            return True
        return (origin is None or own) and headers.get(b"sec-fetch-site", "same-origin") in ("same-origin", "none")

    # The token

    def _without_token(self, scope: Scope, headers: dict[bytes, str], port: int | None) -> _Answer | None:
        assert self.token is not None
        name, value = token_cookie(self.token, port)
        cookies = cookie_parser(headers.get(b"cookie", ""))
        known = _same(cookies.get(name, ""), value)
        if scope["type"] == "websocket":
            return None if known else _Answer(403)
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(TOKEN)
        if known and given is None:
            return None
        path = quote("/" + scope["path"].lstrip("/"))  # never //host, which would be another site
        rest = [pair for pair in query if pair[0] != TOKEN]
        if given is not None and scope["method"] == "GET" and (known or _same(given, self.token)):
            secure = "; Secure" if headers.get(b"x-forwarded-proto", "").strip() == "https" else ""
            cookie = f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"
            to = path + (f"?{urlencode(rest)}" if rest else "")
            return _Answer(303, more=((b"location", to.encode()), (b"set-cookie", cookie.encode())))
        if known:
            return None
        if given is None and headers.get(b"sec-fetch-site") in ("cross-site", "same-site"):
            # A link from elsewhere, so their Strict cookie stayed behind: the browser asks once more, from here.
            return _Answer(403, _needs_token(), then=f"{path}?{urlencode([*rest, (TOKEN, '')])}")
        return _Answer(403, _needs_token())


def token_cookie(token: str, port: int | None) -> tuple[str, str]:
    """Name and value of the cookie of who knows ``token``. Cookies are not kept apart by port, so the name is."""
    return f"clps_token_{port}", hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()


def _same(got: str, wanted: str) -> bool:
    return hmac.compare_digest(got.encode(), wanted.encode())


def _page(text: str, then: str) -> str:
    """A small page that says ``text``, or says nothing and goes on to ``then``."""
    on = f'<meta http-equiv="refresh" content="0; url={html.escape(then)}">' if then else ""
    said = "" if then else f"<h1>CLPS Lab</h1><p>{html.escape(text)}</p>"
    style = (
        ":root { color-scheme: light dark } body { max-width: 34rem; margin: 20vh auto; padding: 0 1rem; "
        "font: 1.05rem/1.5 system-ui, sans-serif }"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{on}<title>CLPS Lab</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>{said}</body></html>'
    )


def _needs_token() -> str:
    return _(
        "This dashboard requires a token. Open the address that 'clps dashboard' printed: it ends with ?token=... "
        "Without the token you cannot see anything here."
    )


def _unknown(host: str | None, port: int | None) -> str:
    shown = ascii((host or "")[:100])[1:-1]
    return _(
        "This server is not called {host}. From the machine it runs on, the address is http://127.0.0.1:{port}. If "
        "the name is correct (a proxy, a tunnel), add it to CLPS_HOSTS and start 'clps dashboard' again.",
        host=shown,
        port=port,
    )
