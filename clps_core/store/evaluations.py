"""Jobs that evaluate a trained run: how they are asked for, and the rows of their results. Start at ask.

There is one of each kind for each run. Who asks again adds keys to it; a result is a key (such as a number of loops)
with values by name, and all results of a job are of the same weights: those of its ``stamp``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.errors import JobError, NotFoundError
from clps_core.store import schema
from clps_core.store.records import ACTIVE, TRAINING, check_run_id, new_id
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store.database import Store
    from clps_core.store.records import Run

__all__ = ["ask", "begin", "forget_about", "results", "write_results"]

_r, _e, _v = schema.run.c, schema.evaluation.c, schema.result.c


def ask(
    store: Store, kind: str, run: Run, keys: Sequence[str], *, name: str, stamp: str, owner: str, priority: int = 0
) -> str:
    """Queue the evaluation of ``run`` at ``keys`` (checked by its kind); returns the job's id.

    ``stamp``: of the weights as they are now. What is known of these weights already is kept and not evaluated
    again; where nothing is missing, nothing is queued. Raises ``JobError`` while this evaluation waits or works.
    """
    with store.writing() as connection:
        moment = schema.now(connection)
        about = connection.execute(sa.select(_r.status).where(_r.id == run.id).with_for_update()).scalar()
        if about is None:
            raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs.", got=run.id))
        known = sa.select(_r.id, _r.status, _e.asked, _e.stamp).join(schema.evaluation, _e.run_id == _r.id)
        row = connection.execute(known.where(_r.kind == kind, _e.about_id == run.id)).one_or_none()
        if row is not None and row.status in ACTIVE:
            raise JobError(
                _(
                    "this evaluation can be started again when it has ended. Job {job} is {status}. Wait for it, or "
                    "cancel it: clps jobs cancel {job}",
                    job=row.id,
                    status=row.status,
                )
            )
        queued: dict[str, object] = {"status": "queued", "owner": owner, "priority": priority, "queued_at": moment}
        if row is None:
            return _queue_new(connection, kind, run, keys, {**queued, "name": name, "created_at": moment})
        before: list[str] = json.loads(row.asked) if row.stamp == stamp else []
        wanted = [*before, *(key for key in keys if key not in before)]
        done = results(connection, row.id) if row.stamp == stamp else {}
        if all(key in done for key in wanted):
            return str(row.id)
        fresh = {"reason": None, "finished_at": None, "retries": 0, "death_step": None, "not_before": None}
        progress = {"step": len(done), "steps": len(wanted), "stop_requested": None, "name": name}
        connection.execute(schema.run.update().where(_r.id == row.id).values({**queued, **fresh, **progress}))
        connection.execute(schema.evaluation.update().where(_e.run_id == row.id).values(asked=json.dumps(wanted)))
        return str(row.id)


def _queue_new(connection: Connection, kind: str, run: Run, keys: Sequence[str], values: dict[str, object]) -> str:
    job_id = new_id()
    same = {"config": run.config_text, "task": run.task, "strategy": run.strategy, "seed": run.seed}
    row = {"id": job_id, "kind": kind, "steps": len(keys), "facts": run.facts_text, **same, **values}
    connection.execute(schema.run.insert().values(row))
    connection.execute(
        schema.evaluation.insert().values(run_id=job_id, about_id=run.id, asked=json.dumps(list(keys)), stamp=None)
    )
    return job_id


def begin(connection: Connection, job_id: str, stamp: str) -> list[str]:
    """Go on with the weights of ``stamp``: results of others are dropped. Returns the keys that are still to do."""
    row = connection.execute(sa.select(_e.asked, _e.stamp).where(_e.run_id == job_id)).one()
    if row.stamp != stamp:
        connection.execute(schema.result.delete().where(_v.run_id == job_id))
        connection.execute(schema.evaluation.update().where(_e.run_id == job_id).values(stamp=stamp))
        connection.execute(schema.run.update().where(_r.id == job_id).values(seconds=0.0))
    keys: list[str] = json.loads(row.asked)
    done = set(connection.execute(sa.select(_v.key).where(_v.run_id == job_id).distinct()).scalars())
    left = [key for key in keys if key not in done]
    values = {"step": len(keys) - len(left), "steps": len(keys)}
    connection.execute(schema.run.update().where(_r.id == job_id).values(values))
    return left


def write_results(connection: Connection, job_id: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Write what was found at some keys, in the place of what was there."""
    for key, values in found.items():
        connection.execute(schema.result.delete().where(_v.run_id == job_id, _v.key == key))
        rows = [
            {"run_id": job_id, "key": key, "name": name, "value": None if math.isnan(value) else value}
            for name, value in values.items()
        ]
        connection.execute(schema.result.insert(), rows)


def results(connection: Connection, job_id: str) -> dict[str, dict[str, float]]:
    """Key -> name -> value, in the order in which the keys were asked for."""
    keys = connection.execute(sa.select(_e.asked).where(_e.run_id == check_run_id(job_id))).scalar()
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(sa.select(_v.key, _v.name, _v.value).where(_v.run_id == job_id)):
        found.setdefault(row.key, {})[row.name] = math.nan if row.value is None else float(row.value)
    return {key: found[key] for key in json.loads(keys or "[]") if key in found}


def forget_about(connection: Connection, run_ids: Iterable[str]) -> list[str]:
    """Remove the evaluations of these runs; returns their ids. Raises ``JobError`` while one of them is running."""
    query = sa.select(_r.id, _r.status, _e.about_id).join(schema.evaluation, _e.run_id == _r.id)
    rows = connection.execute(query.where(_e.about_id.in_(list(run_ids)), _r.kind != TRAINING)).all()
    if working := next((row for row in rows if row.status == "running"), None):
        raise JobError(
            _(
                "run {run} is being evaluated and cannot be deleted. Wait for job {job}, or cancel it first: "
                "clps jobs cancel {job}",
                run=working.about_id,
                job=working.id,
            )
        )
    connection.execute(schema.run.delete().where(_r.id.in_([row.id for row in rows])))
    return [row.id for row in rows]
