"""A run moves from queued to its end one step at a time, whoever tries at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from clps_core.config import build_config, resolve
from clps_core.errors import JobError
from clps_core.store import Point, Store, schema
from clps_core.store.deaths import EXIT_DISK_FULL, EXIT_STORE, SOON
from clps_core.store.queue import Attempt, Exit, LeaseLost, Queue

CONFIG = resolve(build_config()).config
KILLED = Exit(signal=9)


def add(store: Store, count: int = 1, priority: int = 0) -> list[str]:
    comparison = store.create_comparison("x", [CONFIG] * count, priority=priority)
    return [run.id for run in store.runs(comparison=comparison)]


def started(queue: Queue, *, claimed: bool = True) -> Attempt:
    attempt = queue.start_next(0, "here", "boot")
    assert attempt is not None
    if claimed:
        assert queue.claim(attempt.run_id, attempt.number, 123, 1.0)
    return attempt


def test_the_queue_hands_out_by_priority_then_age(store: Store, queue: Queue) -> None:
    early, urgent, late = add(store, 2), add(store, 1, priority=5), add(store, 1)
    order = [queue.start_next(0, "here", "boot") for _run in range(5)]
    assert [attempt.run_id if attempt else None for attempt in order] == [*urgent, *early, *late, None]
    assert [attempt.number for attempt in order if attempt] == [1, 1, 1, 1]


def test_of_many_threads_that_claim_one_attempt_exactly_one_gets_it(store: Store, queue: Queue) -> None:
    add(store, 5)
    with ThreadPoolExecutor(8) as pool:
        for _run in range(5):
            attempt = started(queue, claimed=False)
            claims = pool.map(lambda pid, a=attempt: queue.claim(a.run_id, a.number, pid, 1.0), range(1, 17))
            assert sum(claims) == 1


def test_of_many_processes_that_claim_one_attempt_exactly_one_gets_it(store: Store, queue: Queue) -> None:
    add(store)
    attempt = started(queue, claimed=False)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from clps_core.store import open_store\n"
        "from clps_core.store.queue import Queue\n"
        "queue = Queue(open_store(Path(sys.argv[1])))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(queue.claim(sys.argv[2], 1, os.getpid(), 1.0))\n"
    )
    command = [sys.executable, "-c", script, str(store.home), attempt.run_id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    claimants = [subprocess.Popen(command, **pipes) for _number in range(3)]
    for claimant in claimants:
        assert claimant.stdout.readline() == "ready\n"
    for claimant in claimants:
        claimant.stdin.write("go\n")
        claimant.stdin.flush()
    answers = [claimant.communicate(timeout=240)[0].strip() for claimant in claimants]
    assert sorted(answers) == ["False", "False", "True"]


def test_many_supervisors_start_each_run_once(store: Store, queue: Queue) -> None:
    ids = add(store, 20)
    with ThreadPoolExecutor(4) as pool:
        attempts = [
            attempt for attempt in pool.map(lambda n: queue.start_next(n, "here", "boot"), range(30)) if attempt
        ]
    assert sorted(attempt.run_id for attempt in attempts) == sorted(ids)


def test_an_attempt_that_was_given_up_can_write_nothing_more(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    started(queue)
    assert queue.settle(run_id, 1, KILLED) == "queued"
    second = started(queue)
    assert second.number == 2
    point = Point(run_id, "train", "loss", 1, 0.5, 0.1)
    for write in (
        lambda: queue.append(run_id, 1, [point]),
        lambda: queue.append(run_id, 1, []),
        lambda: queue.renew(run_id, 1),
        lambda: queue.begin(run_id, 1, step=-1, seconds=0.0, placement={}),
        lambda: queue.finish(run_id, 1, "finished", None),
    ):
        with pytest.raises(LeaseLost, match="was given to another process"):
            write()
    assert not queue.claim(run_id, 1, 1, 1.0)
    assert store.metrics_after([run_id], 0)[0] == []
    queue.append(run_id, 2, [point])
    queue.finish(run_id, 2, "finished", None)
    with pytest.raises(LeaseLost):
        queue.append(run_id, 2, [point])
    assert store.run(run_id).status == "finished"


def advance(queue: Queue, attempt: Attempt, step: int) -> None:
    queue.append(attempt.run_id, attempt.number, [], progress={"step": step})


def test_a_death_is_retried_twice_and_a_resume_counts_anew(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    for step, expected in ((1, "queued"), (2, "queued"), (3, "failed")):
        attempt = started(queue)
        advance(queue, attempt, step)
        assert queue.settle(run_id, attempt.number, KILLED) == expected
        assert queue.settle(run_id, attempt.number, KILLED) is None, "a second look changes nothing"
    assert "It was retried 2 times" in (store.run(run_id).reason or "")
    queue.requeue(run_id)
    for step, expected in ((4, "queued"), (5, "queued"), (6, "failed")):
        attempt = started(queue)
        advance(queue, attempt, step)
        assert queue.settle(run_id, attempt.number, KILLED) == expected, "who resumes it gives it all retries again"


@pytest.mark.parametrize("second", [7, 5])
def test_a_run_that_dies_twice_without_getting_further_is_not_tried_again(
    store: Store, queue: Queue, second: int
) -> None:
    (run_id,) = add(store)
    attempt = started(queue)
    advance(queue, attempt, 7)
    assert queue.settle(run_id, 1, Exit(signal=11)) == "queued"
    attempt = started(queue)
    advance(queue, attempt, second)
    assert queue.settle(run_id, 2, Exit(signal=11)) == "failed"
    assert store.run(run_id).reason == (
        "The process crashed (SIGSEGV). It died again before getting beyond step 7, so there is no third try. "
        "Correct the cause, then resume it; it continues from its last checkpoint."
    )


def test_who_resumes_a_run_by_hand_may_meet_the_step_at_which_it_died_once_more(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    for _attempt in range(2):
        attempt = started(queue)
        advance(queue, attempt, 7)
        status = queue.settle(run_id, attempt.number, KILLED)
    assert status == "failed", "the second time at one step is its own doing"
    queue.requeue(run_id)
    attempt = started(queue)
    advance(queue, attempt, 7)
    assert queue.settle(run_id, attempt.number, KILLED) == "queued", "the cause may have been mended"


def test_each_retry_waits_four_times_as_long_as_the_one_before(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    for number, seconds in ((1, 5.0), (2, 20.0)):
        attempt = started(queue)
        advance(queue, attempt, number)
        with store.reading() as connection:
            before = schema.now(connection)
        assert queue.settle(run_id, number, KILLED, pause=5.0) == "queued"
        with store.reading() as connection:
            after = schema.now(connection)
        run = store.run(run_id)
        assert run.not_before is not None
        assert before <= run.not_before - seconds <= after
        assert f"(retry {number} of 2), after a pause of {seconds:g} s." in (run.reason or "")
        assert queue.start_next(0, "here", "boot") is None, "it waits"
        pass_time(store, run_id)
    assert started(queue).number == 3
    assert store.run(run_id).not_before is None


def pass_time(store: Store, run_id: str) -> None:
    """As if the run's pause were over."""
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run_id).values(not_before=0.0))


def test_who_resumes_a_run_by_hand_waits_for_no_pause(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    started(queue)
    queue.settle(run_id, 1, KILLED, pause=3600.0)
    queue.request_stop(run_id, "pause")
    queue.requeue(run_id)
    assert started(queue).number == 2


def test_a_waiting_run_takes_the_place_that_its_new_priority_gives_it(store: Store, queue: Queue) -> None:
    first, second, third = add(store, 3)
    queue.set_priority([third], 1)
    queue.set_priority([first], -1)
    assert [store.run(run_id).queue_position for run_id in (first, second, third)] == [3, 2, 1]
    assert started(queue).run_id == third


def test_only_waiting_runs_get_another_priority_and_of_several_all_or_none(store: Store, queue: Queue) -> None:
    working, waiting = add(store, 2)
    started(queue)
    with pytest.raises(JobError, match=rf"only the priority of a waiting job can be changed\. {working} is running"):
        queue.set_priority([waiting, working], 5)
    assert [run.priority for run in store.runs()] == [0, 0]


def test_a_run_that_is_put_off_lets_others_overtake_and_keeps_its_age(store: Store, queue: Queue) -> None:
    large, small, last = add(store, 3)
    queue.put_off({large: "It needs more memory than is free."}, 600.0)
    assert started(queue).run_id == small
    assert store.run(large).reason == "It needs more memory than is free."
    pass_time(store, large)
    assert started(queue).run_id == large
    assert store.run(large).reason is None
    queue.put_off({large: "too late"}, 600.0)
    assert store.run(large).status == "running"
    assert started(queue).run_id == last


def test_a_run_at_work_no_longer_says_why_it_waited(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    assert queue.settle(run_id, started(queue).number, KILLED, pause=5.0) == "queued"
    queue.put_off({run_id: "Waiting for memory."}, 5.0)
    pass_time(store, run_id)
    started(queue)
    assert store.run(run_id).reason == "Its process died; this is retry 1 of 2, from its last checkpoint."


def test_a_pause_that_is_over_is_none(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    assert queue.settle(run_id, started(queue).number, KILLED, pause=5.0) == "queued"
    assert store.active_jobs()[0].not_before is not None
    with store.writing() as connection:
        connection.execute(schema.run.update().values(not_before=schema.now(connection) - 60.0))
    assert store.active_jobs()[0].not_before is None


def test_a_waiting_run_that_can_never_start_fails_with_its_reason(store: Store, queue: Queue) -> None:
    waiting, running = add(store, 2)
    queue.fail_waiting(waiting, "It can never fit.")
    assert (store.run(waiting).status, store.run(waiting).reason) == ("failed", "It can never fit.")
    assert started(queue).run_id == running
    queue.fail_waiting(running, "It can never fit.")
    assert store.run(running).status == "running"


def test_an_interruption_does_not_count_as_a_death(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    for _round in range(5):
        assert queue.settle(run_id, started(queue).number, Exit(interrupted=True)) == "queued"
    assert "The machine shut down" in (store.run(run_id).reason or "")


def test_requests_to_stop_that_come_again_and_again_slow_the_run_down_and_end_it(store: Store, queue: Queue) -> None:
    """A guard of the memory that ends the largest process would do so for ever."""
    (run_id,) = add(store)
    stop = Exit(signal=signal.SIGTERM, interrupted=True)
    assert queue.settle(run_id, started(queue).number, stop, pause=5.0) == "queued"
    assert store.run(run_id).not_before is None, "once is nothing: the next one starts at once"
    for seconds in ("5 s", "20 s", "80 s"):
        assert queue.settle(run_id, started(queue).number, stop, pause=5.0) == "queued"
        assert f"after a pause of {seconds}" in (store.run(run_id).reason or "")
        pass_time(store, run_id)
    assert queue.settle(run_id, started(queue).number, stop, pause=5.0) == "failed"
    assert "5 times in a row" in (store.run(run_id).reason or "")
    queue.requeue(run_id)
    assert queue.settle(run_id, started(queue).number, stop, pause=5.0) == "queued", "who resumes it begins anew"


def test_a_request_to_stop_after_a_while_at_work_is_the_first_again(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    stop = Exit(signal=signal.SIGTERM, interrupted=True)
    for _round in range(6):
        attempt = started(queue)
        with store.writing() as connection:  # it began long ago
            t = schema.attempt.c
            earlier = schema.attempt.update().where(t.run_id == run_id, t.number == attempt.number)
            connection.execute(earlier.values(launched_at=attempt.launched_at - 2 * SOON))
        assert queue.settle(run_id, attempt.number, stop, pause=5.0) == "queued"
        assert store.run(run_id).not_before is None


def test_a_run_that_got_on_well_has_all_its_retries_again(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    killed, steps = Exit(signal=signal.SIGKILL), store.run(run_id).steps
    for tenths in range(1, 9):
        attempt = started(queue)
        queue.append(run_id, attempt.number, [], progress={"step": tenths * steps // 10})
        assert queue.settle(run_id, attempt.number, killed) == "queued", "never twice within a tenth of the way"
        assert "(retry 1 of 2)" in (store.run(run_id).reason or "")
    for further, becomes in ((1, "queued"), (2, "failed")):
        attempt = started(queue)
        queue.append(run_id, attempt.number, [], progress={"step": 8 * steps // 10 + further})
        assert queue.settle(run_id, attempt.number, killed) == becomes


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Exit(code=1), "ended with exit code 1 before it could say why"),
        (Exit(code=EXIT_DISK_FULL), "The disk is full"),
        (Exit(code=EXIT_STORE), "could not write to its store"),
    ],
)
def test_a_process_that_fails_by_itself_is_not_retried(store: Store, queue: Queue, end: Exit, words: str) -> None:
    (run_id,) = add(store)
    started(queue)
    assert queue.settle(run_id, 1, end) == "failed"
    assert words in (store.run(run_id).reason or "")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Exit(signal=9), "was killed (SIGKILL)"),
        (Exit(signal=9, out_of_memory=True), "because memory ran out. A smaller batch_size"),
        (Exit(signal=11), "The process crashed (SIGSEGV)"),
        (Exit(), "how it ended is unknown"),
    ],
)
def test_a_death_has_its_reason(store: Store, queue: Queue, end: Exit, words: str) -> None:
    (run_id,) = add(store)
    started(queue)
    assert queue.settle(run_id, 1, end) == "queued"
    assert words in (store.run(run_id).reason or "")
    assert "retried from its last checkpoint (retry 1 of 2)" in (store.run(run_id).reason or "")


@pytest.mark.parametrize(("kind", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_waiting_run_stops_at_once_and_a_running_one_is_asked(
    store: Store, queue: Queue, kind: str, status: str
) -> None:
    running, waiting = add(store, 2)
    started(queue)
    assert queue.request_stop(waiting, kind) is None
    assert store.run(waiting).status == status
    asked = queue.request_stop(running, kind)
    assert asked is not None
    assert (asked.run_id, asked.pid, asked.stop_requested) == (running, 123, kind)
    assert queue.renew(running, 1) == kind
    assert queue.append(running, 1, []) == kind
    assert queue.settle(running, 1, KILLED) == status, "a run that was asked to stop is not retried"
    with pytest.raises(JobError, match=f"only queued or running jobs can be stopped. {running} is {status}"):
        queue.request_stop(running, kind)


def test_only_what_stopped_can_be_resumed(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    for _look in ("queued", "running"):
        with pytest.raises(JobError, match="only cancelled, paused or failed jobs can be resumed"):
            queue.requeue(run_id)
        queue.start_next(0, "here", "boot")
    queue.finish(run_id, 1, "finished", None)
    with pytest.raises(JobError, match="is finished"):
        queue.requeue(run_id)


def test_a_run_that_finished_stays_so_whatever_its_process_does_then(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    started(queue)
    queue.finish(run_id, 1, "finished", None)
    assert [attempt.run_id for attempt in queue.open_attempts()] == [run_id], "its slot is taken until it is gone"
    assert queue.settle(run_id, 1, KILLED) is None
    assert store.run(run_id).status == "finished"
    assert queue.open_attempts() == []


def test_a_new_attempt_drops_what_lies_beyond_its_checkpoint(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    started(queue)
    points = [Point(run_id, "train", "loss", step, float(step), 0.0) for step in (5, 10, 15)]
    notes = [("probe", 5, "probes/step-000005.npz"), ("probe", 15, "probes/step-000015.npz")]
    queue.append(run_id, 1, points, progress={"step": 15, "seconds": 3.0}, artefacts=notes)
    queue.settle(run_id, 1, KILLED)
    started(queue)
    assert queue.begin(run_id, 2, step=10, seconds=2.0, placement={"device": "cpu", "threads": 1}) == 1
    assert [point.step for point in store.curve(run_id, "train", "loss")] == [5, 10]
    assert [artefact.step for artefact in store.artefacts(run_id)] == [5]
    run = store.run(run_id)
    assert (run.step, run.seconds, run.device, run.threads) == (10, 2.0, "cpu", 1)


def test_of_a_file_that_is_written_again_only_the_newest_counts(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    started(queue)
    for step in (10, 20):
        queue.append(run_id, 1, [], artefacts=[("last", step, "checkpoints/last.safetensors")])
    (artefact,) = store.artefacts(run_id, "last")
    assert artefact.step == 20
    assert artefact.path == store.run_folder(run_id) / "checkpoints" / "last.safetensors"


def test_no_run_waits_for_hours_because_the_clock_was_put_back(store: Store, queue: Queue) -> None:
    (run_id,) = add(store)
    queue.put_off({run_id: "Waiting for memory."}, 60.0)
    assert queue.startable() == []
    with store.writing() as connection:
        connection.execute(schema.run.update().values(not_before=schema.run.c.not_before + 3600))
    assert queue.startable() == [run_id]


def test_a_pause_before_a_retry_is_never_longer_than_a_quarter_of_an_hour(store: Store, queue: Queue) -> None:
    add(store)
    attempt = started(queue)
    assert queue.settle(attempt.run_id, attempt.number, KILLED, pause=999_999.0) == "queued"
    run = store.run(attempt.run_id)
    assert run.not_before is not None
    assert 0 < run.not_before - store.clock() <= 900.0
    assert "after a pause of 900 s" in (run.reason or "")
    assert queue.startable() == []
