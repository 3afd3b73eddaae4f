"""From submitting a run to its first metric, next to the time any process needs to import torch."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clps_core.config import build_config
from clps_core.jobs import service
from clps_core.store.database import open_store
from report import write_table

ROUNDS = 5


def main() -> None:
    waits: dict[str, list[float]] = {"started": [], "first metric": []}
    imports: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "home")
        service.ensure_supervisor(store)
        for round_number in range(ROUNDS):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import torch"], check=True)
            imports.append(time.perf_counter() - began)
            config = build_config({"train": {"steps": 5}, "seed": round_number})
            began = time.perf_counter()
            [run] = service.submit(store, [config])
            while store.run(run.id).status == "queued":
                time.sleep(0.005)
            waits["started"].append(time.perf_counter() - began)
            while not store.metrics_after([run.id], 0)[0]:
                time.sleep(0.005)
            waits["first metric"].append(time.perf_counter() - began)
            service.wait(store, [run.id])
    floor = statistics.median(imports)
    rows = [
        [f"submit to {name}", f"{statistics.median(values):.2f} s", f"{statistics.median(values) / floor:.2f}"]
        for name, values in waits.items()
    ]
    rows.append(["`import torch` in a fresh process", f"{floor:.2f} s", "1.00"])
    write_table(
        "first_metric",
        "Submit to first metric",
        ["", "median", "ratio"],
        rows,
        f"{ROUNDS} runs of the default `dates` model, one after the other.",
    )


if __name__ == "__main__":
    main()
