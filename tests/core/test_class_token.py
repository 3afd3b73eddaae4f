"""A class token is one more position, before the patches, from which classes are read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import batch_for, loss_of, tiny

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig, build_config, resolve
from clps_core.data.registry import load_task
from clps_core.errors import ClpsError, ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer, build_model
from clps_core.spec import from_spec, to_spec
from clps_core.training.checkpoint import Checkpoint, save_last, weights
from clps_core.training.optimiser import decays
from clps_core.training.probes import probe_inputs, read_probe, write_probe
from clps_core.training.run_folder import open_folder

SIZES = {"family": "encoder", "patch_dim": 3, "vocab_size": None, "num_classes": 4, "class_token": True}


def model(**changes) -> Transformer:
    return tiny(**{**SIZES, **changes})


def resolved(**fields):
    return resolve(build_config({"data": {"task": "digits"}, "model": {"class_token": True, **fields}})).config


def test_states_have_one_more_position_in_front() -> None:
    headless = model(num_classes=None)
    assert headless(torch.zeros(2, 5, 3)).shape == (2, 6, 16)


def test_classes_are_read_off_the_class_position_alone() -> None:
    built = model(num_layers=1)
    states = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    changed = states.clone()
    changed[:, 1:] += 1
    assert torch.equal(built.classify(states), built.classify(changed))
    assert not torch.equal(built.classify(states), built.classify(states + 1))


def test_padding_changes_nothing_with_a_class_token() -> None:
    built = model(positions="learned")
    inputs = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True] * 3 + [False] * 2] * 2)
    torch.testing.assert_close(built(inputs, input_mask=mask), built(inputs[:, :3]), atol=1e-6, rtol=1e-5)


def test_the_class_token_counts_as_a_position() -> None:
    with pytest.raises(DataError, match=r"at most 12 positions\. Got 13"):
        model()(torch.zeros(1, 12, 3))
    assert resolved().model.max_positions == 17
    with pytest.raises(ConfigError, match=r"longest input of digits \(17\)"):
        resolved(max_positions=16)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
@pytest.mark.parametrize("embedding_size", [None, 8])
def test_the_counter_knows_the_class_token_and_it_learns(positions: str, embedding_size: int | None) -> None:
    built = model(positions=positions, embedding_size=embedding_size)
    counted = count(built.config, built.map)
    assert counted.unique_parameters == sum(parameter.numel() for parameter in built.parameters())
    loss_of(built, batch_for(built)).backward()
    token = built.get_parameter("embedding.class_token.weight")
    assert token.shape == (1, embedding_size or 16)
    assert torch.count_nonzero(token.grad) > 0
    assert not decays("embedding.class_token.weight", token)


def test_operations_count_no_patch_product_for_the_class_token() -> None:
    def flops(class_token: bool, patch_dim: int) -> int:
        config = ModelConfig(**{**SIZES, "class_token": class_token, "patch_dim": patch_dim, "max_positions": 10})
        return count(config, SharingConfig()).train_flops_per_token * 10

    # Six operations per weight of width 128, at every position that is a patch.
    assert flops(False, 11) - flops(False, 1) == 6 * 128 * 10 * 10
    assert flops(True, 11) - flops(True, 1) == 6 * 128 * 10 * 9


@pytest.mark.parametrize("fields", [{"family": "decoder"}, {"family": "encoder", "vocab_size": 9}])
def test_a_class_token_before_tokens_is_refused(fields: dict) -> None:
    with pytest.raises(ClpsError, match="must only be used with image patches"):
        build_config({"data": {"task": "digits"}, "model": {**fields, "class_token": True}})


def test_a_class_token_travels_in_a_spec() -> None:
    config = resolved()
    assert resolve(from_spec(to_spec(config))).config == config


def test_what_a_run_saw_names_the_class_position(tmp_path: Path) -> None:
    config = resolved(d_model=8, num_heads=1, num_layers=1, d_ff=8)
    open_folder(tmp_path, config, load_task(config))
    built = build_model(config)
    save_last(tmp_path, Checkpoint(weights(built), {"step": 3}))
    answer = inspect_run(Look(tmp_path, "5"))
    assert answer.source_labels[:2] == ("[class]", "row 1, column 1")
    assert answer.attention["encoder"].shape[-1] == len(answer.source_labels) == 17
    assert answer.image is not None
    assert answer.image.shape == (8, 8)
    _step, records = read_probe(write_probe(tmp_path, 3, built, probe_inputs(load_task(config))))
    assert records[0].source_labels == answer.source_labels
