"""Train the comparisons that ship with the project, and put their runs into ``runs/``.

Run ``python -m clps_core.samples.make`` (some 20 minutes on two cores), with the keys of ``READY`` to make only some
anew. It uses the same jobs as everybody: small models, so that the weights fit into the wheel. With ``--score`` the
runs stay as they are, and those without a score on the test split get one; ``--readme`` prints the README's section.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from clps_core.depth import quality_at
from clps_core.jobs import service
from clps_core.samples import sample_folders
from clps_core.samples.ready import READY, Ready, ready_named
from clps_core.samples.shipped import DEPTH_FILE, sample_folder
from clps_core.samples.stories import as_markdown
from clps_core.scoring import score_folder
from clps_core.store import Store, open_store


def main(keys: Sequence[str] = ()) -> None:
    """Train, wait, export, one comparison after the other."""
    for ready in [ready_named(key) for key in keys] or READY:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(Path(folder) / "home")
            _make(store, ready)
            store.close()


def _make(store: Store, ready: Ready) -> None:
    runs = service.submit(store, ready.configs())
    runs = service.wait(store, [run.id for run in runs])
    for run, identity in zip(runs, ready.run_ids(), strict=True):
        folder = sample_folder(identity)
        shutil.rmtree(folder, ignore_errors=True)
        service.export_run(store, run.id, folder, new_id=identity)
        if ready.loops:
            points = {str(loops): dict(quality_at(store.run_folder(run.id), loops).metrics) for loops in ready.loops}
            (folder / DEPTH_FILE).write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")
        if run.seed not in ready.probed:
            _leave_probes(folder)


def _leave_probes(folder: Path) -> None:
    """Ship a run without its attention while training, which nobody asks of every seed."""
    shutil.rmtree(folder / "probes", ignore_errors=True)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    about["artefacts"] = [one for one in about["artefacts"] if one[0] != "probe"]
    (folder / "run.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
    match sys.argv[1:]:
        case ["--score"]:
            score()
        case ["--readme"]:
            print(as_markdown(), end="")
        case keys:
            main(keys)
