"""What a run's numbers rest on besides its config: the weights a fork begins with, versions, device. No torch here.

Start at ``ancestry``. Files in a run's folder may have been put there by anybody: what is no regular file of a
sensible size says nothing.
"""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clps_core.errors import NotFoundError
from clps_core.jobs.keeping import START, weights_file
from clps_core.store import Run, Store
from clps_core.store.ancestry import ancestry as ancestry_when_queued

__all__ = ["Ancestry", "Stage", "ancestry", "circumstances"]

MOST_ANCESTORS = 64
MOST_HEADER_BYTES = 16 * 2**20
MOST_FACTS_BYTES = 64 * 2**10
HEADER_KEY = "clps"
"""As in ``training/checkpoint.py``, which needs torch."""


@dataclass(frozen=True)
class Stage:
    """One training that a fork builds on: the first ``steps`` steps of ``run``, whose ``which`` weights were taken.

    ``run`` is ``None`` where it has been deleted. ``steps`` and ``seconds`` are ``None`` where nothing tells them any
    more: the weights were pruned.
    """

    run: Run | None
    which: str
    steps: int | None
    seconds: float | None


@dataclass(frozen=True)
class Ancestry:
    """All that was trained before a run's first step, the nearest stage first; empty for a run from scratch.

    ``whole``: every stage is known. Where it is not, ``steps`` and ``seconds`` are what is known at least.
    """

    stages: tuple[Stage, ...] = ()
    whole: bool = True

    @property
    def steps(self) -> int:
        """Steps before the run's own."""
        return sum(stage.steps or 0 for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Training time before the run's own, in seconds."""
        return sum(stage.seconds or 0.0 for stage in self.stages)


def ancestry(store: Store, run: Run) -> Ancestry:
    """What ``run`` builds on, back to a training from scratch."""
    stages: list[Stage] = []
    child, seen = run, {run.id}
    while child.start_from and len(stages) < MOST_ANCESTORS:
        parent = _parent(store, child)
        noted = ancestry_when_queued(child)  # a fork of an earlier version noted nothing: then its weights tell
        own = noted.ancestors[0] if noted.ancestors else None
        steps, seconds = (own.step, own.seconds) if own is not None else _taken(store, child, parent)
        stages.append(Stage(parent, child.start_from, steps, seconds))
        if parent is None or parent.id in seen:
            return Ancestry(tuple(stages), whole=noted.complete and len(noted.ancestors) == 1)
        child = parent
        seen.add(parent.id)
    whole = not child.start_from and all(one.steps is not None and one.seconds is not None for one in stages)
    return Ancestry(tuple(stages), whole)


def _parent(store: Store, child: Run) -> Run | None:
    try:
        return store.run(child.parent_id) if child.parent_id else None
    except NotFoundError:
        return None


def _taken(store: Store, child: Run, parent: Run | None) -> tuple[int | None, float | None]:
    """The parent's step and training time at which the weights were taken that ``child`` begins with."""
    facts = _header_facts(weights_file(store, child.id, START))
    step, seconds = facts.get("step"), facts.get("seconds")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        return None, None
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < float("inf"):
        return step, float(seconds)
    if parent is None:
        return step, None
    # The best weights do not say when they were written, but they are those of an evaluation.
    points = [point for point in store.curve(parent.id, "validation", "loss") if point.step <= step]
    return step, points[-1].seconds if points else 0.0 if step == 0 else None


def circumstances(store: Store, run: Run) -> dict[str, str]:
    """Versions, machine, data and device of ``run``, as far as it has begun and they are known."""
    folder = store.run_folder(run.id)
    found = {name: value for name, value in _facts(folder / "versions.json").items() if isinstance(value, str)}
    placement = _facts(folder / "plan.json")
    found |= {name: str(placement[name]) for name in ("device", "precision", "threads") if name in placement}
    return {name: value[:200] for name, value in found.items()}


def _facts(path: Path) -> Mapping[str, Any]:
    return _object(_beginning(path, MOST_FACTS_BYTES))


def _header_facts(path: Path) -> Mapping[str, Any]:
    """The facts in the header of a checkpoint, without its tensors; empty where there are none."""
    start = _beginning(path, 8)
    size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 0 < size <= MOST_HEADER_BYTES:
        return {}
    about = _object(_beginning(path, 8 + size)[8:]).get("__metadata__")
    text = about.get(HEADER_KEY) if isinstance(about, dict) else None
    facts = _object(text.encode()).get("facts") if isinstance(text, str) else None
    return facts if isinstance(facts, dict) else {}


def _beginning(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a regular file; nothing of a link, a pipe or what is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(size) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        except OSError:
            return b""


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
