"""Everything that is known of all runs. Start at open_store."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from clps_core.errors import JobError, NotFoundError
from clps_core.home import default_home
from clps_core.metrics import Metric
from clps_core.shown import visible
from clps_core.store import metrics, schema
from clps_core.store.connection import connect, make_home, sentences
from clps_core.store.deaths import LONGEST_PAUSE
from clps_core.store.metrics import EXAMPLES, TEST
from clps_core.store.order import Waiting, check_priority, fair_order
from clps_core.store.records import (
    ACTIVE,
    ActiveRun,
    Artefact,
    Comparison,
    FinalScore,
    Point,
    Run,
    check_run_id,
    new_id,
)
from clps_core.tasks import frozen
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import Resolved, RunConfig

__all__ = ["Store", "default_home", "open_store", "remove_folder"]

_r, _a = schema.run.c, schema.artefact.c
_RUN_COLUMNS = (
    _r.id, _r.name, _r.comparison_id, _r.owner, _r.parent_id, _r.status, _r.reason, _r.config.label("config_text"),
    _r.strategy, _r.task, _r.seed, _r.step, _r.steps, _r.created_at, _r.started_at, _r.finished_at, _r.seconds,
    _r.tokens_per_second, _r.device, _r.threads, _r.unique_parameters, _r.executed_parameters, _r.attempts,
    _r.stop_requested, _r.priority, _r.not_before, _r.start_from, _r.ancestry.label("ancestry_text"),
    _r.facts.label("facts_text"), _r.pinned_at, _r.pinned_for,
)  # fmt: skip

_ACTIVE_COLUMNS = tuple(_r[name] for name in ActiveRun._fields if name != "place")
_TURN_COLUMNS = (_r.id, _r.owner, _r.priority, _r.queued_at, _r.position, _r.not_before)


LOOKED_AT_WITHIN = 2.0
"""Seconds. A pause that has just ended is one still, until the supervisor has looked at the run again."""


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


class Store:
    """Comparisons, runs, curves and artefacts. Safe to use from several threads and processes."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home = home
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        snapshot = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(**snapshot)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with sentences(self.home), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it or nothing."""
        with sentences(self.home), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def run_folder(self, run_id: str) -> Path:
        """Where the run's files are; the id is checked first, so the path stays under ``runs``."""
        return self.home / "runs" / check_run_id(run_id)

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
        runs begin with, ``ancestry``: what was spent on them (``ancestry.ancestry_text``). ``run_ids``: new ids,
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

    def comparisons(self) -> list[Comparison]:
        """All comparisons that still have runs, newest first."""
        c = schema.comparison.c
        with self.reading() as connection:
            columns = (c.id, c.name, c.created_at, c.owner, c.ready, c.plan, c.pinned_at, c.pinned_for)
            rows = connection.execute(sa.select(*columns).order_by(c.created_at.desc())).all()
            members: dict[str, list[str]] = {}
            runs = sa.select(_r.comparison_id, _r.id).order_by(_r.position, _r.created_at)
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
        query = sa.select(*_RUN_COLUMNS).order_by(_r.created_at.desc(), _r.position).limit(limit)
        filters = ((_r.comparison_id, comparison), (_r.status, status), (_r.task, task), (_r.strategy, strategy))
        for column, wanted in filters:
            if wanted is not None:
                query = query.where(column.in_([wanted] if isinstance(wanted, str) else list(wanted)))
        with self.reading() as connection:
            return self._records(connection, query)

    def active_runs(self) -> list[ActiveRun]:
        """The running runs, longest at work first, then the waiting ones in the order in which they start.

        Light enough to be asked every second, with a thousand runs waiting.
        """
        query = sa.select(*_ACTIVE_COLUMNS).where(_r.status.in_(ACTIVE)).order_by(_r.started_at)
        with self.reading() as connection:
            just_now = schema.now(connection) - LOOKED_AT_WITHIN
            place = {run_id: number for number, run_id in enumerate(waiting_ids(connection), 1)}
            rows = connection.execute(query).all()
        found = []
        for *facts, until in rows:
            pauses = until if _pauses(until, just_now) else None
            active = ActiveRun._make((*facts, pauses, place.get(facts[0])))
            found.append(active._replace(name=visible(active.name)))
        return sorted(found, key=lambda run: run.place or 0)

    def running_per_owner(self) -> dict[str, int]:
        """Owner -> how many of their runs are running; without those who have none."""
        with self.reading() as connection:
            return _running_per_owner(connection)

    def owners(self) -> dict[str, str]:
        """Run -> owner, of all runs."""
        with self.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(sa.select(_r.id, _r.owner))}

    def has_runs(self, *statuses: str) -> bool:
        """Whether any run is in one of ``statuses`` (default: waits or works)."""
        with self.reading() as connection:
            query = sa.select(_r.id).where(_r.status.in_(statuses or ACTIVE)).limit(1)
            return connection.execute(query).first() is not None

    def run(self, run_id: str) -> Run:
        """The run with this id, or the only one whose id begins so; else ``NotFoundError``."""
        check_run_id(run_id)
        with self.reading() as connection:
            for condition in (_r.id == run_id, _r.id.startswith(run_id, autoescape=True)):
                found = self._records(connection, sa.select(*_RUN_COLUMNS).where(condition).limit(6))
                if len(found) == 1:
                    return found[0]
        if found:
            ids = ", ".join(run.id for run in found)
            raise NotFoundError(_("{got} begins several runs' ids: {ids}. Give more of it.", got=run_id, ids=ids))
        raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs there are.", got=run_id))

    def some_runs(self, run_ids: Iterable[str], *, places: bool = True) -> list[Run]:
        """The runs with these ids that exist, in the given order; ``places``: with those of the queue."""
        wanted = list(run_ids)
        query = sa.select(*_RUN_COLUMNS).where(_r.id.in_(wanted))
        with self.reading() as connection:
            found = {run.id: run for run in self._records(connection, query, places=places)}
        return [found[run_id] for run_id in wanted if run_id in found]

    def _records(self, connection: Connection, query: sa.Select[Any], *, places: bool = True) -> list[Run]:
        rows = connection.execute(query).mappings().all()
        place: dict[str, int] = {}
        if places and any(row["status"] == "queued" for row in rows):
            place = {run_id: number for number, run_id in enumerate(waiting_ids(connection), 1)}
        # Names are checked where they are given, but a store may be older than that.
        return [Run(**{**row, "name": visible(row["name"])}, queue_position=place.get(row["id"])) for row in rows]

    def counts(self) -> dict[str, int]:
        """Status -> number of runs."""
        with self.reading() as connection:
            query = sa.select(_r.status, sa.func.count()).group_by(_r.status)
            return {row[0]: row[1] for row in connection.execute(query)}

    def forget_run(self, run_id: str) -> None:
        """Remove a run that is not running: its rows, then its folder. ``JobError`` while it runs."""
        folder = self.run_folder(run_id)
        with self.writing() as connection:
            row = connection.execute(sa.select(_r.status, _r.comparison_id).where(_r.id == run_id)).one_or_none()
            if row is None:
                raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs there are.", got=run_id))
            if row.status == "running":
                raise JobError(_("run {got} is running and cannot be deleted. Cancel it first.", got=run_id))
            connection.execute(schema.run.delete().where(_r.id == run_id))
            c = schema.comparison.c
            empty = ~sa.exists().where(_r.comparison_id == c.id)
            connection.execute(schema.comparison.delete().where(c.id == row.comparison_id, empty))
        with sentences(self.home):
            remove_folder(folder)

    def clock(self) -> float:
        """The database's clock, by which all times of runs are measured."""
        with self.reading() as connection:
            return schema.now(connection)

    # Curves and artefacts

    def metrics_after(
        self, run_ids: Sequence[str], cursor: int, names: Iterable[str] | None = None
    ) -> tuple[list[Point], int]:
        """Points logged after ``cursor`` (0: from the start), and the next cursor.

        A point with ``forgets`` set says: drop what you hold of its run beyond its step (the run went back
        to a checkpoint); then the points that follow replace what was dropped. ``names``: only these curves;
        raises ``NotFoundError`` for one that no run has.
        """
        with self.reading() as connection:
            return metrics.news(connection, run_ids, cursor, names)

    def curve(self, run_id: str, split: str, name: str, coarse: bool = False) -> list[Point]:
        """One curve, by step; ``coarse``: means of at most 500 stretches, for long runs. Empty before its first point.

        Raises ``NotFoundError``, which lists what there is, for a split or name that such a run has not.
        """
        with self.reading() as connection:
            return metrics.curve(connection, run_id, split, name, coarse)

    def check_curves(self, run_id: str, split: str | None, name: str | None) -> None:
        """Raise ``NotFoundError``, which lists what there is, where the run can have no such curve."""
        with self.reading() as connection:
            metrics.check_curves(connection, run_id, split, name)

    def seconds_at(self, run_id: str, step: int) -> float | None:
        """Training time of the run up to ``step``, by the last point up to it; ``None`` where there is none."""
        m = schema.metric.c
        query = sa.select(sa.func.max(m.seconds)).where(m.run_id == run_id, m.step <= step, m.split != "")
        with self.reading() as connection:
            found: float | None = connection.execute(query).scalar_one()
        return found

    def latest(self, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
        """Run -> ``"validation.exact_match"`` -> (step, value) of the newest point of each curve."""
        with self.reading() as connection:
            return metrics.latest(connection, run_ids)

    def final_scores(self, run_ids: Sequence[str]) -> dict[str, FinalScore]:
        """Run -> its score on the test split, for the runs that have one."""
        found = {}
        for run_id, latest in self.latest(run_ids).items():
            points = {key.partition(".")[2]: point for key, point in latest.items() if key.startswith(f"{TEST}.")}
            if points:
                step, examples = points.pop(EXAMPLES, (0, 0.0))
                found[run_id] = FinalScore(
                    step, {name: value for name, (_step, value) in points.items()}, int(examples)
                )
        return found

    def bests(self, runs: Iterable[Run]) -> dict[str, tuple[int, float]]:
        """Run -> (step, value) of its best evaluation on validation by its task's metric; of equals the first."""
        with self.reading() as connection:
            return metrics.bests(connection, {run.id: run.facts.judged_by for run in runs})

    def bests_until(self, run_ids: Sequence[str], metric: Metric, step: int) -> list[float]:
        """The best validation value up to ``step`` of each run that was evaluated at ``step`` or later."""
        with self.reading() as connection:
            return metrics.bests_until(connection, run_ids, metric, step)

    def artefacts(self, run_id: str, kind: str | None = None) -> list[Artefact]:
        """Files the run left, by kind and step."""
        folder = self.run_folder(run_id)
        query = sa.select(_a.kind, _a.step, _a.path).where(_a.run_id == run_id).order_by(_a.kind, _a.step)
        if kind is not None:
            query = query.where(_a.kind == kind)
        with self.reading() as connection:
            return [Artefact(row.kind, row.step, folder / row.path) for row in connection.execute(query)]

    def forget_artefacts(self, run_id: str, kind: str) -> None:
        """Remove the notes of a kind; the files are the caller's."""
        with self.writing() as connection:
            connection.execute(schema.artefact.delete().where(_a.run_id == check_run_id(run_id), _a.kind == kind))


def remove_folder(folder: Path) -> None:
    """The folder and all in it, or the link that stands for it. Others may be tidying there at the same time."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    while folder.is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def waiting_ids(connection: Connection, *, startable: bool = False) -> list[str]:
    """Queued runs in the order in which they start; ``startable``: without those that wait out a pause."""
    moment = schema.now(connection)
    query = sa.select(*_TURN_COLUMNS)
    waiting = [
        Waiting(row.id, row.owner, row.priority, row.queued_at, row.position, _pauses(row.not_before, moment))
        for row in connection.execute(query.where(_r.status == "queued")).all()
    ]
    if startable:
        waiting = [run for run in waiting if not run.paused]
    return fair_order(waiting, _running_per_owner(connection))


def _running_per_owner(connection: Connection) -> dict[str, int]:
    counted = sa.select(_r.owner, sa.func.count()).where(_r.status == "running").group_by(_r.owner)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _pauses(until: float | None, moment: float) -> bool:
    return until is not None and moment < until <= moment + LONGEST_PAUSE


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
