"""Capture shows what the model really does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import batch_for, maps_for, model_configs, tiny

from clps_core.analysis.capture import capture
from clps_core.errors import DataError
from clps_core.model import attention
from clps_core.model.transformer import Transformer


def one(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The padded example alone."""
    return {name: tensor[-1:] for name, tensor in batch.items()}


@settings(deadline=None, max_examples=examples(20), derandomize=True)
@given(data=st.data())
def test_captured_logits_equal_the_fused_fast_path(data: st.DataObject) -> None:
    config = data.draw(model_configs())
    model = Transformer(config, data.draw(maps_for(config)))
    batch = one(batch_for(model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "EXPLICIT_UP_TO_KEYS", 0)
        fast = model(**batch)[0].detach().numpy()
        captured = capture(model, **batch)
    np.testing.assert_allclose(captured.logits, fast, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
def test_rows_of_attention_sum_to_one_and_masked_keys_are_exactly_zero(family: str) -> None:
    model = tiny("cycle:2", family=family, num_layers=3, num_heads=4, num_kv_heads=2)
    batch = one(batch_for(model))
    captured = capture(model, **batch)
    kinds = {"encoder": ["encoder"], "decoder": ["decoder"], "encoder_decoder": ["encoder", "decoder", "cross"]}[family]
    assert list(captured.attention) == kinds
    real = batch["input_mask"][0].numpy()
    for kind, maps in captured.attention.items():
        queries = 5 if family == "encoder_decoder" and kind != "encoder" else 7
        keys = 5 if family == "encoder_decoder" and kind == "decoder" else 7
        assert maps.shape == (3, 4, queries, keys)
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps.sum(-1), 1, rtol=1e-5)
        if keys == 7:
            assert (maps[..., ~real] == 0).all()
        if kind == "decoder":
            assert (maps[..., np.triu(np.ones((queries, keys), dtype=bool), 1)] == 0).all()


def test_hidden_states_are_every_layers_input_and_the_last_ones_output() -> None:
    model = tiny("all", family="encoder_decoder", num_layers=3, num_decoder_layers=2)
    batch = one(batch_for(model))
    captured = capture(model, **batch)
    assert {stack: states.shape for stack, states in captured.hidden.items()} == {
        "encoder": (4, 7, 16),
        "decoder": (3, 5, 16),
    }
    embedded = model.embedding(batch["inputs"])[0].detach().numpy()
    np.testing.assert_array_equal(captured.hidden["encoder"][0], embedded)
    last = model.decoder_final_norm(torch.as_tensor(captured.hidden["decoder"][-1]))
    np.testing.assert_allclose(model.logits(last).detach().numpy(), captured.logits, atol=1e-6)


def test_capture_ignores_dropout_takes_plain_arrays_and_leaves_the_model_as_it_was() -> None:
    model = tiny(family="encoder", patch_dim=3, num_classes=4, dropout=0.5)
    batch = one(batch_for(model))
    arrays = {name: tensor.numpy() for name, tensor in batch.items()}
    arrays["inputs"] = arrays["inputs"].astype(np.float64)
    first, again = capture(model, **arrays), capture(model, **batch)
    assert model.training
    np.testing.assert_array_equal(first.logits, again.logits)
    assert all(parameter.grad is None and not parameter.is_inference() for parameter in model.parameters())


def test_capture_of_a_half_precision_model_gives_float32() -> None:
    captured = capture(tiny().to(torch.bfloat16), np.array([[1, 2, 3]]))
    assert captured.logits.dtype == captured.attention["decoder"].dtype == np.float32


def test_capture_refuses_a_batch() -> None:
    with pytest.raises(DataError, match="reads one example"):
        capture(tiny(), np.zeros((3, 4), dtype=np.int64))
