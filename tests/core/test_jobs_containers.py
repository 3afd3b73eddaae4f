"""What control groups leave: on trees of files as the kernel shows them, of both kinds and in and out of containers."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from clps_core.jobs.containers import ControlGroups, MemoryGroup
from clps_core.jobs.machine import host_memory
from clps_core.jobs.slots import available_cores, available_memory


def groups(place: Path, own: str, files: dict[str, str]) -> ControlGroups:
    """``files`` as they lie under the root; ``own`` as the process is told where it is."""
    for name, text in files.items():
        path = place / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "own").write_text(own)
    return ControlGroups(place / "cgroup", place / "own")


def test_in_a_container_the_root_is_its_own_group(tmp_path: Path) -> None:
    files = {"memory.max": "1000\n", "memory.current": "700\n", "memory.stat": "anon 500\ninactive_file 200\n"}
    found = groups(tmp_path, "0::/\n", files | {"memory.high": "max\n", "cpu.max": "150000 100000\n"})
    assert found.memory() == [MemoryGroup(1000, 500)]
    assert found.cpus() == 1.5
    assert host_memory(found).free == 500
    assert available_memory(found) == 1000


def test_the_limit_of_a_persons_slice_holds_for_what_runs_in_it(tmp_path: Path) -> None:
    """As a shared server limits its users, or systemd a service: nothing stands at the root."""
    usage = {"memory.current": "300\n", "memory.stat": "inactive_file 100\n"}
    top, inner = "user.slice/user-7.slice", "user.slice/user-7.slice/session-1.scope"
    files = {f"{folder}/{name}": text for folder in (top, inner) for name, text in usage.items()}
    files |= {f"{inner}/memory.max": "max\n", f"{inner}/cpu.max": "max 100000\n"}
    files |= {f"{top}/memory.max": "2000\n", f"{top}/memory.high": "1500\n", f"{top}/cpu.max": "100000 100000\n"}
    found = groups(tmp_path, f"0::/{inner}\n", files)
    assert sorted(group.limit for group in found.memory()) == [1500, 2000]
    assert host_memory(found).free == 1300
    assert available_memory(found) == 1500
    assert available_cores(found) == 1


def test_the_older_kind_is_read_too(tmp_path: Path) -> None:
    files = {
        "memory/jobs/7/memory.limit_in_bytes": "5000\n",
        "memory/jobs/7/memory.usage_in_bytes": "900\n",
        "memory/jobs/7/memory.stat": "inactive_file 1\ntotal_inactive_file 400\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "100\n",
        "memory/memory.stat": "",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "cpu/jobs/7/cpu.cfs_quota_us": "50000\n",
        "cpu/jobs/7/cpu.cfs_period_us": "100000\n",
    }
    found = groups(tmp_path, "4:memory:/jobs/7\n2:cpu,cpuacct:/jobs/7\n1:name=systemd:/\n0::/\n", files)
    assert MemoryGroup(5000, 500) in found.memory()
    assert available_memory(found) == 5000
    assert found.cpus() == 0.5
    assert available_cores(found) == 1


@pytest.mark.parametrize("own", ["", "0::/../elsewhere\n", "no such line", "4:memory:/not/seen/here\n"])
def test_where_nothing_is_said_nothing_is_limited(tmp_path: Path, own: str) -> None:
    found = groups(tmp_path, own, {"memory.stat": "inactive_file 1\n"})
    assert found.cpus() is None
    assert found.memory() == []
    assert available_memory(found) == psutil.virtual_memory().total
