"""Random kills of everything that can be killed: no run is lost, none is trained twice, nothing is computed
differently, and who follows the curves holds what the table holds.

``make soak`` goes on for 20 minutes (``CLPS_SOAK_MINUTES``), with a new seed every round.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator

import psutil
import pytest
from job_room import JobRoom, Reader, Twin, eventually, tiny

from clps_core.jobs import service

pytestmark = pytest.mark.slow
SOAK_MINUTES = float(os.environ.get("CLPS_SOAK_MINUTES") or (20 if os.environ.get("CLPS_SOAK") else 0))
STEPS = 120


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """What an undisturbed run leaves."""
    room = JobRoom(tmp_path_factory.mktemp("twin") / "home")
    (run,) = room.wait(*room.submit(tiny(steps=STEPS, threads=1)))
    assert run.status == "finished"
    yield Twin(room, run.id)
    room.close()


class Chaos:
    """Submits copies of one run and kills around them; every choice comes from the seed."""

    def __init__(self, room: JobRoom, seed: int, runs: int, kills: int) -> None:
        self.room, self.kills = room, kills
        self.choose = random.Random(seed)
        self.run_ids = room.submit(*[tiny(steps=STEPS)] * runs)
        self.readers = [Reader(room, run_id) for run_id in self.run_ids]
        self.next_kill = time.monotonic()

    def unleash(self) -> None:
        """Kill until the kills are used up and every run has finished."""

        def done() -> bool:
            service.ensure_supervisor(self.room.store)
            if self.kills and time.monotonic() > self.next_kill:
                self.kill_something()
                self.next_kill = time.monotonic() + self.choose.uniform(0.2, 4.0)
            self.choose.choice(self.readers).follow()
            self.check_attempts()
            runs = self.room.store.some_runs(self.run_ids)
            for run in runs:
                if run.status == "failed":
                    reason = run.reason or ""
                    assert "retried 2 times" in reason or "twice at step" in reason, reason
                    service.resume(self.room.store, run.id)
                if run.status == "cancelled" and self.choose.random() < 0.5:
                    service.resume(self.room.store, run.id)
            return all(run.status == "finished" for run in runs)

        eventually(done, "all runs finish", patience=240 + 20 * len(self.run_ids))

    def kill_something(self) -> None:
        attempts = self.room.queue.open_attempts()
        what = self.choose.choice(["runner", "runner", "supervisor", "waiter", "everything", "term", "cancel"])
        if what == "cancel":
            waiting = self.room.store.runs(status=("queued", "running"))
            if waiting:
                service.cancel(self.room.store, self.choose.choice(waiting).id)
                self.kills -= 1
            return
        modules = {"runner": "runner", "term": "runner", "supervisor": "supervisor", "waiter": "waiter"}
        members = self.room.processes()
        if what != "everything":
            name = f"clps_core.jobs.{modules[what]}"
            members = [member for member in members if name in member.info["cmdline"]]
            members = [self.choose.choice(members)] if members else []
        for member in members:
            try:
                member.send_signal(signal.SIGTERM if what == "term" else signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.kills -= bool(members and attempts)

    def check_attempts(self) -> None:
        """At no time do two open attempts belong to one run."""
        owners = [attempt.run_id for attempt in self.room.queue.open_attempts()]
        assert len(owners) == len(set(owners))


def chaos(room: JobRoom, twin: Twin, seed: int, *, runs: int, kills: int) -> None:
    storm = Chaos(room, seed, runs, kills)
    storm.unleash()
    for run_id, reader in zip(storm.run_ids, storm.readers, strict=True):
        twin.assert_equal(room, run_id)
        reader.follow()
        assert reader.held == twin.curves
    eventually(lambda: not room.queue.open_attempts(), "no attempt stays open")


def test_six_runs_amid_random_kills_equal_their_undisturbed_twin(room: JobRoom, twin: Twin) -> None:
    chaos(room, twin, seed=20261121, runs=6, kills=6)


@pytest.mark.skipif(not SOAK_MINUTES, reason="make soak goes on for longer")
@pytest.mark.timeout(SOAK_MINUTES * 60 + 1800)
def test_many_runs_amid_random_kills_equal_their_undisturbed_twin(room: JobRoom, twin: Twin) -> None:
    began, seed = time.monotonic(), int(os.environ.get("CLPS_SOAK_SEED", "0"))
    while time.monotonic() - began < SOAK_MINUTES * 60:
        print(f"seed {seed}")
        chaos(room, twin, seed, runs=12, kills=20)
        seed += 1
