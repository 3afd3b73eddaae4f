"""Losses of boxes and of sounds where the model computes in bf16, as on most GPUs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from untrained_runs import SIZES

from clps_core.config import build_config, resolve
from clps_core.data.registry import load_task
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate
from clps_core.training.loop import loss_of, prepare
from clps_core.training.sink import RecordingSink


@pytest.mark.parametrize("task", ["objects", "spoken-digits", "spoken-digits-seq2seq"])
def test_loss_gradients_and_scores_in_bf16_are_near_those_in_fp32(task: str, tmp_path: Path) -> None:
    given = {"data": {"task": task}, "model": SIZES, "train": {"batch_size": 8, "eval_examples": 8, "probe_count": 0}}
    config = resolve(build_config(given)).config
    data = load_task(config)
    losses, gradients, scores = [], [], []
    for precision in ("fp32", "bf16"):
        placement = Placement("cpu", precision, 1, "for tests")
        with placement.in_force():
            run = prepare(config, tmp_path / precision, RecordingSink(), placement, data)
            scores.append(evaluate(run.model.eval(), data, config, placement))
            loss = loss_of(run, data.batch(0, 8), None)
            assert loss.dtype == torch.float32
            loss.backward()  # type: ignore[no-untyped-call]
        losses.append(float(loss.detach()))
        found = [one.grad.flatten().double() for one in run.model.parameters() if one.grad is not None]
        gradients.append(torch.cat(found))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0], "the model computed in bf16"
    assert float(torch.cosine_similarity(*gradients, dim=0)) > 0.99
    assert scores[1]["loss"] == pytest.approx(scores[0]["loss"], rel=0.02)
    assert all(map(math.isfinite, scores[1].values()))
