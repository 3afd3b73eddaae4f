"""What designs cost, and which of them nobody beats at less cost."""

from __future__ import annotations

import random

import pytest
from simulated_runs import simulated_run

from clps_core.analysis.memory import estimate_training_memory
from clps_core.analysis.steps import operations_per_step
from clps_core.sweeps.results import Spread
from clps_core.verdicts.costs import Paid, cost_of, front


def paid(cost: float, quality: float, deviation: float = 0.01, count: int = 5) -> Paid:
    return Paid(Spread(cost, None, count), Spread(quality, deviation, count))


def test_the_front_is_that_of_a_search_through_all_pairs() -> None:
    rng = random.Random(5)
    for _time in range(200):
        ones = [paid(rng.randint(1, 6), rng.randint(1, 6)) for _design in range(rng.randint(1, 8))]
        for sign in (1, -1):
            points = [(one.cost.mean, -sign * one.quality.mean) for one in ones]
            expected = [
                place for place, (cost, loss) in enumerate(points)
                if not any(c <= cost and w <= loss and (c, w) != (cost, loss) for c, w in points)
            ]  # fmt: skip
            found = front(ones, sign)
            assert sorted(found.on) == expected
            costs = [ones[place].cost.mean for place in found.on]
            assert costs == sorted(costs)


def test_a_design_off_the_front_is_unclear_only_where_intervals_overlap() -> None:
    sure, near, far = paid(1, 0.90), paid(2, 0.895), paid(2, 0.80)
    found = front([sure, near, far], 1)
    assert (found.on, found.unclear, found.few) == ((0,), (1,), False)
    few = front([sure, paid(2, 0.895, count=2)], 1)
    assert (few.on, few.unclear, few.few) == ((0,), (), True)


def test_costs_are_those_of_the_counter_to_where_the_run_ended() -> None:
    run = simulated_run(step=50, seconds=12.0, cpu_seconds=None)
    assert cost_of(run, "flops") == operations_per_step(run.config) * 50
    assert (cost_of(run, "parameters"), cost_of(run, "seconds"), cost_of(run, "cpu_seconds")) == (1000, 12.0, None)
    assert cost_of(run, "memory") == estimate_training_memory(run.config)
    assert cost_of(run, "kv_cache") is None  # an encoder
    decoder = simulated_run(changed={"data": {"task": "python-docs"}})
    model = decoder.config.model
    assert model.max_positions is not None
    # 2 (keys and values) x 2 bytes, each layer and position
    per_token = 4 * model.num_layers * (model.num_kv_heads or model.num_heads) * model.head_size
    assert cost_of(decoder, "kv_cache") == per_token * model.max_positions
    assert cost_of(simulated_run(task="gone", changed={"data": {"task": "digits"}}), "memory") is not None


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_memory_is_that_of_the_device(device: str) -> None:
    run = simulated_run(device=device)
    assert cost_of(run, "memory") == estimate_training_memory(run.config, gpu=device != "cpu")
