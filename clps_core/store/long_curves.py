"""Many long curves at once: a part of their points, without reading the rest. Start at history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.store import schema
from clps_core.store.metrics import latest, point_of
from clps_core.store.records import Point

__all__ = ["history"]

_m, _r = schema.metric.c, schema.run.c


def history(connection: Connection, run_ids: Sequence[str], names: Sequence[str], most: int) -> list[Point]:
    """The curves of ``names`` (each as ``train.loss``) as they stand, by curve and step; long ones thinned.

    Of a curve with more than about ``most`` points comes every 2nd, 4th, 8th ... from the first on, and the newest one:
    exact values, and at the same steps in runs that log at the same steps. What is left out is not even read.
    """
    last = latest(connection, run_ids)
    found: list[Point] = []
    for text in names:
        split, _dot, name = text.partition(".")
        ends = {run_id: last[run_id][text][0] for run_id in run_ids if text in last.get(run_id, {})}
        whole = [run_id for run_id, step in ends.items() if step < most]
        found += _thinned(connection, whole, split, name, 0, 1)
        grids = _grids(connection, [run_id for run_id in ends if run_id not in set(whole)], split, name)
        for (first, gap), members in grids.items():
            every = 1
            for run_id in members:
                while (ends[run_id] - first) / gap > every * most:
                    every *= 2
            if every == 1:
                found += _thinned(connection, members, split, name, 0, 1)
                continue
            some = _thinned(connection, members, split, name, first, gap * every)
            counted = Counter(point.run_id for point in some)
            # A curve whose later points are not on the grid of its first two is read as a whole.
            odd = {one for one in members if counted[one] < (ends[one] - first) / gap / every / 2}
            found += [point for point in some if point.run_id not in odd]
            for run_id in odd:
                points = _thinned(connection, [run_id], split, name, 0, 1)
                found += points[:: max(1, -(-len(points) // most))]
            found += _newest(connection, members, split, name)
    return found


def _thinned(
    connection: Connection, run_ids: Sequence[str], split: str, name: str, first: int, gap: int
) -> list[Point]:
    """The points at steps ``first``, ``first + gap`` and so on."""
    if not run_ids:
        return []
    query = sa.select(_m.run_id, _m.split, _m.name, _m.step, _m.value, _m.seconds)
    query = query.where(_m.run_id.in_(run_ids), _m.split == split, _m.name == name).order_by(_m.run_id, _m.step)
    if gap > 1:
        query = query.where((_m.step - first) % gap == 0)
    return [point_of(row) for row in connection.execute(query)]


def _grids(connection: Connection, run_ids: Sequence[str], split: str, name: str) -> dict[tuple[int, int], list[str]]:
    """(first step, steps to the next point) -> the runs whose curves have it; two seeks in the index for a run."""
    if not run_ids:
        return {}
    own = sa.select(_m.step).where(_m.run_id == _r.id, _m.split == split, _m.name == name).order_by(_m.step)
    places = [own.limit(1).offset(place).correlate(schema.run).scalar_subquery() for place in (0, 1)]
    grids: dict[tuple[int, int], list[str]] = {}
    for run_id, first, second in connection.execute(sa.select(_r.id, *places).where(_r.id.in_(run_ids))):
        if first is not None:
            grids.setdefault((first, 1 if second is None else second - first), []).append(run_id)
    return grids


def _newest(connection: Connection, run_ids: Sequence[str], split: str, name: str) -> list[Point]:
    """The last point of each curve."""
    own = sa.select(_m.step).where(_m.run_id == _r.id, _m.split == split, _m.name == name).order_by(_m.step.desc())
    end = own.limit(1).correlate(schema.run).scalar_subquery()
    query = (
        sa.select(_m.run_id, _m.split, _m.name, _m.step, _m.value, _m.seconds)
        .join(schema.run, sa.and_(_r.id == _m.run_id, _m.step == end))
        .where(_r.id.in_(run_ids), _m.split == split, _m.name == name)
    )
    return [point_of(row) for row in connection.execute(query)]
