"""What all who have quotas have together, and who they are. Start at Guests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from clps_core.owners import Signer
from clps_core.policy import OPERATOR, Policy, Use
from clps_core.store import Store
from clps_core.words import _

__all__ = ["MEASURED_FOR", "Guests", "folder_bytes", "forget_disk"]

MEASURED_FOR = 30.0
"""Seconds for which the bytes of all files are taken as known: looking at thousands of folders takes a while."""


class Guests:
    """The owners with quotas: all but teachers and who sits at the server."""

    def __init__(self, home: Path, policy: Policy) -> None:
        self.home, self.policy = home, policy

    def __contains__(self, owner: str) -> bool:
        if owner not in self._known:
            signer = Signer.of_home(self.home)
            teachers = {signer.owner_of_address(address) for address in self.policy.teachers} | {OPERATOR.owner}
            exempt = owner in teachers or signer.is_appointed(owner, self.policy.teacher_code)
            self._known[owner] = not exempt
        return self._known[owner]

    @cached_property
    def _known(self) -> dict[str, bool]:
        """Owner -> whether a guest: a sweep asks for one owner a thousand times."""
        return {}

    def use(self, store: Store) -> Use:
        """The runs of all of them that wait, and the bytes of all their files; nothing where nothing is limited."""
        limits = self.policy.server
        waiting = 0
        if limits.queued is not None:
            waiting = sum(run.status == "queued" and run.owner in self for run in store.active_jobs())
        return Use(queued=waiting, disk=0 if limits.disk is None else self.disk(store))

    def disk(self, store: Store, clock: Callable[[], float] = time.monotonic) -> int:
        """Bytes of all their runs' files, at most ``MEASURED_FOR`` seconds old."""
        with _measuring:
            at, found = _measured.get(self.home, (-MEASURED_FOR, 0))
            now = clock()
            if at <= now < at + MEASURED_FOR:
                return found
            owners = store.owners()
            found = sum(folder_bytes(store.run_folder(run)) for run, owner in owners.items() if owner in self)
            _measured.clear()  # of one home at a time
            _measured[self.home] = (now, found)
            return found

    def why_disk_is_full(self, store: Store) -> str | None:
        """Why no run of theirs starts; ``None`` while their files take less than they may."""
        limit = self.policy.server.disk
        if not self.policy.shared or limit is None or (now := self.disk(store)) < limit:
            return None
        return _(
            "Waiting for disk space: the files of all visitors' runs may take up to {limit:.2f} GiB. They take "
            "{now:.2f} GiB.",
            limit=limit / 2**30,
            now=now / 2**30,
        )


_measuring = threading.Lock()
_measured: dict[Path, tuple[float, int]] = {}


def forget_disk() -> None:
    """Measure again next time: files have been deleted."""
    with _measuring:
        _measured.clear()


def folder_bytes(folder: Path) -> int:
    """Bytes of the files under ``folder``; what disappears meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += path.lstat().st_size
        except OSError:
            continue
    return total
