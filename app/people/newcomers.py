"""How many new visitors a shared server takes: many at once from one address, then slowly. Start at Newcomers.

A cookie costs nothing, and each new owner has new quotas and turns of their own. A whole class comes from one
address (its school's) in one minute, so the first so many come at once; after that a trickle. Who already has a
cookie is not counted. See ``clps_core.limits`` for the figures.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from clps_core.limits import REFILL_SECONDS, Limits

__all__ = ["Newcomers"]

log = logging.getLogger("clps.dashboard")

WARN_EVERY = 60.0
"""Seconds between two warnings in the log: who is refused may come again at once."""


EVERYWHERE = "everywhere"


class Newcomers:
    """Counts new visitors. In memory: the counts end with the server, which nobody can restart from a page."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._warned = clock, -WARN_EVERY
        self._came: dict[str, tuple[float, float]] = {}
        """Address -> how many came, less those that were forgotten since, and when that was worked out."""

    def admit(self, address: str, limits: Limits) -> bool:
        """Whether one more may come from ``address``, who is then counted."""
        self._forget(limits)
        now = self._clock()
        for key in (address, EVERYWHERE):
            limit = _limit(key, limits)
            if limit is not None and self._lately(key) + 1 > limit:
                self._warn(address)
                return False
        for key in (address, EVERYWHERE):
            self._came[key] = (self._lately(key) + 1, now)
        return True

    def _lately(self, key: str) -> float:
        return self._came.get(key, (0.0, 0.0))[0]

    def _forget(self, limits: Limits) -> None:
        """In ``REFILL_SECONDS`` as many are forgotten as may come at once; without a limit all of them."""
        now = self._clock()
        for key, (number, at) in list(self._came.items()):
            limit = _limit(key, limits)
            left = 0.0 if limit is None else number - (now - at) * limit / REFILL_SECONDS
            if left > 0:
                self._came[key] = (left, now)
            else:
                del self._came[key]

    def _warn(self, address: str) -> None:
        if self._clock() - self._warned >= WARN_EVERY:
            self._warned = self._clock()
            log.warning(
                "no new visitor is taken from %s: lately %d came from there and %d from everywhere",
                address,
                self._lately(address),
                self._lately(EVERYWHERE),
            )


def _limit(key: str, limits: Limits) -> int | None:
    return limits.new_in_all if key == EVERYWHERE else limits.new_per_address
