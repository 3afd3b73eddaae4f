"""The counter against papers, against itself, and against arithmetic done by hand."""

import json
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from random_designs import designs

from clps_core.analysis.counts import count, share_of_unshared
from clps_core.analysis.flops import FLOP_CAUSES, flop_differences
from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.errors import ConfigError
from clps_core.shapes import block_shapes
from clps_core.sharing import Block, Site, build_map

PUBLISHED = json.loads((Path(__file__).parents[1] / "fixtures" / "published_counts.json").read_text())
BY_NAME = {entry["name"]: entry for entry in PUBLISHED["counts"]}


def model_of(entry):
    return ModelConfig(**entry["model"])


def shared(strategy):
    return SharingConfig(strategy=strategy)


@pytest.mark.parametrize("tie", ["none", "output"])
def test_non_embedding_parameters_do_not_depend_on_tying_the_output(tie):
    entry = BY_NAME["mor-360m-vanilla"]
    model = model_of(entry).model_copy(update={"tie_embeddings": tie})
    assert count(model, shared("none")).non_embedding_parameters == entry["exact"]


@pytest.mark.parametrize(("kv_heads", "expected"), PUBLISHED["kv_cache_bytes_per_token"]["by_kv_heads"].items())
def test_kv_cache_of_the_cross_layer_attention_study(kv_heads, expected):
    model = ModelConfig(**PUBLISHED["kv_cache_bytes_per_token"]["model"], num_kv_heads=int(kv_heads))
    for strategy in ("none", "all", "cycle:10"):
        assert count(model, shared(strategy)).kv_cache_bytes_per_token == expected


def test_layers_that_take_keys_and_values_from_another_layer_cache_nothing():
    facts = PUBLISHED["kv_cache_bytes_per_token"]
    model = ModelConfig(**facts["model"], num_kv_heads=1)
    shapes = block_shapes(model, "decoder")
    absent = frozenset(Site("decoder", layer, part) for layer in range(1, 20, 2) for part in ("k", "v"))
    slots = {("decoder", component): range(20) for component in shapes}
    mapping = build_map({"decoder": Block(20, shapes)}, slots, absent=absent)
    assert count(model, mapping).kv_cache_bytes_per_token == facts["one_kv_head_keys_from_every_second_layer"]


def test_a_shared_layer_caches_once_per_execution_not_once_per_slot():
    model = ModelConfig(family="decoder", num_layers=12, d_model=64, num_heads=4, vocab_size=10)
    assert count(model, shared("all")).kv_cache_bytes_per_token == 2 * 12 * 64 * 2


def test_an_encoder_has_no_kv_cache_and_cross_attention_caches_source_tokens_apart():
    assert count(ModelConfig(family="encoder", vocab_size=9), shared("none")).kv_cache_bytes_per_token == 0
    pair = ModelConfig(
        family="encoder_decoder", num_layers=3, num_decoder_layers=5, d_model=8, num_heads=2, vocab_size=9
    )
    counts = count(pair, shared("all"))
    assert counts.kv_cache_bytes_per_token == 2 * 5 * 8 * 2
    assert count(pair, shared("none")).cross_kv_cache_bytes_per_token == 2 * 5 * 8 * 2
    # The memory is the same for all layers: one pair of weights projects it once.
    assert counts.cross_kv_cache_bytes_per_token == 2 * 1 * 8 * 2
    loosened = count(pair, shared("all,lora.cross_k=2"))
    assert loosened.cross_kv_cache_bytes_per_token == 2 * 5 * 8 * 2


@settings(max_examples=examples(150), deadline=None)
@given(designs())
def test_all_breakdowns_add_up_to_the_totals(design):
    model, sharing = design
    counts = count(model, sharing)
    for parts in (counts.by_component, counts.by_part):
        assert sum(tally.unique for tally in parts.values()) == counts.unique_parameters
        assert sum(tally.executed for tally in parts.values()) == counts.executed_parameters
    outside = sum(
        tally.unique for name, tally in counts.by_component.items() if name in ("embedding", "head", "final_norm")
    )
    layers = [layer for stack in counts.by_layer.values() for layer in stack]
    assert sum(layer.new for layer in layers) == counts.unique_parameters - outside
    assert sum(layer.executed for layer in layers) == counts.executed_parameters - outside
    assert 0 < counts.non_embedding_parameters <= counts.unique_parameters <= counts.executed_parameters


@settings(max_examples=examples(80), deadline=None)
@given(designs())
def test_sharing_changes_what_is_stored_and_nothing_that_is_executed(design):
    model, sharing = design
    counts, unshared = count(model, sharing), count(model, shared("none"))
    assert unshared.unique_parameters == unshared.executed_parameters == counts.executed_parameters
    if model.family == "encoder_decoder":  # shared cross-attention projects the memory once
        assert counts.train_flops_per_token <= unshared.train_flops_per_token
    else:
        assert counts.train_flops_per_token == unshared.train_flops_per_token
    assert counts.kv_cache_bytes_per_token == unshared.kv_cache_bytes_per_token


@settings(max_examples=examples(80), deadline=None)
@given(designs())
def test_counts_are_plain_json_and_a_map_counts_like_its_strategy(design):
    from clps_core.config import sharing_map

    model, sharing = design
    counts = count(model, sharing)
    plain = counts.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["unique_parameters"] == counts.unique_parameters
    assert count(model, sharing_map(model, sharing)) == counts


def test_bytes_are_those_of_fp32_and_adamw():
    counts = count(ModelConfig(vocab_size=100), shared("all"))
    assert counts.weight_bytes == counts.gradient_bytes == 4 * counts.unique_parameters
    assert counts.optimizer_bytes == 8 * counts.unique_parameters
    assert counts.training_bytes == 16 * counts.unique_parameters


def test_flops_of_a_decoder_are_six_per_weight_and_twelve_per_query_width_and_key():
    model = ModelConfig(
        family="decoder", num_layers=6, d_model=32, d_ff=64, num_heads=4, vocab_size=50, max_positions=16, bias=False
    )
    weights = 6 * (4 * 32 * 32 + 2 * 32 * 64) + 50 * 32
    assert count(model, shared("cycle:2")).train_flops_per_token == 6 * weights + 12 * 6 * 32 * 16
    longer = count(model, shared("none"), context=32)
    assert longer.context_length == 32
    assert longer.train_flops_per_token == 6 * weights + 12 * 6 * 32 * 32


def test_flops_of_an_encoder_decoder_are_shared_out_over_source_and_target_tokens():
    model = ModelConfig(
        family="encoder_decoder", num_layers=2, num_decoder_layers=3, d_model=16, d_ff=40, num_heads=2, vocab_size=30,
        max_positions=10,
    )  # fmt: skip
    encoder = 2 * (4 * 16 * 16 + 2 * 16 * 40)
    decoder = 3 * (8 * 16 * 16 + 2 * 16 * 40) + 30 * 16
    attention = 12 * 16 * 10 * (2 + 3 + 3)
    assert count(model, shared("none")).train_flops_per_token == (6 * (encoder + decoder) + attention) // 2


def test_flops_count_a_factorised_embedding_and_what_runs_once_per_input():
    decoder = ModelConfig(
        family="decoder",
        num_layers=1,
        d_model=8,
        d_ff=16,
        num_heads=1,
        vocab_size=20,
        embedding_size=2,
        max_positions=4,
    )
    body = 4 * 8 * 8 + 2 * 8 * 16
    # Up from the table, then down again and the table as output layer.
    assert count(decoder, shared("none")).train_flops_per_token == 6 * (body + 2 * 8 + 8 * 2 + 20 * 2) + 12 * 8 * 4
    classes = ModelConfig(
        family="encoder", num_layers=1, d_model=8, d_ff=16, num_heads=1, patch_dim=4, num_classes=10, max_positions=16
    )
    expected = 6 * (body + 4 * 8) + 12 * 8 * 16 + 6 * 10 * 8 // 16
    assert count(classes, shared("none")).train_flops_per_token == expected


def test_the_lesson_of_the_wrong_arithmetic():
    """A layer has 4 d^2 + 2 d d_ff weights; six layers of d=512, d_ff=2048 hold 18,874,368, one 3,145,728."""
    model = ModelConfig(family="encoder", num_layers=6, d_model=512, d_ff=2048, num_heads=8, vocab_size=1, bias=False)
    for strategy, expected in (("none", 18_874_368), ("all", 3_145_728)):
        parts = count(model, shared(strategy)).by_part
        assert parts["attention"].unique + parts["ffn"].unique == expected


def test_new_parameters_of_a_layer_are_those_no_layer_before_has_used():
    model = ModelConfig(family="decoder", num_layers=4, d_model=8, d_ff=8, num_heads=2, vocab_size=5)
    layers = count(model, shared("0-1-1-0")).by_layer["decoder"]
    assert [layer.new > 0 for layer in layers] == [True, True, False, False]
    assert len({layer.unique for layer in layers}) == 1


def test_queries_tied_to_keys_are_stored_once_and_executed_twice():
    model = ModelConfig(family="decoder", num_layers=2, d_model=8, d_ff=8, num_heads=2, vocab_size=5, bias=False)
    shapes = block_shapes(model, "decoder")
    slots = {("decoder", component): range(2) for component in shapes}
    tied = build_map({"decoder": Block(2, shapes)}, slots, ties={"decoder.k": "decoder.q"})
    plain, counts = count(model, shared("none")), count(model, tied)
    assert plain.unique_parameters - counts.unique_parameters == 2 * 8 * 8
    assert plain.executed_parameters == counts.executed_parameters
    assert counts.by_component["k"].unique == 0
    assert counts.by_layer["decoder"][0].executed - counts.by_layer["decoder"][0].unique == 8 * 8


def test_a_strategy_that_does_not_fit_the_layers_is_refused():
    with pytest.raises(ConfigError, match=r"between 1 and the number of layers \(4\). Got 9"):
        count(ModelConfig(vocab_size=9), shared("cycle:9"))


EVERY_CAUSE = [
    "none",
    "all",
    "attention_only",
    "cycle:2",
    "all,lora=4",
    "all,lora.q=4",
    "all,decoder.cross_k=none",
    "kv_source=every:2",
    "attention_source=every:2",
    "loop:1/1/1,inject=concat",
    "all,inject=concat,train_loops=1-6",
    "all,train_loops=2-9",
    "cycle:2,depth_embedding=sinusoidal,train_loops=1-4",
    "all,kv_source=every:2,lora=3",
    "decoder=@encoder",
]


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
@pytest.mark.parametrize("text", EVERY_CAUSE)
def test_the_causes_of_other_operations_add_up_to_the_difference(family, text):
    model = ModelConfig(family=family, num_layers=4, d_model=16, d_ff=24, num_heads=2, vocab_size=11, max_positions=8)
    try:
        plan = sharing_plan(model, SharingConfig(strategy=text))
    except ConfigError:
        assert "encoder" in text or "decoder" in text
        return
    counted = count(model, plan)
    differences = flop_differences(model, plan, counted.context_length)
    expected = counted.train_flops_per_token - count(model, shared("none")).train_flops_per_token
    assert abs(sum(differences.values()) - expected) <= 2
    assert set(differences) <= set(FLOP_CAUSES)
    cross = family == "encoder_decoder" and len(set(plan.groups("decoder", ("cross_k", "cross_v")))) < 4
    assert ("memory" in differences) == cross
    assert ("lora" in differences) == ("lora" in text)


def test_sharing_weights_alone_changes_no_operation_but_those_of_cross_attention():
    """What Start says of computation."""
    for family in ("encoder", "decoder", "encoder_decoder"):
        model = ModelConfig(family=family, num_layers=6, d_model=16, num_heads=2, vocab_size=11, max_positions=8)
        for name in ("all", "cycle:3", "sandwich", "ffn_only", "sequence:2,norms=own"):
            plan = sharing_plan(model, SharingConfig(strategy=name))
            assert set(flop_differences(model, plan, 8)) <= {"memory"}


def test_of_unshared_counts_whatever_is_stored():
    model = ModelConfig(family="decoder", num_layers=4, d_model=16, num_heads=2, vocab_size=11, max_positions=8)
    stored = {text: count(model, shared(text)).unique_parameters for text in ("none", "all", "none,lora=4")}
    assert share_of_unshared(stored["none"], model) == 1
    assert share_of_unshared(stored["all"], model) == stored["all"] / stored["none"]
    assert share_of_unshared(stored["none,lora=4"], model) > 1
