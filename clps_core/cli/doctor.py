"""``clps doctor``: what this machine has, what would be used, and why. Start at examine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from typing import Any

import psutil

from clps_core import __version__
from clps_core.cli.output import print_json, print_lines, size
from clps_core.config import build_config, resolve
from clps_core.errors import ClpsError
from clps_core.words import _

__all__ = ["examine"]

PACKAGES = (
    "torch",
    "streamlit",
    "numpy",
    "pandas",
    "pydantic",
    "sqlalchemy",
    "safetensors",
    "tokenizers",
    "bertviz",
    "datasets",
)


def examine(*, as_json: bool) -> None:
    """Print the findings; exit code 2 where the store cannot be used."""
    found = {"versions": _versions(), "machine": _machine(), "training": _training(), "store": _store()}
    if as_json:
        print_json(found)
    else:
        for part, facts in found.items():
            print_lines(part)
            for name, value in facts.items():
                print_lines(f"  {name.removesuffix('_bytes'):20} {_shown(name, value)}")
    if not found["store"]["usable"]:
        import typer

        raise typer.Exit(2)


def _shown(name: str, value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{amount} {key}" for key, amount in value.items()) or "0"
    if isinstance(value, int) and name.endswith("_bytes"):
        return size(value)
    return "" if value is None else str(value)


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = {"clps": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _machine() -> dict[str, Any]:
    memory = psutil.virtual_memory()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": allowed,
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "executable": sys.executable,
    }


def _training() -> dict[str, Any]:
    """Device, precision, threads, slots: what a run started now would get."""
    found: dict[str, Any] = {}
    try:
        from clps_core.jobs.slots import plan_slots

        slots = plan_slots()
        found |= {"slots": slots.count, "threads_per_slot": slots.threads, "why_slots": slots.reason}
        # Last: it imports torch, and what is known without it should be shown even where torch is broken.
        from clps_core.training.device import choose

        chosen = choose(resolve(build_config({})), slots.threads)
        found |= {
            "device": str(chosen.device),
            "precision": chosen.precision,
            "threads": chosen.threads,
            "why": chosen.reason,
        }
    except ClpsError as error:
        found["problem"] = str(error)
    return found


def _store() -> dict[str, Any]:
    from clps_core.jobs import service
    from clps_core.store import default_home, open_store

    home = default_home()
    found: dict[str, Any] = {
        "home": str(home),
        "from": "CLPS_HOME" if os.environ.get("CLPS_HOME") else _("default"),
        "usable": False,
    }
    try:
        store = open_store()
    except ClpsError as error:
        return found | {"problem": str(error)}
    status = service.supervisor_status(store)
    found |= {
        "usable": True,
        "disk_free_bytes": shutil.disk_usage(store.home).free,
        "runs": store.counts(),
        "supervisor": _("running, process {pid}", pid=status.pid) if status.running else _("starts with the next run"),
        "busy": status.busy,
    }
    store.close()
    return found
