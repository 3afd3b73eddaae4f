"""How a run moves from queued to its end; for jobs only. Start at Queue.

Every move is one write transaction that first looks whether it may still be made, so any number of
supervisors, runners and callers may try at once and only one succeeds::

    queued --start_next--> running --finish--> finished | failed | cancelled | paused
      ^                       |
      +------- settle --------+   the process is gone and left no outcome: retried, or failed

A *fence* protects a run from an attempt that was given up but still lives: whatever an attempt writes
is refused (``LeaseLost``) once the run's newest attempt is another one or has ended.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from clps_core.errors import JobError, NotFoundError
from clps_core.store import evaluations, metrics, schema
from clps_core.store.database import Store
from clps_core.store.deaths import MAX_RETRIES, MOST_STOPS, SOON, STOPPED, Death, Exit, status_after, what_is_saved
from clps_core.store.records import TRAINING, Point
from clps_core.store.waiting import waiting_ids
from clps_core.words import _

__all__ = ["Attempt", "Exit", "LeaseLost", "Queue", "check_finished"]

LEASE_SECONDS = 30.0

NO_STOP = {"stop_requested": None}
_r, _t = schema.run.c, schema.attempt.c

# Built once: every run asks this all the time, and putting it together took longer than the answer.
_FENCE = (
    sa.select(_r.stop_requested)
    .join(schema.attempt, sa.and_(_t.run_id == _r.id, _t.number == _r.attempts))
    .where(_r.id == sa.bindparam("run"), _r.attempts == sa.bindparam("attempt"))
    .where(_r.status == "running", _t.ended_at.is_(None))
    .with_for_update()
)


class LeaseLost(JobError):
    """The run was given to another attempt, or ended without us: stop at once and write nothing."""


@dataclass(frozen=True)
class Attempt:
    """One process working on a run; (pid, created) name a process beyond doubt."""

    run_id: str
    number: int
    slot: int
    host: str
    boot: str
    launched_at: float
    waiter_pid: int | None
    waiter_created: float | None
    pid: int | None
    created: float | None
    claimed_at: float | None
    lease_until: float | None
    threads: int | None
    stop_requested: str | None


class Queue:
    """The transitions of runs and attempts in one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # For callers: pages, command line

    def request_stop(self, run_id: str, kind: str) -> Attempt | None:
        """Ask for ``cancel`` or ``pause``. A waiting run stops at once; for a running one, its attempt comes back."""
        with self.store.writing() as connection:
            moment = schema.now(connection)
            status = self._status(connection, run_id)
            if status not in ("queued", "running"):
                raise JobError(
                    _(
                        "only queued or running jobs can be stopped. {run_id} is {status}.",
                        run_id=run_id,
                        status=status,
                    )
                )
            if status == "queued":
                self._end(connection, run_id, STOPPED[kind], None, moment)
                return None
            asked = schema.run.update().where(_r.id == run_id)
            connection.execute(asked.values(stop_requested=kind))
            found = self._attempts(connection, _t.run_id == run_id, _t.ended_at.is_(None))
            return found[-1] if found else None

    def requeue(self, run_id: str) -> None:
        """Put a cancelled, paused or failed run back in the queue; it goes on from its checkpoint."""
        with self.store.writing() as connection:
            status = self._status(connection, run_id)
            if status not in ("cancelled", "paused", "failed"):
                raise JobError(
                    _(
                        "only cancelled, paused or failed jobs can be resumed. {run_id} is {status}.",
                        run_id=run_id,
                        status=status,
                    )
                )
            fresh = {"status": "queued", "reason": None, "finished_at": None, "queued_at": schema.now(connection)}
            blank = {"retries": 0, "death_step": None, "not_before": None, **NO_STOP}
            connection.execute(schema.run.update().where(_r.id == run_id).values(**fresh, **blank, archived_at=None))
            whose = sa.select(_r.comparison_id).where(_r.id == run_id).scalar_subquery()
            there = schema.comparison.c.id == whose  # what works is in no archive, nor is what it belongs to
            connection.execute(schema.comparison.update().where(there).values(archived_at=None))

    def set_priority(self, run_ids: Sequence[str], priority: int) -> None:
        """Waiting runs get another priority: all of them or, where one does not wait, none (``JobError``)."""
        with self.store.writing() as connection:
            for run_id in sorted(set(run_ids)):  # sorted: two callers with the same runs never wait for each other
                status = self._status(connection, run_id)
                if status != "queued":
                    raise JobError(
                        _(
                            "only the priority of a waiting job can be changed. {run_id} is {status}.",
                            run_id=run_id,
                            status=status,
                        )
                    )
            connection.execute(schema.run.update().where(_r.id.in_(run_ids)).values(priority=priority))

    # For the supervisor

    def startable(self) -> list[str]:
        """Waiting runs that may start now, the next one first."""
        with self.store.reading() as connection:
            return waiting_ids(connection, startable=True)

    def start_next(self, slot: int, host: str, boot: str, *, among: Sequence[str] | None = None) -> Attempt | None:
        """Take the first run of the queue and write down its next attempt; ``None`` if nothing may start.

        ``among``: only these runs, and of them the first that still waits.
        """
        with self.store.writing() as connection:
            for run_id in waiting_ids(connection, startable=True) if among is None else among:
                # Another host's supervisor may take it in the same instant: then the next one is tried.
                fresh = {"status": "running", "attempts": _r.attempts + 1, "not_before": None, **NO_STOP}
                fresh["reason"] = self._reason_at_work(connection, run_id)
                taken = connection.execute(
                    schema.run.update().where(_r.id == run_id, _r.status == "queued").values(fresh)
                )
                if taken.rowcount:
                    return self._new_attempt(connection, run_id, slot, host, boot)
        return None

    def _reason_at_work(self, connection: Connection, run_id: str) -> str | None:
        """What is still to be said of a run once it starts: not why it waited."""
        columns = (_r.reason, _r.retries, _r.not_before, _r.kind)
        row = connection.execute(sa.select(*columns).where(_r.id == run_id)).one_or_none()
        if row is None or row.not_before is None:
            return row.reason if row is not None else None
        if not row.retries:
            return None
        again = {"n": row.retries, "limit": MAX_RETRIES, "saved": what_is_saved(row.kind == TRAINING)}
        return _("Its process died; this is retry {n} of {limit}, from {saved}.", **again)

    def _new_attempt(self, connection: Connection, run_id: str, slot: int, host: str, boot: str) -> Attempt:
        number = connection.execute(sa.select(_r.attempts).where(_r.id == run_id)).scalar_one()
        place = {"slot": slot, "host": host, "boot": boot, "launched_at": schema.now(connection)}
        connection.execute(schema.attempt.insert().values(run_id=run_id, number=number, **place))
        return self._attempts(connection, _t.run_id == run_id, _t.number == number)[0]

    def record_waiter(self, run_id: str, number: int, pid: int, created: float) -> None:
        """Note the process that waits for the attempt's end."""
        with self.store.writing() as connection:
            where = (_t.run_id == run_id, _t.number == number)
            connection.execute(schema.attempt.update().where(*where).values(waiter_pid=pid, waiter_created=created))

    def open_attempts(self, host: str | None = None) -> list[Attempt]:
        """Attempts that have not ended, oldest first."""
        with self.store.reading() as connection:
            conditions = [_t.ended_at.is_(None)] + ([_t.host == host] if host else [])
            return self._attempts(connection, *conditions)

    def settle(self, run_id: str, number: int, end: Exit, *, pause: float = 0.0) -> str | None:
        """Close an attempt whose process is gone; if it left no outcome, decide what becomes of the run.

        ``pause``: seconds before its first retry; each further one waits longer.
        Returns the run's new status, ``None`` if the attempt had ended already or the run is not its own.
        """
        with self.store.writing() as connection:
            moment = schema.now(connection)
            closed = connection.execute(
                schema.attempt.update()
                .where(_t.run_id == run_id, _t.number == number, _t.ended_at.is_(None))
                .values(ended_at=moment, exit_code=end.code, signal=end.signal)
            )
            columns = (_r.status, _r.attempts, _r.retries, _r.step, _r.steps, _r.death_step, _r.stop_requested, _r.kind)
            query = sa.select(*columns, _r.queued_at).where(_r.id == run_id)
            row = connection.execute(query.with_for_update()).one_or_none()
            if not closed.rowcount or row is None or row.status != "running" or row.attempts != number:
                return None
            stops = self._stops(connection, run_id, number, row.queued_at) if end.interrupted and end.signal else 0
            trains = row.kind == TRAINING
            death = Death(end, row.step, row.steps, row.death_step, row.retries, pause, stops, trains)
            status, reason = status_after(death, row.stop_requested)
            if status != "queued":
                self._end(connection, run_id, status, reason, moment)
                return status
            again: dict[str, object] = {"status": "queued", "reason": reason, **NO_STOP}
            if death.pause:
                again["not_before"] = moment + death.pause
            if not end.interrupted:
                again |= {"retries": death.retry, "death_step": row.step}
            connection.execute(schema.run.update().where(_r.id == run_id).values(again))
            return status

    def _stops(self, connection: Connection, run_id: str, number: int, since: float) -> int:
        """How many attempts in a row, the last one ``number``, were soon asked to end ``since`` a person queued it."""
        columns = (_t.signal, _t.outcome, _t.launched_at, _t.ended_at)
        ours = (_t.run_id == run_id, _t.number <= number, _t.launched_at >= since)
        latest = sa.select(*columns).where(*ours).order_by(_t.number.desc())
        stopped = (
            row.signal == signal.SIGTERM and row.outcome is None and row.ended_at - row.launched_at < SOON
            for row in connection.execute(latest.limit(MOST_STOPS))
        )
        return sum(1 for _stop in itertools.takewhile(bool, stopped))

    def put_off(self, reasons: Mapping[str, str], seconds: float) -> None:
        """Waiting runs that cannot start now, and why, are looked at again after ``seconds``; others may overtake."""
        if not reasons:
            return
        with self.store.writing() as connection:
            later = schema.now(connection) + seconds
            for run_id, reason in reasons.items():
                waiting = schema.run.update().where(_r.id == run_id, _r.status == "queued")
                connection.execute(waiting.values(not_before=later, reason=reason))

    def fail_waiting(self, run_id: str, reason: str) -> None:
        """A waiting run that can never start ends with its reason; nothing happens if it waits no more."""
        with self.store.writing() as connection:
            if self._status(connection, run_id) == "queued":
                self._end(connection, run_id, "failed", reason, schema.now(connection))

    # For the runner

    def claim(self, run_id: str, number: int, pid: int, created: float) -> bool:
        """Take the attempt for this process. Of any number of claimants exactly one gets ``True``."""
        with self.store.writing() as connection:
            moment = schema.now(connection)
            run_is_ours = sa.exists().where(_r.id == run_id, _r.attempts == number, _r.status == "running")
            claimed = connection.execute(
                schema.attempt.update()
                .where(_t.run_id == run_id, _t.number == number, run_is_ours)
                .where(_t.claimed_at.is_(None), _t.ended_at.is_(None))
                .values(pid=pid, created=created, claimed_at=moment, lease_until=moment + LEASE_SECONDS)
            )
            if claimed.rowcount != 1:
                return False
            started = sa.func.coalesce(_r.started_at, moment)
            connection.execute(schema.run.update().where(_r.id == run_id).values(started_at=started))
            return True

    def renew(self, run_id: str, number: int) -> str | None:
        """Renew the lease; returns the stop that was asked for, if any. Raises ``LeaseLost``."""
        with self.store.writing() as connection:
            stop = self._fence(connection, run_id, number)
            until = schema.now(connection) + LEASE_SECONDS
            where = (_t.run_id == run_id, _t.number == number)
            connection.execute(schema.attempt.update().where(*where).values(lease_until=until))
            return stop

    def append(
        self,
        run_id: str,
        number: int,
        points: Sequence[Point],
        *,
        progress: dict[str, float] | None = None,
        artefacts: Sequence[tuple[str, int, str]] = (),
        results: Mapping[str, Mapping[str, float]] | None = None,
    ) -> str | None:
        """Write what the attempt has to say, in one transaction; returns the stop asked for. Raises ``LeaseLost``.

        ``progress``: any of step, seconds, tokens_per_second. ``artefacts``: (kind, step, path in the folder).
        ``results`` of an evaluation: key -> name -> value.
        """
        with self.store.writing() as connection:
            stop = self._fence(connection, run_id, number)
            metrics.append(connection, run_id, points)
            if progress:
                connection.execute(schema.run.update().where(_r.id == run_id).values(**progress))
            write_artefacts(connection, run_id, artefacts)
            evaluations.write_results(connection, run_id, results or {})
            return stop

    def begin(
        self,
        run_id: str,
        number: int,
        *,
        step: int,
        seconds: float,
        cpu_seconds: float | None = None,
        placement: dict[str, str | int],
        facts: str | None = None,
    ) -> int:
        """Start from the checkpoint of ``step`` (-1: none), dropping all points beyond it; returns how many.

        ``cpu_seconds``: of earlier attempts, ``None`` where not recorded. ``placement``: device, precision and threads
        that were chosen. ``facts``: those of its task, frozen.
        """
        with self.store.writing() as connection:
            self._fence(connection, run_id, number)
            values: dict[str, object] = {"step": max(0, step), "seconds": seconds, "cpu_seconds": cpu_seconds}
            values |= placement
            values |= {} if facts is None else {"facts": facts}
            connection.execute(schema.run.update().where(_r.id == run_id).values(values))
            a = schema.artefact.c
            connection.execute(schema.artefact.delete().where(a.run_id == run_id, a.step > step))
            metrics.forget_test(connection, run_id)
            return metrics.discard(connection, run_id, step)

    def begin_evaluation(self, job_id: str, number: int, stamp: str, placement: dict[str, str | int]) -> list[str]:
        """The keys that an evaluation has still to do with the weights of ``stamp``; results of others are dropped.

        ``placement`` as in ``begin``. Raises ``LeaseLost``.
        """
        with self.store.writing() as connection:
            self._fence(connection, job_id, number)
            connection.execute(schema.run.update().where(_r.id == job_id).values(placement))
            return evaluations.begin(connection, job_id, stamp)

    def finish(self, run_id: str, number: int, status: str, reason: str | None) -> None:
        """Write the outcome. Raises ``LeaseLost`` if it is not this attempt's to write."""
        with self.store.writing() as connection:
            self._fence(connection, run_id, number)
            moment = schema.now(connection)
            self._end(connection, run_id, status, reason, moment)
            where = (_t.run_id == run_id, _t.number == number)
            connection.execute(schema.attempt.update().where(*where).values(outcome=status))

    # For whoever scores a finished run later

    def record_test(self, run_id: str, points: Sequence[Point]) -> None:
        """Write the test score of a finished run in the place of a former one. Raises ``JobError`` for others."""
        with self.store.writing() as connection:
            check_finished(run_id, self._status(connection, run_id))
            metrics.forget_test(connection, run_id)
            metrics.append(connection, run_id, points)

    # Inside

    def _fence(self, connection: Connection, run_id: str, number: int) -> str | None:
        row = connection.execute(_FENCE, {"run": run_id, "attempt": number}).one_or_none()
        if row is None:
            raise LeaseLost(_("{run_id} was given to another process.", run_id=run_id))
        stop: str | None = row.stop_requested
        return stop

    def _status(self, connection: Connection, run_id: str) -> str:
        status = connection.execute(sa.select(_r.status).where(_r.id == run_id).with_for_update()).scalar()
        if status is None:
            raise NotFoundError(_("there is no run {got}. 'clps runs' lists the runs.", got=run_id))
        return str(status)

    def _end(self, connection: Connection, run_id: str, status: str, reason: str | None, moment: float) -> None:
        values = {"status": status, "reason": reason, "finished_at": moment, "stop_requested": None}
        connection.execute(schema.run.update().where(_r.id == run_id).values(values))

    def _attempts(self, connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Attempt]:
        of_attempt = (_t[name] for name in Attempt.__dataclass_fields__ if name in _t)
        query = (
            sa.select(*of_attempt, _r.threads, _r.stop_requested)
            .join(schema.run, _r.id == _t.run_id)
            .where(*conditions)
            .order_by(_t.launched_at)
        )
        return [Attempt(**row) for row in connection.execute(query).mappings()]


def check_finished(run_id: str, status: str) -> None:
    """Raise ``JobError`` unless ``status`` is finished: only then is it settled which weights are chosen."""
    if status != "finished":
        raise JobError(
            _(
                "only a finished run can be scored on the test split. Run {run_id} is {status}. Wait until it "
                "finishes, or resume it.",
                run_id=run_id,
                status=status,
            )
        )


def write_artefacts(connection: Connection, run_id: str, artefacts: Sequence[tuple[str, int, str]]) -> None:
    """Note files of the run; of a file that is written again (``last``, ``best``) only the newest counts."""
    a = schema.artefact.c
    for kind, step, path in artefacts:
        connection.execute(schema.artefact.delete().where(a.run_id == run_id, a.path == path))
        connection.execute(schema.artefact.insert().values(run_id=run_id, kind=kind, step=step, path=path))


def relative_path(folder: Path, path: Path) -> str:
    """How an artefact's place is stored: relative to the run's folder."""
    return path.resolve().relative_to(folder.resolve()).as_posix()
