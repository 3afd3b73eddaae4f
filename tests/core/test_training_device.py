"""Claims about where a run computes; no GPU is needed, what the machine has is passed in."""

from __future__ import annotations

import pytest
import torch

from clps_core.config import build_config
from clps_core.errors import CheckpointError, ConfigError
from clps_core.training.device import Accelerator, Placement, choose

NO_GPU = Accelerator(available=False)
MODERN = Accelerator(available=True, bf16=True, name="H200")
OLD = Accelerator(available=True, bf16=False, name="GTX 1080")


def placement(accelerator: Accelerator, threads: int = 2, **train: object) -> Placement:
    return choose(build_config({"train": train}), threads, accelerator)


def test_without_a_gpu_the_cpu_computes_in_fp32() -> None:
    found = placement(NO_GPU)
    assert (found.device, found.precision, found.threads) == ("cpu", "fp32", 2)
    assert "no CUDA GPU was found" in found.reason


def test_a_gpu_is_used_in_bf16_where_it_computes_in_it() -> None:
    assert (placement(MODERN).device, placement(MODERN).precision) == ("cuda", "bf16")
    assert (placement(OLD).device, placement(OLD).precision) == ("cuda", "fp32")
    assert "H200" in placement(MODERN).reason


def test_what_is_asked_for_wins() -> None:
    assert placement(MODERN, device="cpu").device == "cpu"
    assert placement(MODERN, precision="fp32").precision == "fp32"
    assert placement(NO_GPU, precision="bf16").precision == "bf16"
    assert placement(NO_GPU, threads=7).threads == 7


def test_what_is_missing_is_refused_before_training() -> None:
    with pytest.raises(ConfigError, match="device auto or cpu"):
        placement(NO_GPU, device="cuda")
    with pytest.raises(ConfigError, match="GTX 1080 does not"):
        placement(OLD, precision="bf16")


def test_a_plan_survives_its_file() -> None:
    found = placement(MODERN)
    assert Placement.from_json(found.as_json()) == found
    for damaged in ("", "[]", "{}", '{"device": "cpu", "precision": "fp32", "threads": "many", "reason": ""}'):
        with pytest.raises(CheckpointError, match=r"plan\.json"):
            Placement.from_json(damaged)


def test_a_plan_in_force_sets_the_threads_and_gives_them_back() -> None:
    before = torch.get_num_threads()
    with Placement("cpu", "fp32", before + 1, "").in_force():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_fp32_is_not_multiplied_as_tf32_while_a_plan_is_in_force() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with Placement("cuda", "fp32", 1, "").in_force():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)
