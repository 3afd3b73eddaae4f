"""Random faults in everything a run stands on: no run is lost, none is trained by two processes at once, no point
of a curve is lost or doubled, nothing is computed differently, and who follows the curves holds what the table holds.

``make soak`` weathers storms until ``CLPS_SOAK_RUNS`` runs (200) are through or ``CLPS_SOAK_MINUTES`` (60) are over;
``CLPS_SOAK_SEED`` repeats one that failed.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

import pytest
from storm import Storm, in_order

SEED = int(os.environ.get("CLPS_SOAK_SEED") or 20261121)
SOAK_RUNS = int(os.environ.get("CLPS_SOAK_RUNS") or 200)
SOAK_MINUTES = float(os.environ.get("CLPS_SOAK_MINUTES") or 60)
RUNS_A_STORM = 20


def test_two_that_train_one_run_at_once_are_told_from_one_after_the_other() -> None:
    assert in_order([7, 7, 8, 8, 9], [7, 8, 9])
    assert in_order([7, 7, 9], [7, 8, 9]), "who died before the first step trained nothing"
    assert not in_order([7, 8, 7, 8], [7, 8])
    assert not in_order([8, 7], [7, 8])
    assert not in_order([7, 10], [7, 8]), "who claimed nothing"


@pytest.mark.slow
def test_five_runs_amid_random_faults_equal_their_undisturbed_twins(weather: Callable[..., Storm]) -> None:
    storm = weather(SEED, runs=5, faults=4)
    assert len(storm.done) == 4


@pytest.mark.slow
def test_twenty_runs_amid_random_faults_equal_their_undisturbed_twins(weather: Callable[..., Storm]) -> None:
    storm = weather(SEED, runs=20, faults=10)
    assert len(storm.done) == 10


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("CLPS_SOAK"), reason="make soak goes on for longer")
@pytest.mark.timeout(SOAK_MINUTES * 60 + 1800)
def test_hundreds_of_runs_amid_random_faults_equal_their_undisturbed_twins(weather: Callable[..., Storm]) -> None:
    began, passed, faults = time.monotonic(), 0, Counter[str]()
    for seed in range(SEED, SEED + SOAK_RUNS):
        runs = min(RUNS_A_STORM, SOAK_RUNS - passed)
        storm = weather(seed, runs=runs, faults=3 * runs // 2, dashboard=True, patient=True)
        passed += runs
        faults.update(storm.done)
        print(
            f"seed {seed}: {passed} runs passed, {faults.total()} faults, {time.monotonic() - began:.0f} s", flush=True
        )
        if passed >= SOAK_RUNS or time.monotonic() - began > SOAK_MINUTES * 60:
            break
    print(dict(faults))
