"""Who is looking: nobody in particular on a server of one person, else a cookie or a login. Start at person.

A shared server knows people by a random, signed cookie that ``OwnerCookie`` hands out (``app/server.py`` puts
it around the dashboard), or, where ``[auth]`` is set up for Streamlit, by their checked e-mail address. The
address of a page never says who somebody is. What each may do is decided in ``clps_core.jobs.desk``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import cookie_parser

from app.people import login
from app.people.code_tries import Tries
from app.people.newcomers import Newcomers
from clps_core.addresses import Names, came_from
from clps_core.errors import ClpsError, NotAllowedError
from clps_core.owners import COOKIE, Signer, short_name
from clps_core.policy import OPERATOR, Person, Policy, nobody, read_policy
from clps_core.words import _

__all__ = ["LATER", "OwnerCookie", "become_teacher", "is_own_page", "person", "resign", "why_nobody"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

COOKIE_SECONDS = 400 * 24 * 3600
"""The longest that browsers keep a cookie."""
LATER, LATER_SECONDS = "later", 60
"""In place of an owner: too many new visitors came lately. It lets the pages say so, and says nothing else."""
HANDSHAKE = "/_stcore/host-config"
"""What Streamlit's front end asks for before it opens its connection, always from the page itself."""


# Whether it is anybody of ours


def is_own_page() -> bool:
    """Whether a page of this server asks. ``gate.py`` looks first; ``streamlit run app/main.py`` has no gate."""
    headers = st.context.headers
    if not headers:  # no connection: a test of pages
        return True
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    names = Names.of(os.environ.get("CLPS_HOSTS", ""))
    return names.knows_origin(headers.get("Origin"), headers.get("Host"), st.get_option("server.port"), scheme)


# Who it is


def person(home: Path) -> Person | None:
    """Who looks at this page; ``None`` on a shared server that cannot tell them from others."""
    policy = read_policy(home)
    if not policy.shared:
        return OPERATOR
    signer = Signer.of_home(home)
    if login.is_wanted(policy):
        return None if login.problem() else _logged_in(policy, signer)
    owner = signer.owner_of_cookie(st.context.cookies.get(COOKIE))
    if owner is None:
        return None
    return Person(owner, signer.is_appointed(owner, policy.teacher_code), short_name(owner))


def why_nobody(home: Path) -> str:
    """What somebody is told for whom ``person`` finds nobody."""
    if st.context.cookies.get(COOKIE) == LATER and not login.is_wanted(read_policy(home)):
        return _(
            "many new browsers have connected recently, so new ones must wait before they can train. You can look at "
            "everything. To train, reload the page in a few minutes."
        )
    return nobody()


def _logged_in(policy: Policy, signer: Signer) -> Person | None:
    address = st.user.get("email")
    # A provider that says the address is unchecked has only been told it; one that says nothing vouches for it.
    if not st.user.get("is_logged_in") or not isinstance(address, str) or st.user.get("email_verified") is False:
        return None
    owner = signer.owner_of_address(address)
    teacher = policy.is_teacher(address) or signer.is_appointed(owner, policy.teacher_code)
    return Person(owner, teacher, address)


# Teachers where nobody logs in

_tries = Tries()


def become_teacher(home: Path, who: Person, code: str) -> None:
    """Make ``who`` a teacher if ``code`` is right; raises ``NotAllowedError`` if not, or after too many tries."""
    policy = read_policy(home)
    with _tries.one(who.owner) as was_wrong:
        if not policy.shared or policy.teacher_code is None or not policy.code_fits(code):
            was_wrong()
            raise NotAllowedError(_("the code must be the teachers' code. Got another one. Try again."))
        Signer.of_home(home).appoint(who.owner, policy.teacher_code)


def resign(home: Path, who: Person) -> None:
    """Be a teacher no more in this browser."""
    policy = read_policy(home)
    if policy.teacher_code is not None:
        Signer.of_home(home).dismiss(who.owner, policy.teacher_code)


# How the cookie gets into the browser


class OwnerCookie:
    """ASGI middleware: gives a visitor without a valid cookie a new one, where only our own page can ask.

    HttpOnly and SameSite=Strict. It is set on ``HANDSHAKE`` alone, never on a page: somebody who follows a
    link from another site sends no Strict cookie with that first request, and would lose who they were.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        home: Path,
        newcomers: Newcomers | None = None,
    ) -> None:
        self.app, self.home, self.newcomers = app, home, newcomers or Newcomers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add a ``Set-Cookie`` where it belongs."""
        if scope["type"] != "http" or not scope["path"].endswith(HANDSHAKE):
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
        peer = (scope.get("client") or (None,))[0]

        async def send_with_cookie(message: Message) -> None:
            new = None
            # A page deeper down asks under its own path first, where there is nothing: that is no second visitor.
            if message["type"] == "http.response.start" and message["status"] == 200:
                with contextlib.suppress(ClpsError):  # the pages say what is wrong with the policy or the home
                    new = self._new_cookie(headers, peer, forwarded)
            if new:
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() != b"cache-control"]
                # A proxy that kept this answer would make one owner of all who ask.
                mine = [(b"set-cookie", new.encode()), (b"cache-control", b"no-store")]
                message = {**message, "headers": kept + mine}
            await send(message)

        await self.app(scope, receive, send_with_cookie)

    def _new_cookie(self, headers: dict[bytes, str], peer: str | None, forwarded: list[str]) -> str | None:
        if headers.get(b"sec-fetch-site", "same-origin") != "same-origin":
            return None
        policy = read_policy(self.home)
        if headers.get(b"sec-fetch-mode") == "navigate" or not policy.shared:
            return None
        signer = Signer.of_home(self.home)
        # Read as Streamlit reads it for the pages: other programs on this host have cookies of every kind.
        if signer.owner_of_cookie(cookie_parser(headers.get(b"cookie", "")).get(COOKIE)) is not None:
            return None
        # Behind a proxy that ends TLS, only the proxy knows; a lie here only makes the liar's own cookie useless.
        secure = "; Secure" if headers.get(b"x-forwarded-proto", "").strip() == "https" else ""
        admitted = self.newcomers.admit(came_from(peer, forwarded, policy.believed), policy.server)
        value, seconds = (signer.new_cookie(), COOKIE_SECONDS) if admitted else (LATER, LATER_SECONDS)
        return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
