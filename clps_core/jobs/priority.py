"""How a person moves waiting runs in the queue. No torch here. Start at set_priority.

Higher priority starts first, whoever owns the run; runs of equal priority take turns between owners
(``store/order.py``). 0 is usual. *Front* is one more than every other waiting run has, *back* one less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from clps_core.errors import ConfigError
from clps_core.jobs import service
from clps_core.store import Store
from clps_core.store.order import HIGHEST, LOWEST, check_priority, priority_must
from clps_core.store.queue import Queue

__all__ = ["Side", "Wanted", "parse_priority", "set_priority"]

Side = Literal["front", "back"]
Wanted = int | Side
_SIDES: dict[str, Side] = {"front": "front", "back": "back"}


def set_priority(store: Store, run_ids: Sequence[str], wanted: Wanted, *, highest: int = HIGHEST) -> int:
    """Give waiting runs the priority ``wanted`` and return it; those among themselves stay as they are.

    ``highest``: the most that *front* may give. Raises ``ConfigError`` for a number out of range, ``JobError``
    where one of the runs does not wait; then nothing is changed.
    """
    ids = [store.job(run_id).id for run_id in run_ids]
    priority = check_priority(wanted if isinstance(wanted, int) else _beside(store, ids, wanted, highest))
    Queue(store).set_priority(ids, priority)
    service.ensure_supervisor(store)
    return priority


def parse_priority(text: str) -> Wanted:
    """A number, ``front`` or ``back``; raises ``ConfigError``."""
    if text in _SIDES:
        return _SIDES[text]
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise ConfigError(priority_must(repr(text)[:40]))
    return check_priority(int(text))


def _beside(store: Store, run_ids: Sequence[str], side: Side, highest: int) -> int:
    """The priority before, or behind, all other waiting runs, as far as the range goes; alone, the usual one."""
    others = [run.priority for run in store.jobs(status="queued") if run.id not in run_ids]
    if not others:
        return 0
    return min(max(others) + 1, highest) if side == "front" else max(min(others) - 1, LOWEST)
