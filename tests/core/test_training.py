"""Claims about a whole run in one process: it learns, it is matched, it stops, it refuses."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from checkpoint_steps import latest_step
from tokenizers import Tokenizer

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.base import Batch, TaskData
from clps_core.data.registry import load_task
from clps_core.errors import CheckpointError, ClpsError, DataError, TrainingError
from clps_core.model.transformer import build_model
from clps_core.training.checkpoint import checkpoint_path, latest, read
from clps_core.training.device import Placement
from clps_core.training.loading import load_model
from clps_core.training.loop import memory_errors_explained, prepare, train, train_step
from clps_core.training.optimiser import Optimiser, decays
from clps_core.training.probes import probe_path, read_probe
from clps_core.training.sink import RecordingSink

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_THREAD = Placement("cpu", "fp32", 1, "for tests")


def tiny(task: str = "digits", strategy: str = "none", *, seed: int = 0, optim: Any = None, **train: Any) -> RunConfig:
    model = {"num_layers": 2, "d_model": 32, "d_ff": 64, "num_heads": 2, "dropout": 0.1}
    options = {
        "steps": 6,
        "eval_examples": 20,
        "test_examples": 20,
        "batch_size": 8,
        "eval_every": 3,
        "checkpoint_every": 2,
        **train,
    }
    partial = {"data": {"task": task}, "model": model, "sharing": {"strategy": strategy}, "seed": seed}
    return resolve(build_config(partial | {"train": options, "optim": {"learning_rate": 5e-3, **(optim or {})}})).config


def trained(folder: Path, config: RunConfig, **options: Any) -> RecordingSink:
    sink = RecordingSink(**options)
    train(config, folder, sink, device=ONE_THREAD)
    return sink


@pytest.mark.parametrize(
    ("task", "strategy"),
    [
        ("dates", "all"),
        ("digits", "none"),
        ("python-docs", "all"),
        pytest.param("dates", "none", marks=pytest.mark.slow),
        pytest.param("digits", "all", marks=pytest.mark.slow),
        pytest.param("python-docs", "none", marks=pytest.mark.slow),
        pytest.param("masked-docs", "none", marks=pytest.mark.slow),
    ],
)
def test_the_loss_falls_on_each_task_shared_or_not(task: str, strategy: str, tmp_path: Path) -> None:
    steps = 80 if task == "digits" else 25
    config = tiny(task, strategy, steps=steps, eval_every=steps, batch_size=16, probe_count=2)
    losses = trained(tmp_path, config).curve("validation", "loss")
    assert [step for step, _loss in losses] == [0, steps]
    assert losses[-1][1] < 0.9 * losses[0][1]


def test_metrics_come_at_step_one_then_at_their_intervals_and_at_the_end(tmp_path: Path) -> None:
    sink = trained(tmp_path, tiny(steps=8, log_every=3, eval_every=5))
    for name in ("loss", "gradient_norm", "learning_rate", "tokens_per_second"):
        assert [step for step, _value in sink.curve("train", name)] == [1, 3, 6, 8]
    assert [step for step, _value in sink.curve("validation", "accuracy")] == [0, 5, 8]
    assert all(math.isfinite(value) for _step, _split, _name, value in sink.points)
    assert [step for step, _speed in sink.speeds] == [1, 3, 6, 8]


def test_two_strategies_of_one_comparison_see_the_same_batches() -> None:
    shared, own = (load_task(tiny("dates", strategy)) for strategy in ("all", "none"))
    other_weights = load_task(tiny("dates", seed=5))
    for step in (0, 3):
        batches = [data.batch(step, 8) for data in (shared, own, other_weights)]
        for batch in batches[1:]:
            assert np.array_equal(batch.inputs, batches[0].inputs)
            assert np.array_equal(batch.labels, batches[0].labels)


def test_the_same_run_twice_is_the_same_run(tmp_path: Path) -> None:
    first, second = trained(tmp_path / "a", tiny()), trained(tmp_path / "b", tiny())
    assert first.curve("train", "loss") == second.curve("train", "loss")
    other = trained(tmp_path / "c", tiny(seed=1))
    assert first.curve("train", "loss") != other.curve("train", "loss")


@pytest.mark.parametrize(("dropout", "differ"), [(0.5, True), (0.0, False)])
def test_dropout_is_drawn_anew_at_each_step(tmp_path: Path, dropout: float, differ: bool) -> None:
    """The weights stay as they are at this rate, and every step sees the same batch."""
    config = tiny("digits", optim={"learning_rate": 1e-30, "weight_decay": 0.0}, probe_count=0)
    config = config.model_copy(update={"model": config.model.model_copy(update={"dropout": dropout})})
    data = load_task(config)

    class OneBatch:
        facts = data.facts

        def batch(self, _step: int, batch_size: int) -> Batch:
            return data.batch(0, batch_size)

    run = prepare(config, tmp_path, RecordingSink(), ONE_THREAD, cast("TaskData", OneBatch()))
    losses = []
    for _step in range(3):
        train_step(run)
        assert run.loss is not None
        losses.append(float(run.loss))
    assert len(set(losses)) == (3 if differ else 1)


@pytest.mark.parametrize("task", ["digits", "masked-docs"])
def test_a_stopped_run_leaves_a_checkpoint_and_goes_on_as_if_nothing_had_been(task: str, tmp_path: Path) -> None:
    config = tiny(task, log_every=1)
    whole = trained(tmp_path / "whole", config)
    sink = RecordingSink(stop_after=3)
    outcome = train(config, tmp_path / "parts", sink, device=ONE_THREAD)
    assert (outcome.status, outcome.step, latest_step(tmp_path / "parts")) == ("stopped", 3, 3)
    rest = RecordingSink()
    again = train(config, tmp_path / "parts", rest, device=Placement("cpu", "fp32", 2, "another number of threads"))
    assert (again.status, again.step) == ("finished", 6)
    assert again.seconds > outcome.seconds
    for name in ("loss", "gradient_norm"):
        joined = sink.curve("train", name) + rest.curve("train", name)
        assert joined == whole.curve("train", name)
    for name in ("last", "best"):
        ours, theirs = (read(checkpoint_path(tmp_path / f, name)).tensors for f in ("parts", "whole"))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    first = train(tiny(), tmp_path, RecordingSink(), device=ONE_THREAD)
    sink = RecordingSink()
    again = train(tiny(), tmp_path, sink, device=ONE_THREAD)
    assert (again.status, again.step) == ("finished", 6)
    assert {split for _step, split, _name, _value in sink.points} == {"test"}, "no step more, and the same score"
    assert again.metrics == first.metrics
    assert "validation.accuracy" in again.metrics


def test_a_damaged_checkpoint_costs_steps_but_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = trained(tmp_path / "whole", tiny())
    trained(tmp_path / "run", tiny(log_every=1), stop_after=4)
    checkpoint_path(tmp_path / "run", "last").write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        sink = trained(tmp_path / "run", tiny(log_every=1))
    assert "damaged" in caplog.text
    assert sink.curve("train", "loss")[0][0] == 3
    assert sink.curve("train", "loss")[-1] == whole.curve("train", "loss")[-1]


def test_points_are_durable_before_the_checkpoint_that_covers_them(tmp_path: Path) -> None:
    class Durable(RecordingSink):
        """Notes at each flush what the newest checkpoint on disk is."""

        def flush(self) -> None:
            flushed.append((max(step for step, *_rest in self.points), latest_step(tmp_path)))

    flushed: list[tuple[int, int | None]] = []
    train(tiny(log_every=1, checkpoint_every=2), tmp_path, Durable(), device=ONE_THREAD)
    assert flushed[:3] == [(2, None), (4, 2), (6, 4)]


def test_a_folder_of_another_config_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, tiny(), stop_after=2)
    with pytest.raises(CheckpointError, match=r"optim\.learning_rate changed.*new run"):
        trained(tmp_path, tiny(optim={"learning_rate": 1e-4}))


def test_changed_data_are_refused(tmp_path: Path) -> None:
    trained(tmp_path, tiny(), stop_after=2)
    versions = json.loads((tmp_path / "versions.json").read_text())
    (tmp_path / "versions.json").write_text(json.dumps(versions | {"data": "other"}))
    with pytest.raises(DataError, match="the data it started with"):
        trained(tmp_path, tiny())


def test_the_folder_says_what_made_the_run(tmp_path: Path) -> None:
    config = tiny("dates")
    trained(tmp_path, config)
    assert RunConfig.model_validate_json((tmp_path / "config.json").read_text()) == config
    versions = json.loads((tmp_path / "versions.json").read_text())
    assert versions["torch"] == torch.__version__
    assert versions["data"] == load_task(config).fingerprint
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab_size() == config.model.vocab_size
    assert Placement.from_json((tmp_path / "plan.json").read_text()) == ONE_THREAD


def test_probes_hold_the_attention_of_every_layer_and_head(tmp_path: Path) -> None:
    sink = trained(tmp_path, tiny("dates", probe_count=4))
    steps = [step for kind, step, _path in sink.artefacts if kind == "probe"]
    assert steps[0] == 0
    assert steps[-1] == 6
    step, records = read_probe(probe_path(tmp_path, 6))
    assert (step, len(records)) == (6, 2)
    for record in records:
        size, target = len(record.source_labels), len(record.target_labels)
        shapes = {kind: attention.shape for kind, attention in record.attention.items()}
        assert shapes == {
            "encoder": (2, 2, size, size),
            "decoder": (2, 2, target, target),
            "cross": (2, 2, target, size),
        }
        for attention in record.attention.values():
            assert attention.dtype == np.uint8
            assert np.abs(attention.sum(-1).astype(int) - 255).max() < size
    (tmp_path / "probes" / "bad.npz").write_bytes(b"no probe")
    with pytest.raises(CheckpointError, match="is not a valid probe file"):
        read_probe(tmp_path / "probes" / "bad.npz")


def test_a_model_comes_back_as_it_was_trained_also_in_mid_run(tmp_path: Path) -> None:
    config = tiny("dates", "all", log_every=1)
    with pytest.raises(CheckpointError, match="is not the folder of a run"):
        load_model(tmp_path)
    trained(tmp_path, config, stop_after=4)
    model, found, step = load_model(tmp_path, "last")
    assert (found, step, model.training) == (config, 4, False)
    saved = latest(tmp_path)
    assert saved is not None
    assert all(torch.equal(saved.tensors[f"model.{name}"], value) for name, value in model.state_dict().items())
    checkpoint_path(tmp_path, "last").write_bytes(b"damaged")
    assert load_model(tmp_path, "last")[2] == 2
    assert load_model(tmp_path)[2] == 3
    checkpoint_path(tmp_path, "best").unlink()
    assert load_model(tmp_path)[2] == 2


def test_before_its_first_weights_a_run_says_to_wait(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(tiny().as_dict()))
    with pytest.raises(CheckpointError, match="Wait for its first checkpoint"):
        load_model(tmp_path)


def breaking(**train: Any) -> RunConfig:
    """A run whose first update makes 0 / 0 of every letter its batch does not hold: eps is below fp32's range."""
    config = tiny("dates", optim={"eps": 1e-50}, batch_size=2, steps=30, **train)
    return config.model_copy(update={"model": config.model.model_copy(update={"tie_embeddings": "none"})})


def test_a_loss_that_is_not_finite_ends_the_run_with_advice(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"At step \d+ the loss is nan .* Lower learning_rate \(0\.005\)"):
        trained(tmp_path, breaking(log_every=1, eval_every=99, checkpoint_every=99, probe_count=0))


def test_broken_weights_are_never_saved(tmp_path: Path) -> None:
    # Loss and gradients of the first step are still finite.
    with pytest.raises(TrainingError, match="At step 1 some weights are not finite"):
        trained(tmp_path, breaking(eval_every=1, checkpoint_every=1))
    assert latest(tmp_path) is None
    assert load_model(tmp_path)[2] == 0


def test_running_out_of_memory_names_the_sizes_to_lower() -> None:
    for error in (torch.OutOfMemoryError("CUDA out of memory"), MemoryError()):
        with pytest.raises(TrainingError, match=r"batch_size \(8\), d_model \(32\)"), memory_errors_explained(tiny()):
            raise error
    with pytest.raises(TrainingError, match="batch_size"), memory_errors_explained(tiny()):
        torch.empty(1 << 55)
    with pytest.raises(RuntimeError, match="something else"), memory_errors_explained(tiny()):
        raise RuntimeError("something else")


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_a_gpu_that_runs_full_outside_of_torchs_allocator_is_out_of_memory_too(said: str) -> None:
    """A process's first memory on a GPU that others fill, and that of CUDA's libraries, is taken without it."""
    with (
        pytest.raises(TrainingError, match=r"free memory of the GPU\. Lower"),
        memory_errors_explained(tiny(), "cuda"),
    ):
        raise RuntimeError(said)


@pytest.mark.parametrize(("task", "said"), [("python-docs", True), ("dates", False), ("digits", False)])
def test_only_a_task_whose_inputs_can_be_shortened_is_told_to_shorten_them(task: str, said: bool) -> None:
    with pytest.raises(TrainingError) as caught, memory_errors_explained(tiny(task)):
        raise MemoryError
    assert ("seq_len" in str(caught.value)) is said


def test_bf16_on_the_cpu_runs_when_asked_for_and_stays_near_fp32(tmp_path: Path) -> None:
    full = trained(tmp_path / "fp32", tiny(log_every=1)).curve("train", "loss")
    sink = RecordingSink()
    train(tiny(log_every=1, precision="bf16", threads=1), tmp_path / "bf16", sink)
    half = sink.curve("train", "loss")
    assert half != full
    assert [loss for _step, loss in half] == pytest.approx([loss for _step, loss in full], rel=0.05)
    model, _config, _step = load_model(tmp_path / "bf16")
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_weight_decay_spares_norms_biases_and_embeddings() -> None:
    model = build_model(tiny("dates"))
    spared = {name for name, parameter in model.named_parameters() if not decays(name, parameter)}
    assert "embedding.tokens.weight" in spared
    assert "bank.encoder.q.0.weight" not in spared
    assert "bank.encoder.norm_attn.0.weight" in spared
    assert all(name.endswith("bias") or "norm" in name or "embedding" in name for name in spared)
    groups = Optimiser(model, tiny("dates").optim).groups
    assert [group.weight_decay for group in groups] == [0.01, 0.0]
    assert set(groups[1].names) == spared
    assert len(groups[0].names) + len(groups[1].names) == len(list(model.parameters()))


def test_the_optimiser_is_torchs_adamw() -> None:
    ours, theirs = (build_model(tiny("digits", "all")).eval() for _twin in range(2))
    optim = tiny().optim.model_copy(update={"weight_decay": 0.3})
    optimiser = Optimiser(ours, optim)
    groups = [
        {"params": [p for n, p in theirs.named_parameters() if decays(n, p)], "weight_decay": 0.3},
        {"params": [p for n, p in theirs.named_parameters() if not decays(n, p)], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, betas=(optim.beta1, optim.beta2), eps=optim.eps, fused=True)
    batch = torch.randn(4, 16, 4)
    for rate in (0.01, 0.002, 0.03):
        for group in reference.param_groups:
            group["lr"] = rate
        for model, step in ((ours, lambda: optimiser.step(rate)), (theirs, reference.step)):  # noqa: B023
            model(batch).square().sum().backward()
            step()
            model.zero_grad()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.slow
def test_a_run_does_not_import_torchs_compiler(tmp_path: Path) -> None:
    # It would double the time to the first metric.
    program = (
        "import sys, pathlib; from clps_core.config import build_config, resolve\n"
        "from clps_core.training.loop import train; from clps_core.training.sink import RecordingSink\n"
        "model = {'num_layers': 1, 'd_model': 16, 'd_ff': 16, 'num_heads': 2}\n"
        "config = {'data': {'task': 'dates'}, 'model': model, 'train': {'steps': 2, 'eval_examples': 8}}\n"
        "train(resolve(build_config(config)), pathlib.Path(sys.argv[1]), RecordingSink())\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_a_missing_gpu_that_is_asked_for_is_said_in_a_sentence(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ClpsError, match="must have a CUDA GPU"):
        train(tiny(device="cuda"), tmp_path, RecordingSink())
