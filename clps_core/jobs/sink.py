"""Between a job at work and the store: what it says goes there, what it is asked comes back. No torch here.

Start at StoreSink. ``StopSignal`` hears SIGTERM, ``patiently`` outlives a store that is out of reach for a while.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TypeVar

from clps_core.errors import ClpsError, StoreError
from clps_core.store import Job
from clps_core.store.connection import make_durable
from clps_core.store.queue import LEASE_SECONDS, Queue, relative_path
from clps_core.store.records import Point
from clps_core.sweeps.watch import Watch

__all__ = ["StopSignal", "StoppedEarlyError", "StoreSink", "is_disk_full", "patiently"]

logger = logging.getLogger("clps.runner")

T = TypeVar("T")

BEAT = 0.3
"""Seconds between two messages to the store."""
RENEW_EVERY = LEASE_SECONDS / 6


class StopSignal:
    """Remembers SIGTERM. Nothing is interrupted by it but ``waiting``, where there is nothing to save yet."""

    def __init__(self) -> None:
        self.received = False
        self._waiting = False
        signal.signal(signal.SIGTERM, self._receive)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, SIGTERM (or one that came before) raises ``StoppedEarlyError`` at once."""
        self._waiting = True
        try:
            if self.received:
                raise StoppedEarlyError
            yield
        finally:
            self._waiting = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        first, self.received = not self.received, True
        if first and self._waiting:
            raise StoppedEarlyError


class StoppedEarlyError(BaseException):
    """SIGTERM came before the first step."""


class StoreSink:
    """What a job says goes to the store, in batches, by a thread of its own; what it is asked comes back.

    The thread also renews the lease. What goes wrong there is raised in the working thread, at its next
    call: ``LeaseLost``, or ``StoreError`` if the store stayed out of reach for a whole lease.

    ``seconds`` and ``cpu_seconds`` are those of earlier attempts; with ``None`` no CPU time is written.
    ``watch`` is asked at each evaluation; ``early`` is then why the sweep's rule ends the run, if it does.
    """

    def __init__(
        self,
        queue: Queue,
        job: Job,
        number: int,
        *,
        folder: Path,
        seconds: float,
        cpu_seconds: float | None = None,
        stop: StopSignal,
        watch: Watch | None = None,
    ) -> None:
        self._queue, self._run_id, self._number, self._folder = queue, job.id, number, folder
        self._stop, self._watch = stop, watch
        self.early: str | None = None
        self._seconds, self._began = seconds, 0.0
        self._cpu_seconds, self._cpu_began = cpu_seconds, 0.0
        self._points: list[Point] = []
        self._artefacts: list[tuple[str, int, str]] = []
        self._progress: dict[str, float] = {}
        self._results: dict[str, Mapping[str, float]] = {}
        self._requested: str | None = None
        self._failure: ClpsError | None = None
        self._buffer, self._sending = threading.Lock(), threading.Lock()
        self._closing = threading.Event()
        self._reached_at = self._renewed_at = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name="store", daemon=True)
        self._thread.start()

    # What the job calls

    def metrics(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """Buffer the values of one step."""
        self._check()
        seconds = self._elapsed()
        points = [Point(self._run_id, split, name, step, float(value), seconds) for name, value in values.items()]
        with self._buffer:
            self._points.extend(points)
        if split == "validation" and self._watch is not None:
            try:
                self.early = self._watch.evaluated(step, values)
            except StoreError as error:  # a busy store must not end a run: it is asked again at the next evaluation
                logger.warning("%s", error)

    def start(self) -> None:
        """The work begins now: from here on its time counts. Else it does with the first thing that is said."""
        self._elapsed()

    def progress(self, step: int, tokens_per_second: float) -> None:
        """Buffer how far and how fast."""
        with self._buffer:
            self._progress = {"step": step, "tokens_per_second": tokens_per_second, "seconds": self._elapsed()}
            if self._cpu_seconds is not None:
                self._progress["cpu_seconds"] = self._cpu_seconds + time.process_time() - self._cpu_began

    def artefact(self, kind: str, step: int, path: Path) -> None:
        """Buffer the note that a file was written."""
        note = (kind, step, relative_path(self._folder, path))
        with self._buffer:
            self._artefacts.append(note)

    def result(self, key: str, values: Mapping[str, float], step: int) -> None:
        """Buffer what an evaluation found at one key, and that ``step`` keys are done now."""
        self._check()
        with self._buffer:
            self._results[key] = values
            self._progress = {"step": step, "seconds": self._elapsed()}

    def stop_requested(self) -> str | None:
        """``cancel`` or ``pause`` if the run shall stop; a SIGTERM without either is a pause too.

        ``early`` if the sweep's rule ends it.
        """
        self._check()
        if self._requested is None and self._stop.received:
            return "pause"
        return self._requested or ("early" if self.early else None)

    def flush(self) -> None:
        """Write everything now; on return it is in the store for good, and the run was still ours.

        Raises ``LeaseLost`` and ``StoreError``.
        """
        patiently(lambda: self._send(always=True))
        make_durable(self._queue.store.home)
        self._check()

    # The thread

    def close(self) -> None:
        """End the thread, and send what is left if that is possible (``flush`` first to be sure)."""
        self._closing.set()
        self._thread.join()
        with contextlib.suppress(ClpsError):
            self._send()

    def _beat(self) -> None:
        while not self._closing.wait(BEAT):
            try:
                self._send()
                if time.monotonic() - self._renewed_at > RENEW_EVERY:
                    self._requested = self._queue.renew(self._run_id, self._number)
                    self._reached_at = self._renewed_at = time.monotonic()
            except StoreError as error:
                logger.warning("%s", error)
                if time.monotonic() - self._reached_at > LEASE_SECONDS:
                    self._failure = error
            except ClpsError as error:
                self._failure = error
                return

    def _send(self, *, always: bool = False) -> None:
        with self._sending:
            with self._buffer:
                points, self._points = self._points, []
                artefacts, self._artefacts = self._artefacts, []
                progress, self._progress = self._progress, {}
                results, self._results = self._results, {}
            try:
                if points or artefacts or progress or always or self._stop.received:
                    self._requested = self._queue.append(
                        self._run_id, self._number, points, progress=progress, artefacts=artefacts, results=results
                    )
                    self._reached_at = time.monotonic()
            except StoreError:
                with self._buffer:
                    self._points[:0] = points
                    self._artefacts[:0] = artefacts
                    self._progress = self._progress or progress
                    self._results = results | self._results
                raise

    def _elapsed(self) -> float:
        if not self._began:
            self._began, self._cpu_began = time.perf_counter(), time.process_time()
        return self._seconds + time.perf_counter() - self._began

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` returns; while the store is out of reach, it is asked again, for as long as a lease lasts.

    It does not wait for a full disk: a person must free space.
    """
    until = time.monotonic() + LEASE_SECONDS
    told = ""
    while True:
        try:
            return ask()
        except StoreError as error:
            if time.monotonic() > until or is_disk_full(error):
                raise
            if str(error) != told:
                logger.warning("%s", error)
            told = str(error)
        time.sleep(BEAT)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, is a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "disk is full" in str(error):
            return True
        error = error.__cause__
    return False
