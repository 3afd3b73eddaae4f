"""How many runs of one owner may be at work at once, and whether visitors' runs may start at all. Start at Shares.

The policy's quota ``running`` and its limit ``server.disk``; who sits at the server and teachers have none. The
supervisor leaves the runs of an owner who has that many waiting, and gives the slot to the next one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from clps_core.errors import ClpsError
from clps_core.jobs.guests import Guests
from clps_core.policy import Policy, read_policy
from clps_core.store import Job, Store
from clps_core.store.records import ActiveJob
from clps_core.words import _

__all__ = ["Shares"]


@dataclass(frozen=True)
class Shares:
    """``busy``: owner -> runs at work now. ``full``: why no visitor's run starts, while their disk is full."""

    guests: Guests
    busy: Counter[str]
    full: str | None = None

    @classmethod
    def of(cls, store: Store) -> Shares:
        """The current state. While the policy cannot be read, one run for each owner."""
        try:
            policy = read_policy(store.home)
        except ClpsError:
            policy = Policy.model_validate({"mode": "shared", "quotas": {"running": 1}})
        guests = Guests(store.home, policy)
        counted = policy.shared and policy.quotas.running is not None
        busy = Counter(store.running_per_owner() if counted else {})
        return cls(guests, busy, guests.why_disk_is_full(store))

    def why_not(self, run: Job | ActiveJob) -> str | None:
        """Why this run has to wait for others of its owner, or for disk space; ``None`` if it has not."""
        policy = self.guests.policy
        limit = policy.quotas.running
        if not policy.shared or (self.full is None and (limit is None or self.busy[run.owner] < limit)):
            return None
        if run.owner not in self.guests:
            return None
        if self.full is not None:
            return self.full
        return _("Waiting for other runs of the same owner: at most {limit} of them run at once.", limit=limit)
