"""Train the comparison that ships with the project, and put it into ``runs/``.

Run ``python -m clps_core.samples.make`` (some minutes on two cores). It uses the same jobs as
everybody: small models, so that the weights fit into the wheel.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from clps_core.jobs import service
from clps_core.samples import READY_STRATEGIES, RUNS_FOLDER
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


if __name__ == "__main__":
    main()
