"""Train the comparison that ships with the project, and put it into ``runs/``.

Run ``python -m clps_core.samples.make`` (some minutes on two cores). It uses the same jobs as
everybody: small models, so that the weights fit into the wheel. With ``--score`` the runs stay as they are, and those
without a score on the test split get one.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

from clps_core.jobs import service
from clps_core.samples import READY_STRATEGIES, RUNS_FOLDER, sample_folders
from clps_core.scoring import score_folder
from clps_core.store import open_store

SIZES = {
    "data": {"task": "dates"},
    "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4},
    "train": {"steps": 1200, "eval_every": 50, "checkpoint_every": 200, "probe_count": 6},
}


def main() -> None:
    """Train, wait, export."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "home")
        runs = service.submit(store, service.matched(SIZES, READY_STRATEGIES, [0]))
        runs = service.wait(store, [run.id for run in runs])
        shutil.rmtree(RUNS_FOLDER, ignore_errors=True)
        for number, run in enumerate(runs):
            identity = f"sample-dates-{run.strategy}"
            service.export_run(store, run.id, RUNS_FOLDER / f"{number}-{identity}", new_id=identity)


def score() -> None:
    """Write the test score of each run into its curves, as a new run has it."""
    for folder in sample_folders():
        path = folder / "metrics.csv"
        with path.open(encoding="utf-8", newline="") as file:
            if any(row["split"] == "test" for row in csv.DictReader(file)):
                continue
        step, values = score_folder(folder)
        seconds = round(json.loads((folder / "run.json").read_text(encoding="utf-8"))["seconds"], 3)
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(["test", name, step, repr(value), seconds] for name, value in values.items())


if __name__ == "__main__":
    score() if sys.argv[1:] == ["--score"] else main()
