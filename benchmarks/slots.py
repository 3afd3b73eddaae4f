"""How many runs at once, with how many threads each: training throughput of all runs together.

Each layout trains as many copies of a default model as it has slots, side by side; a run's speed is the
median over the steps after its first third. What counts is the sum over the runs.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
from pathlib import Path

import psutil

from clps_core.config import RunConfig, build_config
from clps_core.jobs import service
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.slots import available_cores
from clps_core.store import open_store
from report import write_table

STEPS = {"dates": 80, "python-docs": 24, "digits": 240}


def config(task: str, seed: int) -> RunConfig:
    steps = STEPS[task]
    train = {"steps": steps, "log_every": 4, "eval_every": steps, "eval_examples": 8, "probe_count": 0, "device": "cpu"}
    return build_config({"data": {"task": task}, "train": train, "seed": seed})


def throughput(task: str, slots: int, threads: int) -> float:
    """Tokens per second of all runs together."""
    os.environ |= {"CLPS_SLOTS": str(slots), "CLPS_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        runs = service.submit(store, [config(task, seed) for seed in range(slots)])
        runs = service.wait(store, [run.id for run in runs])
        assert all(run.status == "finished" for run in runs), [run.reason for run in runs]
        curves = [store.curve(run.id, "train", "tokens_per_second") for run in runs]
        holder = SupervisorLock(store.home).holder()
        if holder:
            supervisor = psutil.Process(holder["pid"])
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait(10)
        store.close()
    return sum(statistics.median(point.value for point in curve[len(curve) // 3 :]) for curve in curves)


def main() -> None:
    cores = available_cores()
    layouts = [(1, 1), (1, cores), (cores, 1), (cores, cores)]
    rows = []
    for task in STEPS:
        figures = [throughput(task, *layout) for layout in layouts]
        print(task, [round(figure) for figure in figures], flush=True)
        rows.append([f"`{task}`", *[f"{figure:,.0f} ({figure / figures[0]:.2f})" for figure in figures]])
    write_table(
        "slots",
        "Slots and threads",
        ["tokens/s of all runs (ratio)", *[f"{slots} x {threads}" for slots, threads in layouts]],
        rows,
        "Columns: slots x threads. Models: each task's default, unshared.",
    )


if __name__ == "__main__":
    main()
