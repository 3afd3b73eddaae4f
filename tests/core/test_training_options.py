"""Claims about schedules, micro-batches, Muon and the average of the weights; each resumes bit for bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import tiny
from torch import Tensor, nn

from clps_core.analysis.counts import count
from clps_core.analysis.memory import activation_bytes, estimate_training_memory
from clps_core.analysis.tensors import stored_shapes
from clps_core.config import OptimConfig, RunConfig, SharingConfig, build_config, resolve
from clps_core.data.base import IGNORED, Batch
from clps_core.data.registry import load_task
from clps_core.data.spans import FIRST
from clps_core.errors import CheckpointError, ConfigError
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import Run, evaluation_step, prepare, save, train_step
from clps_core.training.micro_batches import counted, parts
from clps_core.training.muon import Muon, newton_schulz, update_scale
from clps_core.training.optimiser import OPTIMISER_PREFIX, Optimiser
from clps_core.training.schedule import learning_rate
from clps_core.training.sink import RecordingSink
from clps_core.work import spans
from clps_core.work.losses import token_loss

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_THREAD = Placement("cpu", "fp32", 1, "for tests")


def small(optim: Any = None, strategy: str = "cycle:1", seed: int = 0, **train: Any) -> RunConfig:
    model = {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2, "dropout": 0.1}
    options = {"steps": 4, "eval_examples": 8, "test_examples": 8, "batch_size": 6, "probe_count": 0, **train}
    partial = {"data": {"task": "dates"}, "model": model, "sharing": {"strategy": strategy}, "seed": seed}
    return resolve(build_config(partial | {"train": options, "optim": {"warmup_steps": 1, **(optim or {})}})).config


def begun(config: RunConfig, folder: Path) -> Run:
    return prepare(config, folder, RecordingSink(), ONE_THREAD, load_task(config))


def steps(run: Run, number: int) -> Run:
    for _step in range(number):
        train_step(run)
    return run


def state(run: Run) -> dict[str, bytes]:
    tensors = dict(run.model.state_dict()) | run.optimiser.tensors()
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


# Schedules


def rates(**optim: Any) -> list[float]:
    return [learning_rate(step, 20, OptimConfig(learning_rate=1.0, warmup_steps=4, **optim)) for step in range(20)]


def test_each_schedule_warms_up_alike_and_then_goes_its_way() -> None:
    by_name = {name: rates(schedule=name, final_ratio=0.2) for name in ("cosine", "constant", "linear", "wsd")}
    assert {tuple(found[:4]) for found in by_name.values()} == {(0.25, 0.5, 0.75, 1.0)}
    assert by_name["constant"][4:] == [1.0] * 16
    assert by_name["linear"][4:] == pytest.approx([1 - 0.8 * done / 16 for done in range(1, 17)])
    assert by_name["cosine"][11] == pytest.approx(0.6)
    for name in ("cosine", "linear", "wsd"):
        assert by_name[name][-1] == pytest.approx(0.2)
    # A fifth of 20 steps: it stays for 16, then falls over 4.
    assert by_name["wsd"][4:16] == [1.0] * 12
    assert by_name["wsd"][16:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_a_decay_that_would_reach_into_the_warm_up_begins_behind_it() -> None:
    assert rates(schedule="wsd", decay_fraction=1.0, final_ratio=0.0) == pytest.approx(
        rates(schedule="linear", final_ratio=0.0)
    )
    assert learning_rate(9, 10, OptimConfig(learning_rate=1.0, warmup_steps=10, schedule="wsd")) == 1.0
    one = OptimConfig(learning_rate=1.0, warmup_steps=0, schedule="wsd", decay_fraction=0.001, final_ratio=0.5)
    assert [learning_rate(step, 3, one) for step in range(3)] == [1.0, 1.0, 0.5]


def test_a_config_of_an_earlier_version_is_the_same_run_as_before() -> None:
    now = small().as_dict()
    new = {"name", "schedule", "decay_fraction", "muon_learning_rate", "muon_momentum", "ema_decay"}
    old = {**now, "optim": {key: value for key, value in now["optim"].items() if key not in new}}
    old["train"] = {key: value for key, value in now["train"].items() if key not in ("accumulate", "begin_step")}
    assert RunConfig.model_validate(old) == small()
    assert small().optim.schedule == "cosine"
    assert small().optim.name == "adamw"


# Micro-batches


def test_micro_batches_give_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    """Of unequal size, with unequal numbers of real tokens: every token counts alike."""
    gradients: list[dict[str, Tensor]] = []
    losses = []
    for number in (1, 4):
        config = small(accumulate=number, batch_size=6)
        config = config.model_copy(update={"model": config.model.model_copy(update={"dropout": 0.0})})
        run = begun(config, tmp_path / str(number))
        run.model.double()
        run.optimiser = Optimiser(run.model, config.optim)
        train_step(run)
        assert run.loss is not None
        losses.append(float(run.loss))
        gradients.append({name: one.grad for name, one in run.model.named_parameters() if one.grad is not None})
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    for name, whole in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], whole, rtol=1e-4, atol=1e-7, msg=name)


def batch_of(labels: list[list[int]]) -> Batch:
    found = np.array(labels)
    return Batch(np.arange(found.size).reshape(found.shape), None, None, found)


def test_parts_are_weighed_by_their_real_tokens_and_empty_ones_are_left_out() -> None:
    out = IGNORED
    batch = batch_of([[1, 2, 3], [4, out, out], [out, out, out], [out, out, out]])
    config = small(accumulate=4)
    work = SimpleNamespace(loss=token_loss)
    found = list(parts(work, batch, config))
    assert [share for _part, share in found] == [0.75, 0.25]
    assert [one.labels.tolist() for one, _share in found] == [[[1, 2, 3]], [[4, out, out]]]
    nothing = batch_of([[out], [out], [out], [out]])
    assert [(len(one.labels), share) for one, share in parts(work, nothing, config)] == [(4, 1.0)]
    marks = batch_of([[0, FIRST | 2], [0, 0]])
    assert counted(spans, marks, config) == 1, "examples whose answer is there, not labels"


def test_more_micro_batches_than_examples_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.accumulate must be at most batch_size \(6\)\. Got 7\."):
        small(accumulate=7)


# Muon


def test_the_iteration_makes_a_matrix_orthogonal_whichever_stack_it_stands_in() -> None:
    torch.manual_seed(0)
    stacked = torch.randn(3, 8, 20)
    found = newton_schulz(stacked)
    assert torch.linalg.svdvals(found).sub(1).abs().max() < 0.4
    left, _values, right = torch.linalg.svd(stacked, full_matrices=False)
    alike = torch.nn.functional.cosine_similarity(found.flatten(1), (left @ right).flatten(1))
    assert alike.min() > 0.95
    torch.testing.assert_close(newton_schulz(stacked[1:2])[0], found[1], rtol=1e-4, atol=1e-5)


def test_a_step_is_momentum_made_orthogonal_of_the_size_of_adamws_beside_decay() -> None:
    torch.manual_seed(2)
    named = {f"bank.{name}": nn.Parameter(torch.randn(shape)) for name, shape in (("a", (6, 9)), ("b", (9, 6)))}
    wanted = {name: one.detach().clone() for name, one in named.items()}
    buffers = {name: torch.zeros_like(one) for name, one in wanted.items()}
    muon = Muon(dict(named), 0.9, 0.1)
    for _step in range(2):
        for name, one in named.items():
            one.grad = torch.randn_like(one)
            buffers[name] = 0.9 * buffers[name] + 0.1 * one.grad
            update = 0.9 * buffers[name] + 0.1 * one.grad
            x = update.mT if name == "bank.b" else update
            x = x / x.norm()
            for _iteration in range(5):
                gram = x @ x.mT
                x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
            turned = x.mT if name == "bank.b" else x
            wanted[name] = wanted[name] * (1 - 0.02 * 0.1) - 0.02 * 0.2 * 3 * turned
        muon.step(0.02)
    for name, one in named.items():
        torch.testing.assert_close(one.detach(), wanted[name])


@pytest.mark.slow
def test_it_equals_torchs_own_matrix_by_matrix() -> None:
    """In which everything is 16 bits: to that precision. Making one imports torch's compiler, which takes long."""
    torch.manual_seed(1)
    ours = {f"bank.{name}": nn.Parameter(torch.randn(shape) * 0.1) for name, shape in (("a", (8, 16)), ("b", (16, 8)))}
    theirs = [nn.Parameter(one.detach().clone()) for one in ours.values()]
    muon = Muon(dict(ours), 0.95, 0.1)
    torchs = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for _step in range(3):
        for mine, their in zip(ours.values(), theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            their.grad = mine.grad.clone()
        muon.step(0.02)
        torchs.step()
    for mine, their in zip(ours.values(), theirs, strict=True):
        moved = 3 * 0.02 * update_scale(mine.shape)
        assert float((mine - their).detach().norm() / (mine.numel() ** 0.5)) < 0.02 * moved


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("strategy", ["none", "all", "attention=all,ffn=none,lora=2"])
def test_muon_takes_the_matrices_of_layers_and_the_counter_knows_its_memory(strategy: str, ema: float) -> None:
    optim = OptimConfig(name="muon", ema_decay=ema)
    model = tiny(strategy)
    optimiser = Optimiser(model, optim)
    layers = {name for name, one in model.named_parameters() if name.startswith("bank.") and one.ndim == 2}
    assert set(optimiser.muon.names) == layers
    assert len({id(one) for one in optimiser.parameters}) == len(optimiser.parameters), "a tied weight comes once"
    numbers = sum(tensor.numel() for tensor in optimiser.tensors().values())
    sharing = SharingConfig(strategy=strategy)
    assert count(model.config, sharing, optim=optim).optimizer_bytes == 4 * numbers
    assert count(model.config, sharing).optimizer_bytes == 8 * sum(one.numel() for one in model.parameters())


def test_memory_falls_with_micro_batches_and_follows_the_optimiser() -> None:
    plain = small(batch_size=6)
    assert activation_bytes(small(batch_size=6, accumulate=3)) * 3 == activation_bytes(plain)
    assert activation_bytes(small(batch_size=6, accumulate=4)) * 3 == activation_bytes(plain), "parts of two or one"
    averaged = small({"ema_decay": 0.9}, batch_size=6)
    weights = count(plain.model, plain.sharing).weight_bytes
    assert estimate_training_memory(averaged) - estimate_training_memory(plain) == weights
    assert estimate_training_memory(small({"name": "muon"})) < estimate_training_memory(plain)


# The average of the weights


def test_the_average_follows_its_formula_and_the_weights_come_back_untouched() -> None:
    model = tiny()
    optimiser = Optimiser(model, OptimConfig(ema_decay=0.3))
    name, parameter = next(iter(model.named_parameters()))
    wanted = parameter.detach().clone()
    for update in range(1, 5):
        for one in model.parameters():
            one.grad = torch.ones_like(one)
        optimiser.step(0.1)
        kept = min(0.3, (1 + update) / (10 + update))
        wanted = kept * wanted + (1 - kept) * parameter.detach()
    torch.testing.assert_close(optimiser.averages[name], wanted)
    before = {one: tensor.clone() for one, tensor in model.state_dict().items()}
    with optimiser.averaged():
        torch.testing.assert_close(parameter.detach(), wanted)
    assert all(torch.equal(before[one], tensor) for one, tensor in model.state_dict().items())
    torch.testing.assert_close(optimiser.averages[name], wanted)


def test_evaluation_and_the_best_weights_are_those_of_the_average(tmp_path: Path) -> None:
    run = steps(begun(small({"ema_decay": 0.9}), tmp_path), 3)
    evaluation_step(run)
    best = read(checkpoint_path(tmp_path, "best")).tensors
    for name, average in run.optimiser.averages.items():
        assert torch.equal(best[f"model.{name}"], average), name
        assert not torch.equal(average, dict(run.model.named_parameters())[name]), name


# Going on


SCHEDULES = ("cosine", "constant", "linear", "wsd")
STATES = list(itertools.product([1, 2], ["adamw", "muon"], [0.0, 0.9]))


@pytest.mark.parametrize(
    ("schedule", "accumulate", "name", "ema"),
    [
        # A schedule has no state: each state beside one of them, and the others where there is time.
        pytest.param(schedule, *state, marks=() if SCHEDULES[place % 4] == schedule else pytest.mark.slow)
        for place, state in enumerate(STATES)
        for schedule in SCHEDULES
    ],
)
def test_every_combination_resumes_bit_for_bit(
    schedule: str, accumulate: int, name: str, ema: float, tmp_path: Path
) -> None:
    config = small({"schedule": schedule, "name": name, "ema_decay": ema}, accumulate=accumulate)
    whole = steps(begun(config, tmp_path / "whole"), 4)
    half = steps(begun(config, tmp_path / "parts"), 2)
    save(half)
    resumed = begun(config, tmp_path / "parts")
    assert (resumed.resumed, resumed.step) == (True, 2)
    assert state(steps(resumed, 2)) == state(whole)
    shapes = stored_shapes(config.model, config.sharing)
    save(resumed)
    assert read(checkpoint_path(tmp_path / "parts", "last"), shapes).step == 4
    kinds = {key.rpartition("/")[2] for key in state(whole) if key.startswith(OPTIMISER_PREFIX)}
    assert kinds == {"mean", "square"} | ({"momentum"} if name == "muon" else set()) | ({"average"} if ema else set())


def trained_on(config: RunConfig, folder: Path, more: int) -> RunConfig:
    """Lay what a parent of ``config`` has in ``folder`` as the beginning of one that trains on, ``more`` steps."""
    done = steps(begun(config, folder / "parent"), config.train.steps)
    save(done)
    start = checkpoint_path(folder / "child", "start")
    start.parent.mkdir(parents=True)
    start.write_bytes(checkpoint_path(folder / "parent", "last").read_bytes())
    longer = config.train.model_copy(update={"begin_step": config.train.end_step, "steps": more})
    return config.model_copy(update={"train": longer})


@pytest.mark.parametrize("optim", [{}, {"name": "muon", "ema_decay": 0.9}])
def test_training_on_at_a_constant_rate_is_one_longer_run_bit_for_bit(optim: Any, tmp_path: Path) -> None:
    parts_of = small({"schedule": "constant", **optim}, steps=2)
    child = steps(begun(trained_on(parts_of, tmp_path, 2), tmp_path / "child"), 2)
    whole = steps(begun(small({"schedule": "constant", **optim}, steps=4), tmp_path / "whole"), 4)
    assert state(child) == state(whole)
    assert child.step == 2
    save(child)
    again = begun(child.config, tmp_path / "child")
    assert (again.step, again.optimiser.updates) == (2, 4)
    # And on once more: the steps of all trainings before count.
    grandchild = child.config.model_copy(update={"train": child.config.train.model_copy(update={"begin_step": 4})})
    start = checkpoint_path(tmp_path / "third", "start")
    start.parent.mkdir(parents=True)
    start.write_bytes(checkpoint_path(tmp_path / "child", "last").read_bytes())
    assert state(steps(begun(grandchild, tmp_path / "third"), 2)) == state(steps(whole, 2))


def test_a_run_that_shall_go_on_from_a_step_must_have_its_checkpoint(tmp_path: Path) -> None:
    config = trained_on(small(steps=1), tmp_path, 2)
    wrong = config.model_copy(update={"train": config.train.model_copy(update={"begin_step": 7})})
    for one, folder in ((wrong, "child"), (config, "empty")):
        with pytest.raises(CheckpointError, match=r"train\.begin_step must be the step of the checkpoint"):
            begun(one, tmp_path / folder)
