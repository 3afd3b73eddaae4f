"""Spawns one runner and notes how it ended, whether or not a supervisor is there to see it.

Hardly more than the standard library: one of these sits beside every runner. The note is a small file in the run's
folder; whoever supervises next turns it into rows. Start at main.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from clps_core.niceness import RUNS, lower_session

__all__ = ["NOTE_BYTES", "exit_file", "main"]

NOTE_BYTES = 128
NO_ROOM = 11
"""Our exit code where the disk is too full to begin: what a runner ends with that finds it so."""


def exit_file(home: Path, run_id: str, number: int) -> Path:
    """Where the end of an attempt is noted."""
    return home / "runs" / run_id / f"exit-{number}.json"


def main() -> int:
    """Run the runner, wait, write the note, ring the supervisor's bell; returns the exit code."""
    try:
        return _run_and_note()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return NO_ROOM


def _run_and_note() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--attempt", type=int, required=True)
    given = parser.parse_args()
    folder: Path = given.home / "runs" / given.run
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    note_path = exit_file(given.home, given.run, given.attempt)
    _reserve_note(note_path)
    arguments = ["--home", str(given.home), "--run", given.run, "--attempt", str(given.attempt)]
    killed_before = _out_of_memory_kills()
    with (folder / "log.txt").open("ab") as log:
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        log.write(f"--- attempt {given.attempt}, {moment}\n".encode())
        log.flush()
        runner = subprocess.Popen(
            [sys.executable, "-P", "-X", "faulthandler", "-m", "clps_core.jobs.runner", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    _pass_sigterm_on(runner)
    lower_session(RUNS)  # the runner is of this session; its own nice value counts only within it
    code = runner.wait()
    note = {
        "code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
        "out_of_memory": code < 0 and _out_of_memory_kills() > killed_before,
    }
    with contextlib.suppress(OSError):  # the folder is gone if the run was deleted
        _write_note(note_path, json.dumps(note))
    with contextlib.suppress(OSError):
        bell = os.open(given.home / "supervisor.bell", os.O_WRONLY | os.O_NONBLOCK)
        os.write(bell, b"!")
        os.close(bell)
    return 0


def _pass_sigterm_on(runner: subprocess.Popen[bytes]) -> None:
    """Outlive what tells every process to end (a service manager, a shutdown): how the runner ends must be noted.

    A handler, not SIG_IGN: that the runner would inherit.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: runner.send_signal(signal.SIGTERM))


def _reserve_note(path: Path) -> None:
    """Take the note's room on the disk now: it may be full when the run ends, perhaps because of the run."""
    path.write_bytes(b" " * NOTE_BYTES)


def _write_note(path: Path, text: str) -> None:
    """Over the reserved room, in one write; until then the file reads as no note at all."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, text.encode().ljust(NOTE_BYTES), 0)
    finally:
        os.close(descriptor)


def _out_of_memory_kills() -> int:
    """How many processes the system has ended because memory ran out, in this container or on the machine."""
    for path in (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat")):
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _space, number = line.partition(" ")
                if name == "oom_kill":
                    return int(number)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
