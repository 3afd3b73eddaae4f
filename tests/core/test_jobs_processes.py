"""Runs in real processes: they survive their callers, and being killed changes nothing they compute."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from job_room import STEPS, JobRoom, Reader, Twin, eventually, tiny

from clps_core.config import resolve
from clps_core.jobs import processes, service
from clps_core.jobs.launcher import LocalLauncher
from clps_core.jobs.slots import choose_slots
from clps_core.jobs.supervisor import Supervisor
from clps_core.niceness import RUNS


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """What an undisturbed run of ``tiny()`` leaves."""
    room = JobRoom(tmp_path_factory.mktemp("twin") / "home")
    (run,) = room.wait(*room.submit(tiny(threads=1)))
    assert run.status == "finished"
    yield Twin(room, run.id)
    room.close()


@pytest.mark.slow
def test_two_runs_advance_at_the_same_time_and_finish(room: JobRoom) -> None:
    ids = room.submit(tiny("none"), tiny("all"))
    seen = []
    runs = service.wait(room.store, ids, lambda now: seen.append([run.status for run in now]), timeout=240)
    assert ["running", "running"] in seen
    assert [(run.status, run.step, run.attempts, run.reason) for run in runs] == [("finished", STEPS, 1, None)] * 2
    assert all(run.seconds > 0 and run.tokens_per_second and run.threads == 1 and run.device == "cpu" for run in runs)
    assert all(run.started_at and run.finished_at and run.started_at < run.finished_at for run in runs)
    overlap = min(run.finished_at or 0 for run in runs) - max(run.started_at or 0 for run in runs)
    assert overlap > 0
    assert {artefact.kind for artefact in room.store.artefacts(ids[0])} == {"best", "last", "probe"}
    assert all(artefact.path.is_file() for artefact in room.store.artefacts(ids[0]))
    assert "attempt 1" in service.log_text(room.store, ids[0])


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_retried_and_equals_its_undisturbed_twin(room: JobRoom, twin: Twin) -> None:
    (killed,) = room.submit(tiny())
    reader = Reader(room, killed)
    for number, step in ((2, 1), (3, 50)):
        os.kill(room.reach(killed, step), signal.SIGKILL)
        assert "SIGKILL" in eventually(lambda: room.store.run(killed).reason, "the death is noticed")
        reader.follow()
        eventually(lambda n=number: room.store.run(killed).attempts == n, "the next attempt")
    (run,) = room.wait(killed)
    assert (run.status, run.attempts, run.reason) == ("finished", 3, None)
    twin.assert_equal(room, killed)
    reader.follow()
    assert reader.held == twin.curves, "who followed along holds what the table holds"


def test_a_run_that_dies_twice_at_one_step_fails_with_its_reason_and_can_be_resumed(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny())
    for number in (1, 2):
        eventually(lambda n=number: room.store.run(run_id).attempts == n, f"attempt {number}")
        attempt = eventually(lambda: (found := room.attempt(run_id)) and found.pid and found, "the claim")
        os.kill(attempt.pid, signal.SIGKILL)
    (run,) = room.wait(run_id)
    assert (run.status, run.attempts, run.step) == ("failed", 2, 0)
    assert run.reason == (
        "The process was killed (SIGKILL), by a person or by the operating system because memory ran out. "
        "It died again before getting beyond step 0, so there is no third try. "
        "Correct the cause, then resume it; it continues from its last checkpoint."
    )
    log = room.home / "supervisor.log"
    eventually(lambda: '"failed"' in log.read_text(), "the supervisor has told it")
    service.resume(room.store, run_id)
    assert room.store.run(run_id).reason is None
    eventually(lambda: room.store.run(run_id).attempts == 3, "the third attempt")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    told = [
        (line["event"], line["attempt"], line.get("status"), line.get("signal")) for line in events if "run" in line
    ]
    assert told[:4] == [
        ("started", 1, None, None),
        ("ended", 1, "queued", signal.SIGKILL),
        ("started", 2, None, None),
        ("ended", 2, "failed", signal.SIGKILL),
    ]


def test_a_run_goes_on_without_its_supervisor_and_the_next_one_learns_how_it_ended(room: JobRoom, twin: Twin) -> None:
    going, crashing, waiting = room.submit(tiny(), tiny("none", steps=100_000), tiny(steps=1))
    pid, other = room.reach(going, 1), room.reach(crashing, 1)
    if (file := Path(f"/proc/{other}/autogroup")).exists() and (group := file.read_text().split()):
        assert int(group[-1]) >= RUNS, "it is behind the dashboard's session, too"
    first = room.kill_supervisor()
    os.kill(other, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid), "the runner ends by itself")
    twin.assert_equal(room, going)
    statuses = [room.store.run(run_id).status for run_id in (going, crashing, waiting)]
    assert statuses == ["finished", "running", "queued"], "nobody is there to see or start anything"
    service.ensure_supervisor(room.store)
    assert "SIGKILL" in eventually(lambda: room.store.run(crashing).reason, "the exit is learnt from the waiter's note")
    assert room.supervisor_pid() != first
    assert room.wait(waiting)[0].status == "finished"


@pytest.mark.slow
def test_a_supervisor_adopts_what_runs_and_sees_it_die(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny(steps=100_000))
    pid = room.reach(run_id, 1)
    room.kill_supervisor()
    service.ensure_supervisor(room.store)
    room.supervisor_pid()
    assert room.store.run(run_id).attempts == 1
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: room.store.run(run_id).attempts == 2, "the second attempt")


@pytest.mark.slow
def test_killed_with_its_waiter_and_supervisor_a_run_goes_on_later(room: JobRoom, twin: Twin) -> None:
    (run_id,) = room.submit(tiny())
    pid = room.reach(run_id, 30)
    room.kill_supervisor()
    attempt = room.attempt(run_id)
    assert attempt is not None
    assert attempt.waiter_pid is not None
    os.kill(attempt.waiter_pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert room.store.run(run_id).status == "running"
    service.ensure_supervisor(room.store)
    reason = eventually(lambda: room.store.run(run_id).reason, "it is noticed")
    assert reason.startswith("The process is gone, and how it ended is unknown")
    (run,) = room.wait(run_id)
    assert (run.status, run.attempts) == ("finished", 2)
    twin.assert_equal(room, run_id)


def test_what_ran_when_the_machine_went_down_is_queued_again(room: JobRoom) -> None:
    room.store.create_comparison("before", [resolve(tiny())])
    attempt = room.queue.start_next(0, processes.host_name(), "an earlier boot")
    assert attempt is not None
    assert room.queue.claim(attempt.run_id, 1, os.getpid(), processes.started_at(os.getpid()))
    supervisor = Supervisor(room.home, replace(choose_slots(), count=0))
    with closing(supervisor.store):
        assert supervisor.round() > 0
    run = room.store.run(attempt.run_id)
    assert (run.status, run.attempts) == ("queued", 1)
    assert run.reason == "The machine shut down or asked it to stop; it continues from its last checkpoint."


@pytest.mark.slow
def test_cancelled_and_resumed_a_run_equals_its_undisturbed_twin(room: JobRoom, twin: Twin) -> None:
    (run_id,) = room.submit(tiny())
    pid = room.reach(run_id, 50)
    service.cancel(room.store, run_id)
    (run,) = room.wait(run_id)
    assert (run.status, run.reason) == ("cancelled", None)
    assert 50 <= run.step < run.steps
    eventually(lambda: not psutil.pid_exists(pid), "the process ends")
    service.resume(room.store, run_id)
    assert room.wait(run_id)[0].status == "finished"
    twin.assert_equal(room, run_id)


def test_a_run_is_cancelled_before_its_first_step_too(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny())
    eventually(lambda: room.attempt(run_id), "the attempt")
    service.cancel(room.store, run_id)
    (run,) = room.wait(run_id)
    assert (run.status, run.step) == ("cancelled", 0)


def test_a_run_that_does_not_stop_is_ended_after_the_grace(room: JobRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_STOP_GRACE", "0.5")
    (run_id,) = room.submit(tiny(steps=100_000))
    os.kill(room.reach(run_id, 1), signal.SIGSTOP)  # as if one step took for ever
    service.cancel(room.store, run_id)
    (run,) = room.wait(run_id)
    assert run.status == "cancelled"
    assert "did not stop in time" in (run.reason or "")


def test_sigterm_by_nobody_we_know_puts_the_run_back_into_the_queue(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny(steps=100_000))
    os.kill(room.reach(run_id, 1), signal.SIGTERM)
    assert "asked it to stop" in eventually(lambda: room.store.run(run_id).reason, "it is queued again")
    eventually(lambda: room.store.run(run_id).attempts == 2, "it starts again")
    assert "step" in service.log_text(room.store, run_id)


@pytest.mark.slow
def test_a_service_manager_that_ends_all_processes_at_once_is_no_death(room: JobRoom) -> None:
    """As systemd does with a dashboard that it restarts: three updates must not fail a run."""
    (run_id,) = room.submit(tiny(steps=100_000))
    pid = room.reach(run_id, 1)
    attempt = room.attempt(run_id)
    assert attempt is not None
    assert attempt.waiter_pid is not None
    room.kill_supervisor()
    for each in (attempt.waiter_pid, pid):
        os.kill(each, signal.SIGTERM)
    eventually(lambda: not any(psutil.pid_exists(each) for each in (attempt.waiter_pid, pid)), "both end")
    service.ensure_supervisor(room.store)
    assert "asked it to stop" in eventually(lambda: room.store.run(run_id).reason, "it is queued again")


def test_the_submitting_process_may_end_at_once(room: JobRoom) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from clps_core.jobs import service\n"
        "from clps_core.store import open_store\n"
        "from job_room import tiny\n"
        "print(service.submit(open_store(Path(sys.argv[1])), [tiny(steps=5)])[0].id)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(room.home)]
    run_id = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    eventually(lambda: room.store.run(run_id).status == "finished", "it finishes with nobody waiting")


def test_a_second_supervisor_leaves_and_an_idle_one_goes(room: JobRoom) -> None:
    first, second = (Supervisor(room.home, choose_slots(), idle_seconds=0.0) for _each in range(2))
    with closing(first.store), closing(second.store):
        assert first.lock.acquire()
        assert second.serve() is False
        first.lock.release()
    command = processes.python_module("clps_core.jobs.supervisor", "--home", str(room.home), "--idle-minutes", "0")
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.slow
def test_of_two_supervisors_that_look_at_once_each_run_is_started_by_one(room: JobRoom) -> None:
    """As two homes on one database have it: nobody's lock keeps the other from looking."""
    ids = [
        run.id for run in room.store.runs(comparison=room.store.create_comparison("x", [resolve(tiny(steps=2))] * 2))
    ]
    first, second = (Supervisor(room.home, replace(choose_slots(), count=1)) for _each in range(2))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda supervisor: supervisor.round(), (first, second)))
    attempts = room.queue.open_attempts()
    assert len({attempt.run_id for attempt in attempts}) == len(attempts) <= 2
    assert [run.status for run in room.wait(*ids)] == ["finished"] * 2
    assert [run.attempts for run in room.store.some_runs(ids)] == [1, 1]
    for supervisor in (first, second):
        assert isinstance(supervisor.launcher, LocalLauncher)
        for waiter in supervisor.launcher._waiters.values():
            waiter.wait(30)
        supervisor.store.close()


def test_a_supervisor_leaves_when_its_home_is_gone(room: JobRoom) -> None:
    command = processes.python_module("clps_core.jobs.supervisor", "--home", str(room.home))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert room.supervisor_pid() == process.pid
        (room.home / "supervisor.lock").unlink()
        assert process.wait(60) == 0


def test_a_failure_has_a_sentence_its_traceback_is_in_the_log_and_it_is_not_retried(room: JobRoom) -> None:
    room.store.create_comparison("damaged", [resolve(tiny())])
    (run,) = room.store.runs()
    folder = room.store.run_folder(run.id)
    folder.mkdir()
    (folder / "plan.json").write_text("[]")
    (run,) = room.wait(run.id)
    assert (run.status, run.attempts) == ("failed", 1)
    assert (
        run.reason == "plan.json must list the run's device, precision and threads. It cannot be read. Start a new run."
    )
    assert "Traceback" in service.log_text(room.store, run.id)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells births by its clock only")
def test_a_process_is_known_again_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    pid = os.getpid()
    before, by_the_clock = processes.born(pid), processes.started_at(pid)
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + 3600)
    assert processes.started_at(pid) > by_the_clock + 3000, "the clock was set"
    assert processes.is_alive(pid, before)
    assert not processes.is_alive(pid, before + 3600)
    assert not processes.is_alive(None, before)
