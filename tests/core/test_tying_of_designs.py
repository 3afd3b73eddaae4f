"""Tying is real for any design: one object at all its sites, one tensor in a file, the sum of its copies' gradients."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from example_counts import examples
from hypothesis import example, given, settings
from random_designs import designs
from tiny_models import batch_for, loss_of, shaken
from torch import nn

from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.model.transformer import Transformer
from clps_core.sharing import SharingMap
from clps_core.training.checkpoint import Checkpoint, checkpoint_path, read, restore_weights, save_last, weights

SIZES = {"num_layers": 4, "d_model": 16, "d_ff": 24, "num_heads": 2, "vocab_size": 11, "max_positions": 12}
PAIR = ModelConfig(family="encoder_decoder", activation="swiglu", **SIZES)
EXAMPLES = [
    (PAIR, SharingConfig(strategy="all")),
    (PAIR, SharingConfig(strategy="cycle_rev:2,norms=own")),
    (PAIR, SharingConfig(strategy="q=all,k=@q,decoder.ffn=@encoder")),
    (PAIR, SharingConfig(strategy="middle_cycle:3,decoder=@encoder,kv_source=every:2,lora=2")),
    (PAIR, SharingConfig(strategy="attention_source=0-0-2-2,ffn=all,layer_scale=own")),
    (PAIR, SharingConfig(strategy="loop:1/1/1,inject=concat,depth_embedding=learned")),
]


def with_examples(test):
    for one in EXAMPLES:
        test = example(design=one)(test)
    return test


def built(design: tuple[ModelConfig, SharingConfig], seed: int = 0) -> Transformer:
    return shaken(Transformer(design[0], sharing_plan(*design), seed), seed)


def references(model: Transformer) -> Iterator[tuple[nn.Module, nn.Module]]:
    """(what a layer computes with, what is registered under the name that it should be)."""
    for site, slot in model.map.items():
        layer = model.get_submodule(f"{site.stack}_layers.{site.layer}")
        assert (site.component in layer.weights) == (slot is not None)
        if slot is not None:
            yield layer.weights[site.component], model.get_submodule(f"bank.{slot}")
    for site, _rank in model.plan.lora:
        loosened = model.get_submodule(f"{site.stack}_layers.{site.layer}").lora[site.component]
        for name, module in zip(("down", "up"), loosened, strict=True):
            yield module, model.get_submodule(f"extras.{site.stack}.{site.layer}.{site.component}.{name}")
    for stack in model.map.stacks:
        for layer, module in enumerate(model.get_submodule(f"{stack}_layers")):
            for branch, scale in module.scales.items():
                yield scale, model.get_submodule(f"extras.{stack}.{layer}.scale_{branch}")
        between = model.get_submodule(f"{stack}_between")
        for layer, (signal,) in enumerate(between.learned):
            yield signal, model.get_submodule(f"extras.{stack}.{layer}.depth")
        for injection in between.injection:
            yield injection, model.get_submodule(f"extras.{stack}.injection")


def assert_tied(model: Transformer) -> None:
    """Every site computes with the registered parameter itself; each is registered, stored and alive once."""
    used = set()
    for computes, registered in references(model):
        assert computes is registered
        used |= {id(parameter) for parameter in computes.parameters()}
    inside = {id(parameter) for name, parameter in model.named_parameters() if name.startswith(("bank.", "extras."))}
    assert used == inside
    names = [name for name, _parameter in model.named_parameters(remove_duplicate=False)]
    assert sorted(model.state_dict()) == sorted(names)
    if next(model.parameters()).device.type != "meta":
        places = sorted((one.data_ptr(), one.numel() * one.element_size()) for one in model.state_dict().values())
        # No two tensors of the state overlap in memory.
        assert all(start + size <= after for (start, size), (after, _size) in pairwise(places))


@with_examples
@settings(max_examples=examples(14))
@given(design=designs(beside=True))
def test_sites_of_one_slot_are_one_object_also_in_copies_and_after_moves(design) -> None:
    model = built(design)
    assert_tied(model)
    copied = copy.deepcopy(model)
    assert_tied(copied)
    assert not {id(one) for one in copied.parameters()} & {id(one) for one in model.parameters()}
    for target in (torch.float64, torch.bfloat16, "cpu", "meta"):
        assert_tied(copied.to(target))
    assert_tied(copied.to_empty(device="cpu"))
    assert_tied(pickle.loads(pickle.dumps(model)))


@with_examples
@settings(max_examples=3)
@given(design=designs(beside=True))
def test_sites_of_one_slot_are_one_object_after_a_checkpoint(tmp_path_factory, design) -> None:
    model, other = built(design), built(design, seed=1)
    folder: Path = tmp_path_factory.mktemp("run")
    save_last(folder, Checkpoint(weights(model), {"step": 0}))
    before = [id(parameter) for parameter in other.parameters()]
    restore_weights(other, read(checkpoint_path(folder, "last")).tensors)
    assert_tied(other)
    assert [id(parameter) for parameter in other.parameters()] == before
    batch = batch_for(model, source=5, target=4)
    assert torch.equal(model(**batch), other(**batch))
    third = built(design, seed=2)
    third.load_state_dict(other.state_dict())
    assert_tied(third)
    assert torch.equal(model(**batch), third(**batch))


def untied(model: Transformer) -> Transformer:
    """The same model with a copy of its slot's weights at every site; what stands beside the map stays."""
    rows = {
        f"{stack}.{component}": [None if slot is None else layer for layer, slot in enumerate(slots)]
        for (stack, component), slots in model.map.rows
    }
    plan = replace(model.plan, map=SharingMap.from_dict(rows))
    free = Transformer(model.config, plan).to(next(model.parameters()).dtype)
    with torch.no_grad():
        for site, slot in model.map.items():
            if slot is not None:
                own = free.map.slot(*site)
                assert own is not None
                free.bank[own].load_state_dict(model.bank[slot].state_dict())
        for name, parameter in free.named_parameters():
            if not name.startswith("bank."):
                parameter.copy_(model.get_parameter(name))
    return free


@with_examples
@settings(max_examples=examples(14))
@given(design=designs(beside=True))
def test_a_gradient_is_the_sum_of_the_gradients_of_untied_copies(design) -> None:
    tied = built(design).double()
    free = untied(tied)
    assert len(free.map.slots) == sum(slot is not None for _site, slot in tied.map.items())
    batch = batch_for(tied, source=5, target=4)
    if tied.config.patch_dim is not None:
        batch["inputs"] = batch["inputs"].double()
    torch.testing.assert_close(tied(**batch), free(**batch), rtol=1e-9, atol=1e-12)
    loss_of(tied, batch).backward()
    loss_of(free, batch).backward()
    for slot in tied.map.slots:
        for name, parameter in tied.bank[slot].named_parameters():
            parts = [free.bank[free.map.slot(*site)].get_parameter(name).grad for site in tied.map.sites(slot)]
            torch.testing.assert_close(parameter.grad, torch.stack(parts).sum(0), rtol=1e-8, atol=1e-12)
    for name, parameter in tied.named_parameters():
        if parameter.grad is not None and not name.startswith("bank."):
            torch.testing.assert_close(parameter.grad, free.get_parameter(name).grad, rtol=1e-8, atol=1e-12)
