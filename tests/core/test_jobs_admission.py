"""What may start now: enough memory, enough disk, a free slot. The machine's figures are injected."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from clps_core.analysis.memory import GIB, estimate_training_memory
from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError
from clps_core.jobs import machine, service, slots
from clps_core.jobs.admission import OVERTAKEN_SECONDS, Gate
from clps_core.jobs.machine import Memory
from clps_core.jobs.settings import Settings, disk_floor, nearly_full
from clps_core.jobs.slots import Slots, choose_slots, visible_gpus
from clps_core.jobs.supervisor import Supervisor
from clps_core.store import Run, Store, schema
from clps_core.store.deaths import Exit
from clps_core.store.queue import Attempt, Queue

LARGE = {"model": {"d_model": 512, "d_ff": 2048, "num_heads": 8}}
SMALL = {"model": {"d_model": 16, "d_ff": 32, "num_heads": 2}}
NEED = estimate_training_memory(resolve(build_config(SMALL)).config)
LARGE_NEED = estimate_training_memory(resolve(build_config(LARGE)).config)
CPU = Slots(2, 1, (), "")


def add(store: Store, *configs: dict[str, Any], owner: str = "local") -> list[Run]:
    comparison = store.create_comparison("x", [resolve(build_config(config)) for config in configs], owner)
    return store.runs(comparison=comparison)


def begun(store: Store) -> tuple[Attempt, Run]:
    attempt = Queue(store).start_next(0, "here", "boot")
    assert attempt is not None
    return attempt, store.run(attempt.run_id)


def gate(total: float, free: float, slots: Slots = CPU, **given: Any) -> Gate:
    """On a machine with so many bytes, where no process holds any yet."""
    figures = Memory(int(total), int(free))
    usual: dict[str, Any] = {"host": lambda: figures, "gpu": lambda _gpu: None, "held": lambda _pid: 0}
    return Gate(slots, **{**usual, **given})


class Elsewhere:
    """A launcher whose processes run somewhere else and never end; it notes which it was given."""

    boot = "boot"

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, attempt: Attempt, environment: dict[str, str]) -> None:
        assert environment["OMP_NUM_THREADS"] == "1"
        self.started.append(attempt.run_id)

    def poll(self, attempt: Attempt) -> Exit | None:
        return None

    def stop(self, attempt: Attempt, *, now: bool) -> None:
        raise AssertionError("nobody asked for that")

    def forget(self, attempt: Attempt) -> None:
        raise AssertionError("nothing ended")

    def reap(self) -> None:
        pass


# Memory


def test_a_run_starts_where_there_is_room_and_waits_in_words_where_there_is_none_now(store: Store) -> None:
    (run,) = add(store, SMALL)
    assert gate(NEED, NEED).ask(run, 0, []).start
    answer = gate(2 * NEED, NEED - 1).ask(run, 0, [])
    assert (answer.start, answer.never, answer.hold) == (False, False, False)
    needed, free = NEED / GIB, (NEED - 1) / GIB
    assert answer.reason == (f"Waiting for memory: needs about {needed:.1f} GiB, {free:.1f} GiB are free.")


def test_a_run_that_can_never_fit_is_told_so(store: Store) -> None:
    (run,) = add(store, LARGE)
    answer = gate(LARGE_NEED - 1, LARGE_NEED - 1).ask(run, 0, [])
    assert (answer.start, answer.never) == (False, True)
    assert answer.reason.startswith("the run does not fit into memory: it needs about")


def test_what_a_young_run_will_need_counts_as_taken_already(store: Store) -> None:
    first, second = add(store, SMALL, SMALL)
    working = [begun(store)]
    assert not gate(4 * NEED, 1.9 * NEED).ask(second, 1, working).start
    grown = gate(4 * NEED, 1.0 * NEED, held=lambda _pid: NEED)
    assert grown.ask(second, 1, working).start, "once it holds its memory, that is no longer free anyway"
    assert first.id == working[0][1].id


def test_a_run_that_was_overtaken_for_long_holds_the_queue_until_its_memory_is_free(store: Store) -> None:
    small, large = add(store, SMALL, LARGE)
    working = [begun(store)]
    assert working[0][1].id == small.id
    now = [0.0]
    room = gate(2 * LARGE_NEED, LARGE_NEED - 1, held=lambda _pid: NEED, clock=lambda: now[0])
    assert not room.ask(large, 1, working).hold
    now[0] = OVERTAKEN_SECONDS + 1
    assert room.overdue(large.id)
    assert room.ask(large, 1, working).hold
    assert not room.ask(large, 1, []).hold, "with nothing of ours at work, waiting frees no memory"


def test_a_gpu_run_is_held_against_the_gpus_memory_and_its_neighbours_there(store: Store) -> None:
    first, second = add(store, SMALL, SMALL)
    working = [begun(store)]  # in slot 0, on GPU 0
    slots = choose_slots({"CLPS_RUNS_PER_GPU": "2"}, gpus=("0", "1"))
    seen = []

    def gpu(name: str) -> Memory:
        seen.append(name)
        return Memory(int(1.5 * NEED), int(1.5 * NEED))

    crowded = gate(0, 0, slots, gpu=gpu)
    assert crowded.ask(second, 1, working).start, "the other GPU is empty"
    assert not crowded.ask(second, 2, working).start, "on this one there is a run already"
    assert seen == ["1", "0"]
    assert first.id == working[0][1].id


def test_a_run_on_the_cpu_and_one_on_a_gpu_do_not_count_against_each_others_memory(store: Store) -> None:
    """Held against the machine's memory, the estimate of a large run on a GPU kept every run on the CPU waiting."""
    slots = choose_slots({"CLPS_RUNS_PER_GPU": "2"}, gpus=("0",))
    on_gpu, on_cpu = add(store, LARGE, {**SMALL, "train": {"device": "cpu"}})
    beside = [begun(store)]
    assert beside[0][1].id == on_gpu.id
    card = Memory(LARGE_NEED, LARGE_NEED)
    here = gate(2 * NEED, 1.1 * NEED, slots, gpu=lambda _name: card)
    assert here.ask(on_cpu, 1, beside).start
    attempt = Queue(store).start_next(1, "here", "boot")
    assert attempt is not None
    assert here.ask(on_gpu, 0, [(attempt, on_cpu)]).start


def test_what_never_fits_on_the_gpu_is_told_of_the_gpu(store: Store) -> None:
    (run,) = add(store, LARGE)
    card = Memory(GIB, GIB)
    answer = gate(64 * GIB, 64 * GIB, choose_slots({}, gpus=("0",)), gpu=lambda _name: card).ask(run, 0, [])
    assert answer.never
    assert "the largest GPU here has 1.0 GiB" in answer.reason


@pytest.mark.parametrize(
    ("card", "device", "refused"), [(1, "auto", True), (64, "auto", False), (64, "cpu", True), (None, "auto", False)]
)
def test_what_is_queued_is_held_against_the_memory_it_would_fill(
    store: Store, monkeypatch: pytest.MonkeyPatch, card: int | None, device: str, refused: bool
) -> None:
    """The machine's memory says nothing of a GPU's; where nobody can tell that, the run will."""
    monkeypatch.setattr(service, "visible_gpus", lambda: ("0",))
    monkeypatch.setattr(service, "largest_gpu", lambda _gpus: None if card is None else card * GIB)
    monkeypatch.setattr(service, "available_memory", lambda: GIB)
    config = build_config({**LARGE, "train": {"device": device}})
    with pytest.raises(ConfigError, match="does not fit into") if refused else contextlib.nullcontext():
        service.checked(store, [config])


def test_a_run_too_large_for_one_gpu_waits_for_a_larger_one_if_there_is_one(store: Store) -> None:
    (run,) = add(store, SMALL)
    sizes = {"0": NEED // 2, "1": 2 * NEED}
    mixed = gate(0, 0, choose_slots({}, gpus=("0", "1")), gpu=lambda name: Memory(sizes[name], sizes[name]))
    refused = mixed.ask(run, 0, [])
    assert (refused.start, refused.never) == (False, False)
    assert mixed.ask(run, 1, []).start
    mixed.clock = lambda: 1e12
    assert not mixed.ask(run, 0, [begun(store)]).hold, "what could never run there holds up nobody there"
    sizes["1"] = NEED // 2
    assert mixed.ask(run, 0, []).never, "no GPU here could ever take it"


def test_an_estimate_that_goes_wrong_does_not_hold_the_queue(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    (run,) = add(store, SMALL)

    def broken() -> Memory:
        raise ZeroDivisionError

    assert gate(0, 0, host=broken).ask(run, 0, []).start
    assert "could not be estimated" in caplog.text


def test_a_neighbour_whose_config_is_no_longer_taken_is_no_fault_of_the_run_that_waits(store: Store) -> None:
    """It was started before an update, and works."""
    _first, waiting = add(store, SMALL, SMALL)
    attempt, running = begun(store)
    neighbour = replace(running, config_text='{"model": {"from_an_older_version": 1}}')
    assert gate(4 * NEED, 4 * NEED).ask(waiting, 1, [(attempt, neighbour)]).start


def test_the_supervisor_fails_what_never_fits_puts_off_what_does_not_fit_now_and_starts_the_rest(
    store: Store,
) -> None:
    huge, large, small = add(store, {"model": {"d_model": 1024, "d_ff": 4096, "num_heads": 8}}, LARGE, SMALL)
    room, launcher = gate(LARGE_NEED + 1, LARGE_NEED - 1), Elsewhere()
    supervisor = Supervisor(store.home, CPU, gate=room, launcher=launcher, settings=Settings(floor=0))
    supervisor.round()
    assert launcher.started == [small.id]
    huge, large = store.some_runs([huge.id, large.id])
    assert huge.status == "failed"
    assert (huge.reason or "").startswith("the run does not fit into memory")
    assert large.status == "queued"
    assert (large.reason or "").startswith("Waiting for memory")
    supervisor.store.close()


def test_behind_a_run_that_does_not_fit_only_smaller_ones_are_tried(store: Store) -> None:
    first, second, small = add(store, LARGE, LARGE, SMALL)
    launcher = Elsewhere()
    supervisor = Supervisor(
        store.home, CPU, gate=gate(2 * LARGE_NEED, LARGE_NEED - 1), launcher=launcher, settings=Settings(floor=0)
    )
    supervisor.round()
    assert launcher.started == [small.id]
    first, second = store.some_runs([first.id, second.id])
    assert (first.reason or "").startswith("Waiting for memory")
    assert second.status == "queued"
    supervisor.store.close()


def test_after_ten_minutes_the_next_free_memory_is_the_large_runs(store: Store) -> None:
    early, large = add(store, SMALL, LARGE)
    now, free = [0.0], [LARGE_NEED - 1]
    room = gate(0, 0, host=lambda: Memory(2 * LARGE_NEED, free[0]), held=lambda _pid: NEED, clock=lambda: now[0])
    launcher = Elsewhere()
    supervisor = Supervisor(store.home, CPU, gate=room, launcher=launcher, settings=Settings(floor=0))
    supervisor.round()
    assert launcher.started == [early.id]
    add(store, SMALL, owner="grace")  # fairer still: grace has none at work
    now[0] = OVERTAKEN_SECONDS + 1
    with store.writing() as connection:  # its five seconds are over
        connection.execute(schema.run.update().where(schema.run.c.id == large.id).values(not_before=0.0))
    supervisor.round()
    assert launcher.started == [early.id], "though the small run would fit"
    free[0] = LARGE_NEED
    supervisor.round()
    assert launcher.started == [early.id, large.id]
    supervisor.store.close()


def test_a_run_far_back_in_a_long_queue_is_found(store: Store) -> None:
    add(store, *[LARGE] * 60)
    (small,) = add(store, SMALL)
    launcher = Elsewhere()
    supervisor = Supervisor(
        store.home, CPU, gate=gate(2 * LARGE_NEED, LARGE_NEED - 1), launcher=launcher, settings=Settings(floor=0)
    )
    supervisor.round()
    assert launcher.started == [small.id]
    supervisor.store.close()


def test_the_machines_own_figures_are_plausible() -> None:
    memory = machine.host_memory()
    assert 0 < memory.free <= memory.total <= psutil.virtual_memory().total
    assert 2**20 < machine.process_memory(os.getpid()) < memory.total
    assert machine.process_memory(None) == 0


# Disk


@pytest.mark.parametrize(("text", "size"), [("", 2**30), ("0", 0), ("500M", 500 * 2**20), ("2g", 2**31), ("7", 7)])
def test_the_disk_floor_is_a_size(text: str, size: int) -> None:
    assert disk_floor({"CLPS_DISK_FLOOR": text}) == size


@pytest.mark.parametrize("text", ["much", "-1", "1.5G", "G", "1GB", "9" * 40])
def test_a_disk_floor_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"CLPS_DISK_FLOOR must be a size such as 500M or 2G\. Got"):
        disk_floor({"CLPS_DISK_FLOOR": text})


@pytest.mark.parametrize("name", ["CLPS_STOP_GRACE", "CLPS_RETRY_PAUSE"])
def test_seconds_that_are_no_number_are_refused_when_runs_are_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "soon")
    with pytest.raises(ConfigError, match=f"{name} must be a number of seconds, such as 5. Got 'soon'"):
        service.submit(store, [build_config()])
    assert store.runs() == []


def test_below_the_floor_nothing_starts_and_the_queue_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, SMALL)
    free = shutil.disk_usage(store.home).free
    monkeypatch.setenv("CLPS_DISK_FLOOR", str(free * 2))
    launcher = Elsewhere()
    supervisor = Supervisor(store.home, CPU, gate=gate(NEED, NEED), launcher=launcher)
    supervisor.round()
    assert launcher.started == []
    state = service.queue_state(store)
    assert (state.held, state.waiting) == (True, 1)
    assert state.words.startswith(f"No run starts: the disk that holds {store.home} has")
    assert service.supervisor_status(store).reason == state.words
    monkeypatch.setenv("CLPS_DISK_FLOOR", "0")
    supervisor.settings = Settings.of()
    supervisor.round()
    assert len(launcher.started) == 1, "once there is room, the queue goes on"
    supervisor.store.close()


def test_enough_room_is_no_news(tmp_path: Path) -> None:
    assert nearly_full(tmp_path, 0) is None


# The queue in words


def test_the_queue_says_what_its_runs_wait_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_SLOTS", "1")
    assert service.queue_state(store) == service.QueueState(0, 0, False, "Nothing is waiting.")
    first, second = add(store, SMALL, SMALL)
    assert service.queue_state(store).words == "2 runs are waiting. The next one starts in a moment."
    begun(store)
    assert service.queue_state(store).words == "1 run is waiting. The only slot is busy."
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == first.id).values(status="finished"))
    Queue(store).put_off({second.id: "Waiting for memory."}, 60.0)
    assert service.queue_state(store).words == "1 run is waiting. Waiting for memory."
    add(store, SMALL)
    assert service.queue_state(store).words == "2 runs are waiting. The next one starts in a moment."
    monkeypatch.setenv("CLPS_SLOTS", "many")
    assert service.queue_state(store).held


# Slots


@pytest.mark.parametrize(
    ("settings", "gpus", "count", "placed"),
    [
        ({}, ("0",), 1, ["0"]),
        ({}, ("0", "1", "2"), 3, ["0", "1", "2"]),
        ({"CLPS_RUNS_PER_GPU": "2"}, ("0", "GPU-abc"), 4, ["0", "GPU-abc", "0", "GPU-abc"]),
        ({"CLPS_SLOTS": "3"}, ("5", "7"), 3, ["5", "7", "5"]),
        ({"CLPS_RUNS_PER_GPU": "4", "CLPS_SLOTS": "2"}, ("0", "1"), 2, ["0", "1"]),
    ],
)
def test_gpus_become_slots(settings: dict[str, str], gpus: tuple[str, ...], count: int, placed: list[str]) -> None:
    slots = choose_slots(settings, gpus=gpus)
    assert slots.count == count
    assert [slots.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(count)] == placed


LISTED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0aaa)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1bbb)
  MIG 3g.20gb     Device  0: (UUID: MIG-1c00)
  MIG 3g.20gb     Device  1: (UUID: MIG-1c01)
GPU 2: NVIDIA T4 (UUID: GPU-2ddd)
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine on which ``nvidia-smi -L`` says ``LISTED``, with a torch that uses GPUs; a line for each call."""
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho called >> '{calls}'\ncat <<'END'\n{LISTED}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("clps_core.jobs.slots._torch_is_for_cpu", lambda: False)
    slots.machines_gpus.cache_clear()
    yield calls
    slots.machines_gpus.cache_clear()


def test_a_page_that_looks_at_the_queue_every_second_does_not_start_a_program_each_time(nvidia_smi: Path) -> None:
    for _tick in range(3):
        choose_slots({})
    assert nvidia_smi.read_text().splitlines() == ["called"]


@pytest.mark.usefixtures("nvidia_smi")
def test_a_gpu_that_is_cut_into_instances_counts_as_those() -> None:
    """CUDA shows a process one instance at most: under the GPU's number the second would never be used."""
    assert visible_gpus({}) == ("GPU-0aaa", "MIG-1c00", "MIG-1c01", "GPU-2ddd")


def test_a_runners_gpu_is_the_one_whose_memory_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA numbers the fastest GPU first unless told otherwise, nvidia-smi as they are plugged in."""
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    slots = choose_slots({}, gpus=("0", "1"))
    assert slots.environment(1)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert slots.environment(1)["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST", "who numbers them so means them so"


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [("1, 3", ("1", "3")), ("GPU-0aaa,MIG-1c00", ("GPU-0aaa", "MIG-1c00")), ("0,-1,1", ("0",)), ("", ()), ("-1", ())],
)
def test_chosen_gpus_are_read_as_cuda_reads_them(
    chosen: str, seen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands behind an entry that is no GPU is hidden."""
    monkeypatch.setattr("clps_core.jobs.slots._torch_is_for_cpu", lambda: False)
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": chosen}) == seen


def test_without_gpus_a_slot_has_threads_and_no_device() -> None:
    slots = choose_slots({"CLPS_RUNS_PER_GPU": "3", "CLPS_THREADS": "2"}, gpus=())
    assert slots.gpu(0) is None
    assert "CUDA_VISIBLE_DEVICES" not in slots.environment(0)
    assert slots.environment(0)["OMP_NUM_THREADS"] == "2"


def test_runs_per_gpu_that_are_no_number_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"CLPS_RUNS_PER_GPU must be a number from 1 to 1024\. Got 'all'"):
        choose_slots({"CLPS_RUNS_PER_GPU": "all"}, gpus=("0",))
