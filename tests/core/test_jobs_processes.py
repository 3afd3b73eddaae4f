"""Runs in real processes: they survive their callers, and being killed changes nothing they compute."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from job_room import JobRoom, eventually, tiny

from clps_core.jobs import processes, service
from clps_core.jobs.slots import plan_slots
from clps_core.jobs.supervisor import Supervisor
from clps_core.store import open_store

pytestmark = pytest.mark.slow


def test_two_runs_advance_at_the_same_time_and_finish(room: JobRoom) -> None:
    ids = room.submit(tiny("none"), tiny("all"))
    seen = []
    runs = service.wait(room.store, ids, lambda now: seen.append([run.status for run in now]), timeout=120)
    assert ["running", "running"] in seen
    assert [(run.status, run.step, run.attempts, run.reason) for run in runs] == [("finished", 240, 1, None)] * 2
    assert all(run.seconds > 0 and run.tokens_per_second and run.threads == 1 and run.device == "cpu" for run in runs)
    assert all(run.started_at and run.finished_at and run.started_at < run.finished_at for run in runs)
    overlap = min(run.finished_at or 0 for run in runs) - max(run.started_at or 0 for run in runs)
    assert overlap > 0
    assert {artefact.kind for artefact in room.store.artefacts(ids[0])} == {"best", "last", "probe"}
    assert all(artefact.path.is_file() for artefact in room.store.artefacts(ids[0]))
    assert "attempt 1" in service.log_text(room.store, ids[0])


def test_a_run_killed_at_any_moment_is_retried_and_equals_its_undisturbed_twin(room: JobRoom) -> None:
    killed, twin = room.submit(tiny(), tiny())
    cursor, held = 0, {}
    for step in (1, 50):
        os.kill(room.reach(killed, step), signal.SIGKILL)
        retried = eventually(lambda: room.store.run(killed).reason, "the death is noticed")
        assert "SIGKILL" in retried
        eventually(lambda n=step: room.store.run(killed).attempts == (2 if n == 1 else 3), "the next attempt")
        points, cursor = room.store.metrics_after([killed], cursor)
        for point in points:
            if point.forgets:
                held = {key: value for key, value in held.items() if key[2] <= point.step}
            else:
                held[point.split, point.name, point.step] = point.value
    runs = room.wait(killed, twin)
    assert [(run.status, run.attempts, run.reason) for run in runs] == [("finished", 3, None), ("finished", 1, None)]
    room.assert_twins(killed, twin)
    for point in room.store.metrics_after([killed], cursor)[0]:
        if point.forgets:
            held = {key: value for key, value in held.items() if key[2] <= point.step}
        else:
            held[point.split, point.name, point.step] = point.value
    shown = {key: value for key, value in held.items() if key[1] != "tokens_per_second"}
    assert shown == room.curves(twin), "a reader that followed along holds what the table holds"


def test_a_run_that_keeps_dying_fails_with_its_reason_and_can_be_resumed(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny())
    for number in (1, 2, 3):
        eventually(lambda n=number: room.store.run(run_id).attempts == n, f"attempt {number}")
        attempt = eventually(lambda: (found := room.attempt(run_id)) and found.pid and found, "the claim")
        os.kill(attempt.pid, signal.SIGKILL)
    (run,) = room.wait(run_id)
    assert (run.status, run.attempts) == ("failed", 3)
    assert run.reason == (
        "The process was killed (SIGKILL): by a person, or by the system because memory ran out. "
        "It was retried 2 times. Resume it to try again from its last checkpoint."
    )
    service.resume(room.store, run_id)
    (run,) = room.wait(run_id)
    assert (run.status, run.attempts, run.reason) == ("finished", 4, None)


def test_a_run_goes_on_without_its_supervisor_and_the_next_one_learns_how_it_ended(room: JobRoom) -> None:
    going, queued, twin = room.submit(tiny(steps=300), tiny("none"), tiny(steps=300))
    pid = room.reach(going, 1)
    first = room.kill_supervisor()
    eventually(lambda: not psutil.pid_exists(pid), "the runner ends by itself")
    assert room.store.run(going).status == "finished"
    assert room.store.run(twin).status == "queued", "nobody is there to start it"
    runs = room.wait(going, queued, twin)
    assert [(run.status, run.attempts) for run in runs] == [("finished", 1)] * 3
    assert room.supervisor_pid() != first
    room.assert_twins(going, twin)
    eventually(lambda: not room.queue.open_attempts(), "the ends are learnt from the waiters' notes")


def test_a_supervisor_adopts_what_runs_and_sees_it_die(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny(steps=100_000))
    pid = room.reach(run_id, 1)
    room.kill_supervisor()
    service.ensure_supervisor(room.store)
    room.supervisor_pid()
    assert room.store.run(run_id).attempts == 1
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: room.store.run(run_id).attempts == 2, "the second attempt")


def test_killed_together_with_its_waiter_and_supervisor_a_run_goes_on_later(room: JobRoom) -> None:
    run_id, twin = room.submit(tiny(), tiny())
    pid = room.reach(run_id, 30)
    room.kill_supervisor()
    attempt = room.attempt(run_id)
    assert attempt is not None
    assert attempt.waiter_pid is not None
    os.kill(attempt.waiter_pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert room.store.run(run_id).status == "running"
    runs = room.wait(run_id, twin)
    assert [(run.status, run.attempts) for run in runs] == [("finished", 2), ("finished", 1)]
    room.assert_twins(run_id, twin)


def test_cancelled_and_resumed_a_run_equals_its_undisturbed_twin(room: JobRoom) -> None:
    run_id, twin = room.submit(tiny(), tiny())
    pid = room.reach(run_id, 50)
    service.cancel(room.store, run_id)
    (run,) = room.wait(run_id)
    assert (run.status, run.reason) == ("cancelled", None)
    assert 50 <= run.step < 240
    eventually(lambda: not psutil.pid_exists(pid), "the process ends")
    service.resume(room.store, run_id)
    runs = room.wait(run_id, twin)
    assert [run.status for run in runs] == ["finished", "finished"]
    room.assert_twins(run_id, twin)


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
    assert "did not stop by itself" in (run.reason or "")


def test_sigterm_by_nobody_we_know_puts_the_run_back_into_the_queue(room: JobRoom) -> None:
    run_id, twin = room.submit(tiny(), tiny())
    os.kill(room.reach(run_id, 30), signal.SIGTERM)
    runs = room.wait(run_id, twin)
    assert [(run.status, run.attempts) for run in runs] == [("finished", 2), ("finished", 1)]
    room.assert_twins(run_id, twin)


def test_the_submitting_process_may_end_at_once(room: JobRoom) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from clps_core.jobs import service\n"
        "from clps_core.store import open_store\n"
        "from job_room import tiny\n"
        "print(service.submit(open_store(Path(sys.argv[1])), [tiny(steps=20)])[0].id)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(room.home)]
    run_id = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    eventually(lambda: room.store.run(run_id).status == "finished", "it finishes with nobody waiting")


def test_a_second_supervisor_leaves_and_an_idle_one_goes(room: JobRoom) -> None:
    first = Supervisor(room.home, plan_slots(), idle_seconds=0.0)
    assert first.lock.acquire()
    assert Supervisor(room.home, plan_slots()).serve() is False
    first.lock.release()
    command = processes.python_module("clps_core.jobs.supervisor", "--home", str(room.home), "--idle-minutes", "0")
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_a_failure_has_a_sentence_its_traceback_is_in_the_log_and_it_is_not_retried(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny(steps=20))
    (run,) = room.wait(run_id)
    (room.store.run_folder(run_id) / "config.json").write_text("[]")
    with room.store.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'cancelled'")
    service.resume(room.store, run_id)
    (run,) = room.wait(run_id)
    assert (run.status, run.attempts) == ("failed", 2)
    assert run.reason is not None
    assert "config.json must hold a JSON object" in run.reason
    assert "Traceback" not in run.reason
    assert "Traceback" in service.log_text(room.store, run_id)


def test_a_machine_that_was_rebooted_requeues_what_ran(room: JobRoom) -> None:
    run_id, twin = room.submit(tiny(), tiny())
    pid = room.reach(run_id, 30)
    room.kill_supervisor()
    attempt = room.attempt(run_id)
    assert attempt is not None
    os.kill(attempt.waiter_pid or 0, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    with room.store.writing() as connection:
        connection.exec_driver_sql("UPDATE attempt SET boot = 'an earlier one' WHERE run_id = ?", (run_id,))
    service.ensure_supervisor(room.store)
    noticed = eventually(lambda: room.store.run(run_id).reason, "the reboot is noticed")
    assert noticed == "The machine went down or asked it to stop; it goes on from its last checkpoint."
    runs = room.wait(run_id, twin)
    assert [run.status for run in runs] == ["finished", "finished"]
    room.assert_twins(run_id, twin)


def test_a_supervisor_leaves_when_its_home_is_gone(room: JobRoom) -> None:
    (run_id,) = room.submit(tiny(steps=100_000))
    room.reach(run_id, 1)
    pid = room.supervisor_pid()
    (room.home / "supervisor.lock").unlink()
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "it leaves")


def test_submitting_wakes_an_idle_supervisor(room: JobRoom) -> None:
    room.wait(*room.submit(tiny(steps=1)))
    time.sleep(0)
    (run_id,) = room.submit(tiny(steps=1))
    eventually(lambda: open_store(room.home).run(run_id).status != "queued", "it starts")
    room.wait(run_id)
