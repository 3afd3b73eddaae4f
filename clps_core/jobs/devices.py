"""Whether a run that asks for CUDA can be given it, before it is queued. No torch here. Start at check_devices."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import sqlalchemy as sa

from clps_core.config import RunConfig
from clps_core.errors import ConfigError
from clps_core.jobs import processes
from clps_core.jobs.slots import visible_gpus
from clps_core.store import Store, schema
from clps_core.words import _

__all__ = ["check_devices", "why_no_cuda"]

DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvhost-ctrl", "/dev/nvmap", "/dev/dxg", "/proc/driver/nvidia")
"""Where a driver shows itself, also where ``nvidia-smi`` is missing: containers, Jetson, Windows' Linux."""


def check_devices(store: Store, configs: Sequence[RunConfig]) -> None:
    """Raise ``ConfigError`` for a run on CUDA that nobody who works on ``store`` could take.

    Another machine that has worked on the store may have a GPU: then the run is let through.
    """
    if all(config.train.device != "cuda" for config in configs):
        return
    why = why_no_cuda()
    facts = processes.SupervisorLock(store.home).holder()
    if why is None or (facts or {}).get("gpus") or _others_work_on(store):
        return
    raise ConfigError(
        _("train.device cuda must have a usable CUDA GPU. There is none: {why}. Use train.device auto or cpu.", why=why)
    )


def why_no_cuda(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why a run on this machine could not use CUDA; ``None`` where it could, or where only torch could tell."""
    if visible_gpus(environment):
        return None
    try:
        build = version("torch")
    except PackageNotFoundError:
        return _("torch is not installed")
    if build.endswith("+cpu"):
        return _("this build of torch ({build}) does not support CUDA", build=build)
    if sys.platform == "darwin":
        return _("CUDA is not available on macOS")
    if "CUDA_VISIBLE_DEVICES" in environment:
        return _("CUDA_VISIBLE_DEVICES hides all GPUs")
    if "rocm" in build or any(Path(path).exists() for path in DRIVERS):
        return None
    return _("no NVIDIA driver and no GPU were found")


def _others_work_on(store: Store) -> bool:
    host = schema.attempt.c.host
    with store.reading() as connection:
        query = sa.select(host).where(host != processes.host_name()).limit(1)
        return connection.execute(query).first() is not None
