"""One attempt at one run: the one place where training meets the store. Start at main.

The process claims its attempt before anything else, so that two can never train one run. Then it
imports torch, trains with a ``StoreSink``, and writes the outcome. A stop (SIGTERM, or the flag in
the store) is answered between two steps, with a checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from clps_core.config import resolve
from clps_core.errors import ClpsError, StoreError
from clps_core.jobs import keeping, processes
from clps_core.store import Run, Store, open_store
from clps_core.store.connection import make_durable
from clps_core.store.deaths import EXIT_DISK_FULL, EXIT_LOST, EXIT_STORE, STOPPED
from clps_core.store.queue import LEASE_SECONDS, LeaseLost, Queue, relative_path
from clps_core.store.records import Point
from clps_core.sweeps.watch import Watch
from clps_core.tasks import frozen
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.training.device import Placement

__all__ = ["StoreSink", "main"]

logger = logging.getLogger("clps.runner")

T = TypeVar("T")

BEAT = 0.3
"""Seconds between two messages to the store."""
RENEW_EVERY = LEASE_SECONDS / 6
NICENESS = 5
LOCK_PATIENCE = 10.0
ENDED_BY_SIGTERM = -signal.SIGTERM
"""Exit as if SIGTERM had not been caught: the run goes back to the queue, since nobody asked it to end."""


class StopSignal:
    """Remembers SIGTERM. Nothing is interrupted by it but ``waiting``, where there is nothing to save yet."""

    def __init__(self) -> None:
        self.received = False
        self._waiting = False
        signal.signal(signal.SIGTERM, self._receive)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, SIGTERM (or one that came before) raises ``_StoppedEarlyError`` at once."""
        self._waiting = True
        try:
            if self.received:
                raise _StoppedEarlyError
            yield
        finally:
            self._waiting = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        first, self.received = not self.received, True
        if first and self._waiting:
            raise _StoppedEarlyError


class _StoppedEarlyError(BaseException):
    """SIGTERM came before the first step."""


class StoreSink:
    """What training says goes to the store, in batches, by a thread of its own; what it is asked comes back.

    The thread also renews the lease. What goes wrong there is raised in the training thread, at its next
    call: ``LeaseLost``, or ``StoreError`` if the store stayed out of reach for a whole lease.

    ``watch`` is asked at each evaluation; ``early`` is then why the sweep's rule ends the run, if it does.
    """

    def __init__(
        self,
        queue: Queue,
        run: Run,
        number: int,
        *,
        folder: Path,
        seconds: float,
        stop: StopSignal,
        watch: Watch | None = None,
    ) -> None:
        self._queue, self._run_id, self._number, self._folder = queue, run.id, number, folder
        self._stop, self._watch = stop, watch
        self.early: str | None = None
        self._seconds, self._began = seconds, 0.0
        self._points: list[Point] = []
        self._artefacts: list[tuple[str, int, str]] = []
        self._progress: dict[str, float] = {}
        self._requested: str | None = None
        self._failure: ClpsError | None = None
        self._buffer, self._sending = threading.Lock(), threading.Lock()
        self._closing = threading.Event()
        self._reached_at = self._renewed_at = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name="store", daemon=True)
        self._thread.start()

    # What training calls

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

    def progress(self, step: int, tokens_per_second: float) -> None:
        """Buffer how far and how fast."""
        with self._buffer:
            self._progress = {"step": step, "tokens_per_second": tokens_per_second, "seconds": self._elapsed()}

    def artefact(self, kind: str, step: int, path: Path) -> None:
        """Buffer the note that a file was written."""
        note = (kind, step, relative_path(self._folder, path))
        with self._buffer:
            self._artefacts.append(note)

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
            try:
                if points or artefacts or progress or always or self._stop.received:
                    self._requested = self._queue.append(
                        self._run_id, self._number, points, progress=progress, artefacts=artefacts
                    )
                    self._reached_at = time.monotonic()
            except StoreError:
                with self._buffer:
                    self._points[:0] = points
                    self._artefacts[:0] = artefacts
                    self._progress = self._progress or progress
                raise

    def _elapsed(self) -> float:
        self._began = self._began or time.perf_counter()
        return self._seconds + time.perf_counter() - self._began

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` returns; while the store is out of reach, it is asked again, for as long as a lease lasts.

    A full disk is not waited for: that a person has to mend.
    """
    until = time.monotonic() + LEASE_SECONDS
    told = ""
    while True:
        try:
            return ask()
        except StoreError as error:
            if time.monotonic() > until or _is_disk_full(error):
                raise
            if str(error) != told:
                logger.warning("%s", error)
            told = str(error)
        time.sleep(BEAT)


def main() -> int:
    """``python -m clps_core.jobs.runner --home H --run ID --attempt N``; returns the exit code."""
    stop = StopSignal()
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--attempt", type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        store = open_store(given.home)
        return attempt(store, given.run, given.attempt, stop)
    except LeaseLost as lost:
        logger.warning("%s", lost)
        return EXIT_LOST
    except StoreError as error:
        logger.exception("%s", error)
        return EXIT_DISK_FULL if _is_disk_full(error) else EXIT_STORE
    except OSError as error:
        logger.exception("%s", error)
        return EXIT_DISK_FULL if _is_disk_full(error) else EXIT_STORE


def attempt(store: Store, run_id: str, number: int, stop: StopSignal) -> int:
    """Claim, train, write the outcome. Raises ``LeaseLost`` and ``StoreError`` if that cannot be written."""
    queue, pid = Queue(store), os.getpid()
    folder = store.run_folder(run_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    with processes.folder_lock(folder, LOCK_PATIENCE) as alone:
        born = processes.born(pid)
        if not alone or not patiently(lambda: queue.claim(run_id, number, pid, born)):
            logger.warning("%s", _("Attempt {n} is not, or no longer, to be made here.", n=number))
            return EXIT_LOST
        os.nice(NICENESS)
        try:
            run = patiently(lambda: store.run(run_id))
            status, reason = _train(queue, run, number, folder, stop)
        except (LeaseLost, StoreError):
            raise
        except _StoppedEarlyError:
            status, reason = "stopped", None
        except BaseException as error:
            traceback.print_exc()
            status, reason = "failed", sentence(error)
        if status == "stopped":
            requested = patiently(lambda: queue.renew(run_id, number))
            if requested is None:  # SIGTERM by nobody we know: most likely the machine is shutting down
                return ENDED_BY_SIGTERM
            status = STOPPED[requested]
        patiently(lambda: queue.finish(run_id, number, status, reason))
        if status == "finished":
            keeping.tidy(store, run_id)
        logger.info("%s", status)
    return 0


def _train(queue: Queue, run: Run, number: int, folder: Path, stop: StopSignal) -> tuple[str, str | None]:
    if run.stop_requested:
        return "stopped", None
    with stop.waiting():
        from clps_core.training.loop import train

        found = resolve(run.config, home=queue.store.home)
        placement, step, seconds = _begin(queue, run, number, folder, frozen(found.facts))
        watch = patiently(lambda: Watch.of(queue.store, run))
        early = patiently(watch.now) if watch is not None else None
    sink = StoreSink(queue, run, number, folder=folder, seconds=seconds, stop=stop, watch=watch)
    if step > 0:
        sink.early = early  # it was decided, but that could not be written any more
    try:
        outcome = train(found, folder, sink, device=placement)
        sink.flush()
    finally:
        sink.close()
    reached = {"step": outcome.step, "seconds": outcome.seconds}
    patiently(lambda: queue.append(run.id, number, [], progress=reached))
    if outcome.status != "finished":
        return outcome.status, None
    early = (outcome.early or sink.early) if outcome.step < run.steps else None
    return outcome.status, " ".join(said for said in (early, outcome.diverged) if said) or None


def _begin(queue: Queue, run: Run, number: int, folder: Path, facts: str) -> tuple[Placement, int, float]:
    """Where and how the attempt trains, and the step (-1: from the start) and seconds it goes on from."""
    from clps_core.analysis.tensors import stored_shapes
    from clps_core.training.checkpoint import latest
    from clps_core.training.device import choose
    from clps_core.training.run_folder import fixed_placement

    threads = run.threads or int(os.environ.get("CLPS_RUN_THREADS", "1"))
    placement = fixed_placement(folder, run.config, choose(run.config, threads))
    checkpoint = latest(folder, stored_shapes(run.config.model, run.config.sharing))
    if checkpoint is None:
        patiently(lambda: keeping.check_nothing_vanished(queue.store, run))
    step, seconds = (-1, 0.0) if checkpoint is None else (checkpoint.step, float(checkpoint.facts["seconds"]))
    chosen: dict[str, str | int] = {name: getattr(placement, name) for name in ("device", "precision", "threads")}
    patiently(lambda: queue.begin(run.id, number, step=step, seconds=seconds, placement=chosen, facts=facts))
    return placement, step, seconds


def sentence(error: BaseException) -> str:
    """Why a run failed, for a person; the traceback is in the log."""
    if _is_disk_full(error):
        return _("The disk is full. Free some space, then resume the run: it goes on from its last checkpoint.")
    if isinstance(error, ClpsError):
        return str(error)
    if isinstance(error, MemoryError) or "CUDA error: out of memory" in str(error):  # before the first step
        return _("Memory ran out. A smaller batch_size or d_model needs less.")
    first_line = (str(error).splitlines() or [""])[0][:200]
    return _(
        "The training stopped with an unexpected error ({kind}: {text}). Its log has the details.",
        kind=type(error).__name__,
        text=first_line,
    )


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "disk is full" in str(error):
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.stdout.flush()
    sys.stderr.flush()
    # All is written. Taking torch down in good order would only keep the slot for another second.
    os._exit(code)
