"""``clps doctor``: what this machine has, what would be used and why, what goes on. Start at examine.

The facts are those of the System page (``jobs/overview.py``), and what torch says beside them.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from clps_core.cli.dashboard import other_people
from clps_core.cli.output import print_json, print_lines, size
from clps_core.config import build_config, resolve
from clps_core.errors import ClpsError
from clps_core.jobs.overview import Overview, Slot, overview, versions
from clps_core.policy import read_policy
from clps_core.store import default_home, open_store
from clps_core.tasks import TASKS
from clps_core.words import _

__all__ = ["examine"]


def examine(*, as_json: bool) -> None:
    """Print the findings; exit code 2 where the store cannot be used."""
    found = {"versions": versions(), "machine": _machine(), "training": _training(), "tasks": _tasks(), **_store()}
    if as_json:
        print_json(found)
    else:
        for part, facts in found.items():
            print_lines(part)
            for name, value in _lines(facts):
                print_lines(f"  {name.removesuffix('_bytes'):20} {_shown(name, value)}")
    if not found["store"]["usable"]:
        import typer

        raise typer.Exit(2)


def _lines(facts: dict[str, Any] | list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """A part's facts by name; those of a list (slots, queue) by their number."""
    if isinstance(facts, dict):
        return list(facts.items())
    return [(str(one["number"]), "  ".join(str(value) for value in list(one.values())[1:] if value)) for one in facts]


def _shown(name: str, value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{amount} {key}" for key, amount in value.items()) or "0"
    if isinstance(value, int) and name.endswith("_bytes"):
        return size(value)
    return "" if value is None else str(value)


def _machine() -> dict[str, Any]:
    memory = psutil.virtual_memory()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": allowed,
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "executable": sys.executable,
        "other_accounts": ", ".join(other_people()) or None,
    }


def _training() -> dict[str, Any]:
    """Device, precision, threads, slots: what a run started now would get."""
    found: dict[str, Any] = {}
    try:
        from clps_core.jobs.slots import choose_slots

        slots = choose_slots()
        found |= {"slots": slots.count, "threads_per_slot": slots.threads, "why_slots": slots.reason}
        # Last: it imports torch, and what is known without it should be shown even where torch is broken.
        from clps_core.training.device import choose

        chosen = choose(resolve(build_config({})).config, slots.threads)
        found |= {
            "device": str(chosen.device),
            "precision": chosen.precision,
            "threads": chosen.threads,
            "why": chosen.reason,
        }
    except ClpsError as error:
        found["problem"] = str(error)
    return found


def _tasks() -> dict[str, str]:
    """The installed tasks by name; of one that cannot be used, the sentence why."""
    found: dict[str, str] = {}
    for name in TASKS:
        try:
            found[name] = TASKS.usual(name).title
        except ClpsError as error:
            found[name] = str(error)
    return found | dict(TASKS.problems)


def _store() -> dict[str, Any]:
    """The store and what goes on in it: what the System page shows."""
    home = default_home()
    found: dict[str, Any] = {
        "home": str(home),
        "from": "CLPS_HOME" if os.environ.get("CLPS_HOME") else _("default"),
        "usable": False,
    }
    try:
        with closing(open_store()) as store:
            seen = overview(store)
    except ClpsError as error:
        return {"store": found | {"problem": str(error)}}
    facts = seen.store
    found |= {
        "usable": True,
        "database": facts.database,
        "schema_version": facts.schema_version,
        "size_bytes": facts.size,
        "runs": facts.statuses,
        "disk_free_bytes": seen.disk.free,
        "disk_floor_bytes": seen.disk.floor,
        "busy": seen.busy,
        "policy": _policy(home),
    }
    if problem := seen.disk.problem or seen.supervisor.problem:
        found["problem"] = problem
    return {
        "store": found,
        "supervisor": _supervisor(seen),
        "slots": [_slot(slot) for slot in seen.slots],
        "queue": [
            {"number": one.place, "run": one.run.id, "name": one.run.name, "why": one.why} for one in seen.waiting
        ],
    }


def _policy(home: Path) -> str:
    """The mode, or why there is none."""
    try:
        return read_policy(home).mode
    except ClpsError as error:
        return str(error)


def _supervisor(seen: Overview) -> dict[str, Any]:
    """``state`` in words; ``starts``: how often one started in this home."""
    one = seen.supervisor
    since = None if one.since is None else datetime.fromtimestamp(one.since, UTC).isoformat(timespec="seconds")
    if one.pid is not None:
        state = _("running")
    elif one.problem:
        state = _("not running: it could not start")
    elif seen.busy or seen.waiting:
        state = _("not running: the dashboard, or any command such as 'clps runs', starts it")
    else:
        state = _("starts with the next run")
    return {"state": state, "pid": one.pid, "since": since, "starts": one.starts}


def _slot(slot: Slot) -> dict[str, Any]:
    """``run`` is its id, ``None`` for a free slot."""
    place = _("GPU {gpu}", gpu=slot.gpu) if slot.gpu is not None else _("CPU")
    facts: dict[str, Any] = {"number": slot.number + 1, "on": place, "threads": slot.threads, "host": slot.host}
    run = slot.run
    return facts | {"run": run.id if run else None, "name": run.name if run else _("free")}
