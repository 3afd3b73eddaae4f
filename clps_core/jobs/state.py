"""What the queue and its supervisor are doing, in figures and in words. Start at queue_state."""

from __future__ import annotations

from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.jobs import processes
from clps_core.jobs.settings import disk_floor, nearly_full
from clps_core.jobs.shares import Shares
from clps_core.jobs.slots import plan_slots
from clps_core.store import Run, Store
from clps_core.store.queue import Queue
from clps_core.words import _, ngettext

__all__ = ["QueueState", "SupervisorStatus", "estimated_starts", "queue_state", "supervisor_status"]


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
class QueueState:
    """``running`` and ``waiting`` runs, and ``words``: what the waiting ones wait for.

    ``held``: nothing will start, however many slots are free, until a person does something about it.
    """

    running: int
    waiting: int
    held: bool
    words: str


def supervisor_status(store: Store) -> SupervisorStatus:
    """What the supervisor does; where none is up, what one would do. Takes well under a millisecond or two."""
    facts = processes.SupervisorLock(store.home).holder()
    busy = len(Queue(store).open_attempts())
    try:
        full = nearly_full(store.home, _floor(facts))
        if facts:
            reason = full or facts["reason"]
            return SupervisorStatus(True, facts["pid"], facts["slots"], busy, facts["threads"], reason)
        slots = plan_slots()
    except ConfigError as error:
        return SupervisorStatus(False, None, 0, busy, 0, str(error))
    return SupervisorStatus(facts is not None, None, slots.count, busy, slots.threads, full or slots.reason)


def queue_state(store: Store) -> QueueState:
    """What waits, and why: for one line above a list of runs."""
    counts = store.counts()
    running, waiting = counts.get("running", 0), counts.get("queued", 0)
    facts = processes.SupervisorLock(store.home).holder()
    try:
        held = nearly_full(store.home, _floor(facts))
        slots = facts["slots"] if facts else plan_slots().count
    except ConfigError as error:
        return QueueState(running, waiting, True, str(error))
    if not waiting:
        return QueueState(running, 0, False, _("Nothing waits."))
    if held:
        return QueueState(running, waiting, True, held)
    waits = ngettext("{n} run waits.", "{n} runs wait.", waiting)
    if running >= slots:
        taken = ngettext("The only slot is taken.", "All {n} slots are taken.", slots)
        return QueueState(running, waiting, False, f"{waits} {taken}")
    queued = sorted(store.runs(status="queued"), key=lambda run: run.queue_position or 0)
    shares = Shares.of(store)
    reasons = [run.reason if run.not_before is not None else shares.why_not(run) for run in queued]
    why = reasons[0] if reasons and all(reasons) else _("The next one starts in a moment.")
    return QueueState(running, waiting, False, f"{waits} {why}")


def _floor(facts: dict[str, object] | None) -> int:
    """The supervisor's own limit, or the one it would have."""
    known = (facts or {}).get("disk_floor")
    return known if isinstance(known, int) else disk_floor()


def estimated_starts(store: Store) -> dict[str, float]:
    """Queued run -> seconds until it probably starts; empty while no speed is known yet.

    A queued run is expected to take as many seconds a step as the running ones do.
    """
    runs = store.runs(status=("running", "queued"))
    paces = [run.seconds / run.step for run in runs if run.status == "running" and run.step and run.seconds]
    if not paces:
        return {}
    usual = sum(paces) / len(paces)
    free_at = sorted(_left(run, usual) for run in runs if run.status == "running")
    slots = max(supervisor_status(store).slots, len(free_at), 1)
    free_at = [0.0] * (slots - len(free_at)) + free_at
    found = {}
    for run in sorted((run for run in runs if run.status == "queued"), key=lambda run: run.queue_position or 0):
        free_at.sort()
        found[run.id] = free_at[0]
        free_at[0] += (run.steps - run.step) * usual
    return found


def _left(run: Run, usual: float) -> float:
    """Seconds that a running run still needs."""
    return (run.steps - run.step) * (run.seconds / run.step if run.step else usual)
