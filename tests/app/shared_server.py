"""A shared server for page tests: its policy, and browsers that have a cookie or none.

Streamlit's AppTest has no connection and so no cookies: what a browser sends is put in at the one place where
Streamlit hands it to pages.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.runtime.context import ContextProxy

from clps_core.owners import COOKIE, Signer
from clps_core.policy import hash_code

CODE = "the class of 2026"


class SharedServer:
    """``visitor()`` is who the next page sees; returns the owner's name."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, policy: str = "") -> None:
        self.home, self._monkeypatch = home, monkeypatch
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "policy.yaml").write_text(f"mode: shared\nteacher_code: {hash_code(CODE)}\n{policy}\n")
        self.signer = Signer.of_home(home)
        self.sends({})

    def sends(self, cookies: dict[str, str]) -> None:
        self._monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: cookies))

    def visitor(self, cookie: str | None = None) -> str:
        cookie = cookie or self.signer.new_cookie()
        self.sends({COOKIE: cookie})
        owner = self.signer.owner_of_cookie(cookie)
        assert owner is not None
        return owner


@pytest.fixture
def shared(home: Path, monkeypatch: pytest.MonkeyPatch) -> SharedServer:
    return SharedServer(home, monkeypatch, "quotas: {queued: 4, steps: 100, batch_size: 8, runs: 6}")
