"""More or fewer loops than in training: what is measured is what the model does."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import capture
from clps_core.analysis.movement import movement
from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.registry import load_task
from clps_core.depth import MOST_POINTS, check_loops, dial, dial_of_text, quality_at
from clps_core.errors import ConfigError, JobError
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.model.generate import generate
from clps_core.samples.shipped import sample_folder
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate
from clps_core.training.loading import load_model

TEXT = "Sunday, July 20, 1969"


def design(strategy: str, **model: int) -> RunConfig:
    return resolve(build_config({"data": {"task": "dates"}, "model": model, "sharing": {"strategy": strategy}})).config


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = small_config("dates")
    train = config.train.model_copy(update={"eval_examples": 24, "batch_size": 8})
    return untrained_run(tmp_path_factory.mktemp("run"), config.model_copy(update={"train": train}), step=7)


@pytest.mark.parametrize("sample", ["sample-dates-all", "sample-dates-cycle"])
def test_at_the_trained_depth_the_metrics_are_those_the_run_recorded(sample: str) -> None:
    folder = sample_folder(sample)
    own = dial(load_model(folder)[1]).own
    assert own is not None
    found = quality_at(folder, own)
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "validation" and int(row["step"]) == found.step]
    assert {row["name"] for row in rows} == set(found.metrics)
    for row in rows:
        assert found.metrics[row["name"]] == pytest.approx(float(row["value"]), abs=1e-6)
    assert found.examples == 200
    assert quality_at(folder, own).metrics == found.metrics, "deterministic"


def test_another_depth_is_the_model_run_at_that_depth(dates: Path) -> None:
    model, config, step = load_model(dates)
    data = load_task(config)
    for loops in (1, 3):
        found = quality_at(dates, loops)
        assert found.metrics == evaluate(model, data, config, Placement("cpu", "fp32", 1, ""), loops=loops)
        assert found.layers == {"encoder": 2 * loops, "decoder": 2 * loops}
        assert (found.examples, found.step) == (24, step)


def test_a_design_without_a_core_is_refused_with_its_sentence(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", small_config("digits", "none"))
    with pytest.raises(ConfigError, match="has no repeating core"):
        quality_at(folder, 2)
    fixed = dial(design("cycle:2,lora=2"))
    assert fixed.fixed == "Each executed layer has its own LoRA matrices."
    with pytest.raises(ConfigError, match="Each executed layer has its own LoRA"):
        check_loops(fixed, [2])


def test_what_was_trained_is_known_from_the_config() -> None:
    plain = dial(design("cycle:2", num_layers=4))
    assert (plain.own, plain.trained, plain.fixed) == (2, (2, 2), None)
    assert [loops for loops in range(1, 9) if plain.was_trained(loops)] == [2]
    random = dial(design("loop:1/2/1,train_loops=2-5", num_layers=8))
    assert (random.own, random.trained) == (3, (2, 5))
    assert random.layers(5) == {"encoder": 12, "decoder": 12}
    unequal = dial(design("all", num_layers=4, num_decoder_layers=2))
    assert (unequal.own, unequal.trained) == (None, None)
    assert unequal.layers() == {"encoder": 4, "decoder": 2}
    config = design("cycle:2", num_layers=4)
    assert dial_of_text(json.dumps(config.as_dict())) == plain


def test_usual_loops_hold_the_trained_depth_and_both_sides_of_it() -> None:
    assert dial(design("cycle:2", num_layers=4)).usual_loops() == (1, 2, 3, 4, 8)
    assert dial(design("all", num_layers=4)).usual_loops() == (1, 2, 3, 4, 5, 6, 8)
    for layers in (1, 2, 6, 24, 64):
        found = dial(design("all", num_layers=layers))
        assert {1, layers, layers + 1, 2 * layers} <= set(found.usual_loops())
        assert len(found.usual_loops()) <= MOST_POINTS


@pytest.mark.parametrize("loops", [[0], [-1], [257], list(range(1, MOST_POINTS + 2))])
def test_loops_out_of_range_are_refused(loops: list[int]) -> None:
    with pytest.raises(ConfigError, match="loops"):
        check_loops(dial(design("all")), loops)


def test_an_evaluation_that_takes_too_long_ends_with_a_sentence(dates: Path) -> None:
    with pytest.raises(JobError, match="at 4 loops takes longer than the 0 s"):
        quality_at(dates, 4, seconds=0)


def test_an_input_is_looked_into_at_any_depth(dates: Path) -> None:
    model, config, _step = load_model(dates)
    data = load_task(config)
    found = inspect_run(Look(dates, TEXT, loops=3))
    inputs = torch.from_numpy(data.encode_source(TEXT))
    answer = generate(model, inputs, None, data.bos_id, data.eos_id, data.facts.max_target_len, loops=3)
    assert found.prediction == data.decode(answer[0].tolist())
    assert found.attention["encoder"].shape[0] == 6
    assert found.groups["encoder"] == found.movement["encoder"].groups == (0, 1, 0, 1, 0, 1)
    expected = capture(model, inputs, decoder_inputs=_decoder_inputs(data, answer[0].tolist()), loops=3)
    for stack, states in expected.hidden.items():
        moved = np.linalg.norm(states[1:] - states[:-1], axis=-1).mean(axis=1)
        np.testing.assert_allclose(found.movement[stack].distance, moved, rtol=1e-5)


def _decoder_inputs(data, answer: list[int]) -> np.ndarray:
    said = answer[: answer.index(data.eos_id)] if data.eos_id in answer else answer
    return np.array([[data.bos_id, *said][: data.facts.max_target_len]])


def test_movement_is_distance_and_angle_between_input_and_output() -> None:
    hidden = np.array([[[1.0, 0.0]], [[0.0, 2.0]], [[0.0, 4.0]], [[0.0, 0.0]]], dtype=np.float32)
    found = movement(hidden[:-1], hidden[1:], (0, 1, 0))
    assert found.distance == pytest.approx((5**0.5, 2.0, 4.0))
    assert found.cosine == pytest.approx((0.0, 1.0, 0.0))
    assert found.degrees == pytest.approx((90.0, 0.0, 90.0))
    assert found.size == pytest.approx((2.0, 4.0, 0.0))
    assert found.groups == (0, 1, 0)


@pytest.mark.parametrize("scale", [1e-3, 0.4, 1.0, 50.0])
def test_the_angle_does_not_depend_on_how_long_the_states_are(scale: float) -> None:
    hidden = np.array([[[1.0, 0.0], [3.0, 4.0]], [[1.0, 1.0], [0.0, -2.0]]])
    found = movement(hidden[:1] * scale, hidden[1:] * scale, (0,))
    assert found.cosine == pytest.approx(((0.5**0.5 - 0.8) / 2,))
    assert found.degrees == pytest.approx(((45.0 + np.degrees(np.arccos(-0.8))) / 2,))
    assert found.size == pytest.approx((scale * (2**0.5 + 2) / 2,))


def test_what_a_page_needs_of_depth_does_not_import_torch() -> None:
    code = (
        "import sys, clps_core.depth as depth; from clps_core.config import build_config, resolve;"
        "depth.dial(resolve(build_config()).config).usual_loops(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
