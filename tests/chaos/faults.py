"""What a storm does to a room: kills, a full disk, a locked database, a clock that jumps. Start at FAULTS.

Each fault takes the storm, from which it gets its choices, and returns whether there was anything to do it to.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from clps_core.errors import ClpsError
from clps_core.jobs import service
from clps_core.store import schema
from clps_core.store.connection import DATABASE_FILE

if TYPE_CHECKING:
    from storm import Storm

__all__ = ["FAULTS", "Disk", "small_disk"]

DISK_BYTES = 192 << 20
CLOCK_JUMP = 3600.0


class Disk:
    """A file system of our own that can be filled and emptied."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self) -> None:
        """Write until nothing more goes in."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def relieve(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """A small file system in memory, mounted at ``folder``; ``None`` where we may not mount one."""
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield Disk(folder) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


# Processes


def kill_runner(storm: Storm) -> bool:
    """SIGKILL one process that trains, or is about to."""
    return _send(storm, "runner", signal.SIGKILL)


def kill_at_work(storm: Storm) -> bool:
    """SIGKILL the next process that is seen between its first and its last step."""

    def hunt() -> None:
        at_work = {run.id for run in storm.look() if run.status == "running" and run.step}
        pids = {one.pid for one in storm.room.queue.open_attempts() if one.run_id in at_work}
        members = [member for member in storm.room.processes() if member.pid in pids]
        if members:
            with contextlib.suppress(psutil.NoSuchProcess):
                storm.choose.choice(members).kill()
        elif any(run.active for run in storm.look()):
            storm.later(0.0, hunt)

    storm.later(0.0, hunt)
    return True


def ask_runner(storm: Storm) -> bool:
    """SIGTERM by nobody the store knows."""
    return _send(storm, "runner", signal.SIGTERM)


def kill_waiter(storm: Storm) -> bool:
    """SIGKILL who would have noted how a runner ended."""
    return _send(storm, "waiter", signal.SIGKILL)


def kill_supervisor(storm: Storm) -> bool:
    """SIGKILL who hands out the work."""
    return _send(storm, "supervisor", signal.SIGKILL)


def kill_everything(storm: Storm) -> bool:
    """SIGKILL all processes of the room at once, as losing power does."""
    members = storm.room.processes()
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    return bool(members)


def kill_dashboard(storm: Storm) -> bool:
    """SIGKILL the server that looks at the runs, and open another one."""
    assert storm.dashboard is not None
    return storm.dashboard.killed_and_opened_again()


def _send(storm: Storm, module: str, number: int) -> bool:
    members = [one for one in storm.room.processes() if f"clps_core.jobs.{module}" in one.info["cmdline"]]
    if not members:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        storm.choose.choice(members).send_signal(number)
    return True


# People


def cancel(storm: Storm) -> bool:
    """Stop a run that waits or works; some of those stay cancelled."""
    return _stop(storm, service.cancel)


def pause(storm: Storm) -> bool:
    """Stop a run for now."""
    return _stop(storm, service.pause)


def _stop(storm: Storm, how: Callable[..., None]) -> bool:
    active = [run.id for run in storm.look() if run.active]
    if active:
        with contextlib.suppress(ClpsError):  # it ended in that instant, or the disk is full
            how(storm.room.store, storm.choose.choice(active))
    return bool(active)


# What everything stands on


def fill_disk(storm: Storm) -> bool:
    """The disk is full for a while."""
    assert storm.disk is not None
    storm.disk.fill()
    storm.later(storm.choose.uniform(0.5, 4.0), storm.disk.relieve)
    return True


def lock_database(storm: Storm) -> bool:
    """Another program holds the store's write lock; seldom for longer than anyone waits."""
    seconds = 18.0 if storm.patient and storm.choose.random() < 0.2 else storm.choose.uniform(0.5, 3.0)
    release = threading.Event()
    held = threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(storm.room.home / DATABASE_FILE, timeout=15)
        with contextlib.closing(connection), contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(seconds)
            connection.rollback()

    thread = threading.Thread(target=hold)
    thread.start()
    storm.threads.append((thread, release))
    return held.wait(15)


def jump_clock(storm: Storm) -> bool:
    """All moments of what waits and works move by an hour, which is what a jump of the clock looks like."""
    jump = storm.choose.choice([-CLOCK_JUMP, CLOCK_JUMP])
    r, a = schema.run, schema.attempt
    with storm.room.store.writing() as connection:
        for table, names, open_ones in (
            (r, ("queued_at", "not_before"), r.c.status.in_(["queued", "running"])),
            (a, ("launched_at", "claimed_at", "lease_until"), a.c.ended_at.is_(None)),
        ):
            moved = {name: table.c[name] + jump for name in names}
            connection.execute(table.update().where(open_ones).values(moved))
    return True


def disown(storm: Storm) -> bool:
    """A living process is taken for dead: the store's mark of it no longer fits, and its supervisor is killed."""
    a = schema.attempt.c
    with storm.room.store.writing() as connection:
        values = {"created": a.created - 1e6, "waiter_created": a.waiter_created - 1e6}
        changed = connection.execute(schema.attempt.update().where(a.ended_at.is_(None)).values(values)).rowcount
    return bool(changed) and kill_supervisor(storm)


FAULTS: dict[Callable[[Storm], bool], int] = {
    kill_runner: 2,
    kill_at_work: 4,
    ask_runner: 2,
    kill_waiter: 2,
    kill_supervisor: 3,
    kill_everything: 1,
    kill_dashboard: 2,
    cancel: 2,
    pause: 2,
    fill_disk: 2,
    lock_database: 2,
    jump_clock: 1,
    disown: 1,
}
"""Fault -> how often it is chosen."""
