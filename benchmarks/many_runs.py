"""Runs and Compare with many runs: server time of a first drawing, of a tick, and of a page of 10,000 runs.

The pages are drawn in this process, as the dashboard draws them, without a browser. Server time is processor time of
the thread that draws.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.testing.v1 import AppTest

from app.compare.kept import kept
from app.look import ticking as look
from clps_core.config import build_config, resolve
from clps_core.finding import parse_where
from clps_core.store import Point, Run, Store, metrics, open_store, schema
from clps_core.store.database import run_row
from clps_core.store.found import find_runs
from report import write_table

ROOT = Path(__file__).resolve().parents[1]
# Each AppTest reads the metadata of all installed packages; a server does so once.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

RUNS, POINTS, MANY, ROUNDS = 200, 5_000, 10_000, 3
STRATEGIES = ("none", "all", "cycle:2", "cycle_rev:2", "sequence:2", "attention=all,ffn=none", "attention=none,ffn=all")
EVALUATIONS = 100
PARTS = {"compare": "table and verdicts", "compare_curves": "curves", "compare_costs": "costs", "runs": "the list"}
"""Parts of the two pages that tick."""


def config_of(place: int, steps: int) -> object:
    given = {
        "data": {"task": "digits"},
        "train": {"steps": steps, "eval_every": max(1, steps // EVALUATIONS)},
        "sharing": {"strategy": STRATEGIES[place // 5 % len(STRATEGIES)]},
        "model": {"d_model": 32 + 16 * (place // 35)},
        "seed": place % 5,
    }
    return resolve(build_config(given))


def curves(store: Store, runs: list[Run], points: int) -> None:
    """A training loss at every step, and validation loss and accuracy at 100 of them."""
    for place, run in enumerate(runs):
        pace = 1 + place % 7
        found = [
            Point(run.id, "train", "loss", step, 3 * math.exp(-pace * step / points), step / 50)
            for step in range(points)
        ]
        for step in range(0, points, points // EVALUATIONS):
            share = 1 - math.exp(-pace * step / points)
            found.append(Point(run.id, "validation", "accuracy", step, share, step / 50))
            found.append(Point(run.id, "validation", "loss", step, 1 - share, step / 50))
        with store.writing() as connection:
            metrics.append(connection, run.id, found)
            done = schema.run.update().where(schema.run.c.id == run.id)
            connection.execute(done.values(status="finished", step=points, seconds=points / 50))


def many(store: Store, count: int) -> None:
    """``count`` finished runs in comparisons of 20, without curves but with one score each."""
    configs = [config_of(place, 100).config for place in range(40)]  # type: ignore[attr-defined]
    with store.writing() as connection:
        for place in range(count):
            if place % 20 == 0:
                comparison = f"many{place:06d}"
                row = {"id": comparison, "name": comparison, "owner": "local", "ready": 0, "created_at": float(place)}
                connection.execute(schema.comparison.insert().values(row))
            row = run_row(configs[place % 40], f"run {place}", "local", float(place))
            row |= {"comparison_id": comparison, "position": place % 20, "status": "finished", "step": 100}
            row |= {"unique_parameters": 1000 + place, "tags": '["paper"]' if place % 100 == 0 else None}
            connection.execute(schema.run.insert().values(row))
            score = {"run_id": row["id"], "split": "validation", "name": "accuracy", "step": 100}
            connection.execute(schema.metric.insert().values(**score, value=place / count, seconds=1.0))


def page(name: str, **query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=600)
    test.switch_page(f"../pages/{name}.py")
    for parameter, value in query.items():
        test.query_params[parameter] = value
    return test


def seconds(do: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Processor seconds of this process, the least of the rounds: others work on this machine meanwhile."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        do()
        spent.append(time.process_time() - began)
    return min(spent)


def drawn(name: str, **query: str) -> AppTest:
    test = page(name, **query).run()
    assert not test.exception
    assert not test.error, [one.value for one in test.error]
    return test


def tick(name: str, ids: list[str]) -> tuple[float, float]:
    """Thread seconds of what part ``name`` does at a tick: without news, and with news; the least of several."""
    quiet: list[float] = []
    spent: list[float] = []
    ticking_parts = look.ticking_parts

    def watched(parts: Sequence[look.Part], every: float | None) -> None:
        ticking_parts([replace(part, draw=partial(timed, part)) for part in parts], every)

    def timed(part: look.Part) -> None:
        began = time.thread_time()
        part.draw()
        if part.name == name:
            spent.append(time.thread_time() - began)
            began = time.thread_time()
            part.pulse()
            quiet.append(time.thread_time() - began)

    look.ticking_parts = watched
    try:
        test = drawn(name.partition("_")[0], runs=",".join(ids))
        for _ in range(2 * ROUNDS):
            test.run()
    finally:
        look.ticking_parts = ticking_parts
    return min(quiet[1:]), min(spent[1:])


def plain_queries(store: Store, ids: list[str]) -> None:
    """What a reader without an index over runs does: one statement for each curve of each run."""
    for run_id in ids:
        for split, name in (("train", "loss"), ("validation", "accuracy"), ("validation", "loss")):
            store.curve(run_id, split, name)


def profiled(do: Callable[[], object]) -> None:
    """Where the thread that runs the page's script spends its time."""
    profile, run_script = cProfile.Profile(), ScriptRunner._run_script

    def watched(self: ScriptRunner, *given: object) -> None:
        profile.runcall(run_script, self, *given)

    ScriptRunner._run_script = watched
    try:
        do()
    finally:
        ScriptRunner._run_script = run_script
    pstats.Stats(profile).sort_stats("cumulative").print_stats(90)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--profile", choices=("compare", "runs"), help="print where this page spends its time")
    asked.add_argument("--ticks", action="store_true", help="print only what ticks take")
    asked.add_argument("--again", action="store_true", help="with --profile: of drawing it once more, without news")
    asked.add_argument("--home", type=Path, help="keep the stores here for another round")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.home or Path(made)
        compared, listed = folder / "compared", folder / "listed"
        with_curves = not compared.exists()
        store, other = open_store(compared), open_store(listed)
        if with_curves:
            store.create_comparison("200 runs", [config_of(place, POINTS) for place in range(RUNS)])  # type: ignore[misc]
            curves(store, store.runs(), POINTS)
            many(other, MANY)
        ids = [run.id for run in store.runs()]
        os.environ["CLPS_HOME"] = str(compared)
        address = ",".join(ids)
        drawn("compare", runs=address)  # imports
        if given.ticks:
            print({(name, n): tick(name, ids[:n]) for name in PARTS for n in (6, 40, RUNS)})
            return
        if given.profile:
            test = drawn(given.profile, runs=address).run()
            profiled(test.run if given.again else lambda: drawn(given.profile, runs=address))
            return
        rows = measured(store, other, ids, address, listed)
        store.close()
        other.close()
    write_table(
        "many_runs",
        "Many runs: server time of Compare and Runs",
        ["", "seconds", "beside"],
        rows,
        f"Compare: {RUNS} runs of {POINTS:,} training points and {EVALUATIONS} evaluations each. Runs: {MANY:,} runs. "
        f"Processor seconds of the server's process (drawing a page in it, without a browser), the least of {ROUNDS} "
        f"rounds; AppTest's own work is in them. Load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.",
    )


def measured(store: Store, other: Store, ids: list[str], address: str, listed: Path) -> list[list[str]]:
    rows = []
    first = seconds(lambda: (kept.forget(), drawn("compare", runs=address)))
    plain = seconds(lambda: plain_queries(store, ids))
    rows.append(["Compare, first drawing", f"{first:.2f}", f"a statement for each curve alone: {plain:.2f} s"])
    test = drawn("compare", runs=address)
    again = seconds(lambda: test.run())
    rows.append(["Compare, drawn again, without news", f"{again:.2f}", ""])
    for name, part in PARTS.items():
        for count in (6, 40, RUNS):
            quiet, drawing = tick(name, ids[:count])
            title = f"{name.partition('_')[0].title()}, a tick of {part} with {count} runs, without news"
            rows.append([title, f"{quiet:.3f}", f"one that draws all again: {drawing:.3f} s"])
    names = ["train.loss", "validation.accuracy"]
    whole = seconds(lambda: store.metrics_after(ids, 0, names), rounds=1)
    some = seconds(lambda: store.curves_so_far(ids, names, 250))
    rows.append(
        [f"{RUNS} training curves of {POINTS:,} points for the chart", f"{some:.2f}", f"every point: {whole:.2f} s"]
    )
    drawn("runs", runs=address)
    rows.append(["Runs, these 200", f"{seconds(lambda: drawn('runs', runs=address)):.2f}", ""])
    os.environ["CLPS_HOME"] = str(listed)
    drawn("runs", view="all")
    for title, query in (
        ("Runs, all: first page", {}),
        ("Runs, all: page 150", {"page": "150"}),
        ("Runs, all: searched", {"where": "tag:paper d_model>=64 best.accuracy>0.5 sort:-accuracy"}),
    ):
        taken = seconds(lambda query=query: drawn("runs", view="all", **query))
        found = seconds(
            lambda query=query: find_runs(
                other, parse_where(query.get("where", "")), offset=50 * (int(query.get("page", 1)) - 1)
            )
        )
        rows.append([title, f"{taken:.2f}", f"of that the search: {found:.3f} s"])
    whole = seconds(lambda: other.runs(limit=MANY), rounds=2)
    rows.append(["all 10,000 runs read at once, for comparison", f"{whole:.2f}", ""])
    rows.append(["Runs, one comparison", f"{seconds(lambda: drawn('runs')):.2f}", ""])
    rows.append(["Start", f"{seconds(lambda: drawn('start')):.2f}", ""])
    empty = statistics.median(seconds(lambda: drawn("data"), rounds=1) for _ in range(3))
    rows.append(["Data, an almost empty page, for comparison", f"{empty:.2f}", ""])
    return rows


if __name__ == "__main__":
    main()
