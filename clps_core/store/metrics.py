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
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.errors import NotFoundError
from clps_core.metrics import Metric
from clps_core.store import schema
from clps_core.store.records import Point
from clps_core.tasks import TASKS, TaskFacts, facts_kept
from clps_core.words import _, shown

__all__ = [
    "EXAMPLES",
    "TEST",
    "append",
    "best_of",
    "bests",
    "bests_until",
    "check_curves",
    "curve",
    "curve_names",
    "curves",
    "discard",
    "forget_test",
    "latest",
    "news",
    "point_of",
]

TEST = "test"
"""The split that is no curve: its points are one score, given once at a run's end or on request."""
EXAMPLES = "examples"
"""Beside the metrics of ``TEST``: how many examples they are of."""

TRAINED = ("loss", "gradient_norm", "learning_rate", "tokens_per_second")

COARSE_POINTS = 500
"""A coarse curve has at most this many points, and one more for its last step."""

LARGEST = sys.float_info.max

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


# Built once: building them again took longer than executing them, and every run does so all the time.
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
    """Write the coarse points again, from the one that contains step ``first``."""
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
    return [point_of(row) for row in rows]


def point_of(row: Sequence[object]) -> Point:
    """The point of a row: run, split, name, step, value, seconds."""
    point = Point(*row)  # type: ignore[arg-type]
    return point if point.value is not None else point._replace(value=math.nan)


def news(
    connection: Connection, run_ids: Sequence[str], cursor: int, names: Iterable[str] | None = None
) -> tuple[list[Point], int]:
    """What was logged after ``cursor``, oldest first, and the cursor for the next call.

    ``names``: only these, each as ``loss`` or ``validation.loss``; marks always come. Raises ``NotFoundError``
    for a name that no run has.
    """
    names = None if names is None else list(names)
    if names and run_ids:
        _check_names(connection, run_ids, names)
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
    points = [point_of(row) for row in connection.execute(query)] if newest > cursor and run_ids else []
    return points, max(cursor, newest)


def curve(connection: Connection, run_id: str, split: str, name: str, coarse: bool) -> list[Point]:
    """One whole curve, by step; ``coarse``: at most ``COARSE_POINTS`` means. Empty before its first point.

    Raises ``NotFoundError`` for a split or name that such a run has not. A run that is gone has no points.
    """
    row = connection.execute(sa.select(_r.steps, _r.task, _r.facts, _r.latest).where(_r.id == run_id)).one_or_none()
    if row is None:
        return []
    if f"{split}.{name}" not in json.loads(row.latest):
        _check_known(curve_names(facts_kept(row.task, row.facts)), split, name)
    table = schema.metric_coarse if coarse and coarse_width(row.steps) > 1 else schema.metric
    query = (
        sa.select(table.c.run_id, table.c.split, table.c.name, table.c.step, table.c.value, table.c.seconds)
        .where(table.c.run_id == run_id, table.c.split == split, table.c.name == name)
        .order_by(table.c.step)
    )
    return [point_of(row) for row in connection.execute(query)]


def curves(connection: Connection, names: Mapping[str, str], split: str) -> dict[str, list[Point]]:
    """Run -> its whole curve of ``split``, by step; ``names``: run -> the name of its curve. One statement a name."""
    found: dict[str, list[Point]] = {run_id: [] for run_id in names}
    for name in dict.fromkeys(names.values()):
        own = [run_id for run_id, wanted in names.items() if wanted == name]
        query = (
            sa.select(_m.run_id, _m.split, _m.name, _m.step, _m.value, _m.seconds)
            .where(_m.run_id.in_(own), _m.split == split, _m.name == name)
            .order_by(_m.run_id, _m.step)
        )
        for row in connection.execute(query):
            found[row[0]].append(point_of(row))
    return found


def curve_names(facts: TaskFacts | None = None) -> dict[str, tuple[str, ...]]:
    """Split -> the names of its curves, for runs with these facts; without any, for runs of what is installed."""
    tasks = [facts] if facts is not None else list(TASKS.usable().values())
    scored = tuple(dict.fromkeys(name for one in tasks for name in one.metrics))
    return {"train": TRAINED, "validation": scored, TEST: (*scored, EXAMPLES)}


def check_curves(connection: Connection, run_id: str, split: str | None, name: str | None) -> None:
    """Raise ``NotFoundError`` where the run can have no curve of ``split`` and ``name``; ``None`` is any."""
    row = connection.execute(sa.select(_r.task, _r.facts, _r.latest).where(_r.id == run_id)).one()
    known = curve_names(facts_kept(row.task, row.facts))
    for key in json.loads(row.latest):
        own, _dot, other = key.partition(".")
        known[own] = tuple(dict.fromkeys((*known.get(own, ()), other)))
    _check_known(known, split, name)


def _check_known(known: dict[str, tuple[str, ...]], split: str | None, name: str | None) -> None:
    if split is not None and split not in known:
        message = _("a curve's split must be one of {known}. Got {got}.", known=", ".join(known), got=shown(split))
        raise NotFoundError(message)
    names = known[split] if split is not None else tuple(dict.fromkeys(one for own in known.values() for one in own))
    if name is not None and name not in names:
        where = _(" of split {split}", split=split) if split is not None else ""
        raise NotFoundError(
            _("a curve{where} must be one of {known}. Got {got}.", where=where, known=", ".join(names), got=shown(name))
        )


def _check_names(connection: Connection, run_ids: Sequence[str], names: Iterable[str]) -> None:
    known = curve_names()
    usual = {f"{split}.{name}" for split, listed in known.items() for name in listed}
    usual |= {name for listed in known.values() for name in listed}
    unusual = [text for text in names if text not in usual]
    if not unusual:
        return
    theirs = {key for one in latest(connection, run_ids).values() for key in one}
    rows = connection.execute(sa.select(_r.task, _r.facts).where(_r.id.in_(list(run_ids))).distinct())
    for task, facts in rows:  # of a task that is gone, or that has other metrics now
        theirs |= {f"{split}.{name}" for split, own in curve_names(facts_kept(task, facts)).items() for name in own}
    theirs |= {key.partition(".")[2] for key in theirs}
    for text in unusual:
        split, dot, name = text.partition(".")
        if text not in theirs:
            _check_known(known, split if dot else None, name if dot else text)


def latest(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
    """Run -> ``"validation.loss"`` -> (step, value) of the newest point of each curve."""
    rows = connection.execute(sa.select(_r.id, _r.latest).where(_r.id.in_(list(run_ids))))
    return {
        run_id: {key: (int(step), float(value)) for key, (step, value) in json.loads(text).items()}
        for run_id, text in rows
    }


def best_of(metric: Metric, values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """SQL for the best of ``values``, as ``Metric.best`` is for numbers."""
    return (sa.func.max if metric.higher_is_better else sa.func.min)(values)


def bests_until(connection: Connection, run_ids: Sequence[str], metric: Metric, step: int) -> list[float]:
    """The best validation value up to ``step`` of each run that was evaluated at ``step`` or later."""
    query = (
        sa.select(best_of(metric, sa.case((_m.step <= step, _m.value))))
        .where(_m.run_id.in_(list(run_ids)), _m.split == "validation", _m.name == metric.name)
        .group_by(_m.run_id)
        .having(sa.func.max(_m.step) >= step)
    )
    return [float(value) for value in connection.execute(query).scalars() if value is not None]


def bests(connection: Connection, judges: Mapping[str, Metric]) -> dict[str, tuple[int, float]]:
    """Run -> (step, value) of its best evaluation on validation, the first of several.

    ``judges``: run -> the metric of its task.
    """
    found: dict[str, tuple[int, float]] = {}
    for name, higher in {(one.name, one.higher_is_better) for one in judges.values()}:
        members = {run_id: one for run_id, one in judges.items() if (one.name, one.higher_is_better) == (name, higher)}
        metric = next(iter(members.values()))
        theirs = (_m.run_id.in_(list(members)), _m.name == metric.name)
        values = (*theirs, _m.split == "validation", _m.value.between(-LARGEST, LARGEST))
        top = (
            sa.select(_m.run_id, best_of(metric, _m.value).label("value")).where(*values).group_by(_m.run_id).subquery()
        )
        query = (
            sa.select(_m.run_id, sa.func.min(_m.step), top.c.value)
            .join(top, sa.and_(_m.run_id == top.c.run_id, _m.value == top.c.value))
            .where(*values)
            .group_by(_m.run_id, top.c.value)
        )
        found |= {run_id: (int(step), float(value)) for run_id, step, value in connection.execute(query)}
    return found
