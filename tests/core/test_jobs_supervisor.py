"""The supervisor's loop where things go wrong: full GPUs, slots that are gone, processes that do not start."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clps_core.analysis.memory import estimate_training_memory
from clps_core.config import build_config, resolve
from clps_core.jobs import logs, processes, service
from clps_core.jobs.admission import Gate
from clps_core.jobs.machine import Memory
from clps_core.jobs.settings import Settings
from clps_core.jobs.slots import Slots, choose_slots
from clps_core.jobs.supervisor import START_AGAIN_SECONDS, Supervisor
from clps_core.jobs.waiter import exit_file
from clps_core.store import Run, Store, schema
from clps_core.store.deaths import Exit
from clps_core.store.queue import LEASE_SECONDS, Attempt, Queue

SMALL: dict[str, Any] = {"model": {"d_model": 16, "d_ff": 32, "num_heads": 2}}
LARGE: dict[str, Any] = {"model": {"d_model": 512, "d_ff": 2048, "num_heads": 8}}
NEED = estimate_training_memory(resolve(build_config(SMALL)))
GPU_NEED = estimate_training_memory(resolve(build_config(SMALL)), gpu=True)
LARGE_NEED = estimate_training_memory(resolve(build_config(LARGE)))


class Elsewhere:
    """A launcher whose processes run somewhere else and never end; it notes where it put which run."""

    boot = "boot"

    def __init__(self) -> None:
        self.placed: dict[str, str | None] = {}
        self.forgotten: list[str] = []

    def start(self, attempt: Attempt, environment: dict[str, str]) -> None:
        self.placed[attempt.run_id] = environment.get("CUDA_VISIBLE_DEVICES")

    def poll(self, attempt: Attempt) -> Exit | None:
        return None

    def stop(self, attempt: Attempt, *, now: bool) -> None:
        raise AssertionError("nobody asked for that")

    def forget(self, attempt: Attempt) -> None:
        assert attempt.run_id in self.forgotten, "nothing ended"

    def reap(self) -> None:
        pass


@pytest.fixture
def supervising(store: Store) -> Iterator[Callable[..., Supervisor]]:
    """Makes supervisors of ``store`` and lets go of them afterwards."""
    made: list[Supervisor] = []

    def make(slots: Slots, **given: Any) -> Supervisor:
        made.append(Supervisor(store.home, slots, settings=Settings(floor=0), **given))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def add(store: Store, *configs: dict[str, Any]) -> list[Run]:
    comparison = store.create_comparison("x", [resolve(build_config(config)) for config in configs])
    return store.runs(comparison=comparison)


def room(slots: Slots, gpus: dict[str, int], *, host: int = 64 * LARGE_NEED) -> Gate:
    """On a machine with so many bytes free on each GPU, all of them large enough for anything."""
    figures = Memory(64 * LARGE_NEED, host)
    return Gate(slots, host=lambda: figures, gpu=lambda name: Memory(64 * LARGE_NEED, gpus[name]), held=lambda _pid: 0)


# Attempts of other hosts


def test_another_hosts_attempt_is_given_up_after_two_leases_without_a_word(store: Store, supervising: Any) -> None:
    """By a clock that nobody sets: the database's may have been put back by an hour since the last word."""
    (run,) = add(store, SMALL)
    theirs = Queue(store).start_next(0, "elsewhere", "boot")
    assert theirs is not None
    assert Queue(store).claim(run.id, 1, 1, 1.0)
    clock, launcher = [0.0], Elsewhere()
    one = supervising(Slots(0, 1, (), ""), launcher=launcher, clock=lambda: clock[0])

    def leased_until(shift: float) -> None:
        with store.writing() as connection:
            connection.execute(schema.attempt.update().values(lease_until=schema.now(connection) + shift))

    leased_until(3600.0)
    one.round()
    for words in range(3):
        clock[0] += 2 * LEASE_SECONDS
        leased_until(-60.0 * words)  # a word is a word, whatever time it tells
        one.round()
        assert store.run(run.id).status == "running"
    launcher.forgotten = [run.id]
    clock[0] += 2 * LEASE_SECONDS + 1
    one.round()
    assert store.run(run.id).status == "queued"


# Where a run goes


def test_a_run_takes_the_free_gpu_though_another_one_is_full(store: Store, supervising: Any) -> None:
    """Somebody else's program may fill the first GPU for days."""
    slots, launcher = choose_slots({}, gpus=("0", "1")), Elsewhere()
    (run,) = add(store, SMALL)
    supervising(slots, gate=room(slots, {"0": 0, "1": NEED}), launcher=launcher).round()
    assert launcher.placed == {run.id: "1"}
    assert store.run(run.id).reason is None


def test_a_run_that_fits_on_no_gpu_waits_and_says_so(store: Store, supervising: Any) -> None:
    slots, launcher = choose_slots({}, gpus=("0", "1")), Elsewhere()
    (run,) = add(store, SMALL)
    supervising(slots, gate=room(slots, {"0": 0, "1": GPU_NEED - 1}), launcher=launcher).round()
    assert launcher.placed == {}
    waiting = store.run(run.id)
    assert (waiting.reason or "").startswith("Waiting for memory")
    assert waiting.not_before is not None


def test_a_run_on_the_cpu_does_not_wait_behind_one_for_a_full_gpu(store: Store, supervising: Any) -> None:
    slots, launcher = choose_slots({}, gpus=("0",)), Elsewhere()
    _gpu_run, cpu_run = add(store, SMALL, {**LARGE, "train": {"device": "cpu"}})
    supervising(slots, gate=room(slots, {"0": 0}), launcher=launcher).round()
    assert list(launcher.placed) == [cpu_run.id]


def test_a_run_that_comes_back_into_the_queue_waits_from_then_on(store: Store, supervising: Any) -> None:
    """Paused for a day, it has not been overtaken for a day: it may not hold everybody up at once."""
    (first, large), now = add(store, SMALL, LARGE), [0.0]
    slots = Slots(2, 1, (), "")
    figures = Memory(64 * LARGE_NEED, LARGE_NEED - 1)
    gate = Gate(slots, host=lambda: figures, held=lambda _pid: 0, clock=lambda: now[0])
    launcher = Elsewhere()
    loop = supervising(slots, gate=gate, launcher=launcher)
    loop.round()
    assert list(launcher.placed) == [first.id]
    loop.queue.request_stop(large.id, "pause")
    now[0] = 86_400.0
    (second,) = add(store, LARGE)
    loop.round()
    assert store.run(second.id).not_before is not None, "it was looked at"
    loop.queue.requeue(large.id)
    (small,) = add(store, SMALL)
    loop.round()
    assert list(launcher.placed) == [first.id, small.id]


def test_no_more_runs_than_slots_work_though_one_works_in_a_slot_that_is_gone(store: Store, supervising: Any) -> None:
    """After a restart with CLPS_SLOTS=1, because memory was short."""
    first, _second = add(store, SMALL, SMALL)
    several, one, launcher = Slots(3, 1, (), ""), Slots(1, 1, (), ""), Elsewhere()
    before = supervising(several, gate=room(several, {}), launcher=launcher)
    assert before.queue.start_next(2, before.host, launcher.boot).run_id == first.id
    supervising(one, gate=room(one, {}), launcher=launcher).round()
    assert launcher.placed == {}


# What does not start


def test_a_process_that_cannot_be_started_is_not_tried_at_every_look(
    store: Store, supervising: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The environment was made anew under a supervisor that works, or the system allows no more processes."""
    caplog.set_level(logging.INFO, "clps.supervisor")
    first, second = add(store, SMALL, SMALL)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    slots = Slots(2, 1, (), "")
    loop = supervising(slots, gate=room(slots, {}))
    for _look in range(4):
        loop._round_safely()
    first, second = store.some_runs([first.id, second.id])
    assert [(run.status, run.attempts) for run in (first, second)] == [("queued", 1), ("queued", 0)]
    assert first.reason == (
        "The process could not be started (No such file or directory: '/nowhere/python'). Trying again once a minute."
    )
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_pages_say_why_nothing_starts_until_something_does(
    store: Store, supervising: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, SMALL, SMALL)
    now = [0.0]
    one = supervising(Slots(1, 1, (), ""), gate=room(Slots(1, 1, (), ""), {}), clock=lambda: now[0])
    assert one.lock.acquire()
    one._introduce()
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nowhere/python")
        for _look in range(2):
            one._round_safely()
            one._tell_pages()
            state = service.queue_state(store)
            assert state.held
            assert state.words.startswith("The process could not be started")
    now[0] += START_AGAIN_SECONDS
    one.launcher = Elsewhere()
    one._round_safely()
    one._tell_pages()
    assert not service.queue_state(store).held
    one.lock.release()


def test_runs_that_wait_for_memory_like_another_say_so(store: Store, supervising: Any) -> None:
    """All but the first are not asked: they need no less."""
    add(store, *[LARGE] * 5)
    slots = Slots(2, 1, (), "")
    supervising(slots, gate=room(slots, {}, host=LARGE_NEED - 1), launcher=Elsewhere()).round()
    state = service.queue_state(store)
    assert {turn.cause for turn in state.turns.values()} == {"pause"}
    assert "waiting for memory" in state.words.lower()


def test_after_a_minute_it_is_tried_again(store: Store, supervising: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = add(store, SMALL)
    slots, now = Slots(1, 1, (), ""), [0.0]
    loop = supervising(slots, gate=room(slots, {}), clock=lambda: now[0])
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nowhere/python")
        loop._round_safely()
    now[0] = START_AGAIN_SECONDS
    loop.launcher = Elsewhere()
    with store.writing() as connection:  # its own pause is over, too
        connection.execute(schema.run.update().values(not_before=0.0))
    loop._round_safely()
    assert list(loop.launcher.placed) == [run.id]
    assert store.run(run.id).reason is None


def test_a_disk_too_full_to_begin_is_the_reason_the_run_fails_for(store: Store, supervising: Any) -> None:
    """A person's quota may be used up where the disk itself has room: only a write shows it."""
    (run,) = add(store, SMALL)
    store.run_folder(run.id).mkdir()
    exit_file(store.home, run.id, 1).symlink_to("/dev/full")
    slots = Slots(1, 1, (), "")
    loop = supervising(slots, gate=room(slots, {}))
    loop.round()
    (waiter,) = loop.launcher._waiters.values()
    waiter.wait(60)
    loop.round()
    failed = store.run(run.id)
    assert failed.status == "failed"
    assert (failed.reason or "").startswith("The disk is full")


# What is asked to stop


def test_a_run_that_was_asked_to_stop_is_ended_after_the_grace_by_the_supervisors_own_clock(
    store: Store, supervising: Any
) -> None:
    """Not by the database's, which may be set: a laptop that slept for an hour must not kill at once."""
    (run,) = add(store, SMALL)
    now, asked = [0.0], []

    class Deaf(Elsewhere):
        def stop(self, attempt: Attempt, *, now: bool) -> None:
            asked.append(now)

    loop = supervising(Slots(1, 1, (), ""), launcher=Deaf(), clock=lambda: now[0])
    attempt = loop.queue.start_next(0, loop.host, "boot")
    loop.queue.request_stop(run.id, "cancel")
    for second in (0.0, loop.settings.stop_grace, loop.settings.stop_grace + 1):
        now[0] = second
        loop.round()
    assert asked == [False, False, True]
    assert attempt is not None


# What is logged


def test_trouble_whose_figures_change_is_logged_once_and_that_it_is_over_once(
    store: Store, supervising: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "clps.supervisor")
    loop = supervising(Slots(1, 1, (), ""))
    for free in ("0.92", "0.91", "0.90"):
        loop._mention(f"the disk must have 1.00 GiB free. Got {free} GiB.")
    loop._mention(None)
    loop._mention(None)
    assert [getattr(record, logs.FACTS)["event"] for record in caplog.records] == ["trouble", "mended"]


def test_a_supervisor_that_works_for_weeks_sets_its_own_log_aside(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from clps_core.jobs import logs\n"
        "logs.LARGEST_LOG = 1000\n"
        "logs.log_to_stderr()\n"
        "for number in range(100):\n"
        "    logs.tell('started', f'run {number}')\n"
        "    logs.keep_small(Path(sys.argv[1]))\n"
    )
    path = tmp_path / "supervisor.log"
    with path.open("ab") as log:
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, stdout=log, stderr=log)
    assert "run 99" in path.read_text() + path.with_name("supervisor.log.1").read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["supervisor.log", "supervisor.log.1"]
    assert all(one.stat().st_size < 1200 for one in tmp_path.iterdir())


def test_a_log_that_is_not_its_own_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST_LOG", 10)
    path = tmp_path / "supervisor.log"
    path.write_text("of a supervisor that was started before, or in a terminal")
    logs.keep_small(path)
    assert [one.name for one in tmp_path.iterdir()] == ["supervisor.log"]


# What it finds its way by


def test_a_bell_that_is_no_pipe_is_replaced(tmp_path: Path) -> None:
    """A copied home may hold a file there: always ready to be read, it would keep the loop from ever sleeping."""
    processes.bell_path(tmp_path).write_bytes(b"")
    bell = processes.open_bell(tmp_path)
    assert bell is not None
    try:
        assert select.select([bell], [], [], 0)[0] == []
        processes.wake(tmp_path)
        assert select.select([bell], [], [], 0)[0] == [bell]
    finally:
        os.close(bell)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system has another name for a boot")
def test_the_boot_is_known_where_process_1_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on many shared machines (hidepid); a boot told by the clock would be another one once the clock is set."""
    read_text = Path.read_text

    def hidden(path: Path, *given: Any, **named: Any) -> str:
        if str(path) == "/proc/1/stat":
            raise PermissionError
        return read_text(path, *given, **named)

    monkeypatch.setattr(Path, "read_text", hidden)
    marker = processes.boot_marker.__wrapped__()
    assert marker.startswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
