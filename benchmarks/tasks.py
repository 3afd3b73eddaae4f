"""What each shipped task takes and gives: none, all and cycle:2, three seeds, against its trivial baseline.

Run ``python benchmarks/tasks.py [TASK ...]`` (all tasks by default). Every run is kept as a line of
``results/tasks.jsonl`` as soon as it has ended, so a call that was cut short goes on where it was, and a changed config
is trained anew. Runs that ship as samples are read, not trained again: the table says how many.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clps_core.config import Resolved, RunConfig, flat
from clps_core.data.base import digest
from clps_core.data.registry import load_task
from clps_core.jobs import service
from clps_core.samples import sample_folders
from clps_core.samples.shipped import scores_of
from clps_core.store import open_store
from clps_core.tasks import TASKS, get_task
from report import RESULTS, write_table

STRATEGIES = ("none", "all", "cycle:2")
SEEDS = (0, 1, 2)
ROWS = RESULTS / "tasks.jsonl"
NOTED = ("log_every", "eval_every", "checkpoint_every", "probe_count", "device", "threads")
"""Fields that change what is noted of a run, or where it runs, and not what it learns."""
T_975 = 4.303
"""Student's t for 97.5 % and two degrees of freedom: of three seeds."""

Row = dict[str, Any]


def key_of(config: RunConfig) -> str:
    """Equal for runs that learn the same: of what differs from the defaults, so that new fields change no key."""
    usual = flat(RunConfig().as_dict())
    plain = {name: value for name, value in flat(config.as_dict()).items() if value != usual[name]}
    for name in NOTED:
        plain.pop(f"train.{name}", None)
    return digest(json.dumps(plain, sort_keys=True))[:16]


def kept() -> dict[str, Row]:
    """Key -> row of what has been trained so far; a line that was cut short is left out."""
    found = {}
    for line in ROWS.read_text(encoding="utf8").splitlines() if ROWS.exists() else []:
        try:
            row = json.loads(line)
            found[row["key"]] = row
        except (ValueError, KeyError):
            continue
    return found


def shipped() -> Iterator[Row]:
    """Rows of the runs that ship as samples."""
    for folder in sample_folders():
        config = RunConfig.model_validate(json.loads((folder / "config.json").read_text(encoding="utf8")))
        seconds = json.loads((folder / "run.json").read_text(encoding="utf8"))["seconds"]
        yield row_of(config, dict(scores_of(folder.name)), seconds, sample=True)


def row_of(config: RunConfig, scores: dict[str, float], seconds: float, *, sample: bool) -> Row:
    return {
        "key": key_of(config),
        "task": config.data.task,
        "strategy": config.sharing.strategy,
        "seed": config.seed,
        "scores": {name: value for name, value in scores.items() if name != "examples"},
        "seconds": round(seconds, 1),
        "sample": sample,
    }


def trained(one: Resolved) -> Row:
    """Train one run as everybody does, with its score on the test split."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "home")
        (run,) = service.wait(store, [run.id for run in service.submit(store, [one])])
        if run.status != "finished":
            raise SystemExit(f"{run.name} {run.status}: {run.error}")
        scores = dict(store.final_scores([run.id])[run.id].values)
        row = row_of(one.config, scores, run.seconds, sample=False)
        store.close()
    return row


def measured(tasks: list[str]) -> dict[str, Row]:
    """Key -> row of every run that is wanted; each new one is kept at once."""
    rows = {row["key"]: row for row in shipped()} | kept()
    for task in tasks:
        for one in service.matched({"data": {"task": task}}, STRATEGIES, SEEDS):
            if (key := key_of(one.config)) in rows:
                continue
            print(task, one.config.sharing.strategy, one.config.seed, flush=True)
            rows[key] = trained(one)
            with ROWS.open("a", encoding="utf8") as file:
                file.write(json.dumps(rows[key]) + "\n")
    return rows


def lines(task: str, rows: dict[str, Row]) -> Iterator[list[str]]:
    """One line of the table per strategy whose runs are all there."""
    facts = get_task(task)
    metric = facts.judged_by
    baselines: dict[str, float] | None = None
    for strategy in STRATEGIES:
        wanted = service.matched({"data": {"task": task}}, [strategy], SEEDS)
        found = [rows[key] for one in wanted if (key := key_of(one.config)) in rows]
        if len(found) < len(SEEDS):
            continue
        if baselines is None:
            data = load_task(wanted[0])
            baselines = dict(data.baselines("test", wanted[0].config.train.test_examples))
        values = [row["scores"][metric.name] for row in found]
        mean, deviation = statistics.fmean(values), statistics.stdev(values)
        margin = T_975 * deviation / len(SEEDS) ** 0.5
        surely = metric.better(mean - metric.sign * margin, baselines[metric.name])
        yield [
            task,
            strategy,
            metric.title.lower(),
            f"{metric.shown(mean)} ± {metric.without_unit(deviation) if metric.percent else f'{deviation:.2g}'}",
            f"{facts.baseline_name}: {metric.shown(baselines[metric.name])}",
            "yes" if surely else "no",
            f"{statistics.median(row['seconds'] for row in found):.0f}",
            str(sum(row["sample"] for row in found)),
        ]


def main(tasks: list[str]) -> None:
    rows = measured(tasks or list(TASKS))
    table = [line for task in TASKS for line in lines(task, rows)]
    columns = (
        "task",
        "strategy",
        "metric on test data",
        "mean ± deviation",
        "trivial answer",
        "beats it",
        "s",
        "samples",
    )
    write_table(
        "tasks",
        "What each task takes and gives",
        columns,
        table,
        "Three seeds each, on the task's own sizes and steps, with the best weights on validation data. Beats it: the "
        "95 % interval of the mean over seeds lies beyond the trivial answer. s: seconds a run, the median of the "
        "three, on one thread; rows are kept from several days and machines, which had other work, so compare seconds "
        "only roughly. Samples: how many of the three runs are those that ship. A task without lines has not been "
        "measured.",
    )


if __name__ == "__main__":
    os.environ.setdefault("CLPS_SLOTS", "1")
    os.environ.setdefault("CLPS_THREADS", "1")
    main(sys.argv[1:])
