"""How attempts become processes. Start at Launcher: a cluster's launcher would be another one of these.

The supervisor decides, a launcher does: it starts an attempt's command, tells how it ended, and stops it.
What it knows must outlive it, since supervisors come and go: it reads the store's rows and the waiters' notes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from clps_core.files import read_json
from clps_core.jobs import processes
from clps_core.jobs.waiter import NOTE_BYTES, exit_file
from clps_core.store.deaths import EXIT_DISK_FULL, Exit
from clps_core.store.queue import Attempt, Queue

__all__ = ["Launcher", "LocalLauncher"]


class Launcher(Protocol):
    """Start, poll, stop. All are told the attempt, and may be called by a successor of who started it."""

    boot: str
    """Changes when what it started is lost: the machine's boot, a cluster's session."""

    def start(self, attempt: Attempt, environment: dict[str, str]) -> None:
        """Make the attempt a process (or a job); what finds it again goes into the store."""

    def poll(self, attempt: Attempt) -> Exit | None:
        """How it ended; ``None`` while it works."""

    def stop(self, attempt: Attempt, *, now: bool) -> None:
        """Ask it to end, after a checkpoint; ``now``: end it."""

    def forget(self, attempt: Attempt) -> None:
        """Its end is in the store: clean up behind it."""

    def reap(self) -> None:
        """Called at every look: let go of what has ended."""


class LocalLauncher:
    """Processes of this machine, found again by (pid, creation time)."""

    def __init__(self, home: Path, queue: Queue) -> None:
        self.home, self.queue = home, queue
        self.boot = processes.boot_marker()
        self._waiters: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._found_no_room: set[tuple[str, int]] = set()

    def start(self, attempt: Attempt, environment: dict[str, str]) -> None:
        """Spawn the waiter, which spawns the runner."""
        waiter = subprocess.Popen(
            processes.python_module("clps_core.jobs.waiter", *self._arguments(attempt)),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._waiters[attempt.run_id, attempt.number] = waiter
        self.queue.record_waiter(attempt.run_id, attempt.number, waiter.pid, processes.born(waiter.pid))

    def poll(self, attempt: Attempt) -> Exit | None:
        """From the waiter's note, or because nobody is there any more."""
        if attempt.boot != self.boot:
            return Exit(interrupted=True)
        if (end := self._note(attempt)) is not None:
            return end
        if self._lives(attempt):
            return None
        if attempt.pid is None and attempt.waiter_pid is None:
            return Exit(interrupted=True) if self._never_spawned(attempt) else None
        # The note is written before the waiter ends: having seen it gone, look again.
        full = (attempt.run_id, attempt.number) in self._found_no_room
        return self._note(attempt) or Exit(EXIT_DISK_FULL if full else None)

    def stop(self, attempt: Attempt, *, now: bool) -> None:
        """SIGTERM, or SIGKILL."""
        processes.send_signal(attempt.pid, attempt.created, signal.SIGKILL if now else signal.SIGTERM)

    def forget(self, attempt: Attempt) -> None:
        """Remove the waiter's note."""
        with contextlib.suppress(OSError):
            exit_file(self.home, attempt.run_id, attempt.number).unlink(missing_ok=True)
        self._found_no_room.discard((attempt.run_id, attempt.number))

    def reap(self) -> None:
        """Let go of waiters that have ended."""
        for key in [key for key, waiter in self._waiters.items() if waiter.poll() is not None]:
            if self._waiters.pop(key).returncode == EXIT_DISK_FULL:
                self._found_no_room.add(key)

    def _arguments(self, attempt: Attempt) -> list[str]:
        return ["--home", str(self.home), "--run", attempt.run_id, "--attempt", str(attempt.number)]

    def _note(self, attempt: Attempt) -> Exit | None:
        try:
            path = exit_file(self.home, attempt.run_id, attempt.number)
            note = read_json(path.parent, path.name, limit=NOTE_BYTES)
            return Exit(
                note["code"], note["signal"], note["out_of_memory"], interrupted=note["signal"] == signal.SIGTERM
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _lives(self, attempt: Attempt) -> bool:
        return (
            (attempt.run_id, attempt.number) in self._waiters
            or processes.is_alive(attempt.pid, attempt.created)
            or processes.is_alive(attempt.waiter_pid, attempt.waiter_created)
        )

    def _never_spawned(self, attempt: Attempt) -> bool:
        """Whether a supervisor died between its row and its spawn, and not between its spawn and the next row."""
        return processes.find_process(self._arguments(attempt)) is None
