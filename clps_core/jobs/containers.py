"""What Linux control groups leave to this process: processors and memory. Start at ControlGroups.

A limit may stand at the group of the process or at any group above it: a container, a person's slice on a shared
machine, a batch job, a service. All of them hold. Inside a container that sees only itself, its own group is the
root. Both kinds of control groups are read; elsewhere than on Linux nothing is limited.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ControlGroups", "MemoryGroup"]


@dataclass(frozen=True)
class MemoryGroup:
    """Bytes: the ``limit`` of one group, and what of it is ``used``, not counting what is only a cache of files."""

    limit: int
    used: int


@dataclass(frozen=True)
class ControlGroups:
    """The groups of this process; ``root``: where they are mounted, ``own``: which of them the process is in."""

    root: Path = Path("/sys/fs/cgroup")
    own: Path = Path("/proc/self/cgroup")

    def cpus(self) -> float | None:
        """How many processors' time it may use; ``None`` if nothing limits it."""
        return min(self._quotas(), default=None)

    def memory(self) -> list[MemoryGroup]:
        """Every group that limits its memory."""
        found = []
        for folder in self._folders("memory"):
            for names in (
                ("memory.max", "memory.current", "inactive_file"),
                ("memory.high", "memory.current", "inactive_file"),  # above it, everything slows down
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            ):
                limit, use, cache = names
                with contextlib.suppress(OSError, ValueError):  # no limit reads "max"
                    size, used = int((folder / limit).read_text()), int((folder / use).read_text())
                    found.append(MemoryGroup(size, max(0, used - _line(folder / "memory.stat", cache))))
        return found

    def _quotas(self) -> Iterator[float]:
        for folder in self._folders("cpu"):
            with contextlib.suppress(OSError, ValueError):
                quota, period = (folder / "cpu.max").read_text().split()
                yield int(quota) / int(period)
            with contextlib.suppress(OSError, ValueError):
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
                if int(quota) > 0:  # no limit reads -1
                    yield int(quota) / int(period)

    def _folders(self, controller: str) -> Iterator[Path]:
        """The groups that decide about ``controller``, from the root down to the process's own; some may not exist."""
        yield from (self.root, self.root / controller)
        with contextlib.suppress(OSError, ValueError):
            for line in self.own.read_text().splitlines():
                _number, controllers, path = line.split(":", 2)
                if controllers and controller not in controllers.split(","):
                    continue
                base = self.root / controller if controllers else self.root
                parts = [part for part in path.split("/") if part]
                if ".." not in parts:  # else it lies outside of what we see
                    yield from (base.joinpath(*parts[:count]) for count in range(1, len(parts) + 1))


def _line(path: Path, name: str) -> int:
    """The number after ``name`` in a file of such lines; 0 if there is none."""
    for line in path.read_text().splitlines():
        found, _space, number = line.partition(" ")
        if found == name:
            return int(number)
    return 0
