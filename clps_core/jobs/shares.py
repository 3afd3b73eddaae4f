"""How many runs of one owner may be at work at once. Start at Shares.

The policy's quota ``running``; who sits at the server and teachers have none. The supervisor leaves the runs
of an owner who has that many waiting, and gives the slot to the next one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clps_core.errors import ClpsError
from clps_core.owners import Signer
from clps_core.policy import OPERATOR, Policy, read_policy
from clps_core.store import Run, Store
from clps_core.store.records import ActiveRun
from clps_core.words import _

__all__ = ["Shares"]


@dataclass(frozen=True)
class Shares:
    """``busy``: owner -> runs at work now."""

    home: Path
    policy: Policy
    busy: Counter[str]

    @classmethod
    def of(cls, store: Store) -> Shares:
        """As things are now. While the policy cannot be read, one run each: whoever broke it will see."""
        try:
            policy = read_policy(store.home)
        except ClpsError:
            policy = Policy.model_validate({"mode": "shared", "quotas": {"running": 1}})
        counted = policy.shared and policy.quotas.running is not None
        return cls(store.home, policy, Counter(store.running_per_owner() if counted else {}))

    def why_not(self, run: Run | ActiveRun) -> str | None:
        """Why this run has to wait for others of its owner; ``None`` if it has not."""
        limit = self.policy.quotas.running
        if not self.policy.shared or limit is None or self.busy[run.owner] < limit or self._exempt(run.owner):
            return None
        return _("It waits for other runs of its owner: at most {limit} of them run at once.", limit=limit)

    def _exempt(self, owner: str) -> bool:
        if owner not in self._known:
            signer = Signer.of_home(self.home)
            teachers = {signer.owner_of_address(address) for address in self.policy.teachers} | {OPERATOR.owner}
            self._known[owner] = owner in teachers or signer.is_appointed(owner, self.policy.teacher_code)
        return self._known[owner]

    @cached_property
    def _known(self) -> dict[str, bool]:
        """Owner -> whether exempt: a sweep asks for one owner a thousand times."""
        return {}
