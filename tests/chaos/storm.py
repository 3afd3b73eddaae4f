"""Runs amid faults, and what must hold of them afterwards. Start at Storm.weather.

Every choice comes from the seed, so a failure names it; the instants at which things die do not, since they are
the machine's.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from faults import FAULTS, Disk, fill_disk, kill_dashboard
from job_room import JobRoom, Reader, Twin, eventually, tiny

from clps_core.config import RunConfig
from clps_core.errors import ClpsError, StoreError
from clps_core.jobs import service
from clps_core.store import Run, schema

if TYPE_CHECKING:
    from watched import Dashboard

__all__ = ["KINDS", "STEPS", "Storm", "in_order"]

STEPS = 80
KINDS: tuple[RunConfig, ...] = tuple(
    tiny(strategy, steps=STEPS, checkpoint_every=10, eval_every=20) for strategy in ("all", "cycle:2")
)
"""What is trained; there is an undisturbed twin of each."""
TRUE_REASONS = re.compile(
    r"It was retried 2 times|before getting beyond step"  # killed too often, or without getting on
    r"|[Dd]isk is full|No space left"  # the disk was
    r"|could not write to its store|is busy"  # the database was locked for longer than anyone waits
)
"""Why a run may fail in a storm. Any other sentence is a fault of ours."""
STAYS_CANCELLED = 0.3


class Trained(NamedTuple):
    """One training step as the witness saw it; ``at`` is the machine's monotonic clock."""

    run_id: str
    pid: int
    step: int
    at: int


class Storm:
    """Submits runs and does faults to them until the faults are used up and all runs have ended."""

    def __init__(
        self,
        room: JobRoom,
        twins: Sequence[Twin],
        seed: int,
        *,
        runs: int,
        faults: int,
        witness: Path,
        disk: Disk | None = None,
        dashboard: Dashboard | None = None,
        patient: bool = False,
    ) -> None:
        self.room, self.seed, self.faults_left, self.witness = room, seed, faults, witness
        self.disk, self.dashboard, self.patient = disk, dashboard, patient
        self.choose = random.Random(seed)
        kinds = [place % len(KINDS) for place in range(runs)]
        self.run_ids = room.submit(*[KINDS[kind] for kind in kinds])
        self.twins = {run_id: twins[kind] for run_id, kind in zip(self.run_ids, kinds, strict=True)}
        self.readers = {run_id: Reader(room, run_id) for run_id in self.run_ids}
        self.threads: list[tuple[threading.Thread, threading.Event]] = []
        self.done: list[str] = []
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._next_fault = self._next_visit = time.monotonic()
        self._given_up: set[str] = set()
        self._weighed: set[str] = set()

    # What a test calls

    def weather(self) -> None:
        """The whole storm, then the look at what it left. A failure says how to have the same storm again."""
        try:
            eventually(self._pass, "all runs end", patience=240 + 30 * len(self.run_ids), every=0.15)
            self._calm()
            self._verify()
        except BaseException as error:
            error.add_note(self._story())
            raise
        finally:
            self._calm()

    # What faults call

    def look(self) -> list[Run]:
        """The storm's runs as they are now."""
        return self.room.store.some_runs(self.run_ids)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something when ``seconds`` have passed."""
        self._due.append((time.monotonic() + seconds, act))

    # The storm

    def _pass(self) -> bool:
        for due in [due for due in self._due if due[0] <= time.monotonic()]:
            self._due.remove(due)
            with contextlib.suppress(StoreError):
                due[1]()
        if time.monotonic() > self._next_visit:  # as a page that somebody watches does
            self._next_visit = time.monotonic() + 1.0
            with contextlib.suppress(ClpsError):  # while the disk is full nothing can be started
                service.ensure_supervisor(self.room.store)
        with contextlib.suppress(StoreError):
            if self.faults_left and time.monotonic() > self._next_fault:
                self._do_fault()
            self.readers[self.choose.choice(self.run_ids)].follow()
            self._check_attempts()
            return self._go_on_with_what_stopped() and not self._due
        return False

    def _do_fault(self) -> None:
        impossible = {fill_disk: self.disk is None, kill_dashboard: self.dashboard is None}
        weights = [0 if impossible.get(fault) else weight for fault, weight in FAULTS.items()]
        fault = self.choose.choices(list(FAULTS), weights)[0]
        if fault(self):
            self.faults_left -= 1
            self.done.append(fault.__name__)
        self._next_fault = time.monotonic() + self.choose.uniform(0.1, 3.0)

    def _go_on_with_what_stopped(self) -> bool:
        runs = self.look()
        for run in runs:
            if run.status == "failed":
                assert TRUE_REASONS.search(run.reason or ""), (run.id, run.reason)
            if run.status == "cancelled" and run.id not in self._weighed:
                self._weighed.add(run.id)
                if self.choose.random() < STAYS_CANCELLED:
                    self._given_up.add(run.id)
            if run.status in ("failed", "paused", "cancelled") and run.id not in self._given_up:
                with contextlib.suppress(ClpsError):
                    service.resume(self.room.store, run.id)
        return all(run.status == "finished" or (run.id in self._given_up and not run.active) for run in runs)

    def _check_attempts(self) -> None:
        """At no time have two attempts of one run yet to say how they ended."""
        a = schema.attempt.c
        undecided = sa.select(a.run_id).where(a.ended_at.is_(None), a.outcome.is_(None))
        with self.room.store.reading() as connection:
            owners = connection.execute(undecided).scalars().all()
        assert len(owners) == len(set(owners)), owners

    def _story(self) -> str:
        """What to know of a storm that went wrong."""
        lines = [f"Have it again with CLPS_SOAK_SEED={self.seed}. Faults: {', '.join(self.done)}."]
        lines += [f"{run.id} {run.status} at {run.step}, attempt {run.attempts}: {run.reason}" for run in self.look()]
        log = (self.room.home / "supervisor.log").read_text(errors="replace").splitlines()
        return "\n".join([*lines, *log[-30:], *self._last_words()])

    def _last_words(self) -> list[str]:
        """The ends of the logs of runs that failed for a reason nobody expects."""
        strange = [run for run in self.look() if run.status == "failed" and not TRUE_REASONS.search(run.reason or "")]
        logs = [(run.id, self.room.store.run_folder(run.id) / "log.txt") for run in strange]
        return [f"{run_id}: {path.read_text(errors='replace')[-4000:]}" for run_id, path in logs if path.exists()]

    def _calm(self) -> None:
        for thread, release in self.threads:
            release.set()
            thread.join()
        self.threads.clear()
        self._due.clear()
        if self.disk is not None:
            self.disk.relieve()

    # Afterwards

    def _verify(self) -> None:
        service.ensure_supervisor(self.room.store)
        eventually(self._all_attempts_closed, "no attempt stays open")
        trained = self._trained()
        for run in self.look():
            assert run.status == ("cancelled" if run.id in self._given_up else "finished"), (run.status, run.reason)
            self._verify_curves(run)
            self._verify_attempts(run, [step for step in trained if step.run_id == run.id])

    def _all_attempts_closed(self) -> bool:
        with contextlib.suppress(ClpsError):
            service.ensure_supervisor(self.room.store)
        return not self.room.queue.open_attempts()

    def _verify_curves(self, run: Run) -> None:
        """Nothing lost, nothing doubled, nothing computed differently; who followed along holds the same."""
        twin, reader = self.twins[run.id], self.readers[run.id]
        reader.follow()
        curves = self.room.curves(run.id)
        assert reader.held == curves
        points, _cursor = self.room.store.metrics_after([run.id], 0)
        keys = [(point.split, point.name, point.step) for point in points if not point.forgets]
        assert len(keys) == len(set(keys))
        if run.status == "finished":
            assert (run.step, run.reason) == (STEPS, None)
            twin.assert_equal(self.room, run.id)
            assert {key[2] for key in keys if key[1] == "tokens_per_second"} == {
                key[2] for key in keys if key[:2] == ("train", "loss")
            }
        else:
            reached = max((step for _split, _name, step in curves), default=-1)
            assert curves.items() <= twin.curves.items()
            assert {key for key in twin.curves if key[2] < reached} <= curves.keys()

    def _verify_attempts(self, run: Run, trained: list[Trained]) -> None:
        """The rows tell one story after the other, and the witness saw the same processes in the same order."""
        a = schema.attempt.c
        columns = (a.number, a.pid, a.created, a.outcome, a.ended_at)
        with self.room.store.reading() as connection:
            rows = connection.execute(sa.select(*columns).where(a.run_id == run.id).order_by(a.number)).all()
        assert [row.number for row in rows] == list(range(1, run.attempts + 1))
        assert all(row.ended_at for row in rows)
        finished = [row.number for row in rows if row.outcome == "finished"]
        assert finished == ([run.attempts] if run.status == "finished" else [])
        claimed = [row.pid for row in rows if row.pid is not None]
        assert in_order([step.pid for step in trained], claimed), (run.id, claimed)
        assert all(after.step == before.step + 1 for before, after in pairwise(trained) if after.pid == before.pid)
        if run.status == "finished":
            assert {step.step for step in trained} == set(range(STEPS))

    def _trained(self) -> list[Trained]:
        """All steps of all processes, in the order in which they happened."""
        lines = [line.split() for line in self.witness.read_text().splitlines()] if self.witness.exists() else []
        steps = [Trained(run_id, int(pid), int(step), int(at)) for run_id, pid, step, at in lines]
        return sorted(steps, key=lambda step: step.at)


def in_order(seen: list[int], claimed: list[int]) -> bool:
    """Whether each process trained in one piece, and they followed each other as they claimed the run."""
    pieces = [pid for place, pid in enumerate(seen) if place == 0 or seen[place - 1] != pid]
    rest = iter(claimed)
    return all(pid in rest for pid in pieces)
