"""Whether anything has happened to runs, asked so cheaply that it may be asked every second. Start at pulse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.store import schema
from clps_core.store.records import TRAINING

__all__ = ["pulse"]

_r = schema.run.c

# Built once: putting it together takes as long as carrying it out.
_ROWS = (
    sa.select(
        *(_r.id, _r.status, _r.step, _r.latest, _r.seconds, _r.tokens_per_second, _r.reason, _r.attempts),
        *(_r.stop_requested, _r.started_at, _r.name, _r.notes, _r.tags, _r.archived_at, _r.pinned_at, _r.pinned_for),
        *(_r.priority, _r.not_before, _r.device, _r.cpu_seconds, _r.parent_id, _r.start_from),
    )
    .where(_r.id.in_(sa.bindparam("ids", expanding=True)), _r.kind == TRAINING)
    .order_by(_r.id)
)


def pulse(connection: Connection, run_ids: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    """The rows of these runs, newest points of their curves included: equal as long as nothing has happened to them."""
    return tuple(tuple(row) for row in connection.execute(_ROWS, {"ids": list(run_ids)}))
