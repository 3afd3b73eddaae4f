"""Runs in a real store whose curves are written by the test, so that no page test has to wait for a training."""

from __future__ import annotations

import math
from collections.abc import Iterable

from clps_core.config import build_config, resolve
from clps_core.store import Point, Run, Store, metrics, schema

STEPS = 200
EVERY = 20


def record(
    store: Store,
    strategies: Iterable[str] = ("none", "all"),
    seeds: Iterable[int] = (0,),
    *,
    task: str = "digits",
    status: str = "finished",
    name: str = "recorded",
    reason: str | None = None,
    **train: int,
) -> list[Run]:
    """A comparison with complete curves: the later a strategy is named, the slower it learns."""
    partial = {"data": {"task": task}, "train": {"steps": STEPS, "eval_every": EVERY, **train}}
    configs = [
        resolve(build_config({**partial, "sharing": {"strategy": strategy}, "seed": seed})).config
        for strategy in strategies
        for seed in seeds
    ]
    parameters = [(10_000 // (1 + place), 10_000) for place in range(len(configs))]
    comparison = store.create_comparison(name, configs, parameters=parameters)
    for place, run in enumerate(store.runs(comparison=comparison)):
        if status != "queued":
            extend(store, run, range(0, STEPS + 1, 5), pace=1 / (1 + place))
            mark(store, run, status=status, reason=reason, step=STEPS, seconds=STEPS / 10, tokens_per_second=1000.0)
    return store.runs(comparison=comparison)


def extend(store: Store, run: Run, steps: Iterable[int], pace: float = 1.0) -> None:
    """Log points at ``steps``: a falling loss, and every 20 steps an accuracy that comes near 1."""
    points = []
    for step in steps:
        seconds = step / 10
        points.append(Point(run.id, "train", "loss", step, 3 * math.exp(-pace * step / 60), seconds))
        if step % EVERY == 0:
            points.append(Point(run.id, "validation", "loss", step, 3 * math.exp(-pace * step / 70), seconds))
            points.append(Point(run.id, "validation", "accuracy", step, 1 - math.exp(-pace * step / 60), seconds))
    with store.writing() as connection:
        metrics.append(connection, run.id, points)


def score(store: Store, run: Run, value: float, metric: str = "accuracy", examples: int = 180) -> None:
    """Log the score on the test split, as a run does at its end."""
    values = {metric: value, "loss": 1.0, "examples": float(examples)}
    with store.writing() as connection:
        metrics.append(
            connection, run.id, [Point(run.id, "test", name, STEPS, one, 20.0) for name, one in values.items()]
        )


def go_back(store: Store, run: Run, step: int) -> None:
    """Take back what lies beyond ``step``, as a resumed run does."""
    with store.writing() as connection:
        metrics.discard(connection, run.id, step)


def mark(store: Store, run: Run, **values: object) -> None:
    """Set columns of the run's row."""
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(**values))
