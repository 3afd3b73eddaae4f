"""Writes a small store with today's code, to be kept before the schema changes. Start at write_store.

Before a migration is added to ``clps_core/store/schema.py``, the version that it starts from is kept::

    python tests/old_stores.py tests/fixtures/stores/2.db
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from clps_core.config import RunConfig, build_config, resolve
from clps_core.store import Point, Store, evaluations, open_store
from clps_core.store.deaths import Exit
from clps_core.store.queue import Attempt, Queue

PLACEMENT: dict[str, str | int] = {"device": "cpu", "precision": "fp32", "threads": 1}
KILLED = Exit(signal=9)


def write_store(home: Path) -> None:
    """Seven runs of every status, three comparisons of two owners, curves, marks, artefacts and an evaluation."""
    store = open_store(home)
    mixed = [config("none"), config("cycle:2", 1), config("all", task="digits"), config("k=all", task="python-docs")]
    store.create_comparison("Finished, failed and stopped", mixed, owner="ada", parameters=[(10, 20)] * 4)
    finished = finish(store)
    fail(store)
    queue = Queue(store)
    stopped = begin(queue)
    queue.append(stopped.run_id, 1, [], progress={"step": 3, "seconds": 1.0})
    queue.request_stop(stopped.run_id, "cancel")
    queue.finish(stopped.run_id, 1, "cancelled", None)
    queue.settle(stopped.run_id, 1, Exit(code=0))
    queue.request_stop(store.runs(status="queued")[0].id, "pause")
    store.create_comparison(
        "Still at it", [config("all"), config("none", 2)], priority=3, parent_id=finished, start_from="best"
    )
    begin(queue)
    store.create_comparison("Ready made", [config("all", 5)], ready=True)
    run = store.run(finished)
    job = evaluations.ask(store, "depths", run, ["1", "2"], name="Depths", stamp="1:1", owner="ada", priority=4)
    attempt = begin(queue)
    assert attempt.run_id == job
    queue.begin_evaluation(job, 1, "1:1", PLACEMENT)
    queue.append(job, 1, [], progress={"step": 1}, results={"1": {"loss": 0.5, "exact_match": float("nan")}})
    queue.settle(job, 1, Exit(code=1))
    store.close()


def config(strategy: str, seed: int = 0, task: str = "dates") -> RunConfig:
    given = {"data": {"task": task}, "sharing": {"strategy": strategy}, "seed": seed, "train": {"steps": 600}}
    return resolve(build_config(given)).config


def begin(queue: Queue) -> Attempt:
    attempt = queue.start_next(0, "here", "boot")
    assert attempt is not None
    assert queue.claim(attempt.run_id, attempt.number, 123, 1.0)
    return attempt


def finish(store: Store) -> str:
    """A run that is long enough for a coarse curve, with a value that is no number."""
    queue = Queue(store)
    run_id = begin(queue).run_id
    queue.begin(run_id, 1, step=-1, seconds=0.0, placement=PLACEMENT)
    points = [Point(run_id, "train", "loss", step, 1.0 / (step + 1), step / 10) for step in range(0, 600, 5)]
    points.append(Point(run_id, "train", "gradient_norm", 5, float("nan"), 1.0))
    points.append(Point(run_id, "validation", "exact_match", 599, 0.5, 60.0))
    files = [("best", 599, "checkpoints/best.safetensors"), ("last", 600, "checkpoints/last.safetensors")]
    files.append(("probe", 0, "probes/step-000000.npz"))
    progress = {"step": 600, "seconds": 60.0, "tokens_per_second": 1234.5}
    queue.append(run_id, 1, points, progress=progress, artefacts=files)
    queue.finish(run_id, 1, "finished", None)
    queue.settle(run_id, 1, Exit(code=0))
    return run_id


def fail(store: Store) -> None:
    """A run that was killed three times and went back to its checkpoint, which leaves a mark in the curves."""
    queue = Queue(store)
    run_id = begin(queue).run_id
    for number in (1, 2, 3):
        queue.begin(run_id, number, step=10 if number > 1 else -1, seconds=1.0, placement=PLACEMENT)
        points = [Point(run_id, "train", "loss", step, 2.0, 1.0) for step in (10, 10 + 5 * number)]
        queue.append(run_id, number, points, progress={"step": 10 + 5 * number, "seconds": 2.0})
        queue.settle(run_id, number, KILLED)
        if number < 3:
            assert begin(queue).run_id == run_id


def keep(home: Path, path: Path) -> None:
    """The store of ``home`` as one small file."""
    connection = sqlite3.connect(home / "store.sqlite3")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("VACUUM")
    connection.close()
    shutil.copyfile(home / "store.sqlite3", path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder))
        keep(Path(folder), Path(sys.argv[1]))
