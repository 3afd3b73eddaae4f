"""A sweep as a table for other tools: one row per run. Start at run_rows, then csv_text."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from clps_core.sweeps.results import SweepState, ended_early

__all__ = ["csv_text", "run_rows"]


def run_rows(state: SweepState) -> list[dict[str, Any]]:
    """Every run with what it was given and what became of it, unrounded; the best configuration's runs first.

    ``rank`` is its configuration's, from 1, by validation. ``best``: of its validation evaluations; ``test``: its one
    score on the test split. ``counted``: whether it is part of that configuration's means.
    """
    rows = []
    for rank, one in enumerate(state.configurations, 1):
        for run in one.runs:
            data = json.loads(run.config_text)["data"]
            rows.append(
                {"rank": rank}
                | dict(one.values)
                | {"seed": run.seed, "data.seed": data.get("seed"), "data.fold": data.get("fold")}
                | {
                    "run_id": run.id,
                    "status": run.status,
                    "metric": state.metric,
                    "best": state.bests.get(run.id),
                    "test": state.tests.get(run.id),
                    "counted": run.id in one.counted,
                    "ended_early": ended_early(run),
                    "step": run.step,
                    "steps": run.steps,
                    "seconds": run.seconds,
                    "unique_parameters": run.unique_parameters,
                    "executed_parameters": run.executed_parameters,
                }
            )
    return rows


def csv_text(state: SweepState) -> str:
    """The rows with a header line; a field without a value is empty."""
    rows = run_rows(state)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
