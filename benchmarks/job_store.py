"""What the store of runs can take: points written, 200 long curves read while others write, a long queue shown.

Next to each stands what one would do without it: one INSERT per point, a CSV file, all raw points into pandas.
"""

from __future__ import annotations

import contextlib
import csv
import multiprocessing
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from clps_core.config import build_config, resolve
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Point, Store, metrics, open_store
from clps_core.store.connection import DATABASE_FILE
from clps_core.store.queue import Queue
from report import write_table

ROUNDS = 3
POINTS, BATCH = 4_000, 50
RUNS, STEPS = 200, 5_000
WRITERS, BEAT = 4, 0.3
"""Processes that write as runs do: a batch every ``BEAT`` seconds."""
QUEUED, FEW = 1_000, 10
PAGE = Path(__file__).resolve().parent.parent / "app" / "main.py"

Row = list[str]


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def point(run_id: str, step: int) -> Point:
    return Point(run_id, "train", "loss", step, 1 / (1 + step), step / 10)


def add_runs(store: Store, count: int, steps: int = STEPS) -> list[str]:
    config = resolve(build_config({"train": {"steps": steps}})).config
    comparison = store.create_comparison("measured", [config] * count, run_names=[f"run {n}" for n in range(count)])
    return [run.id for run in store.runs(comparison=comparison)]


def begin_all(store: Store) -> None:
    queue = Queue(store)
    while (attempt := queue.start_next(0, "here", "boot")) is not None:
        queue.claim(attempt.run_id, attempt.number, os.getpid(), 0.0)


# Writing


def write_batches(store: Store, run_id: str) -> None:
    """As a run does: its lease looked at, its coarse curve and latest values kept, one transaction a batch."""
    queue = Queue(store)
    for first in range(0, POINTS, BATCH):
        queue.append(run_id, 1, [point(run_id, step) for step in range(first, first + BATCH)])


def insert_each(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(
            "CREATE TABLE metric (run, split, name, step, value, seconds, UNIQUE (run, split, name, step))"
        )
        for step in range(POINTS):
            connection.execute("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)", point("run", step)[:6])


def append_csv(folder: Path) -> None:
    with (folder / "plain.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for first in range(0, POINTS, BATCH):
            writer.writerows(point("run", step)[:6] for step in range(first, first + BATCH))
            file.flush()


def writing() -> list[Row]:
    taken: dict[str, list[float]] = {"ours": [], "insert": [], "csv": []}
    for _turn in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(Path(folder) / "home")
            (run_id,) = add_runs(store, 1)
            begin_all(store)
            taken["ours"].append(timed(lambda s=store, r=run_id: write_batches(s, r)))
            store.close()
            taken["insert"].append(timed(lambda f=folder: insert_each(Path(f))))
            taken["csv"].append(timed(lambda f=folder: append_csv(Path(f))))
    speed = {name: POINTS / statistics.median(seconds) for name, seconds in taken.items()}
    peers = {"insert": "one INSERT per point, bare `sqlite3`", "csv": "appended to a CSV, flushed per batch"}
    what, ours = f"points written, {BATCH} a batch", f"{speed['ours']:,.0f} /s"
    return [
        [what, ours, words, f"{speed[name]:,.0f} /s", f"{speed['ours'] / speed[name]:.2g}"]
        for name, words in peers.items()
    ]


# Reading while others write


def keep_writing(home: Path, run_id: str, stop: Path) -> None:
    store = open_store(home)
    queue, step = Queue(store), STEPS
    while not stop.exists():
        queue.append(run_id, 1, [point(run_id, later) for later in range(step, step + BATCH)])
        step += BATCH
        time.sleep(BEAT)
    store.close()


@contextlib.contextmanager
def writers(home: Path, run_ids: list[str]) -> Iterator[None]:
    """Processes that write to the store until the block ends."""
    stop = home / "stop"
    context = multiprocessing.get_context("spawn")
    members = [context.Process(target=keep_writing, args=(home, run_id, stop)) for run_id in run_ids]
    for member in members:
        member.start()
    time.sleep(5)  # they have imported what they need
    yield
    stop.touch()
    for member in members:
        member.join()
        assert member.exitcode == 0


def reading(folder: Path) -> list[Row]:
    home = folder / "home"
    store = open_store(home)
    run_ids = add_runs(store, RUNS)
    begin_all(store)
    for run_id in run_ids:
        with store.writing() as connection:
            metrics.append(connection, run_id, [point(run_id, step) for step in range(STEPS)])

    def raw() -> pd.DataFrame:
        with contextlib.closing(sqlite3.connect(home / DATABASE_FILE)) as connection:
            return pd.read_sql("SELECT run_id, split, name, step, value FROM metric", connection)

    taken: dict[str, list[float]] = {"coarse": [], "news": [], "raw": []}
    with writers(home, run_ids[:WRITERS]):
        for _turn in range(ROUNDS):
            taken["raw"].append(timed(raw))
            taken["coarse"].append(
                timed(lambda: [store.curve(run_id, "train", "loss", coarse=True) for run_id in run_ids])
            )
            _points, cursor = store.metrics_after(run_ids, RUNS * STEPS)
            time.sleep(1.0)
            taken["news"].append(timed(lambda c=cursor: store.metrics_after(run_ids, c)))
    store.close()
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    what = {
        "coarse": f"{RUNS} curves of {STEPS:,} points, coarse, {WRITERS} processes writing",
        "news": "what is new in them after a second",
    }
    peer, theirs = "all raw points, `pandas.read_sql`", f"{medians['raw'] * 1000:,.0f} ms"
    return [
        [words, f"{medians[name] * 1000:,.0f} ms", peer, theirs, f"{medians[name] / medians['raw']:.2g}"]
        for name, words in what.items()
    ]


# A long queue on the page


def showing() -> list[Row]:
    """Seconds of one run of the Runs page, drawn by Streamlit without a browser."""
    taken: dict[int, list[float]] = {FEW: [], QUEUED: []}
    with contextlib.ExitStack() as stack:
        homes = {}
        for count in taken:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            homes[count] = folder
            store = open_store(folder)
            for first in range(0, count, 200):
                add_runs(store, min(200, count - first))
            store.close()
            lock = SupervisorLock(folder)  # held, so that the page starts none and nothing is trained
            assert lock.acquire()
            stack.callback(lock.release)
        for turn in range(ROUNDS + 1):
            for count, home in homes.items():
                seconds = _one_page(home)
                if turn:  # the first draws import what the page needs
                    taken[count].append(seconds)
    many, few = (statistics.median(taken[count]) for count in (QUEUED, FEW))
    words = f"Runs page drawn again, {QUEUED:,} queued in comparisons of 200"
    return [[words, f"{many:.2f} s", f"the same, {FEW} queued", f"{few:.2f} s", f"{many / few:.2f}"]]


def _one_page(home: Path) -> float:
    from streamlit.testing.v1 import AppTest

    os.environ["CLPS_HOME"] = str(home)
    test = AppTest.from_file(str(PAGE), default_timeout=300)
    test.switch_page("../pages/runs.py")
    test.run()
    assert not test.exception
    seconds = timed(test.run)
    assert len(test.get("progress")) == min(12, len(open_store(home).runs(status="queued")))
    return seconds


def main() -> None:
    loads = [os.getloadavg()[0]]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (writing, lambda: reading(Path(folder)), showing):
            rows += part()
            loads.append(os.getloadavg()[0])
            print(rows[-1], flush=True)
    write_table(
        "job_store",
        "Jobs: what the store can take",
        ["", "CLPS Lab", "next to", "it gives", "ratio"],
        rows,
        f"Medians of {ROUNDS} alternating rounds. Ours checks the lease and keeps coarse curves and latest values with "
        f"every batch. The writing processes add {BATCH} points every {BEAT} s each. The page: Streamlit's AppTest, "
        f"second draw. Load average meanwhile: {min(loads):.1f}-{max(loads):.1f} on {os.cpu_count()} cores.",
    )


if __name__ == "__main__":
    main()
