"""The tests of the CUDA path. Without a CUDA GPU all of them are skipped, with one reason that says so.

    python -m pytest tests/gpu

They need the engine only, no dashboard and no browser: torch with CUDA, and what ``clps_core`` imports.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the packages that torch finds on a machine that we did not set up
    import torch

from clps_core.jobs.slots import visible_gpus

HERE = Path(__file__).parent


def why_skipped() -> str | None:
    """Why nothing here can run; ``None`` where it can."""
    if torch.cuda.is_available():
        return None
    built = torch.version.cuda
    why = f"is built for CUDA {built} and finds no GPU" if built else "is built without CUDA"
    return f"THE CUDA PATH IS NOT TESTED: tests/gpu needs a CUDA GPU, and torch {torch.__version__} {why} here."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A warning of a package is no fault of ours there: the machine's versions are not those of constraints.txt."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Nobody shall take a run without a GPU for one that tested the CUDA path."""
    if reason := why_skipped():
        terminalreporter.section("tests/gpu", sep="!")
        terminalreporter.write_line(reason)


@pytest.fixture(scope="session", autouse=True)
def cuda() -> str:
    """The device's name for torch, ``cuda``; without one the test is skipped."""
    if reason := why_skipped():
        pytest.skip(reason)
    return "cuda"


@pytest.fixture
def bf16() -> None:
    """Skip where the GPU does not compute in bf16 (compute capability below 8)."""
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip(f"{torch.cuda.get_device_name(0)} does not support bf16")


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> str:
    """The processes that a test starts see the first GPU only; returns its name for ``nvidia-smi``."""
    first = (visible_gpus() or ("0",))[0]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", first)
    return first
