"""Curves: append, follow, thin out, take back. Start at append and news.

Points are a log: each has an id that only grows, so a reader asks for what came after its cursor. When
a run goes back to a checkpoint, the points beyond it are deleted and one *mark* (a row without a split)
enters the log; readers see it as a ``Point`` that ``forgets``. Rule for readers, in order of the list:
a mark drops what is held of the run beyond its step, any other point is added. Whoever polls, at whatever
times, then holds exactly what the table holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.store import schema
from clps_core.store.records import Point

__all__ = ["EXAMPLES", "TEST", "append", "curve", "discard", "forget_test", "latest", "news"]

TEST = "test"
"""The split that is no curve: its points are one score, given once at a run's end or on request."""
EXAMPLES = "examples"
"""Beside the metrics of ``TEST``: how many examples they are of."""

COARSE_POINTS = 500
"""A coarse curve has at most this many points, and one more for its last step."""

_m, _c, _r = schema.metric.c, schema.metric_coarse.c, schema.run.c


def _filling() -> sa.Insert:
    bucket = sa.type_coerce(_m.step, sa.Integer).op("/")(sa.bindparam("width", type_=sa.Integer))
    fresh = (
        sa.select(
            _m.run_id,
            _m.split,
            _m.name,
            bucket.label("bucket"),
            sa.func.max(_m.step),
            sa.func.avg(_m.value),
            sa.func.max(_m.seconds),
        )
        .where(_m.run_id == sa.bindparam("run"), _m.split == sa.bindparam("in_split"))
        .where(_m.name == sa.bindparam("in_name"), _m.step >= sa.bindparam("from_step"))
        .group_by(_m.run_id, _m.split, _m.name, sa.literal_column("bucket"))
    )
    return schema.metric_coarse.insert().from_select(
        ["run_id", "split", "name", "bucket", "step", "value", "seconds"], fresh
    )


# Built once: putting them together anew took longer than carrying them out, and every run does so all the time.
_RUN_FACTS = sa.select(_r.steps, _r.latest).where(_r.id == sa.bindparam("run"))
_FORGET_COARSE = schema.metric_coarse.delete().where(
    _c.run_id == sa.bindparam("run"),
    _c.split == sa.bindparam("in_split"),
    _c.name == sa.bindparam("in_name"),
    _c.bucket >= sa.bindparam("from_bucket"),
)
_FILL_COARSE = _filling()


def coarse_width(steps: int) -> int:
    """Steps that one coarse point stands for."""
    return max(1, math.ceil(steps / COARSE_POINTS))


def append(connection: Connection, run_id: str, points: Sequence[Point]) -> None:
    """Add points of one run; a point of a step that is already there replaces it and is news again."""
    if not points:
        return
    if connection.dialect.name == "postgresql":
        # Ids must become visible in their order, or a cursor would jump over a slower writer's points.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7215911)")
    rows = {
        (point.split, point.name, point.step): {
            "run_id": run_id,
            "split": point.split,
            "name": point.name,
            "step": point.step,
            "value": None if math.isnan(point.value) else point.value,
            "seconds": point.seconds,
        }
        for point in points
    }
    steps, text = connection.execute(_RUN_FACTS, {"run": run_id}).one()
    known: dict[str, list[float]] = json.loads(text)
    series: dict[tuple[str, str], list[int]] = {}
    for split, name, step in rows:
        series.setdefault((split, name), []).append(step)
    for (split, name), own in series.items():
        if min(own) <= known.get(f"{split}.{name}", [-1])[0]:  # else none of them can be there
            replaced = (_m.run_id == run_id, _m.split == split, _m.name == name, _m.step >= min(own), _m.step.in_(own))
            connection.execute(schema.metric.delete().where(*replaced))
    connection.execute(schema.metric.insert(), list(rows.values()))
    _write_latest(connection, run_id, known, points)
    for (split, name), own in series.items():
        _thin_out(connection, run_id, split, name, min(own), coarse_width(steps))


def _write_latest(connection: Connection, run_id: str, known: dict[str, list[float]], points: Iterable[Point]) -> None:
    for point in points:
        key = f"{point.split}.{point.name}"
        if point.step >= known.get(key, [-1])[0]:
            known[key] = [point.step, point.value]
    text = json.dumps(known)
    connection.execute(schema.run.update().where(_r.id == run_id).values(latest=text))


def _thin_out(connection: Connection, run_id: str, split: str, name: str, first: int, width: int) -> None:
    """Write the coarse points anew from the one that holds step ``first``."""
    if width == 1:
        return
    which = {"run": run_id, "in_split": split, "in_name": name, "width": width, "from_bucket": first // width}
    connection.execute(_FORGET_COARSE, which)
    connection.execute(_FILL_COARSE, which | {"from_step": first // width * width})


def forget_test(connection: Connection, run_id: str) -> None:
    """Take back the test score: the run goes on, or is scored again.

    It leaves no mark in the log: what follows curves does not ask for it.
    """
    where = (_m.run_id == run_id, _m.split == TEST)
    if connection.execute(schema.metric.delete().where(*where)).rowcount:
        connection.execute(schema.metric_coarse.delete().where(_c.run_id == run_id, _c.split == TEST))
        _write_latest(connection, run_id, {}, _last_points(connection, run_id))


def discard(connection: Connection, run_id: str, beyond: int) -> int:
    """Take back all points of the run with a step above ``beyond``; returns how many."""
    later = (_m.run_id == run_id, _m.step > beyond)
    series = connection.execute(sa.select(_m.split, _m.name).where(*later, _m.split != "").distinct()).all()
    gone = connection.execute(schema.metric.delete().where(*later, _m.split != "")).rowcount
    if not gone:
        return 0
    marks = schema.metric.delete().where(_m.run_id == run_id, _m.split == "", _m.step >= beyond)
    connection.execute(marks)
    mark = {"run_id": run_id, "split": "", "name": "", "step": beyond, "value": None, "seconds": 0.0}
    connection.execute(schema.metric.insert().values(mark))
    steps = connection.execute(sa.select(_r.steps).where(_r.id == run_id)).scalar_one()
    for split, name in series:
        _thin_out(connection, run_id, split, name, beyond + 1, coarse_width(steps))
    _write_latest(connection, run_id, {}, _last_points(connection, run_id))
    return gone


def _last_points(connection: Connection, run_id: str) -> list[Point]:
    last = (
        sa.select(_m.split, _m.name, sa.func.max(_m.step).label("step"))
        .where(_m.run_id == run_id, _m.split != "")
        .group_by(_m.split, _m.name)
        .subquery()
    )
    rows = connection.execute(
        sa.select(_m.run_id, _m.split, _m.name, _m.step, _m.value, _m.seconds)
        .join(last, sa.and_(_m.split == last.c.split, _m.name == last.c.name, _m.step == last.c.step))
        .where(_m.run_id == run_id)
    )
    return [_point(row) for row in rows]


def _point(row: Sequence[object]) -> Point:
    point = Point(*row)  # type: ignore[arg-type]
    return point if point.value is not None else point._replace(value=math.nan)


def news(
    connection: Connection, run_ids: Sequence[str], cursor: int, names: Iterable[str] | None = None
) -> tuple[list[Point], int]:
    """What was logged after ``cursor``, oldest first, and the cursor for the next call.

    ``names``: only these, each as ``loss`` or ``validation.loss``; marks always come.
    """
    query = (
        sa.select(_m.run_id, _m.split, _m.name, _m.step, _m.value, _m.seconds)
        .where(_m.run_id.in_(list(run_ids)), _m.id > cursor)
        .order_by(_m.id)
    )
    if names is not None:
        wanted = [_m.split == ""]
        for text in names:
            split, dot, name = text.partition(".")
            wanted.append(sa.and_(_m.split == split, _m.name == name) if dot else _m.name == text)
        query = query.where(sa.or_(*wanted))
    newest = connection.execute(sa.select(sa.func.max(_m.id))).scalar() or 0
    points = [_point(row) for row in connection.execute(query)] if newest > cursor and run_ids else []
    return points, max(cursor, newest)


def curve(connection: Connection, run_id: str, split: str, name: str, coarse: bool) -> list[Point]:
    """One whole curve, by step; ``coarse``: at most ``COARSE_POINTS`` means."""
    steps = connection.execute(sa.select(_r.steps).where(_r.id == run_id)).scalar()
    table = schema.metric_coarse if coarse and coarse_width(steps or 1) > 1 else schema.metric
    query = (
        sa.select(table.c.run_id, table.c.split, table.c.name, table.c.step, table.c.value, table.c.seconds)
        .where(table.c.run_id == run_id, table.c.split == split, table.c.name == name)
        .order_by(table.c.step)
    )
    return [_point(row) for row in connection.execute(query)]


def latest(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
    """Run -> ``"validation.loss"`` -> (step, value) of the newest point of each curve."""
    rows = connection.execute(sa.select(_r.id, _r.latest).where(_r.id.in_(list(run_ids))))
    return {
        run_id: {key: (int(step), float(value)) for key, (step, value) in json.loads(text).items()}
        for run_id, text in rows
    }
