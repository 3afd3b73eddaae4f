"""Thirty browsers, one model at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from app.trained.queue import InspectionQueue
from clps_core.errors import DataError, JobError
from clps_core.inspection import Inspection


def answer(text: str = "", size: int = 1) -> Inspection:
    return Inspection(
        task="dates",
        step=1,
        text=text,
        options={},
        attention={"encoder": np.zeros((1, 1, size, size), np.float32)},
        groups={"encoder": (0,)},
        source_labels=("x",) * size,
        target_labels=(),
        target="none",
        prediction="",
    )


def test_only_one_model_is_at_work_at_any_time() -> None:
    queue = InspectionQueue(waiting=30)
    at_work: list[int] = []
    most = []
    guard = threading.Lock()

    def work() -> Inspection:
        with guard:
            at_work.append(1)
            most.append(len(at_work))
        threading.Event().wait(0.002)
        with guard:
            at_work.pop()
        return answer()

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda key: queue.ask(key, work), range(30)))
    assert max(most) == 1
    assert len(most) == 30


def test_browsers_that_ask_the_same_share_one_answer() -> None:
    queue = InspectionQueue(waiting=30)
    asked: list[int] = []

    def work() -> Inspection:
        asked.append(1)
        return answer("same")

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _browser: queue.ask("same", work), range(30)))
    assert len(asked) == 1
    assert all(found is answers[0] for found in answers)


def test_too_many_are_refused_in_a_sentence_and_the_others_are_served() -> None:
    queue = InspectionQueue(waiting=2)
    go, inside = threading.Event(), threading.Event()

    def slow() -> Inspection:
        inside.set()
        assert go.wait(30)
        return answer()

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(queue.ask, 0, slow)
        assert inside.wait(30)
        others = [pool.submit(queue.ask, key, answer) for key in (1, 2)]
        while queue._inside < 3:
            threading.Event().wait(0.001)
        with pytest.raises(JobError, match="Try again in a moment"):
            queue.ask(3, answer)
        go.set()
        assert all(one.result(30) for one in (first, *others))
    assert queue.ask(3, answer)


def test_who_waits_too_long_is_told_so() -> None:
    queue = InspectionQueue(patience=0.01)
    go, inside = threading.Event(), threading.Event()

    def slow() -> Inspection:
        inside.set()
        assert go.wait(30)
        return answer()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(queue.ask, 0, slow)
        assert inside.wait(30)
        with pytest.raises(JobError):
            queue.ask(1, answer)
        go.set()
        assert first.result(30)


def test_a_failure_is_told_and_not_kept() -> None:
    queue = InspectionQueue()

    def refuse() -> Inspection:
        raise DataError("no")

    with pytest.raises(DataError):
        queue.ask("key", refuse)
    assert queue.ask("key", answer)


def test_what_is_kept_is_bounded_in_number_and_bytes() -> None:
    few = InspectionQueue(kept=2)
    for key in range(5):
        few.ask(key, answer)
    assert list(few._answers) == [3, 4]
    small = InspectionQueue(kept_bytes=4 * 10 * 10 * 2)
    for key in range(5):
        small.ask(key, lambda: answer(size=10))
    assert list(small._answers) == [3, 4]


def test_what_is_kept_can_be_asked_for_without_waiting() -> None:
    queue = InspectionQueue()
    assert queue.kept_answer("key") is None
    found = queue.ask("key", answer)
    assert queue.kept_answer("key") is found
