"""Rows of runs, designs and curves, unrounded. Start at run_rows, design_rows and curve_rows.

A row is plain data; a value that is not known is ``None``. Names of columns are data, not words: they are the same in
every language.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from clps_core.analysis.steps import operations_per_step, tokens_per_step
from clps_core.config.telling import told_apart
from clps_core.errors import ConfigError
from clps_core.jobs.ancestry import ancestry
from clps_core.store import Comparison, Run, Store
from clps_core.store.designs import REPLICATES, config_table
from clps_core.sweeps.results import Configuration, Spread, configurations, sweep_state
from clps_core.sweeps.table import run_rows as sweep_rows
from clps_core.words import _

__all__ = ["TABLES", "curve_rows", "design_rows", "rows_of", "run_rows"]

Row = dict[str, Any]
TABLES = ("runs", "designs", "curves", "sweep")


def rows_of(store: Store, table: str, runs: Sequence[Run], comparison: Comparison | None = None) -> list[Row]:
    """The rows of one of ``TABLES``; ``sweep`` is the ranking of ``comparison``, as ``sweeps.table`` has it.

    Raises ``ConfigError`` for a sweep where there is no comparison, or one of runs that were given one by one.
    """
    if table == "sweep":
        if comparison is None or comparison.sweep_text is None:
            raise ConfigError(_("the table 'sweep' must be of one comparison that a sweep started. Give only its id."))
        return sweep_rows(sweep_state(store, comparison, 1))
    makers = {"runs": run_rows, "designs": design_rows, "curves": curve_rows}
    return list(makers[table](store, runs))


def run_rows(store: Store, runs: Sequence[Run]) -> list[Row]:
    """One row per run: what it is, its best and last validation, its test score, sizes, time, what it began with.

    ``steps_before`` and ``seconds_before``: what a fork's ancestors trained; ``None`` where that is not known any more.
    """
    bests, scores = store.bests(runs), store.final_scores([run.id for run in runs])
    latest = store.latest([run.id for run in runs])
    rows = []
    for run in runs:
        metric, before = run.facts.metric, ancestry(store, run)
        best_step, best = bests.get(run.id, (None, None))
        final_step, final = latest.get(run.id, {}).get(f"validation.{metric}", (None, None))
        score = scores.get(run.id)
        table = config_table(run)
        rows.append(
            {
                "id": run.id,
                "name": run.name,
                "status": run.status,
                "task": run.task,
                "strategy": run.strategy,
                "seed": run.seed,
                "data_seed": table.get("data.seed"),
                "fold": table.get("data.fold"),
                "metric": metric,
                "best": _finite(best),
                "best_step": best_step,
                "test": _finite(score.values.get(metric)) if score else None,
                "test_examples": score.examples if score else None,
                "final": _finite(final),
                "final_step": final_step,
                "unique_parameters": run.unique_parameters,
                "executed_parameters": run.executed_parameters,
                "steps": run.step,
                "seconds": run.seconds,
                "cpu_seconds": run.cpu_seconds,
                "tokens_per_second": run.tokens_per_second,
                "parent": run.parent_id,
                "start_from": run.start_from,
                "steps_before": before.steps if before.whole else None,
                "seconds_before": before.seconds if before.whole else None,
            }
        )
    return rows


def design_rows(store: Store, runs: Sequence[Run]) -> list[Row]:
    """One row per design, task by task: means over its runs that count, with the standard deviation of each.

    Complete runs count; where there are none, those that ended early, and before that all. ``best``: of each run's best
    validation evaluation.
    """
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    rows = []
    for task, members in by_task.items():
        metric = members[0].facts.metric
        bests = {run_id: value for run_id, (_step, value) in store.bests(members).items()}
        scores = store.final_scores([run.id for run in members])
        tests = {
            run_id: one.values[metric] for run_id, one in scores.items() if _finite(one.values.get(metric)) is not None
        }
        found = configurations(members, bests, (), tests)
        firsts = [one.runs[0] for one in found]
        names = told_apart([run.strategy for run in firsts], [config_table(run) for run in firsts], REPLICATES)
        rows += [_design(one, name, task, metric) for one, name in zip(found, names, strict=True)]
    return rows


def _design(one: Configuration, name: str, task: str, metric: str) -> Row:
    run = one.runs[0]
    counted = [run for run in one.runs if run.id in one.counted] or one.runs
    return {
        "design": name,
        "task": task,
        "strategy": run.strategy,
        "runs": len(one.runs),
        "counted": len(one.counted),
        "metric": metric,
        **_spread("best", one.best),
        **_spread("test", one.test),
        "unique_parameters": run.unique_parameters,
        "executed_parameters": run.executed_parameters,
        **_spread("steps", Spread.of([float(run.step) for run in counted])),
        **_spread("seconds", Spread.of([run.seconds for run in counted if run.seconds])),
    }


def _spread(name: str, spread: Spread | None) -> Row:
    return {name: spread.mean if spread else None, f"{name}_deviation": spread.deviation if spread else None}


def curve_rows(store: Store, runs: Sequence[Run]) -> Iterator[Row]:
    """One row per point of every curve of each run, as it was measured, by curve and step.

    ``seconds``: of training so far; ``tokens`` and ``flops``: what the steps so far read and compute at the model's
    full length, forward and backward, as the axes of the charts count them.
    """
    for run in runs:
        tokens, flops = tokens_per_step(run.config), operations_per_step(run.config)
        for curve in sorted(store.latest([run.id]).get(run.id, {})):
            split, _dot, metric = curve.partition(".")
            for point in store.curve(run.id, split, metric):
                yield {
                    "run": run.id,
                    "name": run.name,
                    "split": split,
                    "metric": metric,
                    "step": point.step,
                    "value": _finite(point.value),
                    "seconds": point.seconds,
                    "tokens": point.step * tokens,
                    "flops": point.step * flops,
                }


def _finite(value: float | None) -> float | None:
    """JSON and LaTeX have no infinity; what is no number is missing."""
    return value if value is not None and math.isfinite(value) else None
