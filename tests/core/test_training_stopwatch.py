"""Training time of a run: wall and CPU seconds over all of its attempts."""

import time

from clps_core.training.loop import Stopwatch


def test_a_resumed_run_goes_on_counting_and_an_unknown_beginning_stays_unknown() -> None:
    watch = Stopwatch(before=10.0, cpu_before=4.0)
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    assert watch.seconds > 10.0
    assert watch.cpu_seconds is not None
    assert watch.cpu_seconds >= 4.02
    assert Stopwatch(before=10.0, cpu_before=None).cpu_seconds is None
