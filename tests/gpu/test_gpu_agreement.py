"""CPU and CUDA compute the same in fp32, and a step on CUDA waits for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from both_devices import DESIGNS, WAITING, Design, assert_as_close, config_of, one_pass, training_losses

from clps_core.config import RunConfig
from clps_core.data.base import Batch, TaskData
from clps_core.data.registry import load_task
from clps_core.training.device import Placement
from clps_core.training.loop import Run, prepare, train_step
from clps_core.training.sink import RecordingSink

DROPOUT = Design("python-docs", "all", {"dropout": 0.3})


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_logits_loss_and_gradients_are_those_of_the_cpu(design: Design, cuda: str) -> None:
    assert_as_close(one_pass(design, cuda), one_pass(design, "cpu"), one_pass(design, "cpu", torch.float64))


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_the_first_steps_of_training_are_those_of_the_cpu(design: Design, cuda: str, tmp_path: Path) -> None:
    exact = training_losses(design, "cpu", tmp_path / "exact", torch.float64)
    on_cpu = training_losses(design, "cpu", tmp_path / "cpu")
    assert_as_close(training_losses(design, cuda, tmp_path / "cuda"), on_cpu, exact)


def test_a_run_in_fp32_does_not_multiply_in_tf32_where_that_is_allowed(cuda: str) -> None:
    design = DESIGNS[0]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        found = one_pass(design, cuda)
    finally:
        torch.set_float32_matmul_precision(before)
    assert_as_close(found, one_pass(design, "cpu"), one_pass(design, "cpu", torch.float64))


def begun(config: RunConfig, device: str, precision: str, folder: Path, data: TaskData | None = None) -> Run:
    """A run of ``config`` before its first step."""
    placement = Placement(device, precision, 1, "")
    return prepare(config, folder, RecordingSink(), placement, data or load_task(config))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "design",
    [
        *(one for one in DESIGNS if one.task not in WAITING),
        DROPOUT,
        Design("dates", "loop:1/1/1,depth_embedding=sinusoidal,train_loops=1-6"),
    ],
    ids=str,
)
def test_a_step_does_not_wait_for_the_gpu(
    design: Design, precision: str, cuda: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whatever copies a number back, or from pageable memory, would stop the CPU from preparing the next step."""
    if precision == "bf16":
        request.getfixturevalue("bf16")
    run = begun(config_of(design), cuda, precision, tmp_path)
    train_step(run)  # libraries set themselves up in the first one
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _step in range(3):
            train_step(run)
    finally:
        torch.cuda.set_sync_debug_mode(before)


class OneBatch:
    """The same batch at every step."""

    def __init__(self, data: TaskData) -> None:
        self._data = data

    def batch(self, _step: int, batch_size: int) -> Batch:
        return self._data.batch(0, batch_size)


def losses_with_dropout(device: str, folder: Path, first_step: int = 0) -> list[float]:
    """Losses up to step 4 of one batch, whose weights stay all but as they are."""
    config = config_of(DROPOUT)
    still = config.optim.model_copy(update={"learning_rate": 1e-30, "weight_decay": 0.0})
    config = config.model_copy(update={"optim": still})
    run = begun(config, device, "fp32", folder, OneBatch(load_task(config)))  # type: ignore[arg-type]
    run.step = first_step
    found = []
    while run.step < 4:
        train_step(run)
        assert run.loss is not None
        found.append(float(run.loss))
    return found


def test_dropout_depends_on_seed_and_step_alone(cuda: str, tmp_path: Path) -> None:
    """So a run that goes on at step 2 draws what it would have drawn."""
    whole = losses_with_dropout(cuda, tmp_path / "whole")
    torch.cuda.manual_seed_all(1)
    rest = losses_with_dropout(cuda, tmp_path / "rest", first_step=2)
    assert rest == pytest.approx(whole[2:], rel=1e-5)
    assert min(abs(one - other) for i, one in enumerate(whole) for other in whole[:i]) > 1e-3, "drawn anew at each step"
