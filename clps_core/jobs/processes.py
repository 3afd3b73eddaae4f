"""Which process is which, and the supervisor's lock. Nothing heavy is imported. Start at is_alive."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from clps_core.files import open_given, parsed_json
from clps_core.words import kept, told

__all__ = [
    "SupervisorLock",
    "boot_marker",
    "born",
    "find_process",
    "folder_lock",
    "host_name",
    "is_alive",
    "send_signal",
    "started_at",
    "wake",
]

CLOCK_SLACK = 2.0
"""Moments of birth of one process may differ by this many seconds where the system tells them by its clock."""


def host_name() -> str:
    """This machine's name."""
    return os.uname().nodename


@cache
def boot_marker() -> str:
    """Changes when the machine (or, in a container, the container) is started again."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        first_process = ""
        with contextlib.suppress(OSError):  # it may be hidden from all but its owner; the boot alone is still true
            # Field 22: when process 1 started, in ticks since boot; it tells restarts of a container apart.
            first_process = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
        return f"{boot}:{first_process}"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]  # macOS
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=5).stdout.strip()
    return f"about {round(psutil.boot_time() / 60)}"


def started_at(pid: int) -> float:
    """When the process was created, UTC seconds; 0 if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def born(pid: int) -> float:
    """When the process was created, in seconds since the machine started; 0 if it is gone.

    A clock that is set does not move it, unlike ``started_at`` (which stands in where the system has no /proc).
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return int(ticks) / os.sysconf("SC_CLK_TCK")
    return started_at(pid)


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether the process with this pid that was ``born`` then still runs; pids are used again, pairs are not."""
    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(pid)
        same = abs(born(pid) - created) < CLOCK_SLACK
        return same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def find_process(arguments: Sequence[str]) -> int | None:
    """The pid of a process of ours whose command line ends in ``arguments``."""
    wanted = list(arguments)
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if command[-len(wanted) :] == wanted and process.info["status"] != psutil.STATUS_ZOMBIE:
            return int(process.pid)
    return None


def send_signal(pid: int | None, created: float | None, number: int) -> bool:
    """Send a signal to the process if it is still the same one; returns whether it was sent."""
    if pid is None or not is_alive(pid, created):
        return False
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours; ``-P`` keeps the working folder off the import path."""
    return [sys.executable, "-P", "-m", module, *arguments]


# Wake-up calls: one byte through a named pipe


def bell_path(home: Path) -> Path:
    """The named pipe on which the supervisor sleeps."""
    return home / "supervisor.bell"


def wake(home: Path) -> None:
    """Tell the supervisor that there is news; harmless where there is none."""
    with contextlib.suppress(OSError):
        bell = os.open(bell_path(home), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(bell, b"!")
        finally:
            os.close(bell)


def open_bell(home: Path) -> int | None:
    """The supervisor's end of the pipe; ``None`` where the file system has no pipes (it then polls)."""
    path = bell_path(home)
    try:
        if not path.is_fifo():  # a copied home may hold a file there, and a file never stops ringing
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None


@contextlib.contextmanager
def folder_lock(folder: Path, patience: float) -> Iterator[bool]:
    """Whether this is the one process that works in a run's folder, as long as the block lasts.

    A second fence besides the claim in the store. ``patience``: seconds to wait for one that is still leaving.
    """
    with (folder / "lock").open("w") as file:
        yield _lock_within(file.fileno(), patience)


HOLDER: dict[str, type] = {"pid": int, "slots": int, "threads": int, "reason": str}
"""What a supervisor always writes into its lock, among other things."""


class SupervisorLock:
    """At most one supervisor per home: an OS lock on a file, which dies with its holder.

    The file's content says who holds it, as one JSON object. Sentences in it are read in the reader's language.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "supervisor.lock"
        self._file: int | None = None

    def acquire(self, patience: float = 1.0) -> bool:
        """Take the lock; ``patience``: seconds to try (those who only look hold it for an instant)."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock_within(descriptor, patience):
            os.close(descriptor)
            return False
        self._file = descriptor
        return True

    def describe(self, facts: dict[str, Any]) -> None:
        """Write who holds it."""
        assert self._file is not None
        text = json.dumps({name: kept(one) if isinstance(one, str) else one for name, one in facts.items()}).encode()
        os.pwrite(self._file, text, 0)
        os.ftruncate(self._file, len(text))

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def still_ours(self) -> bool:
        """False once the file was removed or replaced: the home is gone, so is our purpose."""
        assert self._file is not None
        try:
            return os.fstat(self._file).st_ino == self.path.stat().st_ino
        except OSError:
            return False

    def last_words(self) -> dict[str, Any]:
        """The text that the last holder wrote, whether it still holds the lock or not; empty if there was none."""
        try:
            with open_given(self.path) as file:
                facts = parsed_json(file.read(100_000) or b"{}")
        except (OSError, ValueError):
            return {}
        return _read(facts) if isinstance(facts, dict) else {}

    def holder(self) -> dict[str, Any] | None:
        """What the holder wrote (empty while it starts, or if damaged), or ``None`` if nobody holds the lock."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except OSError:
            return None
        try:
            if _lock(descriptor, fcntl.LOCK_SH):
                return None
            text = os.pread(descriptor, 100_000, 0)
        finally:
            os.close(descriptor)
        try:
            facts = parsed_json(text or b"{}")
        except ValueError:
            facts = {}
        whole = isinstance(facts, dict) and all(isinstance(facts.get(name), kind) for name, kind in HOLDER.items())
        return _read(facts) if whole else {}


def _read(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: told(one) if isinstance(one, str) else one for name, one in facts.items()}


def _lock_within(descriptor: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not _lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
