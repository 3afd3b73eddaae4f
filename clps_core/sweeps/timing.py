"""How long a sweep still takes, among all that waits. Start at seconds_left."""

from __future__ import annotations

import heapq
import json
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clps_core.timing import seconds_left as left_of
from clps_core.timing import start_seconds, units_done, units_of

if TYPE_CHECKING:
    from clps_core.store import Run
    from clps_core.store.records import ActiveJob

__all__ = ["seconds_left"]


def seconds_left(configurations: Sequence[Sequence[Run]], active: Sequence[ActiveJob], slots: int) -> float | None:
    """About how long until the last run is done; ``None`` before any has begun, 0 where none is active.

    ``configurations``: the sweep's runs, those of one design together. ``active``: all jobs that run or wait, of this
    sweep or not, in the queue's order: others stand between. A run that has not begun is expected to go as fast as
    those of its own configuration; before one of them has begun, as the sweep's others do by their size. Evaluations
    count, and so does the start of each process, as measured with the sweep's ended runs.
    """
    mine = {run.id: run for runs in configurations for run in runs}
    begun = {run.id: run.seconds / units_done(run) for run in mine.values() if run.step and run.seconds}
    if not any(run.id in mine for run in active):
        return 0.0
    if not begun:
        return None
    sizes = [_size(runs[0]) for runs in configurations]
    by_size = statistics.fmean(
        begun[run.id] / size
        for runs, size in zip(configurations, sizes, strict=True)
        for run in runs
        if run.id in begun
    )
    expected: dict[str, float] = {}
    for runs, size in zip(configurations, sizes, strict=True):
        known = [begun[run.id] for run in runs if run.id in begun]
        usual = statistics.fmean(known) if known else by_size * size
        expected |= {run.id: begun.get(run.id, usual) for run in runs}
    stranger = statistics.fmean(mine[run_id].seconds / mine[run_id].step for run_id in begun)
    start = start_seconds(mine.values())
    free, last = [0.0] * max(1, slots), 0.0
    for run in active:
        if run.id in mine:
            left = units_of(mine[run.id]) - units_of(mine[run.id], run.step)
            seconds = left * expected[run.id]
        else:
            # How long an evaluation takes that has not begun, nobody knows: it is left out.
            seconds = left_of(run, stranger if run.trains else None) or 0.0
        end = free[0] + seconds + (0.0 if run.step else start)
        heapq.heapreplace(free, end)
        last = max(last, end) if run.id in mine else last
    return last


def _size(run: Run) -> float:
    """Uses of weights in a step: what its time goes by, between runs of one task."""
    config = json.loads(run.config_text)
    tokens = config["train"]["batch_size"] * (config["data"].get("seq_len") or 1)
    return float((run.executed_parameters or 1) * tokens)
