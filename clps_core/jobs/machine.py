"""How much memory and disk there is, and how much of it is free. Measured anew at every call. Start at Memory."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from clps_core.jobs.slots import available_memory

__all__ = ["Memory", "gpu_memory", "host_memory", "process_memory"]


@dataclass(frozen=True)
class Memory:
    """Bytes: ``total`` that runs could fill with nothing beside them, ``free`` of it now."""

    total: int
    free: int


def host_memory() -> Memory:
    """Of this machine, or of the container, whichever has less."""
    total, free = available_memory(), psutil.virtual_memory().available
    for left in _container_rooms():
        free = min(free, max(0, left))
    return Memory(total, min(free, total))


CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Limit, use, and how much of the use is only a cache of files; for both kinds of control groups."""


def _container_rooms() -> Iterator[int]:
    for limit, use, statistics, cache in CONTAINERS:
        with contextlib.suppress(OSError, ValueError):
            left = int(Path(limit).read_text()) - int(Path(use).read_text())
            for line in Path(statistics).read_text().splitlines():
                name, _space, number = line.partition(" ")
                if name == cache:
                    left += int(number)
            yield left


def gpu_memory(gpu: str) -> Memory | None:
    """Of one GPU, named as in ``CUDA_VISIBLE_DEVICES``; ``None`` where nobody can tell."""
    command = ["nvidia-smi", "-i", gpu, "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        text = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        total, free = (int(part) * 2**20 for part in text.strip().split(","))
        return Memory(total, free)
    return None


def process_memory(pid: int | None) -> int:
    """Bytes that a process holds now; 0 if it is gone or was not yet started."""
    if pid is None:
        return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
