"""What the queue and its supervisor are doing, in figures and in words. Start at queue_state."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from clps_core.errors import ConfigError
from clps_core.jobs import processes
from clps_core.jobs.settings import disk_floor, nearly_full
from clps_core.jobs.shares import Shares
from clps_core.jobs.slots import choose_slots
from clps_core.store import Store
from clps_core.store.queue import Queue
from clps_core.store.records import ActiveJob
from clps_core.timing import seconds_left
from clps_core.words import _, ngettext, sentences

__all__ = ["QueueState", "SupervisorStatus", "Turn", "queue_state", "supervisor_status"]


@dataclass(frozen=True)
class SupervisorStatus:
    """Who hands out the work: ``busy`` of ``slots`` are taken, each run gets ``threads_per_slot`` CPU threads."""

    running: bool
    pid: int | None
    slots: int
    busy: int
    threads_per_slot: int
    reason: str


@dataclass(frozen=True)
class Turn:
    """Where a waiting job stands: its place, why it has not started yet, and when it may.

    ``cause``: ``disk`` (nothing starts here), ``full`` (visitors' files take all they may), ``share`` (others of its
    owner run), ``pause`` (it waits one out),
    ``slot`` (all are taken) or ``now``; ``why`` says it in a sentence. ``starts_in``: seconds until it probably
    starts, ``None`` where that cannot be said.
    """

    run: ActiveJob
    cause: str
    why: str
    starts_in: float | None

    @property
    def place(self) -> int:
        """1 for the next run to start."""
        return self.run.place or 0


@dataclass(frozen=True)
class QueueState:
    """``running`` and ``waiting`` jobs, and ``words``: what the waiting ones wait for.

    ``held``: nothing will start, however many slots are free, until a person does something about it.
    ``turns``: waiting job -> where it stands, the next one first.
    """

    running: int
    waiting: int
    held: bool
    words: str
    turns: Mapping[str, Turn] = field(default_factory=dict)


def supervisor_status(store: Store) -> SupervisorStatus:
    """What the supervisor does; where none is up, what one would do."""
    facts = processes.SupervisorLock(store.home).holder()
    busy = len(Queue(store).open_attempts())
    try:
        full = nearly_full(store.home, _floor(facts))
        if facts:
            reason = full or facts["reason"]
            return SupervisorStatus(True, facts["pid"], facts["slots"], busy, facts["threads"], reason)
        slots = choose_slots()
    except ConfigError as error:
        return SupervisorStatus(False, None, 0, busy, 0, str(error))
    return SupervisorStatus(facts is not None, None, slots.count, busy, slots.threads, full or slots.reason)


def queue_state(store: Store) -> QueueState:
    """What waits, and why: for a line above a list of runs, and for each of them."""
    active = store.active_jobs()
    queued = [run for run in active if run.status == "queued"]
    running = len(active) - len(queued)
    facts = processes.SupervisorLock(store.home).holder()
    try:
        problem = nearly_full(store.home, _floor(facts)) or (facts or {}).get("problem")
        slots = facts["slots"] if facts else choose_slots().count
    except ConfigError as error:
        problem, slots = str(error), 0
    if not queued:
        return QueueState(running, 0, slots == 0, _("Nothing is waiting.") if slots else str(problem))
    turns = _turns(active, Shares.of(store), slots, problem)
    if problem:
        return QueueState(running, len(queued), True, problem, turns)
    waits = ngettext("{n} run is waiting.", "{n} runs are waiting.", len(queued))
    if not all(job.trains for job in queued):
        waits = ngettext("{n} run or evaluation is waiting.", "{n} runs and evaluations are waiting.", len(queued))
    if running >= slots:
        why = ngettext("The only slot is busy.", "All {n} slots are busy.", slots)
        why = _("Both slots are busy.") if slots == 2 else why
    elif any(turn.cause == "now" for turn in turns.values()):
        why = _("The next one starts in a moment.")
    else:
        why = turns[queued[0].id].why
    return QueueState(running, len(queued), False, sentences((waits, why)), turns)


def _floor(facts: dict[str, object] | None) -> int:
    """The supervisor's own limit, or the one it would have."""
    known = (facts or {}).get("disk_floor")
    return known if isinstance(known, int) else disk_floor()


def _turns(active: Sequence[ActiveJob], shares: Shares, slots: int, problem: str | None) -> dict[str, Turn]:
    """Each waiting run's turn; the first ones that nothing holds up get the free slots."""
    starts = {} if problem else _starts(active, slots)
    free = slots - sum(run.status == "running" for run in active)
    shares = replace(shares, busy=Counter(shares.busy))  # those that start now count
    turns = {}
    for run in (run for run in active if run.status == "queued"):
        if problem:
            turn = Turn(run, "disk", problem, None)
        elif share := shares.why_not(run):
            turn = Turn(run, "full" if share == shares.full else "share", share, None)
        elif run.not_before is not None:
            turn = Turn(run, "pause", run.reason or _("Waiting before the next retry."), None)
        elif free > 0:
            free -= 1
            shares.busy[run.owner] += 1
            turn = Turn(run, "now", _("Starting in a moment."), starts.get(run.id))
        else:
            turn = Turn(run, "slot", _("Waiting for a free slot."), starts.get(run.id))
        turns[run.id] = turn
    return turns


def _starts(active: Sequence[ActiveJob], slots: int) -> dict[str, float]:
    """Waiting job -> seconds until it probably starts; without those of which no speed that is known tells it.

    A waiting job is expected to take as many seconds a step as the running ones of its kind do.
    """
    running = [job for job in active if job.status == "running"]
    usual: dict[str, float] = {}
    for kind in {job.kind for job in running}:
        paces = [job.seconds / job.step for job in running if job.kind == kind and job.step and job.seconds]
        usual |= {kind: sum(paces) / len(paces)} if paces else {}
    if not usual:
        return {}
    free_at = [_left(job, usual) for job in running]
    free_at += [0.0] * (slots - len(free_at))
    heapq.heapify(free_at)
    found = {}
    for job in active:
        if job.status == "queued" and free_at[0] < math.inf:
            found[job.id] = free_at[0]
            heapq.heapreplace(free_at, free_at[0] + _left(job, usual))
    return found


def _left(job: ActiveJob, usual: Mapping[str, float]) -> float:
    """Seconds that a job still needs on its slot; infinite where nobody knows."""
    left = seconds_left(job, usual.get(job.kind))
    return math.inf if left is None else left
