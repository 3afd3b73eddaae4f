"""Counter, built model and checkpoint agree to the digit, for any design; counter and model meet only in shapes.py."""

from __future__ import annotations

from pathlib import Path

import torch
from example_counts import examples
from hypothesis import given, settings
from random_designs import designs
from tiny_models import batch_for, loss_of, shaken

from clps_core.analysis.counts import count
from clps_core.analysis.tensors import stored_shapes
from clps_core.config import build_config, resolve, sharing_plan
from clps_core.model.transformer import Transformer, build_model
from clps_core.sharing import NAMED_STRATEGIES
from clps_core.tasks import TASKS
from clps_core.training.checkpoint import MODEL_PREFIX, Checkpoint, checkpoint_path, read, save_best, weights

NO_EFFECT = (".k.", ".cross_k.")
"""Biases of these move every score of a row alike, which a softmax does not see."""


@settings(max_examples=examples(40))
@given(designs(beside=True))
def test_unique_parameters_are_the_elements_of_the_built_model(design):
    model, sharing = design
    built = Transformer(model, sharing_plan(model, sharing))
    assert count(model, sharing).unique_parameters == sum(parameter.numel() for parameter in built.parameters())


@settings(max_examples=examples(40))
@given(designs(beside=True))
def test_names_and_shapes_of_the_tensors_are_known_without_the_model(design):
    model, sharing = design
    built = Transformer(model, sharing_plan(model, sharing))
    assert stored_shapes(model, sharing) == {name: tuple(one.shape) for name, one in built.state_dict().items()}


@settings(max_examples=examples(20))
@given(designs(beside=True))
def test_a_checkpoint_holds_as_many_numbers_as_are_counted(tmp_path_factory, design):
    model, sharing = design
    folder: Path = tmp_path_factory.mktemp("run")
    save_best(folder, Checkpoint(weights(Transformer(model, sharing_plan(model, sharing))), {"step": 0}))
    stored = read(checkpoint_path(folder, "best")).tensors
    assert all(name.startswith(MODEL_PREFIX) for name in stored)
    assert sum(tensor.numel() for tensor in stored.values()) == count(model, sharing).unique_parameters


@settings(max_examples=examples(40))
@given(designs(beside=True))
def test_no_parameter_of_any_design_is_dead(design):
    """Every one takes part in the output, and every slot of the map has a site."""
    model, sharing = design
    built = shaken(Transformer(model, sharing_plan(model, sharing)))
    batch = batch_for(built, source=5, target=4)
    loss = loss_of(built, batch)
    if model.pooler and model.output == "none":
        # Nothing is read off the pooler then, unless someone asks for it.
        loss = loss + built.pool(built.encode(batch["inputs"], batch["input_mask"])).square().sum()
    loss.backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        if not (name.endswith(".bias") and any(part in name for part in NO_EFFECT)):
            assert torch.count_nonzero(parameter.grad) > 0, name
    slots = {str(slot) for slot in built.map.slots if built.map.sites(slot)}
    stored = {name.removeprefix("bank.").rpartition(".")[0] for name in built.state_dict() if name.startswith("bank.")}
    assert stored == slots


def test_every_task_with_every_named_strategy_counts_as_it_is_built():
    for task in TASKS:
        for strategy in NAMED_STRATEGIES:
            config = resolve(build_config({"data": {"task": task}, "sharing": {"strategy": strategy}})).config
            built = sum(parameter.numel() for parameter in build_model(config).parameters())
            assert count(config.model, config.sharing).unique_parameters == built
