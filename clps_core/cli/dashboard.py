"""``clps dashboard``: find the pages, check what could go wrong, become Streamlit. Start at serve."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
import tomllib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from clps_core.addresses import ADDRESS, Names
from clps_core.cli.output import say
from clps_core.errors import ClpsError, ConfigError
from clps_core.snapshots import bundle
from clps_core.words import _

__all__ = ["arguments", "bundle", "other_people", "serve"]

FEWEST_TOKEN_CHARACTERS = 16

NEVER_CACHED = "1e15"
"""Bytes: larger than any message."""


def arguments(folder: Path, port: int, *, browser: bool = False, names: Names | None = None) -> list[str]:
    """The command line that starts Streamlit on ``folder``: ``app/server.py``, the gate around the pages.

    ``names`` are further names of the server. Streamlit is told them too, without ports, and looks again.

    Everything is a flag: Streamlit reads config files only from the working folder, the home and the
    script's own folder, and a flag wins over files and environment. The bundle's
    ``.streamlit/config.toml`` is passed value by value, what must hold for safety after it.
    """
    file = folder / ".streamlit" / "config.toml"
    flags = _flattened(tomllib.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
    flags |= {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "false" if browser else "true",
        "server.showEmailPrompt": "false",
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        # Streamlit would go through all of Python's objects after every run of a script, every tick included: most of
        # what watching costs, for memory that Python frees by itself (docs/decisions.md).
        "runner.postScriptGC": "false",
        # Streamlit sends a large message once and then a reference to it, but a browser throws the message away after
        # three more runs of the script. Where an answer comes late, it holds a reference to what is gone by then, and
        # the page is dead until it is loaded again. So: no references (docs/decisions.md).
        "global.minCachedMessageSize": NEVER_CACHED,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "viewer",
    }
    start = [sys.executable, "-m", "streamlit", "run", str(folder / "app" / "server.py")]
    pairs = [*flags.items(), *(("server.allowedHosts", host) for host in (names or Names()).hosts)]
    return start + [part for name, value in pairs for part in (f"--{name}", value)]


def _flattened(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flags: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flags |= _flattened(value, f"{key}.")
        else:
            flags[key] = value if isinstance(value, str) else json.dumps(value)
    return flags


def serve(port: int, *, browser: bool, ready: bool, token: bool = False) -> None:
    """Start the server in this process's place; raises ``ConfigError`` or ``StoreError`` where it cannot run."""
    folder = bundle()
    given, secret = _token(wanted=token, browser=browser)
    names = Names.of(os.environ.get("CLPS_HOSTS", ""))
    _check_port(port)
    if _check_home(ready=ready, named=bool(names.more)):
        say(_("Shared server, reachable as {names}. 'clps policy' shows its rules.", names=", ".join(names.hosts)))
    elif not secret and (others := other_people()):
        say(_others(others))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
        # Else the web server believes what every program of this machine says about where it comes from; whose
        # X-Forwarded-For counts stands in the policy.
        "FORWARDED_ALLOW_IPS": "",
        **({"CLPS_TOKEN": secret} if secret else {}),
    }
    # What somebody chose is not repeated: this may be written to a log.
    told = _("(yours)") if given else secret
    query = f"/?token={told}" if secret else ""
    say(
        _(
            "CLPS Lab: http://{address}:{port}{query} (Ctrl-C stops the server, not the runs)",
            address=ADDRESS,
            port=port,
            query=query,
        )
    )
    command = arguments(folder, port, browser=browser, names=names)
    sys.stdout.flush()
    os.execve(command[0], command, environment)  # noqa: S606  # the server takes this process's place, and its signals


def _token(*, wanted: bool, browser: bool) -> tuple[bool, str]:
    """Whether ``CLPS_TOKEN`` gave the token, and the token: empty where none is asked for.

    It leaves this environment, so that only the server gets it; never an argument, which everybody can read.
    """
    given = os.environ.pop("CLPS_TOKEN", "").strip()
    if given and not re.fullmatch(rf"[A-Za-z0-9_-]{{{FEWEST_TOKEN_CHARACTERS},200}}", given):
        raise ConfigError(
            _(
                "CLPS_TOKEN must have at least {limit} characters, all letters, digits, - or _. The given token does "
                "not. Leave it out and use --token to create one.",
                limit=FEWEST_TOKEN_CHARACTERS,
            )
        )
    if browser and (given or wanted):
        raise ConfigError(
            _(
                "--browser cannot be combined with a token: the browser would open the address without the token. "
                "Leave --browser out and open the printed address."
            )
        )
    return bool(given), given or (secrets.token_urlsafe(24) if wanted else "")


def other_people() -> list[str]:
    """Names of the other people who can log in on this machine, as far as it lists them; empty on Windows."""
    if sys.platform == "win32":
        return []
    import pwd

    first = 501 if sys.platform == "darwin" else 1000
    return [
        one.pw_name
        for one in pwd.getpwall()
        if first <= one.pw_uid < 60_000
        and one.pw_uid != os.getuid()
        and not one.pw_shell.endswith(("/nologin", "/false"))
    ]


def _others(names: list[str]) -> str:
    return _(
        "Other people can log in on this machine ({names}) and could open this dashboard. To prevent that: clps "
        "dashboard --token",
        names=", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else ""),
    )


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ConfigError(
                _(
                    "port {port} is not available ({reason}). Use another one: clps dashboard --port {other}",
                    port=port,
                    reason=error.strerror,
                    other=port % 65535 + 1,
                )
            ) from None


def _check_home(*, ready: bool, named: bool) -> bool:
    """Open the store once, so that a home that cannot be used is told here and not page by page.

    Returns whether its policy makes it a shared server; raises ``ConfigError`` where the policy is none, or where
    a shared server is not ``named``.
    """
    from clps_core import samples
    from clps_core.jobs import service
    from clps_core.policy import read_policy
    from clps_core.store import open_store

    with closing(open_store()) as store:
        shared = read_policy(store.home).shared
        if shared and not named:
            raise ConfigError(
                _(
                    "a shared server must know the names that browsers use for it. CLPS_HOSTS is not set. Set it, "
                    "for example CLPS_HOSTS=lab.school.example behind a proxy, or CLPS_HOSTS=localhost for SSH "
                    "tunnels."
                )
            )
        try:
            if ready:
                samples.prepare(store)
            service.ensure_supervisor(store)
        except ClpsError as error:
            # The pages work without it: a machine too small for the comparison must not lose the rest.
            say(_("The ready comparison was not queued: {reason}", reason=str(error)))
    return shared
