"""Claims about the learning rate, the dropout seeds and the steps that leave probes."""

from __future__ import annotations

import pytest
import torch

from clps_core.config import OptimConfig
from clps_core.training.probes import probe_steps
from clps_core.training.randomness import loops_at, reseed, step_seed
from clps_core.training.schedule import learning_rate

OPTIM = OptimConfig(learning_rate=1e-2, warmup_steps=10, final_ratio=0.1)


def test_warm_up_is_linear_and_reaches_the_full_rate() -> None:
    rates = [learning_rate(step, 100, OPTIM) for step in range(10)]
    assert rates == pytest.approx([1e-3 * (step + 1) for step in range(10)])


def test_the_cosine_ends_at_the_final_ratio_and_is_halfway_in_the_middle() -> None:
    assert learning_rate(99, 100, OPTIM) == pytest.approx(1e-3)
    assert learning_rate(54, 100, OPTIM) == pytest.approx((1e-2 + 1e-3) / 2)


def test_the_rate_never_rises_after_the_warm_up() -> None:
    rates = [learning_rate(step, 100, OPTIM) for step in range(9, 100)]
    assert rates == sorted(rates, reverse=True)


def test_no_warm_up_and_nothing_but_warm_up_are_both_allowed() -> None:
    assert learning_rate(0, 1, OptimConfig(learning_rate=1.0, warmup_steps=0, final_ratio=0.5)) == pytest.approx(0.5)
    assert learning_rate(9, 10, OPTIM) == pytest.approx(1e-2)


def test_dropout_of_a_step_depends_on_seed_and_step_only() -> None:
    reseed(3, 7)
    first = torch.rand(4)
    torch.rand(100)
    reseed(3, 7)
    assert torch.equal(torch.rand(4), first)
    assert len({step_seed(seed, step) for seed in range(20) for step in range(50)}) == 1000


@pytest.mark.parametrize("steps", [1, 2, 7, 600, 100_000])
def test_probes_begin_with_the_untrained_model_and_end_with_the_trained_one(steps: int) -> None:
    chosen = probe_steps(steps, 12)
    assert {0, steps} <= chosen
    assert max(chosen) == steps
    assert len(chosen) <= 12
    assert len(chosen) >= min(12, steps + 1) - 3


def test_probes_can_be_left_out() -> None:
    assert probe_steps(100, 0) == frozenset()
    assert probe_steps(100, 1) == {100}


def test_the_number_of_loops_depends_on_seed_and_step_only_and_takes_every_value() -> None:
    drawn = [loops_at((2, 5), 7, step) for step in range(200)]
    assert drawn == [loops_at((2, 5), 7, step) for step in range(200)]
    assert drawn != [loops_at((2, 5), 8, step) for step in range(200)]
    assert {drawn.count(loops) > 25 for loops in (2, 3, 4, 5)} == {True}
    assert set(drawn) == {2, 3, 4, 5}
    assert loops_at(None, 7, 0) is None
