"""One training step of `dates` by optimiser and option, and the steps to 95 % exact match by optimiser.

Steps are those of real runs, with data, forward, backward, clipping and update. The variants take turns, one step each
per round, and ratios are medians over rounds of the time in that round: a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from clps_core.config import build_config, resolve
from clps_core.data.registry import load_task
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate
from clps_core.training.loop import Run, prepare, train_step
from clps_core.training.sink import RecordingSink
from report import write_table

VARIANTS: dict[str, dict[str, Any]] = {
    "AdamW": {},
    "Muon and AdamW": {"optim": {"name": "muon"}},
    "AdamW, average of the weights": {"optim": {"ema_decay": 0.99}},
    "AdamW, 2 micro-batches": {"train": {"accumulate": 2}},
    "AdamW, 4 micro-batches": {"train": {"accumulate": 4}},
    "Muon and AdamW, average, 2 micro-batches": {
        "optim": {"name": "muon", "ema_decay": 0.99},
        "train": {"accumulate": 2},
    },
}
LEARNERS = ("AdamW", "Muon and AdamW")
STRATEGIES = ("none", "all")
GOAL, LOOK_EVERY, MOST_STEPS = 0.95, 25, 1000


def run_of(folder: Path, threads: int, strategy: str, seed: int = 0, **options: Any) -> Run:
    """A run of `dates` at its first step; nothing of its config but ``options`` differs from the task's defaults."""
    train = {"steps": MOST_STEPS, "probe_count": 0, **options.get("train", {})}
    partial = {"sharing": {"strategy": strategy}, "seed": seed, "optim": options.get("optim", {}), "train": train}
    config = resolve(build_config(partial)).config
    return prepare(config, folder, RecordingSink(), Placement("cpu", "fp32", threads, "benchmark"), load_task(config))


def step_rows(folder: Path, strategy: str, rounds: int, threads: int) -> list[list[str]]:
    """Median milliseconds of a step, and its ratio to AdamW's."""
    runs = {
        name: run_of(folder / strategy / str(n), threads, strategy, **options)
        for n, (name, options) in enumerate(VARIANTS.items())
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(rounds + 2):
        for name, run in runs.items():
            began = time.perf_counter()
            train_step(run)
            if round_number >= 2:
                taken[name].append(time.perf_counter() - began)
    base = taken["AdamW"]
    return [
        [
            f"step, `{strategy}`",
            name,
            f"{1000 * statistics.median(seconds):.1f} ms",
            f"{statistics.median(one / other for one, other in zip(seconds, base, strict=True)):.2f}",
        ]
        for name, seconds in taken.items()
    ]


def steps_to_goal(folder: Path, threads: int, strategy: str, seed: int, **options: Any) -> int | None:
    """The first evaluation with at least ``GOAL`` exact match; ``None`` where none of ``MOST_STEPS`` has it."""
    run = run_of(folder, threads, strategy, seed, **options)
    while run.step < MOST_STEPS:
        train_step(run)
        if run.step % LOOK_EVERY == 0:
            with run.optimiser.averaged():
                found = evaluate(run.model, run.data, run.config, run.placement)
            if found["exact_match"] >= GOAL:
                return run.step
    return None


def learning_row(folder: Path, name: str, seeds: int, threads: int) -> list[str]:
    """Steps to the goal of each seed, without sharing."""
    found = []
    for seed in range(seeds):
        found.append(steps_to_goal(folder / f"{name}-{seed}", threads, "none", seed, **VARIANTS[name]))
        print(name, seed, found[-1], flush=True)
    shown = ", ".join("never" if steps is None else str(steps) for steps in found)
    return [f"steps to {GOAL:.0%}, `none`", name, shown, "–"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="0: only the time of a step")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    notes = (
        f"Task `dates` with its default model and batch in fp32, threads: {options.threads}; medians of "
        f"{options.rounds} rounds in which the variants take turns. Steps to {GOAL:.0%}: exact match on validation, "
        f"looked at every {LOOK_EVERY} steps, cosine over {MOST_STEPS} steps, the task's learning rate for both. "
        f"Load of the machine when it began: {load:.1f} processes on {os.cpu_count()} cores; trust the ratios."
    )
    header = ["what", "how", "median, or steps of each seed", "ratio to AdamW"]
    title = "Optimisers and options of a training step"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for one in STRATEGIES for row in step_rows(folder, one, options.rounds, options.threads)]
        write_table("optimisers", title, header, rows, notes)
        for number, learner in enumerate(LEARNERS if options.seeds else ()):
            rows.append(learning_row(folder / f"learning-{number}", learner, options.seeds, options.threads))
            write_table("optimisers", title, header, rows, notes)


if __name__ == "__main__":
    main()
