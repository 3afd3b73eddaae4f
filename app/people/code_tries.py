"""How often the teacher's code may be guessed: a few times in one browser, and slowly by all of them. Start at Tries.

A browser that forgets its cookie is somebody new, so counting per browser alone would give away guesses without
end; counting all browsers together alone would let one of them close the door for everybody. So both are
counted, and what all of them have together fills up again bit by bit: who wants to keep the door closed must go
on guessing, and the server's log shows it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clps_core.errors import NotAllowedError
from clps_core.words import _

__all__ = ["ALL_SECONDS", "MOST_OF_ALL", "MOST_OF_ONE", "ONE_SECONDS", "Tries"]

log = logging.getLogger("clps.dashboard")

MOST_OF_ONE, ONE_SECONDS = 10, 600.0
"""Wrong codes of one owner within this many seconds."""
MOST_OF_ALL, ALL_SECONDS = 60, 36.0
"""Wrong codes of all owners at once, and the seconds after which one more is allowed: 100 an hour."""


class Tries:
    """Counts wrong codes. In memory: they end with the server, which nobody can restart from a page."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: dict[str, deque[float]] = {}
        self._left, self._filled_at = float(MOST_OF_ALL), clock()

    @contextmanager
    def one(self, owner: str) -> Iterator[Callable[[], None]]:
        """One try of ``owner``, who is refused with ``NotAllowedError`` after too many; call what it gives if wrong.

        One at a time: a try costs memory on purpose, and two at once would be counted as none.
        """
        with self._lock:
            self._forget()
            if len(self._wrong.get(owner, ())) >= MOST_OF_ONE:
                raise NotAllowedError(
                    _(
                        "too many wrong codes: {n} from this browser or login recently. Wait ten minutes, then try "
                        "again.",
                        n=MOST_OF_ONE,
                    )
                )
            if self._left < 1:
                raise NotAllowedError(
                    _("too many wrong codes from many browsers recently. Wait a minute, then try again.")
                )
            yield lambda: self._count(owner)

    def _forget(self) -> None:
        """What is over no longer counts."""
        now = self._clock()
        self._left = min(MOST_OF_ALL, self._left + (now - self._filled_at) / ALL_SECONDS)
        self._filled_at = now
        for owner, times in list(self._wrong.items()):
            while times and now - times[0] >= ONE_SECONDS:
                times.popleft()
            if not times:
                del self._wrong[owner]

    def _count(self, owner: str) -> None:
        self._left -= 1
        self._wrong.setdefault(owner, deque()).append(self._clock())
        log.warning("a wrong teacher's code from %s; %d more are allowed to all", owner[:12], int(self._left))
