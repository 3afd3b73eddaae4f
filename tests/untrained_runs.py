"""Run folders with weights that nobody trained: enough to look inside. Start at untrained_run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.registry import load_task
from clps_core.model.transformer import Transformer, build_model
from clps_core.store import Run, Store, schema
from clps_core.training.checkpoint import Checkpoint, save_best, save_last, weights
from clps_core.training.run_folder import open_folder

SIZES = {"num_layers": 4, "d_model": 16, "d_ff": 24, "num_heads": 2}


def small_config(task: str = "dates", strategy: str = "cycle:2", **model: Any) -> RunConfig:
    given = {"data": {"task": task}, "model": {**SIZES, **model}, "sharing": {"strategy": strategy}}
    return resolve(build_config({**given, "train": {"steps": 40}})).config


def untrained_run(
    folder: Path, config: RunConfig, step: int = 0, plant: Callable[[Transformer], None] | None = None
) -> Path:
    """Write into ``folder`` what a run at ``step`` leaves behind, best and last weights alike.

    ``plant`` may change the model before.
    """
    open_folder(folder, config, load_task(config))
    model = build_model(config)
    if plant is not None:
        plant(model)
    state = Checkpoint(weights(model), {"step": step})
    save_last(folder, state)
    save_best(folder, state)
    return folder


def sure_of_boxes(model: Transformer) -> None:
    """To plant: some of the learned queries find something."""
    with torch.no_grad():
        model.get_parameter("head.weight").mul_(8)
        model.get_parameter("box_last.weight").mul_(3)


def stored_run(store: Store, config: RunConfig, step: int = 40, status: str = "finished") -> Run:
    """A run of the store that has weights and no supervisor has seen."""
    comparison = store.create_comparison("looked into", [config])
    run = store.runs(comparison=comparison)[0]
    untrained_run(store.run_folder(run.id), config, step)
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(status=status, step=step))
    return store.run(run.id)
