"""Hands free slots to queued runs and notices how runs end. One per store. Start at Supervisor.serve.

It keeps nothing in memory that must not be lost (only since when it waits for something): kill it at any instant,
and the next one finds the running processes again by (pid, creation time) and learns from the waiters' notes how
the others ended.
``admission.py`` says whether a run may start now, ``launcher.py`` makes it a process.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clps_core.errors import ClpsError, StoreError
from clps_core.jobs import processes
from clps_core.jobs.admission import Answer, Gate
from clps_core.jobs.launcher import Launcher, LocalLauncher
from clps_core.jobs.logs import CANNOT_START, keep_small, log_to_stderr, tell
from clps_core.jobs.settings import Settings, nearly_full
from clps_core.jobs.shares import Shares
from clps_core.jobs.slots import Slots, choose_slots
from clps_core.store import Job, open_store
from clps_core.store.deaths import Exit
from clps_core.store.queue import LEASE_SECONDS, Attempt, Queue
from clps_core.words import _

__all__ = ["Supervisor", "main"]

BUSY_POLL, IDLE_POLL, ERROR_POLL = 0.25, 2.0, 1.0
"""Seconds between looks; a ring of the bell cuts them short."""
PUT_OFF_SECONDS = 5.0
"""How long a run that does not fit into memory now is not looked at again."""
START_AGAIN_SECONDS = 60.0
"""How long nothing is started after a process could not be: no look may cost an attempt that cannot be."""
LOOK_AT = 50
"""Waiting runs that are read at once: mostly the first may start, and a queue can be long."""
IDLE_MINUTES = 5.0
_FIGURES = re.compile(r"\d+(\.\d+)?")


@dataclass
class Refusals:
    """Of one look at the queue: the smallest run that did not fit, by device, and why each refused run waits."""

    smallest: dict[str | None, Job] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


class Supervisor:
    """The loop. ``serve`` returns when there has been nothing to do for ``idle_seconds``."""

    def __init__(
        self,
        home: Path,
        slots: Slots,
        *,
        idle_seconds: float = IDLE_MINUTES * 60,
        gate: Gate | None = None,
        launcher: Launcher | None = None,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home, self.slots, self.idle_seconds, self.clock = home, slots, idle_seconds, clock
        self.settings = settings or Settings.of()
        self.store = open_store(home)
        self.queue = Queue(self.store)
        self.launcher = launcher or LocalLauncher(home, self.queue)
        self.gate = gate or Gate(slots)
        self.lock = processes.SupervisorLock(home)
        self.host = processes.host_name()
        self._asked_to_leave = False
        self._trouble: str | None = None
        self._facts: dict[str, Any] = {}
        self._held: str | None = None
        self._told_held: str | None = None
        self._failed_start: tuple[float, str] | None = None
        self._put_off: set[str] = set()
        self._told: dict[tuple[str, int], float] = {}
        self._heard: dict[tuple[str, int], tuple[float | None, float]] = {}

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
            self._tell_pages()
            keep_small(self.home / "supervisor.log")
            if pause != IDLE_POLL:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > self.idle_seconds:
                self.lock.release()
                # Who submitted while we still held the lock counted on us: look once more.
                if not self.store.has_jobs() or not self.lock.acquire():
                    break
                self._introduce()
                busy_at = time.monotonic()
                continue
            _sleep(bell, pause)
        tell("leaves", "leaving")
        return True

    def _leave(self, *_unused: object) -> None:
        self._asked_to_leave = True

    def _introduce(self) -> None:
        pid, slots = os.getpid(), self.slots
        chosen: dict[str, Any] = {"slots": slots.count, "threads": slots.threads, "reason": slots.reason}
        chosen["disk_floor"] = self.settings.floor
        self._told_held = None
        who = {"pid": pid, "created": processes.started_at(pid)}
        known = self.lock.last_words()
        before = known["starts"] if isinstance(known.get("starts"), int) else 0
        again = all(known.get(name) == value for name, value in who.items())  # it was leaving when work came
        self._facts = {**who, "starts": before + (not again), "gpus": slots.gpus, **chosen}
        self.lock.describe(self._facts)
        tell("supervises", f"supervising {slots.count} slots", pid=pid, gpus=slots.gpus, **chosen)

    def _round_safely(self) -> float:
        try:
            pause = self.round()
        except (StoreError, OSError) as error:  # a full disk or a locked store may recover: try again
            self._mention(str(error))
            return ERROR_POLL
        self._mention(self._held)
        return pause

    def _tell_pages(self) -> None:
        """Write into the lock why nothing starts, and that it is over."""
        if self._held != self._told_held:
            with contextlib.suppress(OSError):  # the disk may be what is full
                self.lock.describe({**self._facts, "problem": self._held})
                self._told_held = self._held

    def _mention(self, trouble: str | None) -> None:
        """Log what is wrong once, not at every look or with every new figure in it, and that it is over."""
        kind = _FIGURES.sub("", trouble) if trouble else None
        if trouble and kind != self._trouble:
            tell("trouble", trouble, level=logging.WARNING)
        elif self._trouble and not trouble:
            tell("mended", "that is over")
        self._trouble = kind

    def round(self) -> float:
        """Look at everything once; returns how many seconds to sleep."""
        self.launcher.reap()
        open_attempts = self.queue.open_attempts()
        current = {(attempt.run_id, attempt.number) for attempt in open_attempts}
        self._heard = {who: heard for who, heard in self._heard.items() if who in current}
        working = [attempt for attempt in open_attempts if not self._ended(attempt)]
        self._press(working)
        waiting = self.store.has_jobs("queued")  # only a look: taking one needs the store's write lock
        self._held = self._why_nothing_starts() if waiting else None
        if waiting and not self._held:
            working += self._fill(working)
        return BUSY_POLL if working else IDLE_POLL

    def _why_nothing_starts(self) -> str | None:
        if self._failed_start is not None and self.clock() < self._failed_start[0]:
            return self._failed_start[1]
        return nearly_full(self.home, self.settings.floor)

    # How an attempt ends

    def _ended(self, attempt: Attempt) -> bool:
        """Whether the attempt is over; if so, that is written down."""
        if attempt.host != self.host:
            end = Exit(interrupted=True) if self._is_silent(attempt) else None
        else:
            end = self.launcher.poll(attempt)
        if end is None:
            return False
        status = self.queue.settle(attempt.run_id, attempt.number, end, pause=self.settings.retry_pause)
        facts: dict[str, Any] = {"exit_code": end.code, "signal": end.signal, "out_of_memory": end.out_of_memory}
        for run in self.store.some_jobs([attempt.run_id], places=False):  # its process may have written more
            status, facts["reason"] = run.status, run.reason
        text = f"run {attempt.run_id} attempt {attempt.number} ended, the run is now {status or 'deleted'}"
        tell("ended", text, run=attempt.run_id, attempt=attempt.number, status=status, **facts)
        self.launcher.forget(attempt)
        return True

    def _is_silent(self, attempt: Attempt) -> bool:
        """Whether another host's attempt has let two leases pass without a word, on a clock that nobody sets.

        After one the attempt itself has stopped: then it is nobody's.
        """
        who, now = (attempt.run_id, attempt.number), self.clock()
        lease, since = self._heard.get(who, (None, now))
        if who not in self._heard or lease != attempt.lease_until:
            since = now
        self._heard[who] = (attempt.lease_until, since)
        return now - since > 2 * LEASE_SECONDS

    def _press(self, working: list[Attempt]) -> None:
        """Runs that were asked to stop are told so; after the grace, they are ended.

        The grace is counted on a clock that nobody sets, from when this supervisor first told them.
        """
        told: dict[tuple[str, int], float] = {}
        for attempt in working:
            if attempt.stop_requested and attempt.host == self.host:
                who, now = (attempt.run_id, attempt.number), self.clock()
                told[who] = self._told.get(who, now)
                self.launcher.stop(attempt, now=now - told[who] > self.settings.stop_grace)
        self._told = told

    # How an attempt begins

    def _fill(self, working: list[Attempt]) -> list[Attempt]:
        """Give the free slots to the runs whose turn it is and that fit; returns the attempts begun."""
        here = [attempt for attempt in working if attempt.host == self.host]
        taken = {attempt.slot for attempt in here}
        free = [slot for slot in range(self.slots.count) if slot not in taken]
        begun: list[Attempt] = []
        refusals = Refusals()
        self._forget_who_left()
        # An adopted run may work in a slot that there was when there were more of them.
        for slot in free[: max(0, self.slots.count - len(here))]:
            run = self._next_that_fits(slot, here + begun, refusals)
            attempt = self.queue.start_next(slot, self.host, self.launcher.boot, among=[run.id]) if run else None
            if attempt is None:
                continue
            if not self._start(attempt, slot):
                break
            begun.append(attempt)
            refusals.reasons.pop(attempt.run_id, None)
        self._leave_waiting(refusals.reasons)
        return begun

    def _start(self, attempt: Attempt, slot: int) -> bool:
        """Make the attempt a process; if that cannot be, it is over, and nothing is started for a while."""
        run_id, number = attempt.run_id, attempt.number
        try:
            self.launcher.start(attempt, self.slots.environment(slot, attempt.threads))
        except OSError as error:
            reason = _(
                "The process could not be started ({problem}). Trying again once a minute.",
                problem=str(error).partition("] ")[2] or str(error),
            )
            self._failed_start, self._held = (self.clock() + START_AGAIN_SECONDS, reason), reason
            self.queue.settle(run_id, number, Exit(interrupted=True))
            self.queue.put_off({run_id: reason}, 0.0)  # nothing starts meanwhile: it keeps its turn
            return False
        self._failed_start = None
        text = f"run {run_id} attempt {number} started in slot {slot}"
        tell("started", text, run=run_id, attempt=number, slot=slot)
        return True

    def _next_that_fits(self, slot: int, here: list[Attempt], refusals: Refusals) -> Job | None:
        beside = {run.id: run for run in self.store.some_jobs([attempt.run_id for attempt in here])}
        pairs = [(attempt, beside[attempt.run_id]) for attempt in here if attempt.run_id in beside]
        shares = Shares.of(self.store)
        waiting = sorted(self.queue.startable(), key=lambda run_id: not self.gate.overdue(run_id))
        for start in range(0, len(waiting), LOOK_AT):
            for run in self.store.some_jobs(waiting[start : start + LOOK_AT], places=False):
                device = self.gate.device(run, slot)
                if shares.why_not(run):
                    continue
                if not self.gate.is_smaller(run, refusals.smallest.get(device), device):
                    refusals.reasons.setdefault(run.id, _("Waiting for memory."))
                    continue
                answer = self.gate.ask(run, slot, pairs)
                if answer.start or answer.hold:
                    return run if answer.start else None
                if answer.never:
                    self._refuse(run.id, answer)
                    continue
                refusals.smallest[device] = run
                refusals.reasons[run.id] = answer.reason  # another slot's GPU may have room
        return None

    def _forget_who_left(self) -> None:
        """Runs that were taken out of the queue while they waited for memory."""
        known = {*self.gate.overtaken, *self._put_off}
        if not known:
            return
        queued = {run.id for run in self.store.some_jobs(known, places=False) if run.status == "queued"}
        for run_id in known - queued:
            self.gate.forget(run_id)
            self._put_off.discard(run_id)

    def _refuse(self, run_id: str, answer: Answer) -> None:
        self.queue.fail_waiting(run_id, answer.reason)
        tell("refused", answer.reason, run=run_id)

    def _leave_waiting(self, reasons: dict[str, str]) -> None:
        self.queue.put_off(reasons, PUT_OFF_SECONDS)
        for run_id in reasons.keys() - self._put_off:  # once, not at every look
            tell("put_off", reasons[run_id], run=run_id)
        self._put_off |= reasons.keys()


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
    log_to_stderr()
    try:
        supervisor = Supervisor(given.home, choose_slots(), idle_seconds=given.idle_minutes * 60)
        with contextlib.closing(supervisor.store):
            served = supervisor.serve()
    except ClpsError as error:
        tell(CANNOT_START, str(error), level=logging.ERROR)
        return error.exit_code
    except OSError as error:  # its rounds outlive those, so it is one of its own files
        problem = _(
            "it cannot read or write its files: {file}: {problem}. Fix that, or remove the file.",
            file=error.filename or given.home,
            problem=error.strerror or type(error).__name__,
        )
        tell(CANNOT_START, problem, level=logging.ERROR)
        return ClpsError.exit_code
    if not served:
        tell("leaves", "another supervisor is at work")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
