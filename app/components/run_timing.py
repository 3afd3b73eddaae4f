"""How long runs take: left, and before they are queued. No streamlit here. Start at Pace.

The best knowledge is the run itself; then runs of the same task on this machine, scaled by operations;
then operations alone at a rate measured once on a laptop-class core. What was used is always said.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig
from clps_core.store import Run, Store

__all__ = [
    "OPERATIONS_PER_SECOND",
    "Pace",
    "operations_per_step",
    "seconds_for_all",
    "seconds_left",
    "tokens_per_step",
]

OPERATIONS_PER_SECOND = 2.0e10
"""Training operations a second of one run where nothing was measured yet: a small model on one CPU core."""
MOST_RUNS_LOOKED_AT = 40
FEWEST_STEPS = 20


@dataclass(frozen=True)
class Pace:
    """Operations a second that runs of this machine reach; ``runs`` is how many were measured (0: a guess)."""

    operations_per_second: float
    runs: int

    @classmethod
    def of(cls, store: Store, task: str) -> Pace:
        """From the newest runs of ``task`` that got far enough here, not elsewhere; else the guess."""
        rates = []
        for run in store.runs(limit=400):
            if run.task != task or run.step < FEWEST_STEPS or run.seconds <= 0 or run.imported:
                continue
            rates.append(operations_per_step(run.config) * run.step / run.seconds)
            if len(rates) == MOST_RUNS_LOOKED_AT:
                break
        return cls(statistics.median(rates), len(rates)) if rates else cls(OPERATIONS_PER_SECOND, 0)

    def seconds(self, config: RunConfig) -> float:
        """What the whole of ``config`` takes."""
        return operations_per_step(config) * config.train.steps / self.operations_per_second


def operations_per_step(config: RunConfig) -> float:
    """Training operations of one step, padding included: comparable between runs of one task."""
    per_token, tokens = _per_example(config.model, config.sharing)
    return float(per_token) * tokens * config.train.batch_size


def tokens_per_step(config: RunConfig) -> int:
    """Tokens that one step reads, source and target, all at the model's full length: padding counts."""
    return _per_example(config.model, config.sharing)[1] * config.train.batch_size


@lru_cache(maxsize=512)
def _per_example(model: ModelConfig, sharing: SharingConfig) -> tuple[int, int]:
    """Operations of one token, and tokens of one example."""
    counts = count(model, sharing)
    stacks = 2 if model.family == "encoder_decoder" else 1
    return counts.train_flops_per_token, counts.context_length * stacks


def seconds_for_all(durations: Sequence[float], slots: int, busy: Sequence[float] = ()) -> float:
    """When the last of ``durations`` ends if they start in this order as ``slots`` become free.

    ``busy``: seconds until each run that is already there, running or queued, will be done on its slot.
    """
    free = [0.0] * max(1, slots)
    for seconds in (*busy, *durations):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def seconds_left(run: Run) -> float | None:
    """Until ``run`` is done, by its own speed; ``None`` before that is known."""
    if run.step >= 1 and run.seconds > 0:
        return (run.steps - run.step) * run.seconds / run.step
    return None
