"""Published architectures, as maps and configs of ours, equal transformers' own code: outputs and gradients.

Hugging Face keeps a copy per layer (BERT, Llama, ViT) or shares groups of layers (ALBERT); ours are tied as
the map says, so that a gradient of ours is the sum of its copies' there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from parity import Same, assert_close, assert_same_gradients, both, copy_weights, layers, loss, same
from tiny_models import tiny
from torch import Tensor, nn

from clps_core.model.transformer import Transformer
from clps_core.sharing.rules import apply_rule

if TYPE_CHECKING:  # transformers takes seconds to import, and every process of the tests collects every file
    from transformers.models.albert.modeling_albert import AlbertModel

TOKENS = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(0))
REAL = torch.ones(2, 9, dtype=torch.bool)
REAL[1, 6:] = False
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BERT_LIKE = {
    "family": "encoder",
    "norm_position": "post",
    "positions": "learned",
    "token_types": 2,
    "embedding_norm": True,
    "norm_eps": 1e-12,
    "pooler": True,
}
ALBERT_NAMES = {
    "q": "attention.query", "k": "attention.key", "v": "attention.value", "o": "attention.dense",
    "norm_attn": "attention.LayerNorm", "ffn_in": "ffn", "ffn_out": "ffn_output", "norm_ffn": "full_layer_layer_norm",
}  # fmt: skip
BERT_NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "o": "attention.output.dense", "norm_attn": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense", "ffn_out": "output.dense", "norm_ffn": "output.LayerNorm",
}  # fmt: skip
LLAMA_NAMES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
    "norm_attn": "input_layernorm", "ffn_in": "mlp.up_proj", "ffn_gate": "mlp.gate_proj", "ffn_out": "mlp.down_proj",
    "norm_ffn": "post_attention_layernorm",
}  # fmt: skip
VIT_NAMES = {
    "q": "attention.q_proj", "k": "attention.k_proj", "v": "attention.v_proj", "o": "attention.o_proj",
    "norm_attn": "layernorm_before", "ffn_in": "mlp.fc1", "ffn_out": "mlp.fc2", "norm_ffn": "layernorm_after",
}  # fmt: skip


def embeddings(width: int) -> list[Same]:
    """BERT's and ALBERT's tables; ours are multiplied by sqrt(width) on the way in."""
    tables = {"word": "tokens", "position": "positions", "token_type": "token_types"}
    scaled = [
        same(f"embeddings.{theirs}_embeddings.weight", f"embedding.{ours}.weight", scale=math.sqrt(width))
        for theirs, ours in tables.items()
    ]
    return [*scaled, *both("embeddings.LayerNorm", "embedding.norm")]


def compare_encoder(model: Transformer, theirs: nn.Module, pairs: list[Same]) -> None:
    """States of real positions, the pooled first one, and all gradients of both; with padding and without."""
    copy_weights(model, theirs, pairs)
    for mask in (torch.ones_like(REAL), REAL):
        model.zero_grad()
        theirs.zero_grad()
        states, expected = model(TOKENS, input_mask=mask), theirs(TOKENS, attention_mask=mask.long())
        pooled = model.pool(states)
        assert_close(states[mask], expected.last_hidden_state[mask], "states")
        assert_close(pooled, expected.pooler_output, "pooled")
        (loss(states, mask) + loss(pooled)).backward()
        (loss(expected.last_hidden_state, mask) + loss(expected.pooler_output)).backward()
        assert_same_gradients(model, theirs, pairs)


def albert(num_layers: int, **sizes: int) -> AlbertModel:
    from transformers.models.albert.modeling_albert import AlbertConfig, AlbertModel

    config = AlbertConfig(
        vocab_size=11, embedding_size=8, hidden_size=16, num_hidden_layers=num_layers, num_attention_heads=2,
        intermediate_size=24, hidden_act="gelu", max_position_embeddings=12, pad_token_id=None, **NO_DROPOUT, **sizes,
    )  # fmt: skip
    return AlbertModel(config)


def albert_pairs(model: Transformer, inner: int = 1) -> list[Same]:
    slots = [slot.index for slot in model.map.row("encoder", "q")]

    def prefix(layer: int) -> str:
        group, place = divmod(slots[layer], inner)
        return f"encoder.albert_layer_groups.{group}.albert_layers.{place}."

    return [
        *embeddings(8),
        *both("encoder.embedding_hidden_mapping_in", "embedding.projection"),
        *layers(model, "encoder", prefix, ALBERT_NAMES),
        *both("pooler", "pooler"),
    ]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_grouped_layers_with_a_factorised_embedding_equal_albert(groups: int) -> None:
    model = tiny(f"grouped:{groups}", num_layers=4, embedding_size=8, **BERT_LIKE)
    compare_encoder(model, albert(4, num_hidden_groups=groups), albert_pairs(model))


def test_alberts_inner_group_num_multiplies_depth_and_is_a_map_of_ours() -> None:
    """Two groups of three inner layers, each group called twice: four "hidden layers" that execute twelve."""
    model = tiny("0-1-2-0-1-2-3-4-5-3-4-5", num_layers=12, embedding_size=8, **BERT_LIKE)
    theirs = albert(4, num_hidden_groups=2, inner_group_num=3)
    compare_encoder(model, theirs, albert_pairs(model, inner=3))


def executed_groups(num_layers: int, groups: int) -> tuple[int, ...]:
    """The groups that transformers' ALBERT really calls, in order."""
    theirs, called = albert(num_layers, num_hidden_groups=groups), []
    for number, group in enumerate(theirs.encoder.albert_layer_groups):
        group.register_forward_pre_hook(lambda _module, _inputs, number=number: called.append(number))
    with torch.no_grad():
        theirs(TOKENS[:1, :2])
    return tuple(called)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
def test_groups_that_divide_the_layers_are_alberts(groups: int) -> None:
    assert executed_groups(12, groups) == apply_rule("grouped", 12, groups)


def test_alberts_grouping_slips_by_its_floats_where_ours_is_exact() -> None:
    """transformers computes ``int(i / (L / G))``: 9 / (18 / 14) is 7, but comes out as 6.999..."""
    ours, theirs = apply_rule("grouped", 18, 14), executed_groups(18, 14)
    assert [layer for layer in range(18) if ours[layer] != theirs[layer]] == [9]
    assert (ours[9], theirs[9]) == (7, 6)


def test_a_cycle_of_post_norm_layers_equals_bert_with_copied_layers() -> None:
    model = tiny("cycle:2", num_layers=3, **BERT_LIKE)
    from transformers.models.bert.modeling_bert import BertConfig, BertModel

    config = BertConfig(
        vocab_size=11, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, pad_token_id=None, **NO_DROPOUT,
    )  # fmt: skip
    pairs = [
        *embeddings(16),
        *layers(model, "encoder", "encoder.layer.{}.".format, BERT_NAMES),
        *both("pooler.dense", "pooler"),
    ]
    compare_encoder(model, BertModel(config), pairs)


@pytest.mark.parametrize("strategy", ["none", "0-1-0"])
def test_a_rotary_grouped_query_swiglu_decoder_equals_llama(strategy: str) -> None:
    model = tiny(
        strategy, num_layers=3, num_heads=4, num_kv_heads=2, positions="rotary", activation="swiglu",
        norm="rmsnorm", bias=False, tie_embeddings="none",
    )  # fmt: skip
    from transformers.models.llama.modeling_llama import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=11, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=12, tie_word_embeddings=False,
    )  # fmt: skip
    theirs = LlamaForCausalLM(config)
    pairs = [
        # Llama does not scale its embedding by sqrt(width) on the way in.
        same("model.embed_tokens.weight", "embedding.tokens.weight", scale=4.0),
        *layers(model, "decoder", "model.layers.{}.".format, LLAMA_NAMES, bias=False),
        *both("model.norm", "decoder_final_norm", bias=False),
        *both("lm_head", "head", bias=False),
    ]
    copy_weights(model, theirs, pairs)
    for mask in (torch.ones_like(REAL), REAL):
        model.zero_grad()
        theirs.zero_grad()
        logits, expected = model(TOKENS, input_mask=mask), theirs(TOKENS, attention_mask=mask.long()).logits
        assert_close(logits[mask], expected[mask])
        loss(logits, mask).backward()
        loss(expected, mask).backward()
        assert_same_gradients(model, theirs, pairs)


def patches_of(images: Tensor, side: int) -> Tensor:
    """``[B, C, H, W]`` -> ``[B, N, C * side * side]``, in the order of a convolution's weights."""
    cut = images.unfold(2, side, side).unfold(3, side, side)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(1, 2).flatten(2)


@pytest.mark.parametrize("strategy", ["none", "cycle_rev:2"])
def test_patches_behind_a_class_token_equal_vit(strategy: str) -> None:
    model = tiny(
        strategy, family="encoder", num_layers=3, vocab_size=None, patch_dim=12, class_token=True, num_classes=5,
        positions="learned", max_positions=17, norm_eps=1e-12,
    )  # fmt: skip
    from transformers.models.vit.modeling_vit import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=2,
        num_channels=3, num_labels=5, **NO_DROPOUT,
    )  # fmt: skip
    theirs = ViTForImageClassification(config)
    pairs = [
        *both("vit.embeddings.patch_embeddings.projection", "embedding.patches"),
        same("vit.embeddings.cls_token", "embedding.class_token.weight", scale=4.0),
        same("vit.embeddings.position_embeddings", "embedding.positions.weight", scale=4.0),
        *layers(model, "encoder", "vit.layers.{}.".format, VIT_NAMES),
        *both("vit.layernorm", "encoder_final_norm"),
        *both("classifier", "head"),
    ]
    copy_weights(model, theirs, pairs)
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    logits, expected = model(patches_of(images, 2)), theirs(images).logits
    assert_close(logits, expected)
    loss(logits).backward()
    loss(expected).backward()
    assert_same_gradients(model, theirs, pairs)
