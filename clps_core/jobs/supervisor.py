"""Hands free slots to queued runs and notices how runs end. One per store. Start at Supervisor.serve.

It keeps nothing in memory that the store does not know: kill it at any instant, and the next one finds the
running processes again by (pid, creation time) and learns from the waiters' notes how the others ended.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from clps_core.errors import ClpsError, StoreError
from clps_core.jobs import processes
from clps_core.jobs.slots import Slots, plan_slots
from clps_core.jobs.waiter import exit_file
from clps_core.store import open_store
from clps_core.store.queue import Attempt, Exit, Queue

__all__ = ["Supervisor", "main"]

logger = logging.getLogger("clps.supervisor")

BUSY_POLL, IDLE_POLL, ERROR_POLL = 0.25, 2.0, 1.0
"""Seconds between looks; a ring of the bell cuts them short."""
STOP_GRACE = float(os.environ.get("CLPS_STOP_GRACE", "20"))
"""Seconds a run has to write its checkpoint after it was asked to stop."""
IDLE_MINUTES = 5.0


class Supervisor:
    """The loop. ``serve`` returns when there has been nothing to do for ``idle_seconds``."""

    def __init__(self, home: Path, slots: Slots, *, idle_seconds: float = IDLE_MINUTES * 60) -> None:
        self.home = home
        self.slots = slots
        self.queue = Queue(open_store(home))
        self.idle_seconds = idle_seconds
        self.lock = processes.SupervisorLock(home)
        self.host, self.boot = processes.host_name(), processes.boot_marker()
        self._waiters: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._asked_to_leave = False
        self._trouble = ""

    def serve(self) -> bool:
        """Supervise until idle; ``False`` if another supervisor is at work already."""
        if not self.lock.acquire():
            return False
        bell = processes.open_bell(self.home)
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGINT, self._leave)
        self._introduce()
        busy_at = time.monotonic()
        while not self._asked_to_leave and self.lock.still_ours():
            pause = self._round_safely()
            if pause != IDLE_POLL:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > self.idle_seconds:
                self.lock.release()
                # Who submitted while we still held the lock counted on us: look once more.
                if not self.queue.has_work() or not self.lock.acquire():
                    break
                self._introduce()
                continue
            _sleep(bell, pause)
        logger.info("leaving")
        return True

    def _leave(self, *_unused: object) -> None:
        self._asked_to_leave = True

    def _introduce(self) -> None:
        pid = os.getpid()
        plan = {"slots": self.slots.count, "threads": self.slots.threads, "reason": self.slots.reason}
        self.lock.describe({"pid": pid, "created": processes.started_at(pid), **plan})
        logger.info("supervising, pid %s: %s slots x %s threads", pid, self.slots.count, self.slots.threads)

    def _round_safely(self) -> float:
        try:
            pause = self.round()
        except (StoreError, OSError) as error:  # a full disk or a locked store may mend: try again
            if str(error) != self._trouble:  # but do not fill the log with it
                logger.warning("%s", error)
            self._trouble = str(error)
            return ERROR_POLL
        self._trouble = ""
        return pause

    def round(self) -> float:
        """Look at everything once; returns how many seconds to sleep."""
        for key in [key for key, waiter in self._waiters.items() if waiter.poll() is not None]:
            del self._waiters[key]
        working = [attempt for attempt in self.queue.open_attempts() if not self._ended(attempt)]
        self._press(working)
        taken = {attempt.slot for attempt in working if attempt.host == self.host}
        free = [slot for slot in range(self.slots.count) if slot not in taken]
        while free and self.queue.has_work("queued"):  # only a look: taking one needs the store's write lock
            attempt = self.queue.start_next(free.pop(0), self.host, self.boot)
            if attempt is not None:
                self._spawn(attempt)
                working.append(attempt)
        return BUSY_POLL if working else IDLE_POLL

    # How an attempt ends

    def _ended(self, attempt: Attempt) -> bool:
        """Whether the attempt is over; if so, that is written down."""
        if attempt.host != self.host:
            return attempt.overdue > 0 and self._settle(attempt, Exit(interrupted=True))
        if attempt.boot != self.boot:
            return self._settle(attempt, Exit(interrupted=True))
        if (end := self._note(attempt)) is not None:
            return self._settle(attempt, end)
        if self._lives(attempt):
            return False
        if attempt.pid is None and attempt.waiter_pid is None:
            return self._never_spawned(attempt) and self._settle(attempt, Exit(interrupted=True))
        # The note is written before the waiter ends: having seen it gone, look again.
        return self._settle(attempt, self._note(attempt) or Exit())

    def _settle(self, attempt: Attempt, end: Exit) -> bool:
        status = self.queue.settle(attempt.run_id, attempt.number, end)
        logger.info("run %s attempt %s ended (%s), now %s", attempt.run_id, attempt.number, end, status)
        with contextlib.suppress(OSError):
            exit_file(self.home, attempt.run_id, attempt.number).unlink(missing_ok=True)
        return True

    def _note(self, attempt: Attempt) -> Exit | None:
        try:
            note = json.loads(exit_file(self.home, attempt.run_id, attempt.number).read_text())
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

    def _press(self, working: list[Attempt]) -> None:
        """Runs that were asked to stop get SIGTERM; after the grace, SIGKILL."""
        for attempt in working:
            if attempt.stop_requested and attempt.host == self.host:
                number = signal.SIGKILL if (attempt.stop_age or 0.0) > STOP_GRACE else signal.SIGTERM
                processes.send_signal(attempt.pid, attempt.created, number)

    # How an attempt begins

    def _arguments(self, attempt: Attempt) -> list[str]:
        return ["--home", str(self.home), "--run", attempt.run_id, "--attempt", str(attempt.number)]

    def _spawn(self, attempt: Attempt) -> None:
        environment = {**os.environ, **self.slots.environment(attempt.slot, attempt.threads)}
        waiter = subprocess.Popen(
            processes.python_module("clps_core.jobs.waiter", *self._arguments(attempt)),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._waiters[attempt.run_id, attempt.number] = waiter
        self.queue.record_waiter(attempt.run_id, attempt.number, waiter.pid, processes.started_at(waiter.pid))
        logger.info("run %s attempt %s started in slot %s", attempt.run_id, attempt.number, attempt.slot)


def _sleep(bell: int | None, seconds: float) -> None:
    if bell is None:
        time.sleep(min(seconds, BUSY_POLL))
        return
    rung, _writable, _failed = select.select([bell], [], [], seconds)
    if rung:
        with contextlib.suppress(BlockingIOError):
            os.read(bell, 4096)


def main() -> int:
    """``python -m clps_core.jobs.supervisor --home H``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--idle-minutes", type=float, default=IDLE_MINUTES)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        supervisor = Supervisor(given.home, plan_slots(), idle_seconds=given.idle_minutes * 60)
    except ClpsError as error:
        logger.error("%s", error)
        return error.exit_code
    if not supervisor.serve():
        logger.info("another supervisor is at work")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
