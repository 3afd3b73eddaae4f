"""A store whose runs really run, for tests that kill things. Start at JobRoom."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from safetensors.numpy import load_file

from clps_core.config import RunConfig, build_config
from clps_core.jobs import service
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Run, open_store
from clps_core.store.queue import Attempt, Queue

T = TypeVar("T")
PATIENCE = 240.0
"""Seconds until something counts as never happening, on however busy a machine."""
STEPS = 140


def tiny(strategy: str = "all", seed: int = 0, **train: Any) -> RunConfig:
    """A dates run with dropout that takes a second or two, with a checkpoint every 20 steps."""
    return build_config(
        {
            "data": {"task": "dates"},
            "model": {"num_layers": 2, "d_model": 16, "d_ff": 32, "num_heads": 2, "dropout": 0.1},
            "sharing": {"strategy": strategy},
            "train": {
                "steps": STEPS,
                "batch_size": 4,
                "eval_every": 50,
                "eval_examples": 4,
                "test_examples": 4,
                "checkpoint_every": 20,
                "log_every": 5,
                "probe_count": 2,
                "device": "cpu",
                **train,
            },
            "seed": seed,
        }
    )


def eventually(look: Callable[[], T | bool | None], what: str, patience: float = PATIENCE, every: float = 0.05) -> T:
    """What ``look``, asked ``every`` so many seconds, returns once that is true; fails after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := look():
            return found  # type: ignore[return-value]
        time.sleep(every)
    raise AssertionError(f"did not happen within {patience} s: {what}")


def processes_of(home: Path) -> list[psutil.Process]:
    """All supervisors, waiters and runners of ``home``."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if str(home) in command and any(part.startswith("clps_core.jobs.") for part in command):
            found.append(process)
    return found


def was_worked_on(home: Path) -> bool:
    """Whether a supervisor was started for ``home``, by this process or another."""
    return home in service._started or (home / "supervisor.lock").exists()


def end_processes(home: Path) -> None:
    """Kill them all: what trains on after its test takes the time of other tests."""
    if started := service._started.pop(home, None):  # a supervisor that was just started is not found by its command
        started.process.kill()
        started.process.wait(10)
    for _round in range(3):  # a supervisor may start one more process while it is killed
        members = processes_of(home)
        for process in sorted(members, key=lambda member: "clps_core.jobs.supervisor" not in member.info["cmdline"]):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(members, timeout=5)


def let_others_first(home: Path) -> None:
    """Lower the priority of what trains: a run that only has to go on takes the time of other tests."""
    for process in processes_of(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "clps_core.jobs.runner" in process.info["cmdline"]:
                process.nice(10)
                with contextlib.suppress(OSError):  # where the system shares the processors among sessions first
                    Path(f"/proc/{process.pid}/autogroup").write_text("19")


class JobRoom:
    """A home folder with its store, and the processes that belong to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = open_store(home)
        self.queue = Queue(self.store)

    def submit(self, *configs: RunConfig) -> list[str]:
        return [run.id for run in service.submit(self.store, configs)]

    def wait(self, *run_ids: str) -> list[Run]:
        return service.wait(self.store, run_ids, timeout=PATIENCE)

    def attempt(self, run_id: str) -> Attempt | None:
        return next((attempt for attempt in self.queue.open_attempts() if attempt.run_id == run_id), None)

    def reach(self, run_id: str, step: int) -> int:
        """Wait until the run is at ``step``; returns its runner's pid."""

        return self.reach_job(self.store.run(run_id).id, step)

    def reach_job(self, job_id: str, step: int) -> int:
        """The same for a job of any kind."""

        def look() -> int | None:
            job, attempt = self.store.job(job_id), self.attempt(job_id)
            assert job.active, job.reason
            return attempt.pid if job.step >= step and attempt else None

        return eventually(look, f"{job_id} at step {step}")

    def supervisor_pid(self) -> int:
        return eventually(lambda: (SupervisorLock(self.home).holder() or {}).get("pid"), "a supervisor")

    def kill_supervisor(self) -> int:
        pid = self.supervisor_pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: SupervisorLock(self.home).holder() is None, "the lock is free again")
        return pid

    def processes(self) -> list[psutil.Process]:
        """All supervisors, waiters and runners of this home."""
        return processes_of(self.home)

    def close(self) -> None:
        end_processes(self.home)
        self.store.close()

    # What a run left

    def weights(self, run_id: str, which: str = "last") -> dict[str, np.ndarray]:
        return load_file(self.store.run_folder(run_id) / "checkpoints" / f"{which}.safetensors")

    def curves(self, run_id: str) -> dict[tuple[str, str, int], float]:
        """Every point but the speed, which no two runs share."""
        points, _cursor = self.store.metrics_after([run_id], 0)
        return {
            (point.split, point.name, point.step): point.value
            for point in points
            if not point.forgets and point.name != "tokens_per_second"
        }


class Twin:
    """What an undisturbed run left; another run must have left the same, bit for bit."""

    def __init__(self, room: JobRoom, run_id: str) -> None:
        self.curves = room.curves(run_id)
        self.weights = {which: room.weights(run_id, which) for which in ("last", "best")}

    def assert_equal(self, room: JobRoom, run_id: str) -> None:
        for which, expected in self.weights.items():
            found = room.weights(run_id, which)
            assert found.keys() == expected.keys()
            assert all(np.array_equal(found[name], expected[name]) for name in expected), which
        assert room.curves(run_id) == self.curves


class Reader:
    """Follows a run's curves as a page does: by a cursor, only what is new."""

    def __init__(self, room: JobRoom, run_id: str) -> None:
        self._room, self._run_id = room, run_id
        self._cursor = 0
        self.held: dict[tuple[str, str, int], float] = {}

    def follow(self) -> None:
        points, self._cursor = self._room.store.metrics_after([self._run_id], self._cursor)
        for point in points:
            if point.forgets:
                self.held = {key: value for key, value in self.held.items() if key[2] <= point.step}
            elif point.name != "tokens_per_second":
                self.held[point.split, point.name, point.step] = point.value
