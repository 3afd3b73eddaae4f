"""A dashboard whose Runs page is looked at by somebody, without the cost of a browser. Start at Dashboard."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import psutil
from job_room import eventually
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

__all__ = ["Dashboard"]


class Dashboard:
    """``clps dashboard`` on a home, with one visitor who has its Runs page drawn again and again."""

    def __init__(self, home: Path) -> None:
        self.home, self.messages = home, 0
        self._left = threading.Event()
        self._visitor: threading.Thread | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._open()

    def killed_and_opened_again(self) -> bool:
        """SIGKILL the server and what belongs to it, however far it has come; then a new one."""
        self.close()
        self._open()
        return True

    def close(self) -> None:
        """SIGKILL; what it started to work on runs goes on."""
        assert self._server is not None
        assert self._visitor is not None
        self._left.set()
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._server.pid)
            for member in [parent, *(one for one in parent.children(recursive=True) if _serves(one))]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(signal.SIGKILL)
        self._server.wait(30)
        self._visitor.join(60)

    def _open(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "clps_core.cli", "dashboard", "--port", str(port), "--no-ready"]
        self._server = subprocess.Popen(
            command,
            env={**os.environ, "CLPS_HOME": str(self.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._left = threading.Event()
        self._visitor = threading.Thread(target=self._visit, args=(port, self._left), daemon=True)
        self._visitor.start()

    def _visit(self, port: int, left: threading.Event) -> None:
        def healthy() -> bool:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                return True
            return left.is_set()

        eventually(healthy, "the dashboard answers")
        draw = BackMsg()
        draw.rerun_script.page_name = "runs"
        with (
            contextlib.suppress(OSError, WebSocketException),
            connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                subprotocols=["streamlit"],  # type: ignore[list-item]
                max_size=None,
            ) as socket_,
        ):
            while not left.is_set():
                socket_.send(draw.SerializeToString())
                with contextlib.suppress(TimeoutError):  # nothing more comes: the page is drawn
                    while not left.is_set():
                        self.messages += bool(socket_.recv(timeout=1.0))


def _serves(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return not any(part.startswith("clps_core.jobs.") for part in process.cmdline())
    return False
