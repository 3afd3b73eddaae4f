"""Whether people log in here, and what is wrong with how that is set up. Start at is_wanted and problem.

The login is Streamlit's own, OpenID Connect through ``[auth]`` in its secrets. A setting that is there but
cannot be used is never taken for none: a server that was meant to know people by their address must not
quietly go back to knowing them by a cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from clps_core.policy import Policy
from clps_core.words import _

__all__ = ["FEWEST_SECRET_CHARACTERS", "is_wanted", "problem"]

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
CALLBACK = "/oauth2callback"
FEWEST_SECRET_CHARACTERS = 32
"""Who guesses ``cookie_secret`` can log in as any teacher; 32 is what 16 random bytes look like in hex."""


def is_wanted(policy: Policy) -> bool:
    """Whether an address, not a cookie, says who somebody is: the policy asks for it, or ``[auth]`` is there."""
    if policy.login:
        return True
    try:
        return _settings() is not None
    except ValueError:
        return True


def problem() -> str | None:
    """Why nobody can log in now, in one sentence without any secret; ``None`` where they can."""
    try:
        settings = _settings()
    except ValueError as error:
        return _(
            "Nobody can log in: Streamlit's secrets must be TOML. Got: {reason}. Correct the file.", reason=str(error)
        )
    if settings is None:
        return _(
            "Nobody can log in: Streamlit's secrets must have a section [auth]. It is missing. The runbook explains it."
        )
    missing = [name for name in NEEDED if not isinstance(settings.get(name), str) or not settings[name].strip()]
    if missing:
        return _(
            "Nobody can log in: [auth] in Streamlit's secrets must have {needed}. Missing: {missing}. Add them.",
            needed=", ".join(NEEDED),
            missing=", ".join(missing),
        )
    if len(settings["cookie_secret"]) < FEWEST_SECRET_CHARACTERS:
        return _(
            "Nobody can log in: cookie_secret must have at least {limit} characters, because somebody who guesses it "
            "can log in as anybody. Got {got}. Create one with 'python -c \"import secrets; "
            "print(secrets.token_hex())\"'.",
            limit=FEWEST_SECRET_CHARACTERS,
            got=len(settings["cookie_secret"]),
        )
    return _bad_address(settings["redirect_uri"]) or _not_installed()


def _bad_address(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.netloc and address.endswith(CALLBACK):
        return None
    return _(
        "Nobody can log in: redirect_uri must be this server's address followed by {callback}. Got {got}. Correct it "
        "here and at the login provider.",
        callback=CALLBACK,
        got=repr(address[:80]),
    )


def _not_installed() -> str | None:
    missing = [name for name in ("authlib", "httpx") if find_spec(name) is None]
    if not missing:
        return None
    return _(
        "Nobody can log in: {packages} must be installed. Run: pip install 'clps-lab[login]'.",
        packages=", ".join(missing),
    )


def _settings() -> Mapping[str, Any] | None:
    """``[auth]`` of Streamlit's secrets, ``None`` where there is none; raises ``ValueError`` for no TOML."""
    try:
        found = st.secrets.get("auth")
    except StreamlitSecretNotFoundError as error:
        cause = error.__cause__  # of a file that is there but is no TOML; of no file at all there is none
        if cause is None:
            return None
        raise ValueError(str(cause)) from None
    except OSError as error:
        raise ValueError(error.strerror or type(error).__name__) from None
    return found if found is None or isinstance(found, Mapping) else {}
