"""How long runs take: those at work, those that wait, and those that nobody has queued. No torch. Start at forecast.

Whatever says a time asks here: pages, command line, sweeps. Time of a run is what passes on the clock from the start
of its process to its end. Besides its steps that is the *start* (Python, torch, data, model; and what comes after the
last step), which is most of a short run, its evaluations, and the one score on the test split at its end.

The best knowledge is the run itself; then runs of the same task on this machine, whatever their size (``Pace``);
then figures measured once on a laptop-class core.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from clps_core.analysis.flops import context_length
from clps_core.analysis.steps import operations_at
from clps_core.config import RunConfig, TrainConfig, longest_input
from clps_core.errors import ClpsError
from clps_core.store import Job, Run, Store
from clps_core.store.records import TRAINING, ActiveJob
from clps_core.tasks import TASKS, TaskFacts, bare_facts

__all__ = [
    "BUSY",
    "OPERATIONS_PER_SECOND",
    "START_SECONDS",
    "Forecast",
    "Pace",
    "forecast",
    "seconds_for_all",
    "seconds_left",
    "slowdown",
    "start_seconds",
    "units_done",
    "units_of",
]

OPERATIONS_PER_SECOND = 2.0e10
"""Training operations a second of one run where nothing was measured yet: a small model on one CPU core."""
STEP_SECONDS = 0.015
"""What a step costs however small the model is, where nothing was measured yet."""
START_SECONDS = 8.0
"""What a run takes besides training where nothing was measured yet: mostly the import of torch."""
LAUNCH_SECONDS = 1.0
"""From a free slot to a run's process: longer than the supervisor's look at the queue."""
FORWARD = 1 / 3
"""An evaluation computes the forward pass only: a third of a training step on the same examples."""
USUAL_WEIGHT = 0.1
"""How much a step without operations counts beside a measured size: enough where there is only one."""
BUSY = 1.25
"""The machine is called busy from this many times the time of a quiet machine on."""
LOAD_SECONDS = 60.0
MOST_RUNS_LOOKED_AT = 40
FEWEST_STEPS = 20


class _Evaluations(NamedTuple):
    """``every`` so many steps, on so many ``batches``, and at the end on the ``test`` split's.

    A number of batches is a fraction where the last one is not full.
    """

    every: int
    batches: float
    test: float

    def done(self, step: int, steps: int) -> int:
        """How many a run has made at ``step``, without that of the untrained model."""
        return step // self.every + (step >= steps and steps % self.every > 0)


def units_of(run: Run, step: int | None = None) -> float:
    """The work of ``run`` up to ``step`` (default: all of it) in steps: an evaluation counts as what it computes."""
    evaluations = _evaluations_of(run.config_text, run.facts.test_size)
    whole = step is None
    step = run.steps if step is None else step
    batches = evaluations.done(step, run.steps) * evaluations.batches
    return step + FORWARD * (batches + (evaluations.test if whole else 0.0))


def units_done(run: Run) -> float:
    """The work that ``run`` has behind it, in steps; one that is finished has its score on the test split, too."""
    tested = _evaluations_of(run.config_text, run.facts.test_size).test if run.status == "finished" else 0.0
    return units_of(run, run.step) + FORWARD * tested


@lru_cache(maxsize=2048)
def _evaluations_of(config_text: str, test_size: int) -> _Evaluations:
    config = json.loads(config_text)
    train = config["train"]
    wanted = train.get("test_examples", TrainConfig.model_fields["test_examples"].default)  # new since some runs
    test = min(wanted, test_size or wanted) / train["batch_size"]
    return _Evaluations(train["eval_every"], train["eval_examples"] / train["batch_size"], test)


def seconds_left(job: Job | ActiveJob, usual: float | None = None) -> float | None:
    """Until ``job`` is done, by its own speed so far; before that is known at ``usual`` seconds a step, if given.

    Of a ``Run``, its evaluations count; of what is known without its config, and of other kinds of jobs, only steps.
    """
    if job.step < 1 or job.seconds <= 0:
        return None if usual is None else (job.steps - job.step) * usual
    if isinstance(job, Run):
        done = units_of(job, job.step)
        return (units_of(job) - done) * job.seconds / done
    return (job.steps - job.step) * job.seconds / job.step


def start_seconds(runs: Iterable[Run]) -> float:
    """What a run takes besides training: the median of those that were trained here in one go, else the usual."""
    took = [
        run.finished_at - run.started_at - run.seconds
        for run in runs
        if run.finished_at and run.started_at and run.attempts == 1 and run.status == "finished" and not run.imported
    ]
    took = [one for one in took if one > 0]
    return LAUNCH_SECONDS + statistics.median(took) if took else START_SECONDS


@dataclass(frozen=True)
class Pace:
    """Seconds of a step, of each operation, and of the start; ``runs`` is how many were measured (0: a guess)."""

    step_seconds: float
    operation_seconds: float
    start_seconds: float
    runs: int

    @classmethod
    def of(cls, store: Store, task: str) -> Pace:
        """From the newest runs of ``task`` that got far enough here, not elsewhere; else the guess."""
        newest = [run for run in store.runs(limit=400) if not run.imported]
        start = start_seconds(newest[:MOST_RUNS_LOOKED_AT])
        enough = [run for run in newest if run.task == task and run.step >= FEWEST_STEPS and run.seconds > 0]
        measured: dict[tuple[float, float], list[float]] = {}
        for run in enough[:MOST_RUNS_LOOKED_AT]:
            measured.setdefault(_costs(run.config, run.step), []).append(run.seconds / run.step)
        fitted = _fitted({costs: statistics.median(times) for costs, times in measured.items()})
        return cls(*fitted, start, len(enough[:MOST_RUNS_LOOKED_AT]))

    def seconds(self, config: RunConfig) -> float:
        """What the whole of ``config`` takes, on the clock."""
        calls, operations = _costs(config, config.train.steps)
        return self.start_seconds + config.train.steps * (
            calls * self.step_seconds + operations * self.operation_seconds
        )


def _costs(config: RunConfig, steps: int) -> tuple[float, float]:
    """Of one step, with its part of the evaluations up to ``steps`` and of the test: batches and operations."""
    train, facts = config.train, _facts_today(config)
    made = 1 + _Evaluations(train.eval_every, 0, 0).done(steps, train.steps)
    tested = min(train.test_examples, facts.test_size or train.test_examples)
    test = tested / train.batch_size if steps >= train.steps else 0.0
    batches = made * train.eval_examples / train.batch_size + test
    parts = train.batch_size / train.micro_batch  # calls that a whole batch takes
    calls = made * math.ceil(train.eval_examples / train.micro_batch) + math.ceil(test * parts)
    training, evaluation = (operations_at(config, length) for length in _batch_lengths(config, facts))
    return train.accumulate + calls * FORWARD / steps, training + evaluation * batches * FORWARD / steps


def _facts_today(config: RunConfig) -> TaskFacts:
    """Not those that a run kept: runs of all versions are to be measured alike."""
    try:
        return TASKS.facts(config.data)
    except ClpsError:
        return bare_facts(config.data.task)


def _batch_lengths(config: RunConfig, facts: TaskFacts) -> tuple[float, float]:
    """Tokens that an example has in a training batch and in one of an evaluation, padding included."""
    if facts.batch_lengths is not None:
        return facts.batch_lengths
    longest = longest_input(config, facts) or context_length(config.model)
    return longest, longest


def _fitted(measured: Mapping[tuple[float, float], float]) -> tuple[float, float]:
    """Seconds of a batch and of an operation that explain ``measured``: (batches, operations) of a step -> its seconds.

    Least squares of the relative errors, neither part below zero. By operations alone the time of small models,
    which is mostly the step's own, would promise hours for one twice as wide. So that one size says something, too,
    the usual time of a step without operations stands among the measured ones, at most half of theirs.
    """
    if not measured:
        return STEP_SECONDS, 1 / OPERATIONS_PER_SECOND
    usual = min([STEP_SECONDS, *(seconds / 2 / calls for (calls, _operations), seconds in measured.items())])
    costs = np.array([(1.0, 0.0), *measured])
    costs /= np.array([[usual], *([seconds] for seconds in measured.values())])
    wanted = np.ones(len(costs))
    costs[0], wanted[0] = costs[0] * USUAL_WEIGHT, USUAL_WEIGHT
    for columns in ([0, 1], [1], [0]):  # where one part would be negative, the other explains it alone
        parts = np.zeros(2)
        parts[columns] = np.linalg.lstsq(costs[:, columns], wanted)[0]
        if (parts >= 0).all() and (parts[1] > 0 or columns == [0]):
            break
    return float(parts[0]), float(parts[1])


def seconds_for_all(durations: Sequence[float], slots: int, busy: Sequence[float] = ()) -> float:
    """When the last of ``durations`` ends if they start in this order as ``slots`` become free.

    ``busy``: seconds until each run that is already there, running or queued, will be done on its slot.
    """
    free = [0.0] * max(1, slots)
    for seconds in (*busy, *durations):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


class Forecast(NamedTuple):
    """Seconds until runs that are not queued so far would be done, from ``low`` to ``high``.

    ``low`` is what it takes while other programs leave the machine alone; ``high`` if it stays as busy as in the last
    minute. ``slots`` runs advance at once, ``before`` others stand before them. ``pace`` is what it rests on.
    """

    low: float
    high: float
    slots: int
    before: int
    pace: Pace


def forecast(store: Store, configs: Sequence[RunConfig], slots: int) -> Forecast:
    """How long ``configs``, runs of one task, would take if they were queued now, after all that is queued."""
    pace = Pace.of(store, configs[0].data.task)
    there = sorted(
        store.runs(status=("running", "queued")), key=lambda run: (run.status != "running", run.queue_position or 0)
    )
    evaluating = [job for job in store.jobs(status="running") if job.kind != TRAINING]
    busy = [left for job in evaluating if (left := seconds_left(job)) is not None]  # of others nobody knows
    busy += [left if (left := seconds_left(run)) is not None else pace.seconds(run.config) for run in there]
    low = seconds_for_all([pace.seconds(config) for config in configs], slots, busy)
    working = sum(job.threads or 1 for job in (*there, *evaluating) if job.status == "running")
    # The load of the last minute holds our own runs that have just ended, too: they will not be there.
    since = store.clock() - LOAD_SECONDS
    ended = [run for run in store.runs(limit=MOST_RUNS_LOOKED_AT) if (run.finished_at or 0.0) > since]
    just_now = sum(run.threads or 1 for run in ended if not run.active and not run.imported)
    return Forecast(low, low * slowdown(working + min(just_now, slots), max(slots, working)), slots, len(there), pace)


def slowdown(working: int, wanted: int) -> float:
    """How many times as long a run takes if other programs go on as in the last minute; 1 where nobody can tell.

    ``working``: threads of our own runs now; ``wanted``: threads that will be at work.
    """
    try:
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        mine = len(os.sched_getaffinity(0))
    except (OSError, AttributeError):
        return 1.0
    if mine < cores:  # the load is that of other cores, too
        return 1.0
    others = max(0.0, load - working)
    return max(1.0, (others + wanted) / max(cores, wanted))
