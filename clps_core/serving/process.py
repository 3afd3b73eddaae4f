"""The dashboard's side of one model process: start it, ask it within its limits, end it. No torch.

Start at ModelProcess. It is used by one thread at a time; ``memory`` and ``alive`` by any.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import IO

from clps_core.jobs.machine import process_memory
from clps_core.jobs.processes import python_module
from clps_core.serving.ends import End, ProcessEnded
from clps_core.serving.frames import FRAME_BYTES, Frame, FrameError, read_frame, wire_parts
from clps_core.serving.settings import Settings

__all__ = ["ModelProcess"]

log = logging.getLogger("clps.models")

START_SECONDS = 180.0
"""Until it has its libraries: on a busy machine that alone takes many seconds."""
LOOK_EVERY = 0.1
"""Seconds between two looks at the time and the memory that a question takes."""
LAST_LINES, LONGEST_LINE = 40, 500
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NOT_FOR_IT = ("CLPS_DATABASE_URL", "CLPS_TOKEN")
"""It opens no store and serves nobody: what grants access to either stays out of its environment."""


class ModelProcess:
    """One process, from its start to its end. Raises ``ProcessEnded`` once it is gone, also where it never started."""

    def __init__(self, settings: Settings, kinds: str) -> None:
        self.settings = settings
        self.since = time.time()
        self.ready = False
        """Whether it has its libraries."""
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        command = python_module("clps_core.serving.child", "--channel", str(theirs.fileno()))
        command += ["--parent", str(os.getpid()), "--kinds", kinds, "--memory", str(settings.memory)]
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    env=_environment(os.environ),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the dashboard, with which it ends
                )
        except OSError as error:
            self._channel.close()
            log.warning("the model process could not be started: %s", error)
            raise ProcessEnded(End("start", time.time()), heard=False) from error
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read_out, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def memory(self) -> int:
        """Bytes that it holds now; 0 once it is gone."""
        return process_memory(self.pid)

    def wait_until_ready(self) -> None:
        """Return when it has its libraries."""
        try:
            self._received(time.monotonic() + START_SECONDS)
            self.ready = True
        except ProcessEnded as ended:
            told = ended.end.how in ("signal", "memory")  # somebody ended it, or the setting: that is worth knowing
            raise ProcessEnded(ended.end if told else End("start", ended.end.at), heard=False) from ended

    def ask(self, question: Frame) -> Frame:
        """Its answer. A process that takes more time or memory than it may is ended.

        Raises ``BrokenPipeError`` where it was gone before it heard the question.
        """
        until = time.monotonic() + self.settings.seconds
        try:
            for part in wire_parts(question):
                self._send(memoryview(part), until)
            return self._received(until)
        except (ProcessEnded, BrokenPipeError):
            raise
        except BaseException:  # such as a want of memory here: what it says next would not be understood
            self.end()
            raise

    def kill(self) -> None:
        """End it now; those who wait for its answer notice that. It has nothing to save."""
        self._process.kill()

    def end(self) -> int:
        """End it, and clean up behind it. Returns its exit code, below 0 for a signal."""
        self._channel.close()
        self._process.kill()
        code = self._process.wait()
        self._reader.join(timeout=5)
        return code

    def ended_by_itself(self) -> End:
        """How it ended, with what it said last in the log."""
        # A process whose channel is closed ends at once, unless something is very wrong with it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self.end()
        end = End("signal", time.time(), -code) if code < 0 else End("code", time.time(), code)
        return self._logged(end)

    # Inside

    def _received(self, until: float) -> Frame:
        try:
            return read_frame(partial(self._fill, until), FRAME_BYTES)
        except FrameError as error:
            log.warning("the model process said what cannot be read: %s", error)
            raise ProcessEnded(self._stopped("wire")) from error

    def _fill(self, until: float, view: memoryview) -> None:
        while view:
            self._wait(select.POLLIN, until)
            try:
                count = self._channel.recv_into(view)
            except BlockingIOError:
                continue
            except OSError:  # a connection that is reset
                count = 0
            if count == 0:
                raise ProcessEnded(self.ended_by_itself())
            view = view[count:]

    def _send(self, view: memoryview, until: float) -> None:
        while view:
            self._wait(select.POLLOUT, until)
            with contextlib.suppress(BlockingIOError):
                view = view[self._channel.send(view) :]

    def _wait(self, event: int, until: float) -> None:
        """Until the channel has something, or takes something; ends the process at a limit."""
        poller = select.poll()
        poller.register(self._channel, event)
        while not poller.poll(1000 * LOOK_EVERY):
            if time.monotonic() > until:
                raise ProcessEnded(self._stopped("slow"))
            if self.memory() > self.settings.memory:
                raise ProcessEnded(self._stopped("memory"))

    def _stopped(self, how: str) -> End:
        self.end()
        return self._logged(End(how, time.time()))  # type: ignore[arg-type]

    def _logged(self, end: End) -> End:
        log.warning("the model process %d: %s\n%s", self.pid, end.words(self.settings), "\n".join(self._said))
        return end

    def _read_out(self, said: IO[bytes]) -> None:
        """Keep its last lines, so that it is never held up by a full pipe."""
        with said:
            while line := said.readline(64_000):
                self._said.append(line.decode(errors="replace").rstrip()[:LONGEST_LINE])


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in own.items() if name not in NOT_FOR_IT} | THREADS
