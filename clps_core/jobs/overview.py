"""What goes on here: slots, queue, supervisor, disk, store, versions. Plain facts, no torch. Start at overview.

The System page draws them and ``clps doctor`` prints them. Nothing is guessed: what only a run can find out
(which precision a GPU computes in, say) is taken from the newest run that worked here.
"""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from clps_core import __version__
from clps_core.errors import ConfigError
from clps_core.jobs import processes
from clps_core.jobs.logs import why_not_started
from clps_core.jobs.settings import disk_floor, nearly_full
from clps_core.jobs.slots import choose_slots
from clps_core.jobs.state import Turn, queue_state
from clps_core.store import Job, Run, Store, schema
from clps_core.store.connection import DATABASE_FILE
from clps_core.store.queue import Queue
from clps_core.words import _

__all__ = ["PACKAGES", "Disk", "Overview", "Slot", "StoreFacts", "Supervisor", "overview", "versions"]

PACKAGES = ("torch", "streamlit", "numpy", "pandas", "pydantic", "sqlalchemy", "safetensors", "tokenizers", "bertviz")
MORE_PACKAGES = ("datasets", "transformers", "psycopg")


@dataclass(frozen=True)
class Slot:
    """One job at a time; ``gpu`` is ``None`` on the CPU. ``run`` works in it now."""

    number: int
    gpu: str | None
    threads: int
    run: Job | None
    host: str


@dataclass(frozen=True)
class Supervisor:
    """``pid`` is ``None`` while none is up. ``starts``: how often one started in this home, if that is known."""

    pid: int | None
    since: float | None
    starts: int | None
    problem: str | None


@dataclass(frozen=True)
class Disk:
    """Bytes of the disk that holds the home: with less than ``floor`` of them ``free``, no run starts."""

    total: int
    free: int
    floor: int
    problem: str | None


@dataclass(frozen=True)
class StoreFacts:
    """``database`` is the kind, never the address. ``size`` in bytes is known for SQLite only."""

    home: Path
    database: str
    size: int | None
    schema_version: int
    statuses: dict[str, int]


@dataclass(frozen=True)
class Overview:
    """The whole state at one moment; ``slots_reason`` explains the number of slots in a sentence."""

    slots: tuple[Slot, ...]
    waiting: tuple[Turn, ...]
    supervisor: Supervisor
    disk: Disk
    store: StoreFacts
    slots_reason: str
    last_run: Run | None

    @property
    def busy(self) -> int:
        """Slots with a run."""
        return sum(slot.run is not None for slot in self.slots)


def overview(store: Store) -> Overview:
    """The facts of ``store`` and of this machine; raises ``StoreError`` where the store cannot be read.

    Settings that nothing could work with (``CLPS_SLOTS=many``) are told as the supervisor's problem.
    """
    lock = processes.SupervisorLock(store.home)
    facts = lock.holder()
    count, threads, gpus, reason, problem = _known_slots(facts)
    slots = _slots(store, count, threads, gpus)
    disk = _disk(store.home, facts)
    waiting = tuple(queue_state(store).turns.values())
    starts = lock.last_words().get("starts")
    if problem is None and facts is None and waiting:
        problem = _refused(store.home)
    supervisor = Supervisor(
        pid=facts.get("pid") if facts else None,
        since=facts.get("created") if facts else None,
        starts=starts if isinstance(starts, int) else None,
        problem=problem,
    )
    return Overview(slots, waiting, supervisor, disk, _store_facts(store), reason, _last_run(store))


def versions() -> dict[str, str | None]:
    """Of this project, Python and what it stands on; ``None`` for what is not installed."""
    found: dict[str, str | None] = {"clps": __version__, "python": platform.python_version()}
    return found | {name: _version(name) for name in (*PACKAGES, *MORE_PACKAGES)}


@lru_cache(maxsize=64)
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _refused(home: Path) -> str | None:
    """Why there is no supervisor though there is work, as far as the last one said so."""
    why = why_not_started(home / "supervisor.log")
    return None if why is None else _("the supervisor could not start, so no run can start: {why}", why=why)


def _known_slots(facts: dict[str, Any] | None) -> tuple[int, int, tuple[str, ...], str, str | None]:
    """Slots, threads of each, GPUs, why, and what is wrong: the supervisor's own, or what one would take."""
    if facts and facts.get("slots"):
        return facts["slots"], facts["threads"], tuple(facts.get("gpus", ())), facts["reason"], None
    try:
        slots = choose_slots()
    except ConfigError as error:
        return 0, 0, (), "", str(error)
    return slots.count, slots.threads, slots.gpus, slots.reason, None


def _slots(store: Store, count: int, threads: int, gpus: tuple[str, ...]) -> tuple[Slot, ...]:
    """The slots of this machine, and those of others that work on the same store."""
    active = {job.id: job for job in store.jobs(status="running")}
    here = processes.host_name()
    attempts = {(attempt.host, attempt.slot): attempt for attempt in Queue(store).open_attempts()}
    places = [(here, number) for number in range(count)]
    places += sorted(place for place in attempts if place not in places)
    found = []
    for host, number in places:
        attempt = attempts.get((host, number))
        run = active.get(attempt.run_id) if attempt else None
        gpu = gpus[number % len(gpus)] if gpus and host == here else None
        found.append(Slot(number, gpu, (run.threads if run else None) or threads, run, host))
    return tuple(found)


def _disk(home: Path, facts: dict[str, Any] | None) -> Disk:
    usage = shutil.disk_usage(home)
    floor = (facts or {}).get("disk_floor")
    try:
        known = floor if isinstance(floor, int) else disk_floor()
    except ConfigError as error:
        return Disk(usage.total, usage.free, 0, str(error))
    return Disk(usage.total, usage.free, known, nearly_full(home, known))


def _store_facts(store: Store) -> StoreFacts:
    with store.reading() as connection:
        version, kind = schema.version_of(connection), connection.dialect.name
    size = None
    if kind == "sqlite" and (store.home / DATABASE_FILE).exists():
        size = sum(path.stat().st_size for path in store.home.glob(f"{DATABASE_FILE}*"))
    return StoreFacts(store.home, kind, size, version, store.counts())


def _last_run(store: Store) -> Run | None:
    """The newest run that was trained on this machine, not brought in from elsewhere."""
    tried = store.runs(status=("running", "finished", "failed", "cancelled", "paused"), limit=200)
    own = (run for run in tried if run.device and not run.imported)
    return max(own, key=lambda run: run.started_at or 0.0, default=None)
