"""The small finished comparison that ships with the project, and what a new home starts with.

``prepare`` is for a home without runs: it brings in the finished runs of ``runs/`` (made by this
engine with ``python -m clps_core.samples.make``), so that curves and attention are there at minute
zero, and queues a comparison that trains while people look.
"""

from __future__ import annotations

from pathlib import Path

from clps_core.jobs import service
from clps_core.store import Run, Store, shelf
from clps_core.words import _

__all__ = ["READY_STRATEGIES", "RUNS_FOLDER", "install", "prepare", "queue_ready_comparison"]

RUNS_FOLDER = Path(__file__).parent / "runs"
READY_STRATEGIES = ("none", "all", "cycle")


def prepare(store: Store) -> bool:
    """Fill an empty store; returns whether it was empty. Runs that people deleted do not come back."""
    if store.runs(limit=1):
        return False
    install(store)
    queue_ready_comparison(store)
    return True


def install(store: Store) -> list[Run]:
    """Bring the finished runs of ``runs/`` into the store, pinned to Start; doing it again changes nothing."""
    title = _("Sample: dates, trained before")
    before = {comparison.id for comparison in store.comparisons()}
    runs = [service.import_run(store, folder, comparison=title) for folder in sample_folders()]
    for comparison_id in {run.comparison_id for run in runs if run.comparison_id} - before:
        shelf.pin_comparison(store, comparison_id, True)
    return runs


def sample_folders() -> list[Path]:
    """The exported runs that ship with the project, in the order they are shown."""
    return sorted(path.parent for path in RUNS_FOLDER.glob("*/run.json"))


def queue_ready_comparison(store: Store) -> list[Run]:
    """Queue none, all and cycle on ``dates``: same data, same seed, the task's default sizes."""
    configs = service.matched({"data": {"task": "dates"}}, READY_STRATEGIES, [0])
    return service.submit(store, configs, _("First comparison: dates"), ready=True)
