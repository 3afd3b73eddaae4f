"""``clps dashboard``: find the pages, check what could go wrong, become Streamlit. Start at serve."""

from __future__ import annotations

import json
import os
import socket
import sys
import tomllib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import clps_core
from clps_core.cli.output import say
from clps_core.errors import ClpsError, ConfigError
from clps_core.words import _

__all__ = ["arguments", "bundle", "serve"]

ADDRESS = "127.0.0.1"
HOSTS = (ADDRESS, "localhost")
"""What this machine is called in the address of a page. With any other name, somebody else's page could lead its
own name here (DNS rebinding) and act as the one person whose server this is."""

NEVER_CACHED = "1e15"
"""Bytes: larger than any message."""


def bundle() -> Path:
    """The folder that holds ``app``, ``pages`` and ``.streamlit``: inside a wheel, or the checkout."""
    package = Path(clps_core.__file__).resolve().parent
    # The wheel first: beside an installed package (site-packages) any other project may have put an app/.
    for folder in (package / "_dashboard", package.parent):
        if (folder / "app" / "main.py").is_file() and (folder / "pages").is_dir():
            return folder
    raise ConfigError(
        _(
            "the dashboard's pages must lie beside the engine. They are missing from {folder}. Install again.",
            folder=package,
        )
    )


def arguments(
    folder: Path, port: int, *, browser: bool = False, shared: bool = False, more_hosts: str = ""
) -> list[str]:
    """The command line that starts Streamlit on ``folder``; ``shared``: with owners' cookies around the pages.

    Pages connect from ``HOSTS`` and ``more_hosts`` (names with commas between). A shared server that names none
    takes all: it stands behind a proxy of any name, and a cookie, which only its own name is sent, tells who asks.

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
    entry = folder / "app" / ("server.py" if shared else "main.py")
    start = [sys.executable, "-m", "streamlit", "run", str(entry)]
    more = [name for name in map(str.strip, more_hosts.split(",")) if name]
    hosts = [] if shared and not more else [*HOSTS, *more]
    pairs = [*flags.items(), *(("server.allowedHosts", host) for host in hosts)]
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


def serve(port: int, *, browser: bool, ready: bool) -> None:
    """Start the server in this process's place; raises ``ConfigError`` or ``StoreError`` where it cannot run."""
    folder = bundle()
    _check_port(port)
    shared = _check_home(ready=ready)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
    }
    say(_("CLPS Lab: http://{address}:{port} (Ctrl-C stops the server, not the runs)", address=ADDRESS, port=port))
    hosts = os.environ.get("CLPS_HOSTS", "")
    command = arguments(folder, port, browser=browser, shared=shared, more_hosts=hosts)
    sys.stdout.flush()
    os.execve(command[0], command, environment)  # noqa: S606  # the server takes this process's place, and its signals


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ConfigError(
                _(
                    "the port must be free. {port} is not ({reason}). Take another: clps dashboard --port {other}",
                    port=port,
                    reason=error.strerror,
                    other=port % 65535 + 1,
                )
            ) from None


def _check_home(*, ready: bool) -> bool:
    """Open the store once, so that a home that cannot be used is told here and not page by page.

    Returns whether its policy makes it a shared server; raises ``ConfigError`` where the policy is none.
    """
    from clps_core import samples
    from clps_core.jobs import service
    from clps_core.policy import read_policy
    from clps_core.store import open_store

    with closing(open_store()) as store:
        shared = read_policy(store.home).shared
        try:
            if ready:
                samples.prepare(store)
            service.ensure_supervisor(store)
        except ClpsError as error:
            # The pages work without it: a machine too small for the comparison must not lose the rest.
            say(_("No ready comparison: {reason}", reason=str(error)))
    return shared
