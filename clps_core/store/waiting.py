"""Whose turn it is, from the rows: waiting jobs and how many each owner has at work. Start at waiting_ids."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.store import schema
from clps_core.store.deaths import LONGEST_PAUSE
from clps_core.store.order import Waiting, fair_order

__all__ = ["LOOKED_AT_WITHIN", "pauses", "running_per_owner", "waiting_ids"]

_r = schema.run.c
_TURN_COLUMNS = (_r.id, _r.owner, _r.priority, _r.queued_at, _r.position, _r.not_before)

LOOKED_AT_WITHIN = 2.0
"""Seconds. A pause that has just ended is one still, until the supervisor has looked at the job again."""


def waiting_ids(connection: Connection, *, startable: bool = False) -> list[str]:
    """Queued jobs in the order in which they start; ``startable``: without those that wait out a pause."""
    moment = schema.now(connection)
    query = sa.select(*_TURN_COLUMNS)
    waiting = [
        Waiting(row.id, row.owner, row.priority, row.queued_at, row.position, pauses(row.not_before, moment))
        for row in connection.execute(query.where(_r.status == "queued")).all()
    ]
    if startable:
        waiting = [run for run in waiting if not run.paused]
    return fair_order(waiting, running_per_owner(connection))


def running_per_owner(connection: Connection) -> dict[str, int]:
    """Owner -> how many of their jobs are running; without those who have none."""
    counted = sa.select(_r.owner, sa.func.count()).where(_r.status == "running").group_by(_r.owner)
    return {row[0]: row[1] for row in connection.execute(counted)}


def pauses(until: float | None, moment: float) -> bool:
    """Whether a job that may not start before ``until`` waits that out at ``moment``."""
    return until is not None and moment < until <= moment + LONGEST_PAUSE
