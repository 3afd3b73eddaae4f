"""One process at a time makes what a data set keeps. Start at one_at_a_time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["one_at_a_time"]

_threads = threading.Lock()


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Inside, nobody else makes something in ``folder``; the lock dies with its holder.

    Windows has no such lock between processes. What is made is put in place as a whole, so a second maker wastes time
    and harms nothing.
    """
    with _threads, (folder / "lock").open("w") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
