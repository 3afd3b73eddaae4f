"""Everything that is known of all runs and other jobs. Start at open_store."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.errors import JobError, NotFoundError
from clps_core.home import default_home
from clps_core.shown import visible
from clps_core.store import evaluations, schema
from clps_core.store.connection import connect, make_home, sentences
from clps_core.store.curves import Curves
from clps_core.store.order import check_priority
from clps_core.store.records import (
    ACTIVE,
    TRAINING,
    ActiveJob,
    Comparison,
    Evaluation,
    Job,
    Run,
    check_run_id,
    new_id,
)
from clps_core.store.waiting import LOOKED_AT_WITHIN, pauses, running_per_owner, waiting_ids
from clps_core.tasks import frozen
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import Resolved, RunConfig

__all__ = ["Store", "default_home", "open_store", "remove_folder"]

_r, _e = schema.run.c, schema.evaluation.c
JOB_COLUMNS = (
    _r.id, _r.kind, _r.name, _r.owner, _r.status, _r.reason, _r.config.label("config_text"), _r.strategy, _r.task,
    _r.seed, _r.step, _r.steps, _r.created_at, _r.started_at, _r.finished_at, _r.seconds, _r.device, _r.threads,
    _r.attempts, _r.stop_requested, _r.priority, _r.not_before, _r.facts.label("facts_text"),
)  # fmt: skip
_RUN_COLUMNS = (
    *JOB_COLUMNS, _r.comparison_id, _r.parent_id, _r.tokens_per_second, _r.unique_parameters, _r.executed_parameters,
    _r.start_from, _r.ancestry.label("ancestry_text"), _r.pinned_at, _r.pinned_for, _r.notes,
    _r.tags.label("tags_text"), _r.archived_at, _r.cpu_seconds,
)  # fmt: skip
_COLUMNS: dict[type[Job], tuple[sa.ColumnElement[Any], ...]] = {Job: JOB_COLUMNS, Run: _RUN_COLUMNS}
_TRAINS = _r.kind == TRAINING

AnyJob = TypeVar("AnyJob", bound=Job)

_ACTIVE_COLUMNS = tuple(_r[name] for name in ActiveJob._fields if name != "place")


def open_store(home: Path | None = None, url: str | None = None) -> Store:
    """The store of ``home`` (default: ``default_home()``), created or brought up to date where needed.

    ``url`` (default: ``CLPS_DATABASE_URL``) replaces the SQLite file in ``home``; run folders stay there.
    Raises ``StoreError`` with a sentence where the folder or the database cannot be used.
    """
    home = Path(home).absolute() if home is not None else default_home()
    make_home(home)
    engine = connect(home, url or os.environ.get("CLPS_DATABASE_URL"))
    store = Store(home, engine)
    try:
        with store.reading() as connection:
            current = schema.is_current(connection)
        if not current:
            with store.writing() as connection:
                schema.migrate(connection)
    except BaseException:
        store.close()
        raise
    return store


class Store(Curves):
    """Comparisons, runs and other jobs, with the curves and artefacts of runs (``Curves``).

    Safe to use from several threads and processes.
    """

    # Comparisons and runs

    def create_comparison(
        self,
        name: str,
        configs: Sequence[RunConfig | Resolved],
        owner: str = "local",
        ready: bool = False,
        *,
        run_names: Sequence[str] | None = None,
        parameters: Sequence[tuple[int, int] | None] | None = None,
        parent_id: str | None = None,
        priority: int = 0,
        sweep: Mapping[str, Any] | None = None,
        start_from: str | None = None,
        ancestry: str | None = None,
        run_ids: Sequence[str] | None = None,
    ) -> str:
        """Queue one run per complete config; returns the comparison's id.

        ``parameters``: (unique, executed) of each run. ``ready``: made by the lab itself, not by a person.
        ``sweep``: what a sweep was expanded from, as plain data. ``start_from``: which weights of ``parent_id`` the
        runs begin with, ``ancestry``: what was spent on them (``jobs.ancestry.ancestry_text``). ``run_ids``: new ids,
        where files were put under them before. A run keeps the facts of what is resolved.
        """
        check_priority(priority)
        comparison_id = new_id()
        from clps_core.config import Resolved

        complete = [one.config if isinstance(one, Resolved) else one for one in configs]
        run_names = run_names or [f"{c.data.task} · {c.sharing.strategy} · seed {c.seed}" for c in complete]
        counts = parameters or [None] * len(complete)
        with self.writing() as connection:
            moment = schema.now(connection)
            connection.execute(
                schema.comparison.insert().values(
                    id=comparison_id,
                    name=name,
                    owner=owner,
                    ready=int(ready),
                    created_at=moment,
                    plan=None if sweep is None else json.dumps(sweep, ensure_ascii=False, allow_nan=False),
                )
            )
            for position, (config, run_name, count) in enumerate(zip(complete, run_names, counts, strict=True)):
                row = run_row(config, run_name, owner, moment) | {
                    "comparison_id": comparison_id,
                    "position": position,
                    "parent_id": parent_id,
                    "priority": priority,
                    "start_from": start_from,
                    "ancestry": ancestry,
                }
                given = configs[position]
                row["facts"] = frozen(given.facts) if isinstance(given, Resolved) else None
                if run_ids is not None:
                    row["id"] = check_run_id(run_ids[position])
                if count is not None:
                    row |= {"unique_parameters": count[0], "executed_parameters": count[1]}
                connection.execute(schema.run.insert().values(row))
        return comparison_id

    def comparisons(self, *, archived: bool = True) -> list[Comparison]:
        """All comparisons that still have runs, newest first; not ``archived``: without what is in the archive."""
        c = schema.comparison.c
        with self.reading() as connection:
            columns = (c.id, c.name, c.created_at, c.owner, c.ready, c.plan, c.pinned_at, c.pinned_for,
                       c.notes, c.archived_at)  # fmt: skip
            query = sa.select(*columns).order_by(c.created_at.desc())
            members: dict[str, list[str]] = {}
            runs = sa.select(_r.comparison_id, _r.id).order_by(_r.position, _r.created_at)
            if not archived:
                query, runs = query.where(c.archived_at.is_(None)), runs.where(_r.archived_at.is_(None))
            rows = connection.execute(query).all()
            for comparison_id, run_id in connection.execute(runs):
                members.setdefault(comparison_id, []).append(run_id)
        return [
            Comparison(
                row.id,
                visible(row.name),
                row.created_at,
                tuple(members[row.id]),
                row.owner,
                bool(row.ready),
                row.plan,
                row.pinned_at,
                row.pinned_for,
                row.notes,
                row.archived_at,
            )
            for row in rows
            if row.id in members
        ]

    def comparison_names(self, ids: Iterable[str]) -> dict[str, str]:
        """Comparison -> its name, of those that exist."""
        c = schema.comparison.c
        with self.reading() as connection:
            rows = connection.execute(sa.select(c.id, c.name).where(c.id.in_(set(ids))))
            return {row.id: visible(row.name) for row in rows}

    def runs(
        self,
        *,
        comparison: str | Iterable[str] | None = None,
        status: str | Iterable[str] | None = None,
        task: str | None = None,
        strategy: str | None = None,
        limit: int = 1000,
    ) -> list[Run]:
        """Runs, newest comparison first, within it as they were given; each filter leaves out the others."""
        query = sa.select(*_RUN_COLUMNS).where(_TRAINS).order_by(_r.created_at.desc(), _r.position).limit(limit)
        filters = ((_r.comparison_id, comparison), (_r.status, status), (_r.task, task), (_r.strategy, strategy))
        for column, wanted in filters:
            if wanted is not None:
                query = query.where(column.in_([wanted] if isinstance(wanted, str) else list(wanted)))
        with self.reading() as connection:
            return self._records(connection, Run, query)

    def active_jobs(self) -> list[ActiveJob]:
        """The running jobs, longest at work first, then the waiting ones in the order in which they start.

        Light enough to be asked every second, with a thousand jobs waiting.
        """
        query = sa.select(*_ACTIVE_COLUMNS).where(_r.status.in_(ACTIVE)).order_by(_r.started_at)
        with self.reading() as connection:
            just_now = schema.now(connection) - LOOKED_AT_WITHIN
            place = {run_id: number for number, run_id in enumerate(waiting_ids(connection), 1)}
            rows = connection.execute(query).all()
        found = []
        for *facts, until in rows:
            later = until if pauses(until, just_now) else None
            active = ActiveJob._make((*facts, later, place.get(facts[0])))
            found.append(active._replace(name=visible(active.name)))
        return sorted(found, key=lambda run: run.place or 0)

    def running_per_owner(self) -> dict[str, int]:
        """Owner -> how many of their jobs are running; without those who have none."""
        with self.reading() as connection:
            return running_per_owner(connection)

    def owners(self) -> dict[str, str]:
        """Job -> owner, of all jobs: whose the folder of that name is."""
        with self.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(sa.select(_r.id, _r.owner))}

    def has_jobs(self, *statuses: str) -> bool:
        """Whether any job is in one of ``statuses`` (default: waits or works)."""
        with self.reading() as connection:
            query = sa.select(_r.id).where(_r.status.in_(statuses or ACTIVE)).limit(1)
            return connection.execute(query).first() is not None

    def run(self, run_id: str) -> Run:
        """The run with this id, or the only one whose id begins so; else ``NotFoundError``."""
        found = self._called(run_id, Run, _TRAINS)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(run.id for run in found)
            raise NotFoundError(
                _("the ids of several runs begin with {got}: {ids}. Type more characters.", got=run_id, ids=ids)
            )
        if len(others := self._called(run_id, Job)) == 1:
            raise NotFoundError(
                _(
                    "{got} is an evaluation, not a run. Use: clps jobs show {job}",
                    got=run_id,
                    job=others[0].id,
                )
            )
        raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs.", got=run_id))

    def job(self, job_id: str) -> Job:
        """The job of any kind with this id, or the only one whose id begins so; else ``NotFoundError``."""
        found = self._called(job_id, Job)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(job.id for job in found)
            raise NotFoundError(
                _("the ids of several jobs begin with {got}: {ids}. Type more characters.", got=job_id, ids=ids)
            )
        raise NotFoundError(_("there is no job {got}. 'clps runs' and 'clps jobs' list them.", got=job_id))

    def _called(self, text: str, record: type[AnyJob], *conditions: sa.ColumnElement[bool]) -> list[AnyJob]:
        """The one with this id, else those whose ids begin so: at most six."""
        check_run_id(text)
        found: list[AnyJob] = []
        with self.reading() as connection:
            for condition in (_r.id == text, _r.id.startswith(text, autoescape=True)):
                query = sa.select(*_COLUMNS[record]).where(condition, *conditions).limit(6)
                found = self._records(connection, record, query)
                if len(found) == 1:
                    return found
        return found

    def some_jobs(self, job_ids: Iterable[str], *, places: bool = True) -> list[Job]:
        """The jobs of any kind with these ids that exist, in the given order; ``places`` as in ``some_runs``."""
        return self._some(job_ids, Job, places=places)

    def jobs(self, *, status: str | Iterable[str] | None = None, owner: str | None = None) -> list[Job]:
        """Jobs of every kind, newest first; each filter leaves out the others."""
        query = sa.select(*JOB_COLUMNS).order_by(_r.created_at.desc(), _r.position)
        if status is not None:
            query = query.where(_r.status.in_([status] if isinstance(status, str) else list(status)))
        if owner is not None:
            query = query.where(_r.owner == owner)
        with self.reading() as connection:
            return self._records(connection, Job, query)

    def some_runs(self, run_ids: Iterable[str], *, places: bool = True) -> list[Run]:
        """The runs with these ids that exist, in the given order; ``places``: with those of the queue."""
        return self._some(run_ids, Run, _TRAINS, places=places)

    def _some(
        self, ids: Iterable[str], record: type[AnyJob], *conditions: sa.ColumnElement[bool], places: bool
    ) -> list[AnyJob]:
        wanted = list(ids)
        query = sa.select(*_COLUMNS[record]).where(_r.id.in_(wanted), *conditions)
        with self.reading() as connection:
            found = {job.id: job for job in self._records(connection, record, query, places=places)}
        return [found[one] for one in wanted if one in found]

    def _records(
        self, connection: Connection, record: type[AnyJob], query: sa.Select[Any], *, places: bool = True
    ) -> list[AnyJob]:
        rows = connection.execute(query).mappings().all()
        place: dict[str, int] = {}
        if places and any(row["status"] == "queued" for row in rows):
            place = {job_id: number for number, job_id in enumerate(waiting_ids(connection), 1)}
        # Names are checked where they are given, but a store may be older than that.
        found = ({**row, "name": visible(row["name"]), "queue_position": place.get(row["id"])} for row in rows)
        return [record(**{**one, "keys": tuple(json.loads(one["keys"]))} if "keys" in one else one) for one in found]

    def evaluations(
        self, *, kind: str | None = None, about: Iterable[str] | None = None, ids: Iterable[str] | None = None
    ) -> list[Evaluation]:
        """The jobs that evaluate runs, newest first; each filter leaves out the others."""
        query = sa.select(*JOB_COLUMNS, _e.about_id, _e.asked.label("keys"), _e.stamp).join(
            schema.evaluation, _e.run_id == _r.id
        )
        for column, wanted in ((_r.kind, None if kind is None else [kind]), (_e.about_id, about), (_r.id, ids)):
            if wanted is not None:
                query = query.where(column.in_(list(wanted)))
        with self.reading() as connection:
            return self._records(connection, Evaluation, query.order_by(_r.queued_at.desc(), _r.id))

    def results(self, job_id: str) -> dict[str, dict[str, float]]:
        """Key -> name -> value: what an evaluation has found so far, of the weights of its ``stamp``."""
        with self.reading() as connection:
            return evaluations.results(connection, job_id)

    def counts(self) -> dict[str, int]:
        """Status -> number of runs."""
        with self.reading() as connection:
            query = sa.select(_r.status, sa.func.count()).where(_TRAINS).group_by(_r.status)
            return {row[0]: row[1] for row in connection.execute(query)}

    def forget_run(self, run_id: str) -> None:
        """Remove a run, or any other job, with the evaluations of it: rows, then folders.

        ``JobError`` while one of them is running.
        """
        folders = [self.run_folder(run_id)]
        with self.writing() as connection:
            query = sa.select(_r.status, _r.comparison_id, _r.kind).where(_r.id == run_id)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs.", got=run_id))
            if row.status == "running" and row.kind == TRAINING:
                raise JobError(_("run {got} is running and cannot be deleted. Cancel it first.", got=run_id))
            if row.status == "running":
                raise JobError(_("job {got} is running and cannot be deleted. Cancel it first.", got=run_id))
            folders += [self.run_folder(one) for one in evaluations.forget_about(connection, [run_id])]
            connection.execute(schema.run.delete().where(_r.id == run_id))
            c = schema.comparison.c
            empty = ~sa.exists().where(_r.comparison_id == c.id)
            connection.execute(schema.comparison.delete().where(c.id == row.comparison_id, empty))
        with sentences(self.home):
            for folder in folders:
                remove_folder(folder)

    def clock(self) -> float:
        """The database's clock, by which all times of runs are measured."""
        with self.reading() as connection:
            return schema.now(connection)


def remove_folder(folder: Path) -> None:
    """The folder and all in it, or the link that stands for it. Others may be tidying there at the same time."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    while folder.is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def run_row(config: RunConfig, name: str, owner: str, moment: float) -> dict[str, Any]:
    """The row of a run that was just queued."""
    return {
        "id": new_id(),
        "name": name,
        "owner": owner,
        "config": json.dumps(config.as_dict()),
        "task": config.data.task,
        "strategy": config.sharing.strategy,
        "seed": config.seed,
        "steps": config.train.steps,
        "status": "queued",
        "created_at": moment,
        "queued_at": moment,
    }
