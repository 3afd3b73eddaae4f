"""In which order waiting runs start. Plain data, no database. Start at fair_order.

1. Higher priority first.
2. Among owners: the one with the fewest running runs; of equals, the one whose run waited longest.
3. Among one owner's runs: the oldest, and within a comparison as they were given.

So a sweep of fifty runs of one person holds up another person's single run for one slot's turn, not fifty.
Runs that wait out a pause come behind all others.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["HIGHEST", "LOWEST", "Waiting", "check_priority", "fair_order", "priority_must"]


LOWEST, HIGHEST = -100, 100
"""Priorities; 0 is usual."""


def priority_must(got: str) -> str:
    """The sentence about a priority that cannot be."""
    return _(
        "the priority of a run must be a number from {lowest} to {highest} (the default is 0), front or back. Got "
        "{got}.",
        lowest=LOWEST,
        highest=HIGHEST,
        got=got,
    )


def check_priority(priority: int) -> int:
    """``priority`` if a run may have it; raises ``ConfigError``."""
    if LOWEST <= priority <= HIGHEST:
        return priority
    raise ConfigError(priority_must(str(priority)))


@dataclass(frozen=True)
class Waiting:
    """A queued run, as far as its turn depends on it; ``paused``: it may not start yet."""

    id: str
    owner: str
    priority: int
    queued_at: float
    position: int
    paused: bool = False

    @property
    def age(self) -> tuple[float, int, str]:
        """Smaller is older; of runs that came together, as they were given."""
        return (self.queued_at, self.position, self.id)


def fair_order(waiting: Iterable[Waiting], running: Mapping[str, int]) -> list[str]:
    """Ids of the waiting runs, the next one first; ``running``: owner -> runs at work.

    It is the order in which slots would be handed out if none became free meanwhile.
    """
    lanes: dict[tuple[bool, int], dict[str, list[Waiting]]] = {}
    for run in sorted(waiting, key=lambda run: run.age, reverse=True):
        lanes.setdefault((run.paused, -run.priority), {}).setdefault(run.owner, []).append(run)
    busy = Counter(running)
    order: list[str] = []
    for _lane, owners in sorted(lanes.items()):
        turns = [(busy[owner], runs[-1].age, owner) for owner, runs in owners.items()]
        heapq.heapify(turns)
        while turns:
            _busy, _age, owner = heapq.heappop(turns)
            order.append(owners[owner].pop().id)
            busy[owner] += 1
            if owners[owner]:
                heapq.heappush(turns, (busy[owner], owners[owner][-1].age, owner))
    return order
