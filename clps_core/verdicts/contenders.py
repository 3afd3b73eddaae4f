"""Designs as they meet: runs that differ in nothing but seeds and fold, with their scores. Start at contenders."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clps_core.jobs.provenance import circumstances
from clps_core.store import Run, Store
from clps_core.store.designs import REPLICATES, by_design, config_table
from clps_core.sweeps.results import ended_early, replicate_of

__all__ = ["Contender", "Pair", "contenders"]

MEASURED_ON = ("train.eval_examples",)
"""Fields besides those of the data that decide on which examples a run is scored."""

Pair = tuple[Run, Run]


@dataclass(frozen=True)
class Contender:
    """One design. ``bests``: run id -> its best validation; ``tests``: run id -> its test score, where it has one.

    ``prints``: the fingerprints of the data its runs were trained with, as far as they are noted.
    """

    key: str
    runs: tuple[Run, ...]
    bests: Mapping[str, float]
    tests: Mapping[str, float]
    prints: frozenset[str]

    @property
    def run(self) -> Run:
        """One of the runs, for what they have in common."""
        return self.runs[0]

    @cached_property
    def complete(self) -> tuple[Run, ...]:
        """Those that trained to their last step and have a score."""
        return tuple(
            run for run in self.runs if run.status == "finished" and not ended_early(run) and run.id in self.bests
        )

    @cached_property
    def data(self) -> dict[str, object]:
        """What it is trained and scored on, but for seeds and fold."""
        return {
            name: value
            for name, value in config_table(self.run).items()
            if (name.startswith("data.") and name not in REPLICATES) or name in MEASURED_ON
        }

    @cached_property
    def replicates(self) -> dict[tuple[object, ...], Run]:
        """Its complete runs by seed, data seed and fold; of several alike the first."""
        return {replicate_of(run): run for run in reversed(self.complete)}

    @property
    def begins_with(self) -> tuple[str | None, str | None]:
        """Whose weights its runs begin with, and which; nothing for runs from scratch."""
        if not self.run.start_from:
            return None, None
        return self.run.parent_id or self.run.id, self.run.start_from

    def pairs(self, other: Contender) -> list[Pair]:
        """Its complete runs with those of ``other`` that have the same seed, data seed and fold."""
        theirs = other.replicates
        return [(run, theirs[place]) for place, run in reversed(self.replicates.items()) if place in theirs]


def contenders(
    store: Store,
    runs: Sequence[Run],
    bests: Mapping[str, float] | None = None,
    tests: Mapping[str, float] | None = None,
) -> list[Contender]:
    """The designs of ``runs``, which are of one task, in the order of the first run of each.

    ``bests`` and ``tests``: the best validation and the test score of the runs that have one, where they are known.
    """
    if bests is None:
        bests = {run_id: value for run_id, (_step, value) in store.bests(runs).items()}
    tests = _tests(store, runs) if tests is None else tests
    return [
        Contender(
            key,
            tuple(members),
            {run.id: bests[run.id] for run in members if run.id in bests},
            {run.id: tests[run.id] for run in members if run.id in tests},
            frozenset(_prints(store, members)),
        )
        for key, members in by_design(runs).items()
    ]


def _tests(store: Store, runs: Sequence[Run]) -> dict[str, float]:
    scores = store.final_scores([run.id for run in runs if run.status == "finished"])
    metrics = {run.id: run.facts.metric for run in runs}
    found = {run_id: score.values.get(metrics[run_id], math.nan) for run_id, score in scores.items()}
    return {run_id: value for run_id, value in found.items() if math.isfinite(value)}


def _prints(store: Store, runs: Iterable[Run]) -> Iterable[str]:
    for run in runs:
        if run.status == "finished" and (found := _print(store, store.run_folder(run.id), run)):
            yield found


_KEPT: dict[Path, str] = {}
MOST_KEPT = 20_000


def _print(store: Store, folder: Path, run: Run) -> str:
    """The fingerprint of its data, read once: a finished run's never changes."""
    if folder not in _KEPT:
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        _KEPT[folder] = circumstances(store, run).get("data", "")
    return _KEPT[folder]
