"""What is tested and measured on a GPU says so where there is none, and its tolerance tells fp32 from less."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).parents[2]


def without_gpu(*arguments: str) -> str:
    """What Python says, on a machine whose GPUs are hidden; it must end well."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=hidden, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_the_tests_of_cuda_are_skipped_loudly_where_there_is_none() -> None:
    said = without_gpu("-m", "pytest", "tests/gpu/test_gpu_memory.py", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert "!! tests/gpu !!" in said
    assert "THE CUDA PATH IS NOT TESTED: tests/gpu needs a CUDA GPU" in said
    assert "17 skipped" in said


@pytest.mark.slow
def test_the_benchmark_of_a_gpu_measures_nothing_where_there_is_none() -> None:
    result = ROOT / "benchmarks" / "results" / "gpu.md"
    before = result.read_bytes() if result.exists() else None
    assert "finds none here, nothing is measured." in without_gpu("benchmarks/gpu.py")
    assert (result.read_bytes() if result.exists() else None) == before


@pytest.fixture
def both_devices(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The helpers of ``tests/gpu``, which take any device."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "gpu")
    import both_devices

    return both_devices


def as_tf32(product: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``product`` of numbers that keep 10 bits behind the first, as TF32 does."""

    def rounded(x: Tensor) -> Tensor:
        parts = torch.frexp(x.detach())
        kept = torch.ldexp(torch.round(parts.mantissa * 2**11) / 2**11, parts.exponent)
        return x + (kept - x).detach()

    return lambda x, weight, bias=None: product(rounded(x), rounded(weight), bias)


@pytest.mark.parametrize("number", [0, 8, 11])
def test_the_tolerance_of_the_tests_of_cuda_lets_fp32_through_and_not_tf32(
    number: int, both_devices: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = both_devices.DESIGNS[number]

    def passes(name: str, dtype: torch.dtype = torch.float32) -> tuple[object, object]:
        return both_devices.one_pass(design, "cpu", dtype), both_devices.training_losses(
            design, "cpu", tmp_path / name, dtype
        )

    exact, on_cpu = passes("exact", torch.float64), passes("cpu")
    monkeypatch.setattr(functional, "linear", as_tf32(functional.linear))
    rounded = passes("tf32")
    for one, other, less in zip(exact, on_cpu, rounded, strict=True):
        both_devices.assert_as_close(other, other, one)
        with pytest.raises(AssertionError, match="is allowed"):
            both_devices.assert_as_close(less, other, one)
