"""How many runs advance at once, and with how many threads each. No torch here. Start at choose_slots.

On CPUs one slot per core with one thread each was the fastest for models of this size (measured:
``benchmarks/slots.py``); with GPUs there is one slot per GPU, or as many as ``CLPS_RUNS_PER_GPU`` says.
``CLPS_SLOTS`` and ``CLPS_THREADS`` overrule.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile

import psutil

from clps_core.errors import ConfigError
from clps_core.jobs.containers import ControlGroups
from clps_core.words import _, ngettext

__all__ = ["Slots", "available_cores", "available_memory", "choose_slots", "machines_gpus", "visible_gpus"]

HERE = ControlGroups()
MOST_SLOTS = 8
MEMORY_PER_SLOT = 1 << 30
"""A slot is only offered where this many bytes of memory exist for it."""


@dataclass(frozen=True)
class Slots:
    """``count`` runs at once, ``threads`` CPU threads each, on these ``gpus`` in turn if there are any."""

    count: int
    threads: int
    gpus: tuple[str, ...]
    reason: str

    def gpu(self, slot: int) -> str | None:
        """The GPU of a slot: neighbouring slots have different ones, so that few runs do not crowd on one."""
        return self.gpus[slot % len(self.gpus)] if self.gpus else None

    def environment(self, slot: int, threads: int | None = None) -> dict[str, str]:
        """What a runner in this slot gets to see; ``threads`` if its run began with another number."""
        number = str(threads or self.threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CLPS_RUN_THREADS")
        found = dict.fromkeys(names, number)
        if (gpu := self.gpu(slot)) is not None:
            found["CUDA_VISIBLE_DEVICES"] = gpu
            # CUDA would number the fastest one first, nvidia-smi, which tells us their memory, does not.
            found["CUDA_DEVICE_ORDER"] = os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        return found


def choose_slots(environment: Mapping[str, str] = os.environ, *, gpus: tuple[str, ...] | None = None) -> Slots:
    """Slots and threads of this machine, or of one with these ``gpus``.

    Raises ``ConfigError`` where ``CLPS_SLOTS``, ``CLPS_THREADS`` or ``CLPS_RUNS_PER_GPU`` is no number.
    """
    cores = available_cores()
    gpus = visible_gpus(environment) if gpus is None else gpus
    asked_slots, asked_threads = _asked(environment, "CLPS_SLOTS"), _asked(environment, "CLPS_THREADS")
    per_gpu = _asked(environment, "CLPS_RUNS_PER_GPU") or 1
    room = max(2, available_memory() // MEMORY_PER_SLOT)
    count = asked_slots or (len(gpus) * per_gpu if gpus else min(max(2, cores), MOST_SLOTS, room))
    threads = asked_threads or max(1, cores // count)
    if asked_slots or asked_threads:
        reason = _("Set by CLPS_SLOTS or CLPS_THREADS.")
    elif gpus and per_gpu > 1:
        reason = _("{runs} runs on each of {n} GPUs, set by CLPS_RUNS_PER_GPU.", runs=per_gpu, n=len(gpus))
    elif gpus:
        reason = ngettext("One run per GPU; there is {n} GPU.", "One run per GPU; there are {n} GPUs.", len(gpus))
    else:
        reason = ngettext(
            "No GPU; two runs share {n} core.",
            "No GPU; the runs share {n} cores.",
            cores,
        )
    return Slots(count, threads, gpus, reason)


def _asked(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= 1024:
        raise ConfigError(_("{name} must be a number from 1 to 1024. Got {got!r}.", name=name, got=text[:40]))
    return int(text)


def available_cores(groups: ControlGroups = HERE) -> int:
    """Cores this process may use: its CPU set, and the quota of its container."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cores = os.cpu_count() or 1
    quota = groups.cpus()
    return cores if quota is None else min(cores, max(1, round(quota)))


def available_memory(groups: ControlGroups = HERE) -> int:
    """Bytes of memory that runs could fill if they had the machine, or its container, to themselves."""
    return min([psutil.virtual_memory().total, *(group.limit for group in groups.memory())])


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """CUDA devices that a runner could use, as ``CUDA_VISIBLE_DEVICES`` names them; torch is not asked."""
    if _torch_is_for_cpu():
        return ()
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        parts = [part.strip() for part in chosen.split(",")]
        return tuple(takewhile(lambda part: part not in ("", "-1", "NoDevFiles"), parts))  # CUDA stops there, too
    return machines_gpus()


@cache
def machines_gpus() -> tuple[str, ...]:
    """All that ``nvidia-smi`` knows; asked once by a process, since a page may want to know every second."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        lines = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True).stdout
        return _listed_gpus(lines)
    return ()


def _listed_gpus(text: str) -> tuple[str, ...]:
    """Numbers; where a GPU is cut into instances (MIG), the UUIDs of those and of whole GPUs.

    CUDA shows a process one instance at most, and beside instances it numbers GPUs in its own way.
    """
    found: list[str] = []
    cut = False
    for kind, uuid in re.findall(r"^\s*(GPU|MIG) .*\(UUID: ([\w./-]+)\)", text, re.MULTILINE):
        if kind == "MIG" and found and found[-1].startswith("GPU-"):
            found.pop()  # the one that is cut
        cut = cut or kind == "MIG"
        found.append(uuid)
    return tuple(found) if cut else tuple(str(number) for number in range(len(found)))


@cache
def _torch_is_for_cpu() -> bool:
    """Read once by a process: the package's description takes 3 ms, and a redraw of Train asked five times."""
    try:
        return version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return True
