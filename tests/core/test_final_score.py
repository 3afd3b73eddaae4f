"""The test split is scored once, after training, with the weights that validation chose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_steps import latest_step
from untrained_runs import stored_run

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.registry import load_task
from clps_core.errors import CheckpointError, DataError, JobError
from clps_core.jobs import service
from clps_core.store import Point, Store, metrics
from clps_core.store.queue import Queue
from clps_core.training.checkpoint import Checkpoint, checkpoint_path, read, restore_weights, save_best
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate
from clps_core.training.loading import load_model
from clps_core.training.loop import train
from clps_core.training.sink import Outcome, RecordingSink

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_THREAD = Placement("cpu", "fp32", 1, "for tests")
Scores = list[tuple[int, str, str, float]]


def digits(rate: float = 5e-3, **train: Any) -> RunConfig:
    partial = {
        "data": {"task": "digits"},
        "model": {"num_layers": 1, "d_model": 16, "d_ff": 16, "num_heads": 2, "dropout": 0.1},
        "optim": {"learning_rate": rate, "warmup_steps": 0},
        "train": {"steps": 12, "eval_every": 3, "batch_size": 32, "checkpoint_every": 4, "probe_count": 0, **train},
    }
    return resolve(build_config(partial)).config


def run(folder: Path, config: RunConfig, sink: RecordingSink | None = None) -> tuple[Outcome, RecordingSink]:
    sink = sink or RecordingSink()
    return train(config, folder, sink, device=ONE_THREAD), sink


def scored(sink: RecordingSink) -> Scores:
    return [point for point in sink.points if point[1] == "test"]


class Killed(BaseException):
    """The process dies here."""


class Scoring(RecordingSink):
    """Asks for ``stop`` when the test split is scored; ``dies``: the process is killed before it writes that."""

    def __init__(self, stop: str | None = None, *, dies: bool = False) -> None:
        super().__init__()
        self.stop, self.dies, self.last = stop, dies, 12

    def stop_requested(self) -> str | None:
        at_the_end = any(step >= self.last for step, split, _name, _value in self.points if split == "validation")
        return self.stop if at_the_end else None

    def metrics(self, step: int, split: str, values: Mapping[str, float]) -> None:
        if self.dies and split == "test":
            raise Killed
        super().metrics(step, split, values)


def test_the_weights_that_validation_chose_are_scored_on_all_of_the_test_split(tmp_path: Path) -> None:
    # The rate is so high that the last weights are not the best ones.
    config = digits(rate=0.05, steps=24)
    outcome, sink = run(tmp_path, config)
    chosen = read(checkpoint_path(tmp_path, "best"))
    model, _config, step = load_model(tmp_path)
    assert step == chosen.step < 24
    wanted = evaluate(model, load_task(config), config_of_all(config), ONE_THREAD, "test")
    assert {(name, value) for _step, _split, name, value in scored(sink)} == {*wanted.items(), ("examples", 180.0)}
    assert {step for step, *_rest in scored(sink)} == {chosen.step}
    assert {name: outcome.metrics[f"test.{name}"] for name in wanted} == wanted


def config_of_all(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 10**6})})


def test_at_most_so_many_test_examples_are_scored_as_the_config_says(tmp_path: Path) -> None:
    _outcome, sink = run(tmp_path, digits(test_examples=50))
    assert [value for *_where, name, value in scored(sink) if name == "examples"] == [50.0]


def test_a_run_killed_while_it_is_scored_has_the_score_of_its_twin(tmp_path: Path) -> None:
    _outcome, undisturbed = run(tmp_path / "twin", digits())
    with pytest.raises(Killed):
        run(tmp_path / "killed", digits(), Scoring(dies=True))
    outcome, sink = run(tmp_path / "killed", digits())
    assert outcome.status == "finished"
    assert sink.points == scored(sink), "nothing is trained or evaluated again"
    assert sink.points == scored(undisturbed)


@pytest.mark.parametrize("stop", ["pause", "cancel"])
def test_a_stop_is_answered_while_the_test_split_is_scored(tmp_path: Path, stop: str) -> None:
    outcome, sink = run(tmp_path, digits(), Scoring(stop))
    assert (outcome.status, outcome.step, scored(sink)) == ("stopped", 12, [])
    outcome, sink = run(tmp_path, digits())
    assert outcome.status == "finished"
    assert len(scored(sink)) == 3


def test_a_run_that_a_rule_ends_is_scored_also_where_that_was_decided_before_it_died(tmp_path: Path) -> None:
    class Ruled(RecordingSink):
        def stop_requested(self) -> str | None:
            return "early" if any(step == 6 for step, split, *_rest in self.points if split == "validation") else None

    outcome, ended = run(tmp_path, digits(), Ruled())
    assert (outcome.status, outcome.step) == ("finished", 6)
    decided = Ruled(points=[(6, "validation", "loss", 1.0)])
    outcome, again = run(tmp_path, digits(), decided)
    assert (outcome.status, outcome.step, latest_step(tmp_path)) == ("finished", 6, 6)
    assert scored(again) == scored(ended) != []


def test_a_run_that_was_cancelled_is_not_scored(tmp_path: Path) -> None:
    outcome, sink = run(tmp_path, digits(log_every=1), RecordingSink(stop_after=5))
    assert (outcome.status, scored(sink)) == ("stopped", [])


def test_without_its_best_weights_a_run_still_finishes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, digits())
    checkpoint_path(tmp_path, "best").write_bytes(b"damaged")
    outcome, sink = run(tmp_path, digits())
    assert (outcome.status, scored(sink)) == ("finished", [])
    assert "The test split is not scored" in caplog.text


def test_best_weights_of_another_step_than_was_chosen_are_not_scored(tmp_path: Path) -> None:
    """Left by an attempt that had gone further before it died."""
    run(tmp_path, digits())
    best = read(checkpoint_path(tmp_path, "best"))
    save_best(tmp_path, Checkpoint(best.tensors, {**best.facts, "step": best.step + 3}))
    outcome, sink = run(tmp_path, digits())
    assert (outcome.status, scored(sink)) == ("finished", [])


def test_a_diverged_run_says_so(tmp_path: Path) -> None:
    outcome, _sink = run(tmp_path / "diverged", digits(rate=10.0, steps=24))
    assert outcome.diverged is not None
    assert "Diverged: the validation loss ended at" in outcome.diverged
    assert "learning_rate (10)" in outcome.diverged
    again, _sink = run(tmp_path / "diverged", digits(rate=10.0, steps=24))
    assert again.diverged == outcome.diverged, "a resumed run remembers where it began"
    assert run(tmp_path / "usual", digits())[0].diverged is None


def test_a_run_that_has_learnt_nothing_so_far_has_not_diverged(tmp_path: Path) -> None:
    assert run(tmp_path, digits(rate=1e-30, steps=3))[0].diverged is None


# On request


@pytest.fixture
def untested(store: Store) -> str:
    """The id of a finished run that nobody has scored."""
    config = digits(test_examples=60)
    return stored_run(store, config, step=12).id


def test_on_request_a_finished_run_gets_the_score_that_its_end_would_have_given(store: Store, untested: str) -> None:
    found = service.score_test(store, untested)
    config, folder = store.run(untested).config, store.run_folder(untested)
    model, _config, step = load_model(folder)
    all_60 = config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 60})})
    assert found.values == evaluate(model, load_task(config), all_60, ONE_THREAD, "test")
    assert (found.step, found.examples) == (step, 60)
    assert store.final_scores([untested]) == {untested: found}


def test_a_run_that_has_a_score_keeps_it(store: Store, untested: str) -> None:
    found = service.score_test(store, untested)
    checkpoint_path(store.run_folder(untested), "best").unlink()
    assert service.score_test(store, untested) == found


@pytest.mark.parametrize("status", ["queued", "running", "cancelled", "failed", "paused"])
def test_only_a_finished_run_is_scored(store: Store, status: str) -> None:
    unfinished = stored_run(store, digits(), status=status)
    with pytest.raises(JobError, match=f"only a finished run can be scored on the test split.* is {status}"):
        service.score_test(store, unfinished.id)
    with pytest.raises(JobError, match="only a finished run"):
        Queue(store).record_test(unfinished.id, [Point(unfinished.id, "test", "accuracy", 3, 0.5, 1.0)])
    assert store.final_scores([unfinished.id]) == {}


def test_a_run_whose_data_have_changed_is_not_scored(store: Store, untested: str) -> None:
    path = store.run_folder(untested) / "versions.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": "others"}))
    with pytest.raises(DataError, match="a test example could have been a training example"):
        service.score_test(store, untested)
    path.write_text("[")
    with pytest.raises(DataError, match="a test example could have been a training example"):
        service.score_test(store, untested)


def test_a_run_without_best_weights_says_so(store: Store, untested: str) -> None:
    checkpoint_path(store.run_folder(untested), "best").unlink()
    with pytest.raises(CheckpointError, match="its best weights are not in"):
        service.score_test(store, untested)
    checkpoint_path(store.run_folder(untested), "best").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is damaged"):
        service.score_test(store, untested)
    assert checkpoint_path(store.run_folder(untested), "last").exists(), "which nobody chose"


def test_a_page_does_not_wait_for_ever(store: Store, untested: str) -> None:
    with pytest.raises(JobError, match="clps runs test"):
        service.score_test(store, untested, seconds=0.0)


@pytest.mark.parametrize("steps", [12, 2000])
def test_an_attempt_that_goes_on_takes_the_old_score_back(store: Store, steps: int) -> None:
    """Its weights may become others on a GPU; and no curve is touched by it."""
    (run_id,) = [run.id for run in stored_in_progress(store, steps)]
    queue = Queue(store)
    points = [Point(run_id, "validation", "accuracy", step, 0.5, 1.0) for step in (0, 3)]
    score = [Point(run_id, "test", name, 3, value, 1.0) for name, value in [("accuracy", 0.4), ("examples", 180.0)]]
    with store.writing() as connection:
        metrics.append(connection, run_id, points + score)
    assert store.final_scores([run_id])[run_id].values == {"accuracy": 0.4}
    queue.begin(run_id, 1, step=3, seconds=1.0, placement={})
    assert store.final_scores([run_id]) == {}
    assert [point.step for point in store.curve(run_id, "validation", "accuracy")] == [0, 3]
    assert store.curve(run_id, "test", "accuracy", coarse=True) == []
    assert store.latest([run_id])[run_id] == {"validation.accuracy": (3, 0.5)}


def stored_in_progress(store: Store, steps: int) -> list[Any]:
    made = store.create_comparison("going", [digits(steps=steps)])
    Queue(store).start_next(0, "here", "boot")
    return store.runs(comparison=made)


def test_restoring_the_chosen_weights_is_what_is_scored(tmp_path: Path) -> None:
    """The last checkpoint stays what a fork or a resume expects: the last weights."""
    run(tmp_path, digits(rate=0.05, steps=24))
    last, best = (read(checkpoint_path(tmp_path, name)) for name in ("last", "best"))
    assert (last.step, best.step < 24) == (24, True)
    assert not all(torch.equal(last.tensors[name], tensor) for name, tensor in best.tensors.items())
    model, _config, _step = load_model(tmp_path)
    restore_weights(model, best.tensors)
