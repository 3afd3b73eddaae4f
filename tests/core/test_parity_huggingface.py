"""Two published architectures, as maps and configs of ours, equal transformers' own code on copied weights."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import tiny
from torch import nn

from clps_core.model.transformer import Transformer

TOKENS = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(0))


def shaken(model: Transformer) -> Transformer:
    """Norms start at 1 and biases at 0: make them tell."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)
    return model


def copy_into(theirs: nn.Module, pairs: dict[str, nn.Module]) -> None:
    for name, ours in pairs.items():
        theirs.get_submodule(name).load_state_dict(ours.state_dict())


def test_a_rotary_grouped_query_swiglu_decoder_equals_llama() -> None:
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    model = shaken(
        tiny("0-1-0", num_layers=3, num_heads=4, num_kv_heads=2, positions="rotary", activation="swiglu",
             norm="rmsnorm", bias=False, tie_embeddings="none")
    )  # fmt: skip
    theirs = llama.LlamaForCausalLM(
        llama.LlamaConfig(vocab_size=11, hidden_size=16, intermediate_size=24, num_hidden_layers=3,
                          num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=12,
                          tie_word_embeddings=False)
    )  # fmt: skip
    names = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
             "ffn_in": "mlp.up_proj", "ffn_gate": "mlp.gate_proj", "ffn_out": "mlp.down_proj",
             "norm_attn": "input_layernorm", "norm_ffn": "post_attention_layernorm"}  # fmt: skip
    for index, layer in enumerate(model.get_submodule("decoder_layers")):
        copy_into(theirs.model.layers[index], {names[part]: module for part, module in layer.weights.items()})
    copy_into(theirs, {"model.norm": model.decoder_final_norm, "lm_head": model.head})
    with torch.no_grad():
        # Llama does not scale its embedding by sqrt(width) on the way in.
        theirs.model.embed_tokens.weight.copy_(model.embedding.tokens.weight * math.sqrt(16))
        torch.testing.assert_close(model(TOKENS), theirs(TOKENS).logits, rtol=1e-4, atol=1e-5)


def test_one_shared_post_norm_layer_with_a_factorised_embedding_equals_albert() -> None:
    albert = pytest.importorskip("transformers.models.albert.modeling_albert")
    model = shaken(
        tiny("all", family="encoder", num_layers=3, embedding_size=8, norm_position="post", positions="learned",
             token_types=2, embedding_norm=True, norm_eps=1e-12)
    )  # fmt: skip
    theirs = albert.AlbertModel(
        albert.AlbertConfig(vocab_size=11, embedding_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                            intermediate_size=24, hidden_act="gelu", hidden_dropout_prob=0, max_position_embeddings=12,
                            attention_probs_dropout_prob=0),
        add_pooling_layer=False,
    ).eval()  # fmt: skip
    names = {"q": "attention.query", "k": "attention.key", "v": "attention.value", "o": "attention.dense",
             "ffn_in": "ffn", "ffn_out": "ffn_output", "norm_attn": "attention.LayerNorm",
             "norm_ffn": "full_layer_layer_norm"}  # fmt: skip
    (shared,) = theirs.encoder.albert_layer_groups[0].albert_layers
    copy_into(
        shared, {names[part]: module for part, module in model.get_submodule("encoder_layers")[0].weights.items()}
    )
    copy_into(
        theirs,
        {
            "embeddings.LayerNorm": model.embedding.norm,
            "encoder.embedding_hidden_mapping_in": model.embedding.projection,
        },
    )
    scale = math.sqrt(8)
    with torch.no_grad():
        for name, ours in (("word", "tokens"), ("position", "positions"), ("token_type", "token_types")):
            table = theirs.embeddings.get_submodule(f"{name}_embeddings").weight
            table.copy_(model.embedding.get_parameter(f"{ours}.weight") * scale)
        mask = torch.ones(2, 9, dtype=torch.bool)
        mask[1, 6:] = False
        expected = theirs(TOKENS, attention_mask=mask.long()).last_hidden_state
        torch.testing.assert_close(model(TOKENS, input_mask=mask)[mask], expected[mask], rtol=1e-4, atol=1e-5)
