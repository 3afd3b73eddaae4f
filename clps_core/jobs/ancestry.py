"""What was trained before a fork's first step, back to a training from scratch. No torch here. Start at ancestry.

A fork begins at step 0, but not from nothing. What was spent on its weights it notes when it is queued, and that note
counts, whatever becomes of its ancestors. A fork of an earlier version noted nothing: then the weights that it began
with tell, else its parent as it is now.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clps_core.analysis.steps import operations_per_step, tokens_per_step
from clps_core.jobs.keeping import START, weights_file
from clps_core.jobs.provenance import header_facts
from clps_core.store import Run, Store

__all__ = ["Ancestry", "Stage", "ancestry", "ancestry_text", "as_plain", "spent_on", "weights_step"]

MOST_STAGES = 200
"""Forks of forks that are followed: no more than this, whatever a store says."""


@dataclass(frozen=True)
class Stage:
    """One training that a fork builds on: the first ``steps`` steps of a run, whose ``which`` weights were taken.

    ``run`` is ``None`` where it has been deleted; ``run_id`` and ``name`` may still be known. ``seconds`` is its
    training time, ``tokens`` and ``flops`` are those of its steps, padding included, as the axes of the curves count
    them. What nothing tells any more is ``None``; ``which`` is empty.
    """

    run: Run | None
    run_id: str | None
    name: str
    which: str
    steps: int | None = None
    seconds: float | None = None
    tokens: int | None = None
    flops: float | None = None

    @property
    def known(self) -> bool:
        """Whether its length is known."""
        return self.steps is not None and self.seconds is not None


@dataclass(frozen=True)
class Ancestry:
    """All that was trained before a run's first step, the nearest stage first; empty for a run from scratch.

    ``whole``: every stage is known. Where it is not, the sums are what is known at least.
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

    @property
    def tokens(self) -> int:
        """Tokens that were read before, padding included."""
        return sum(stage.tokens or 0 for stage in self.stages)

    @property
    def flops(self) -> float:
        """Training operations that were done before, padding included."""
        return sum(stage.flops or 0.0 for stage in self.stages)


def ancestry(store: Store, run: Run) -> Ancestry:
    """What ``run`` builds on; nothing for a run that is no fork."""
    stages: list[Stage] = []
    child, seen = run, {run.id}
    while child.start_from and len(stages) < MOST_STAGES:
        if child.ancestry_text:
            noted, whole = _noted(store, child)
            return Ancestry((*stages, *noted), whole and all(stage.known for stage in stages))
        parent = _parent(store, child)
        stages.append(_stage(child.start_from, parent, *_taken(store, child, parent)))
        if parent is None or parent.id in seen:
            return Ancestry(tuple(stages), whole=False)
        child = parent
        seen.add(parent.id)
    return Ancestry(tuple(stages), not child.start_from and all(stage.known for stage in stages))


def spent_on(store: Store, parent: Run, which: str) -> Ancestry:
    """The ancestry of a fork that would begin with the ``which`` weights of ``parent`` as they are now."""
    step = weights_step(store, parent, which)
    own = _stage(which, parent, step, _seconds(store, parent, step))
    before = ancestry(store, parent)
    return Ancestry((own, *before.stages), own.known and before.whole)


def weights_step(store: Store, run: Run, which: str) -> int | None:
    """The step of the run's ``best`` or ``last`` weights; ``None`` where none are noted."""
    noted = store.artefacts(run.id, which)
    return noted[-1].step if noted else None


def as_plain(found: Ancestry) -> dict[str, Any]:
    """``found`` as plain data: ``ancestors`` that are known, and whether that is ``complete``."""
    known = [
        {
            "run_id": stage.run_id,
            "name": stage.name,
            "step": stage.steps,
            "seconds": stage.seconds,
            "tokens": stage.tokens,
            "flops": stage.flops,
            "which": stage.which,
        }
        for stage in found.stages
        if stage.known
    ]
    return {"ancestors": known, "complete": found.whole}


def ancestry_text(found: Ancestry) -> str:
    """``found`` as the store keeps it."""
    return json.dumps(as_plain(found), ensure_ascii=False, allow_nan=False)


def _noted(store: Store, child: Run) -> tuple[list[Stage], bool]:
    """What ``child`` noted when it was queued, and whether that is all."""
    noted = json.loads(child.ancestry_text or "{}")
    ids = [one["run_id"] for one in noted["ancestors"]]
    there = {run.id: run for run in store.some_runs([*ids, *([child.parent_id] if child.parent_id else [])])}
    # Notes of earlier versions do not say which weights: the next descendant's own row does, while it is there.
    descendants: Sequence[Run | None] = [child, *(there.get(run_id) for run_id in ids)]
    stages = [
        Stage(
            there.get(one["run_id"]),
            one["run_id"],
            one["name"],
            one.get("which") or (descendant.start_from or "" if descendant else ""),
            one["step"],
            one["seconds"],
            one["tokens"],
            one["flops"],
        )
        for one, descendant in zip(noted["ancestors"], descendants, strict=False)
    ]
    whole = bool(noted["complete"])
    if not whole and (not ids or (child.parent_id is not None and child.parent_id != ids[0])):
        parent = there.get(child.parent_id or "")  # of which nobody knew how far it had come
        stages.insert(0, _stage(child.start_from or "", parent, None, None))
    return stages, whole


def _stage(which: str, run: Run | None, steps: int | None, seconds: float | None) -> Stage:
    if run is None:
        return Stage(None, None, "", which, steps, seconds)
    if steps is None:
        return Stage(run, run.id, run.name, which)
    config = run.config
    tokens, flops = steps * tokens_per_step(config), steps * operations_per_step(config)
    return Stage(run, run.id, run.name, which, steps, seconds, tokens, flops)


def _parent(store: Store, child: Run) -> Run | None:
    found = store.some_runs([child.parent_id] if child.parent_id else [], places=False)
    return found[0] if found else None


def _taken(store: Store, child: Run, parent: Run | None) -> tuple[int | None, float | None]:
    """The parent's step and training time at which the weights were taken that ``child`` begins with."""
    facts = header_facts(weights_file(store, child.id, START))
    step, seconds = facts.get("step"), facts.get("seconds")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        step = weights_step(store, parent, child.start_from or "") if parent else None
        return step, _seconds(store, parent, step)
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < float("inf"):
        return step, float(seconds)
    return step, _seconds(store, parent, step)  # the best weights do not say when they were written


def _seconds(store: Store, run: Run | None, step: int | None) -> float | None:
    """Training time of ``run`` up to ``step``."""
    if run is None or step is None:
        return None
    if step >= run.step:
        return run.seconds
    found = store.seconds_at(run.id, step)
    return run.seconds * step / run.step if found is None else found
