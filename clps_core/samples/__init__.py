"""The ready comparisons that ship with the project, and what a new home starts with.

``prepare`` is for a home without runs: it brings in the finished runs of ``runs/`` (made by this
engine with ``python -m clps_core.samples.make``), so that curves and attention are there at minute
zero, and queues the first of the comparisons, which trains while people look.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from clps_core.jobs import service
from clps_core.samples.ready import READY, Ready, ready_named
from clps_core.samples.shipped import RUNS_FOLDER, sample_folder
from clps_core.samples.stories import title_of
from clps_core.store import Run, Store, shelf
from clps_core.words import _, in_english

__all__ = [
    "READY",
    "RUNS_FOLDER",
    "Ready",
    "install",
    "prepare",
    "queue_ready_comparison",
    "ready_named",
    "sample_folders",
]


def prepare(store: Store) -> bool:
    """Fill an empty store; returns whether it was empty. Runs that people deleted do not come back."""
    if store.runs(limit=1):
        return False
    install(store)
    queue_ready_comparison(store)
    return True


def install(store: Store, ready: Iterable[Ready] = READY) -> list[Run]:
    """Bring the finished runs of ``ready`` into the store, pinned to Start; doing it again changes nothing."""
    found: list[Run] = []
    for one in ready:
        before = {comparison.id for comparison in store.comparisons()}
        with in_english():  # whoever installs them: the same comparison again
            title = title_of(one)
        runs = [service.import_run(store, sample_folder(run_id), comparison=title) for run_id in one.run_ids()]
        for comparison_id in {run.comparison_id for run in runs if run.comparison_id} - before:
            shelf.pin_comparison(store, comparison_id, True)
        found += runs
    return found


def sample_folders() -> list[Path]:
    """The exported runs that ship with the project, in the order in which they are shown."""
    return [sample_folder(run_id) for one in READY for run_id in one.run_ids()]


def queue_ready_comparison(store: Store) -> list[Run]:
    """Queue one seed of the first ready comparison: the same designs, data and sizes as those that ship."""
    first = READY[0]
    name = _("First comparison: two-hop lookup")
    return service.submit(store, first.configs(first.seeds[:1]), name, ready=True)
