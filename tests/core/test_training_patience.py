"""A run with patience ends when evaluations bring nothing better, at the same step whatever happened between."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoint_steps import latest_step

from clps_core.config import RunConfig, build_config, resolve
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import Outcome, RecordingSink

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_THREAD = Placement("cpu", "fp32", 1, "for tests")


def digits(patience: int | None, rate: float = 1e-30) -> RunConfig:
    """At the usual rate here no weight changes in single precision, so no evaluation is better than the first."""
    partial = {
        "data": {"task": "digits"},
        "model": {"num_layers": 1, "d_model": 16, "d_ff": 16, "num_heads": 2, "dropout": 0.0},
        "optim": {"learning_rate": rate, "weight_decay": 0.0},
        "train": {"steps": 12, "eval_every": 2, "eval_examples": 20, "test_examples": 20, "batch_size": 8,
                  "checkpoint_every": 3, "probe_count": 0, "log_every": 1, "patience": patience},
    }  # fmt: skip
    return resolve(build_config(partial)).config


def run(folder: Path, config: RunConfig, stop_after: int | None = None) -> tuple[Outcome, RecordingSink]:
    sink = RecordingSink(stop_after=stop_after)
    return train(config, folder, sink, device=ONE_THREAD), sink


def test_a_run_that_gets_no_better_ends_after_its_patience_and_says_so(tmp_path: Path) -> None:
    outcome, sink = run(tmp_path, digits(patience=3))
    assert (outcome.status, outcome.step) == ("finished", 6)
    assert outcome.early is not None
    assert "step 6 of 12" in outcome.early
    assert [step for step, _loss in sink.curve("validation", "loss")] == [0, 2, 4, 6]
    assert latest_step(tmp_path) == 6


def test_without_patience_a_run_goes_on_to_its_last_step(tmp_path: Path) -> None:
    outcome, _sink = run(tmp_path, digits(patience=None))
    assert (outcome.status, outcome.step, outcome.early) == ("finished", 12, None)


def test_a_run_that_gets_better_each_time_keeps_its_patience(tmp_path: Path) -> None:
    outcome, sink = run(tmp_path, digits(patience=2, rate=1e-3))
    losses = [loss for _step, loss in sink.curve("validation", "loss")]
    assert losses == sorted(losses, reverse=True)
    assert (outcome.step, outcome.early) == (12, None)


@pytest.mark.parametrize("interrupted_at", [1, 3, 5, 6])
def test_a_run_that_was_interrupted_ends_at_the_step_of_its_twin(tmp_path: Path, interrupted_at: int) -> None:
    _stopped, before = run(tmp_path, digits(patience=3), stop_after=interrupted_at)
    outcome, after = run(tmp_path, digits(patience=3))
    twin, undisturbed = run(tmp_path / "twin", digits(patience=3))
    assert (outcome.step, outcome.early, outcome.metrics.keys()) == (twin.step, twin.early, twin.metrics.keys())
    assert before.curve("validation", "loss") + after.curve("validation", "loss") == undisturbed.curve(
        "validation", "loss"
    )


def test_a_run_that_ended_trains_no_step_more_when_it_is_started_again(tmp_path: Path) -> None:
    first, _sink = run(tmp_path, digits(patience=2))
    again, sink = run(tmp_path, digits(patience=2))
    assert (again.step, again.early) == (first.step, first.early)
    assert {split for _step, split, _name, _value in sink.points} == {"test"}
