"""What reuse, ties, extras and loops cost is counted, and equals the built model."""

from __future__ import annotations

import pytest
import torch
from tiny_models import tiny
from torch.utils.flop_counter import FlopCounterMode

from clps_core.analysis.counts import count
from clps_core.analysis.memory import activation_bytes
from clps_core.config import ModelConfig, SharingConfig, build_config, resolve
from clps_core.model.transformer import build_model
from clps_core.sharing.strategies import SUBLAYERS

CLA_1B = ModelConfig(
    family="decoder",
    num_layers=20,
    d_model=2048,
    d_ff=5472,
    num_heads=16,
    vocab_size=32_000,
    max_positions=2048,
    positions="rotary",
    activation="swiglu",
    norm="rmsnorm",
    bias=False,
)
"""The 1B study of Brandon et al. 2024 (arXiv 2405.12981), up to what its KV cache depends on."""

SIZES = {"num_layers": 6, "d_model": 16, "d_ff": 24, "num_heads": 2, "vocab_size": 11, "max_positions": 12}


def counted(text, model=None):
    return count(model or ModelConfig(family="decoder", **SIZES), SharingConfig(strategy=text), context=12)


@pytest.mark.parametrize(
    ("kv_heads", "strategy", "published"),
    [(16, "none", 163_840), (4, "none", 40_960), (1, "none", 10_240), (1, "kv_source=every:2", 5_120)],
)
def test_the_kv_cache_of_cross_layer_attention_is_the_published_one(kv_heads, strategy, published):
    model = CLA_1B.model_copy(update={"num_kv_heads": kv_heads})
    assert counted(strategy, model).kv_cache_bytes_per_token == published


def test_reused_probabilities_halve_the_cache_and_the_attention_of_a_consumer():
    plain, reused = counted("none"), counted("attention_source=0-0-2-2-4-4")
    assert reused.kv_cache_bytes_per_token == plain.kv_cache_bytes_per_token * 3 // 4
    per_consumer = 6 * (2 * 16 * 16) + 6 * 16 * 12
    assert plain.train_flops_per_token - reused.train_flops_per_token == 3 * per_consumer
    assert plain.unique_parameters - reused.unique_parameters == 3 * 2 * (16 * 16 + 16)


def test_reused_keys_and_values_save_their_matrices_and_nothing_of_the_scores():
    plain, reused = counted("none"), counted("kv_source=every:2")
    assert plain.train_flops_per_token - reused.train_flops_per_token == 3 * 6 * 2 * 16 * 16
    assert reused.executed_parameters == plain.executed_parameters - 3 * 2 * (16 * 16 + 16)


def test_lora_costs_its_two_matrices_at_every_executed_layer():
    tied, loosened = counted("all"), counted("all,lora.q=3")
    assert loosened.by_component["lora"].unique == 6 * 3 * (16 + 16)
    assert loosened.unique_parameters - tied.unique_parameters == 6 * 3 * 32
    assert loosened.train_flops_per_token - tied.train_flops_per_token == 6 * 6 * 3 * 32
    assert loosened.by_layer["decoder"][1].new == 3 * 32


def test_concatenated_input_is_stored_once_and_multiplied_in_every_loop():
    plain, injected = counted("loop:1/1/1"), counted("loop:1/1/1,inject=concat")
    assert injected.unique_parameters - plain.unique_parameters == 2 * 16 * 16
    assert injected.train_flops_per_token - plain.train_flops_per_token == 4 * 6 * 2 * 16 * 16
    assert counted("loop:1/1/1,inject=add") == plain


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder_decoder"])
@pytest.mark.parametrize(
    "text",
    [
        "k=@q",
        "q=all,k=@q",
        "kv_source=every:2",
        "attention_source=0-0-2-2-2-5",
        "sandwich,norms=own",
        "cycle:3,lora=2,layer_scale=own",
        "all,depth_embedding=learned",
        "loop:2/1/1,inject=concat",
        "all,lora.ffn=1,kv_source=upper:3",
    ],
)
def test_counts_equal_the_built_model(family, text):
    model = tiny(text, family=family, num_layers=6)
    found = counted(text, model.config)
    assert found.unique_parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.unique_parameters == sum(tensor.numel() for tensor in model.state_dict().values())
    layers = [layer for stack in found.by_layer.values() for layer in stack]
    outside = [*(name for name in found.by_component if name in ("embedding", "head", "final_norm", "injection"))]
    assert sum(layer.new for layer in layers) == found.unique_parameters - sum(
        found.by_component[name].unique for name in outside
    )


@pytest.mark.parametrize(
    ("family", "sizes"),
    [
        ("decoder", {}),
        ("encoder", {}),
        ("encoder", {"head": "lm", "embedding_size": 8}),
        ("encoder", {"head": "lm", "tie_embeddings": "none"}),
        ("encoder_decoder", {}),
        ("encoder_decoder", {"patch_dim": 3, "max_target_positions": 5, "embedding_size": 8}),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "none",
        "all",
        "cycle:2",
        "cross_attention=all",
        "none,cross_k=all",
        "k=@q",
        "kv_source=every:2",
        "attention_source=0-0-2-2",
        "loop:1/1/1,inject=concat",
    ],
)
def test_the_operations_counted_are_those_that_torch_counts(family, sizes, text):
    model = tiny(text, family=family, num_layers=4, activation="swiglu", **sizes).eval()
    inputs = torch.zeros(3, 8, dtype=torch.int64)
    named = {"decoder_inputs": inputs} if family == "encoder_decoder" else {}
    tokens = inputs.numel() * (1 + len(named))
    if model.config.reads_frames:  # then tokens are those of the encoder
        inputs, named = torch.zeros(3, 8, 3), {"decoder_inputs": inputs[:, :5]}
        tokens = 3 * 8
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(inputs, **named)
    forward_and_backward = 3 * counter.get_total_flops()
    assert count(model.config, model.plan, context=8).train_flops_per_token == forward_and_backward // tokens


def test_a_random_number_of_loops_costs_the_mean_of_its_draws():
    def per_token(text, layers=4):
        return counted(text, ModelConfig(family="decoder", **{**SIZES, "num_layers": layers})).train_flops_per_token

    each = [per_token("loop:1/1/1,inject=concat", 2 + loops) for loops in range(1, 7)]
    assert per_token("loop:1/1/1,inject=concat,train_loops=1-6") == sum(each) // 6


def test_an_encoder_tied_to_its_decoder_is_stored_once():
    model = ModelConfig(family="encoder_decoder", **SIZES)
    plain, tied = counted("none", model), counted("decoder=@encoder", model)
    blocks = sum(
        plain.by_component[part].unique for part in [*SUBLAYERS["attention"], "ffn_in", "ffn_out", "norm_attn"]
    )
    norms = plain.by_component["norm_ffn"].unique
    assert plain.unique_parameters - tied.unique_parameters == (blocks + norms) // 2
    assert tied.executed_parameters == plain.executed_parameters


def kept_and_estimated(strategy: str) -> tuple[int, int]:
    """Bytes that autograd keeps beside the parameters, and what the estimate says of them."""
    sizes = {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "activation": "swiglu"}
    base = {"data": {"task": "python-docs", "seq_len": 32}, "model": sizes, "train": {"batch_size": 2}}
    config = resolve(build_config({**base, "sharing": {"strategy": strategy}})).config
    model = build_model(config)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(torch.zeros(2, 32, dtype=torch.int64)).sum()
    return sum(storage.nbytes() for storage in kept.values()), activation_bytes(config)


@pytest.mark.parametrize("lora", ["lora=2", "lora.q=2,lora.ffn_gate=2"])
def test_memory_counts_the_merged_matrices_that_every_layer_with_lora_has(lora):
    kept, estimated = kept_and_estimated(f"all,{lora}")
    kept_tied, estimated_tied = kept_and_estimated("all")
    assert 0 < kept - kept_tied <= estimated - estimated_tied


def test_memory_is_estimated_at_the_most_loops_that_training_draws():
    base = {"data": {"task": "python-docs"}, "model": {"num_layers": 4}}
    fixed = resolve(build_config({**base, "sharing": {"strategy": "all"}})).config
    random = resolve(build_config({**base, "sharing": {"strategy": "all,train_loops=1-8"}})).config
    assert 1.5 < activation_bytes(random) / activation_bytes(fixed) < 2
