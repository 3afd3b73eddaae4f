"""One registered module per slot, with the shapes of the tables; saved weights go in strictly.

That tying is real for any design is in test_tying_of_designs.py.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_models import batch_for, maps_for, model_configs, tiny

from clps_core.errors import CheckpointError
from clps_core.model.transformer import Transformer
from clps_core.shapes import block_shapes, outer_shapes
from clps_core.training.checkpoint import MODEL_PREFIX, restore_weights, weights


def assert_layers_follow_the_map(model: Transformer) -> None:
    """Same slot: the same object, and the one the bank registers; another slot: another object."""
    for site, slot in model.map.items():
        layer = model.get_submodule(f"{site.stack}_layers.{site.layer}")
        assert slot is not None
        assert layer.weights[site.component] is model.bank[slot]
    assert len({id(model.bank[slot]) for slot in model.map.slots}) == len(model.map.slots)
    registered = [id(parameter) for parameter in model.parameters()]
    used = {
        id(parameter)
        for site, _slot in model.map.items()
        for parameter in model.get_submodule(f"{site.stack}_layers.{site.layer}").weights[site.component].parameters()
    }
    assert len(registered) == len(set(registered))
    assert used <= set(registered)


STRATEGIES = ["none", "all", "cycle:2", "attention=all,ffn=none", "0-1-1-0", "all,norms=own"]


def test_a_copy_computes_with_its_own_weights() -> None:
    model = tiny("all", num_layers=3)
    copied = copy.deepcopy(model)
    batch = batch_for(model)
    before = model(**batch)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert torch.equal(model(**batch), before)
    assert torch.count_nonzero(copied(**batch)) == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_layers_in_one_slot_are_the_same_object_after_reload(strategy: str, tmp_path: Path) -> None:
    model = tiny(strategy, family="encoder_decoder", num_layers=4)
    save_file(weights(model), tmp_path / "model.safetensors")
    other = tiny(strategy, family="encoder_decoder", num_layers=4, seed=5)
    batch = batch_for(model)
    assert not torch.equal(model(**batch), other(**batch))
    restore_weights(other, load_file(tmp_path / "model.safetensors"))
    assert_layers_follow_the_map(other)
    assert torch.equal(model(**batch), other(**batch))


def test_a_state_dict_stores_each_slot_once_under_its_own_name() -> None:
    model = tiny("cycle:2", num_layers=4, tie_embeddings="output")
    names = [name for name in model.state_dict() if name.startswith("bank.decoder.q.")]
    assert names == [f"bank.decoder.q.{slot}.{tensor}" for slot in (0, 1) for tensor in ("weight", "bias")]
    assert "head.weight" not in model.state_dict()


@settings(deadline=None, max_examples=examples(25), derandomize=True)
@given(data=st.data())
def test_a_built_model_has_exactly_the_parameters_of_the_shape_tables(data: st.DataObject) -> None:
    config = data.draw(model_configs())
    sharing = data.draw(maps_for(config))
    model = Transformer(config, sharing)
    wanted = {
        f"bank.{slot}.{tensor}": shape
        for slot in sharing.slots
        for tensor, shape in block_shapes(config, sharing.sites(slot)[0].stack)[sharing.sites(slot)[0].component]
    }
    wanted |= {
        f"{name}.{tensor}": shape for name, outer in outer_shapes(config).items() for tensor, shape in outer.shapes
    }
    assert {name: tuple(parameter.shape) for name, parameter in model.named_parameters()} == wanted


Q0, Q9 = (f"{MODEL_PREFIX}bank.decoder.q.{slot}.weight" for slot in (0, 9))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop(Q0), "bank.decoder.q.0.weight must be 16x16. Got absent"),
        (lambda state: state.update({Q9: torch.zeros(1)}), "bank.decoder.q.9.weight must be absent. Got 1"),
        (lambda state: state.update({Q0: torch.zeros(1, 2)}), "bank.decoder.q.0.weight must be 16x16. Got 1x2"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_changes(change, words: str) -> None:
    model = tiny()
    before = copy.deepcopy(model.state_dict())
    state = {name: torch.zeros_like(tensor) for name, tensor in weights(model).items()}
    change(state)
    with pytest.raises(CheckpointError, match=words):
        restore_weights(model, state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
