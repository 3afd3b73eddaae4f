"""What happens to the files of runs: kept, given to a fork, thrown away. No torch here. Start at prune.

Of a finished run ``last`` (weights and optimiser, three times the size of ``best``) only serves to go on from,
which a finished run never does; forks may begin with it, so it is kept until someone prunes.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from clps_core.errors import CheckpointError, ConfigError, JobError
from clps_core.files import open_regular
from clps_core.home import place_in_home
from clps_core.store import Run, Store
from clps_core.store.connection import sentences
from clps_core.training.saved import checkpoint_path
from clps_core.words import _

__all__ = [
    "START",
    "Pruned",
    "bring_weights",
    "check_nothing_vanished",
    "clear",
    "prune",
    "tidy",
    "weights_file",
]

START = "start"
"""The checkpoint that a fork begins with, in its own folder: its parent may be deleted."""
ONLY_TO_GO_ON = ("last", "previous", "damaged", START)
SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Pruned:
    """A run that lost its ``last`` checkpoint, and the bytes that this freed."""

    id: str
    name: str
    freed: int


def weights_file(store: Store, run_id: str, name: str) -> Path:
    """Where a checkpoint of the run lies: ``best``, ``last``, ``previous``, or ``start``."""
    return checkpoint_path(store.run_folder(run_id), name)


def tidy(store: Store, run_id: str) -> None:
    """Delete what only guarded a run against being killed, once it has finished."""
    with contextlib.suppress(OSError):
        for name in ("previous", "damaged"):
            weights_file(store, run_id, name).unlink(missing_ok=True)


def prune(store: Store, days: float, *, dry_run: bool = False) -> list[Pruned]:
    """Delete what finished runs of more than ``days`` days ago kept to go on from; their best weights stay.

    A run without best weights is left alone. ``dry_run`` only says what would be freed.
    """
    if not 0 <= days <= 36_500:
        raise ConfigError(_("days must be a number from 0 to 36500. Got {got:g}.", got=days))
    before = store.clock() - days * SECONDS_A_DAY
    found = []
    for run in store.runs(status="finished", limit=1_000_000):
        if (run.finished_at or before) >= before or not weights_file(store, run.id, "best").is_file():
            continue
        paths = [path for name in ONLY_TO_GO_ON if (path := weights_file(store, run.id, name)).is_file()]
        with sentences(store.home):
            freed = sum(path.stat().st_size for path in paths)
            if paths and not dry_run:
                store.forget_artefacts(run.id, "last")
                for path in paths:
                    path.unlink(missing_ok=True)
        if paths:
            found.append(Pruned(run.id, run.name, freed))
    return found


def bring_weights(store: Store, parent: Run, which: str, run_id: str) -> None:
    """Copy the parent's weights into the folder of a run that is about to be queued.

    Raises ``JobError`` where the parent has none, ``StoreError`` where the disk is full.
    """
    source, target = weights_file(store, parent.id, which), weights_file(store, run_id, START)
    if not source.is_file():
        other = "last" if which == "best" else "best"
        raise JobError(
            _(
                "{parent} has no {which} weights to fork: they were deleted to free space, or the run has not saved "
                "any yet. Use the {other} weights, or wait.",
                parent=parent.id,
                which=which,
                other=other,
            )
        )
    with sentences(store.home):
        store.run_folder(run_id).mkdir(mode=0o700)
        target.parent.mkdir()
        with open_regular(store.run_folder(parent.id), "checkpoints", source.name) as start, target.open("xb") as copy:
            shutil.copyfileobj(start, copy, 1 << 20)


def check_nothing_vanished(store: Store, run: Run) -> None:
    """A run that must have had a checkpoint, or a fork its parent's weights, must not silently begin from nothing."""
    had = store.artefacts(run.id, "last")
    if had:
        raise CheckpointError(
            _(
                "the run's checkpoint of step {step} is missing from {folder}. Put it back and resume the run, or "
                "start it again from the beginning: clps runs retry {run_id} --anew",
                step=had[-1].step,
                folder=place_in_home(had[-1].path.parent),
                run_id=run.id,
            )
        )
    if run.start_from and not weights_file(store, run.id, START).is_file():
        raise CheckpointError(
            _(
                "the weights this fork starts with are missing: {path}. Fork the parent again.",
                path=place_in_home(weights_file(store, run.id, START)),
            )
        )


def clear(store: Store, run_id: str) -> None:
    """Delete what the run has learned, to start it from step 0; its log and its parent's weights are kept.

    Raises ``JobError`` where a link leads elsewhere: who knows what else lies there.
    """
    folder = store.run_folder(run_id)
    if folder.is_symlink():
        raise JobError(
            _(
                "the run cannot start from the beginning: its folder is a link ({path}). Move its files back.",
                path=place_in_home(folder),
            )
        )
    keep = {"log.txt", "lock", f"{START}.safetensors"}
    with sentences(store.home):
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.name not in keep and (path.is_file() or path.is_symlink()):
                path.unlink(missing_ok=True)
