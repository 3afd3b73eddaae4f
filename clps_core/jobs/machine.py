"""How much memory and disk there is, and how much of it is free. Measured at every call. Start at Memory."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from functools import cache

import psutil

from clps_core.jobs.containers import ControlGroups
from clps_core.jobs.slots import HERE, available_memory

__all__ = ["Memory", "gpu_memory", "host_memory", "largest_gpu", "process_memory"]


@dataclass(frozen=True)
class Memory:
    """Bytes: ``total`` that runs could fill with nothing beside them, ``free`` of it now."""

    total: int
    free: int


def host_memory(groups: ControlGroups = HERE) -> Memory:
    """Of this machine, or of the container, whichever has less."""
    total, free = available_memory(groups), psutil.virtual_memory().available
    free = min([free, *(max(0, group.limit - group.used) for group in groups.memory())])
    return Memory(total, min(free, total))


def gpu_memory(gpu: str) -> Memory | None:
    """Of one GPU, named as in ``CUDA_VISIBLE_DEVICES``; ``None`` where nobody can tell."""
    command = ["nvidia-smi", "-i", gpu, "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        text = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        total, free = (int(part) * 2**20 for part in text.strip().split(","))
        return Memory(total, free)
    return None


@cache
def largest_gpu(gpus: tuple[str, ...]) -> int | None:
    """Bytes of the largest of ``gpus``; ``None`` where nobody can tell. A process asks once: cards do not grow."""
    return max((memory.total for memory in map(gpu_memory, gpus) if memory is not None), default=None)


def process_memory(pid: int | None) -> int:
    """Bytes that a process holds now; 0 if it is gone or was not yet started."""
    if pid is None:
        return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
