"""One attempt at one job. Start at main.

The process claims its attempt before anything else, so that two can never work on one job. Then it does what the
job's kind says (``kinds.py``: a training, say), and writes the outcome. A stop (SIGTERM, or the flag in the store) is
answered between two steps, after what is done so far has been written.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
from pathlib import Path

from clps_core.errors import ClpsError, StoreError
from clps_core.jobs import keeping, processes
from clps_core.jobs.kinds import KINDS, Work
from clps_core.jobs.sink import StoppedEarlyError, StopSignal, is_disk_full, patiently
from clps_core.niceness import RUNS
from clps_core.store import Store, open_store
from clps_core.store.deaths import EXIT_DISK_FULL, EXIT_LOST, EXIT_STORE, STOPPED
from clps_core.store.queue import LeaseLost, Queue
from clps_core.words import _

__all__ = ["attempt", "main"]

logger = logging.getLogger("clps.runner")

LOCK_PATIENCE = 10.0
ENDED_BY_SIGTERM = -signal.SIGTERM
"""Exit as if SIGTERM had not been caught: the run goes back to the queue, since nobody asked it to end."""


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
        return EXIT_DISK_FULL if is_disk_full(error) else EXIT_STORE
    except OSError as error:
        logger.exception("%s", error)
        return EXIT_DISK_FULL if is_disk_full(error) else EXIT_STORE


def attempt(store: Store, run_id: str, number: int, stop: StopSignal) -> int:
    """Claim, work, write the outcome. Raises ``LeaseLost`` and ``StoreError`` if that cannot be written."""
    queue, pid = Queue(store), os.getpid()
    folder = store.run_folder(run_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    with processes.folder_lock(folder, LOCK_PATIENCE) as alone:
        born = processes.born(pid)
        if not alone or not patiently(lambda: queue.claim(run_id, number, pid, born)):
            logger.warning("%s", _("Attempt {n} must not run here, or no longer.", n=number))
            return EXIT_LOST
        os.nice(RUNS)
        try:
            job = patiently(lambda: store.job(run_id))
            if job.stop_requested:
                raise StoppedEarlyError
            status, reason = KINDS.find(job.kind).function()(Work(queue, job, number, folder, stop))
        except (LeaseLost, StoreError):
            raise
        except StoppedEarlyError:
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


def sentence(error: BaseException) -> str:
    """Why a run failed, for a person; the traceback is in the log."""
    if is_disk_full(error):
        return _("The disk is full. Free some space, then resume the run: it continues from its last checkpoint.")
    if isinstance(error, ClpsError):
        return str(error)
    if isinstance(error, MemoryError) or "CUDA error: out of memory" in str(error):  # before the first step
        return _("Out of memory. A smaller batch_size or d_model needs less.")
    first_line = (str(error).splitlines() or [""])[0][:200]
    return _(
        "Stopped with an unexpected error ({kind}: {text}). The log has the details.",
        kind=type(error).__name__,
        text=first_line,
    )


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
