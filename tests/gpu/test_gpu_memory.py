"""What is told and expected of a card's memory is what torch measures there."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from clps_core.analysis.memory import PROCESS_BYTES, estimate_training_memory
from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.registry import load_task
from clps_core.jobs.machine import gpu_memory
from clps_core.jobs.slots import visible_gpus
from clps_core.training.device import Placement
from clps_core.training.loop import prepare, train_step
from clps_core.training.sink import RecordingSink


def test_nvidia_smi_and_torch_see_the_same_card(one_gpu: str) -> None:
    told = gpu_memory(one_gpu)
    if told is None:
        pytest.skip("nvidia-smi does not tell this GPU's memory")
    assert len(visible_gpus({"CUDA_VISIBLE_DEVICES": one_gpu})) == 1
    assert told.total == pytest.approx(torch.cuda.get_device_properties(0).total_memory, rel=0.05)
    assert 0 <= told.free <= told.total


LARGE: dict[str, Mapping[str, Any]] = {
    "weights": {"data": {"task": "digits"}, "model": {"d_model": 1024, "d_ff": 4096, "num_heads": 16, "num_layers": 8}},
    "activations": {"data": {"task": "digits"}, "train": {"batch_size": 8192}},
    "a long input": {
        "data": {"task": "python-docs", "seq_len": 2048},
        "model": {"d_model": 256, "d_ff": 1024, "num_heads": 4, "dropout": 0.0},
        "train": {"batch_size": 8},
    },
    "logits": {"data": {"task": "python-docs"}, "train": {"batch_size": 256}},
    "two stacks": {"data": {"task": "dates"}, "train": {"batch_size": 1024}},
    "pictures with boxes": {"data": {"task": "objects"}, "train": {"batch_size": 512}},
    "alignments": {"data": {"task": "spoken-digits"}, "train": {"batch_size": 512}},
    "probabilities that are read": {
        "data": {"task": "python-docs", "seq_len": 1024},
        "sharing": {"strategy": "attention_source=every:2"},
        "train": {"batch_size": 8},
    },
}
"""What takes the memory, and a run where it does; each takes some hundred MiB and more."""


def peak(config: RunConfig, folder: Path, device: str, precision: str) -> int:
    """Bytes that torch's allocator had at its peak in two steps."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run = prepare(config, folder, RecordingSink(), Placement(device, precision, 1, ""), load_task(config))
    for _step in range(2):
        train_step(run)
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("what", LARGE)
def test_the_estimate_is_above_what_a_run_takes(
    what: str, precision: str, cuda: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Too low, and runs that were let in end out of memory. Too high, and what fits is refused for ever."""
    if precision == "bf16":
        request.getfixturevalue("bf16")
    config = resolve(build_config({**LARGE[what], "train": {**LARGE[what].get("train", {}), "probe_count": 0}})).config
    expected = estimate_training_memory(config, gpu=True) - PROCESS_BYTES
    taken = peak(config, tmp_path, cuda, precision)
    print(f"{what}, {precision}: expected {expected / 2**20:.0f} MiB, taken {taken / 2**20:.0f} MiB")
    assert taken <= expected
    assert expected <= (3 if precision == "fp32" else 5) * taken
