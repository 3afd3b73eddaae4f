"""SIGTERM ends a runner at once only where nothing can be lost by it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from clps_core.jobs.sink import StoppedEarlyError, StopSignal


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    before = signal.getsignal(signal.SIGTERM)
    yield StopSignal()
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_outside_of_waiting_sigterm_is_only_remembered(stop: StopSignal) -> None:
    """It may come while an outcome is written, or while the process says why it cannot be."""
    terminate()
    assert stop.received


def test_a_sigterm_that_came_before_ends_the_waiting_at_its_beginning(stop: StopSignal) -> None:
    terminate()
    with pytest.raises(StoppedEarlyError), stop.waiting():
        pytest.fail("it had to end before it began")


def test_sigterm_ends_the_waiting_at_once_and_nothing_after_it(stop: StopSignal) -> None:
    def hears() -> None:
        with stop.waiting():
            terminate()
            pytest.fail("SIGTERM was not heard")

    with pytest.raises(StoppedEarlyError):
        hears()
    terminate()


def test_after_the_waiting_sigterm_is_only_remembered(stop: StopSignal) -> None:
    with stop.waiting():
        pass
    terminate()
    assert stop.received
