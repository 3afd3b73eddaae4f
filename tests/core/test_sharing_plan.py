"""A plan is a strategy at given sizes: ties, reuse, extras and execution, or one clear refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clps_core import words
from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.errors import ConfigError
from clps_core.sharing import SharingMap, Site, parse_strategy
from clps_core.sharing.notation import repaint
from clps_core.sharing.sources import Reuse

DECODER = ModelConfig(family="decoder", num_layers=6, d_model=16, d_ff=32, num_heads=4, vocab_size=11, max_positions=8)
GROUPED = DECODER.model_copy(update={"num_kv_heads": 2})
PAIR = DECODER.model_copy(update={"family": "encoder_decoder"})
STACKS = {"decoder": (6, ("q", "k", "v", "o", "norm_attn", "ffn_in", "ffn_out", "norm_ffn"))}


def plan(text, model=DECODER):
    return sharing_plan(model, SharingConfig(strategy=text))


def row(found, component, stack="decoder"):
    return ["-" if slot is None else str(slot) for slot in found.map.row(stack, component)]


def test_query_and_key_of_a_layer_can_be_one_matrix():
    """Shared-QK of the Reformer."""
    found = plan("k=@q")
    assert row(found, "k") == row(found, "q") == [f"decoder.q.{layer}" for layer in range(6)]
    assert row(found, "v")[0] == "decoder.v.0"


def test_query_and_key_of_all_layers_can_be_one_matrix():
    found = plan("q=all,k=@q")
    assert set(row(found, "k") + row(found, "q")) == {"decoder.q.0"}
    assert len(set(row(found, "v"))) == 6


def test_a_decoder_can_use_the_layers_of_its_encoder():
    found = plan("cycle:3,decoder=@encoder", PAIR)
    for component in ("q", "k", "v", "o", "ffn_in", "ffn_out", "norm_attn", "norm_ffn"):
        assert row(found, component) == row(found, component, "encoder")
    assert len(set(row(found, "cross_q"))) == 3


def test_a_decoder_can_use_only_the_feed_forward_networks_of_its_encoder():
    found = plan("decoder.ffn=@encoder", PAIR)
    assert row(found, "ffn_in") == row(found, "ffn_in", "encoder")
    assert row(found, "norm_ffn") == row(found, "norm_ffn", "encoder")
    assert row(found, "norm_attn")[0] == "decoder.norm_attn.0"
    assert row(found, "q")[0] == "decoder.q.0"


def test_a_tie_of_one_stack_wins_over_a_tie_of_both():
    found = plan("k=@q,decoder.k=@decoder.v", PAIR)
    assert row(found, "k", "encoder") == row(found, "q", "encoder")
    assert row(found, "v") == row(found, "k") != row(found, "q")


def test_a_rule_of_one_stack_wins_over_a_tie_of_more_and_over_no_closer_one():
    found = plan("decoder=@encoder,decoder.q=all", PAIR)
    assert row(found, "q") == ["decoder.q.0"] * 6
    assert row(found, "k") == row(found, "k", "encoder")
    found = plan("decoder.attention=all,k=@q", PAIR)
    assert row(found, "k") == row(found, "q") == ["decoder.q.0"] * 6


def test_norms_of_their_own_stay_out_of_a_tie():
    found = plan("decoder=@encoder,norms=own", PAIR)
    assert row(found, "norm_ffn")[0] == "decoder.norm_ffn.0"
    assert row(found, "q")[0] == "encoder.q.0"


def test_the_direction_of_a_tie_does_not_change_the_map():
    assert plan("k=@q").map == plan("q=@k").map
    assert plan("k=@q").map.digest == plan("q=@k").map.digest


def test_layers_that_read_keys_and_values_have_no_weights_for_them():
    """Cross-layer attention: CLA2."""
    found = plan("kv_source=every:2")
    assert found.reuse["decoder"].kv_source == (0, 0, 2, 2, 4, 4)
    assert row(found, "k") == ["decoder.k.0", "-", "decoder.k.1", "-", "decoder.k.2", "-"]
    assert "-" not in row(found, "q")
    assert plan("kv_source=upper").reuse["decoder"].kv_source == (0, 1, 2, 3, 3, 3)


def test_layers_that_read_probabilities_have_no_query_and_key():
    found = plan("attention_source=0-0-2-2-2-2")
    assert row(found, "q") == ["decoder.q.0", "-", "decoder.q.1", "-", "-", "-"]
    assert "-" not in row(found, "v")


def test_the_keys_of_a_layer_without_keys_cannot_be_read():
    with pytest.raises(ConfigError, match="decoder layer 2 reuses attention probabilities and computes none"):
        plan("kv_source=0-1-2-2-4-5,attention_source=0-1-0-3-4-5")


def test_reuse_can_be_for_one_stack():
    found = plan("encoder.kv_source=every:3", PAIR)
    assert found.reuse["encoder"]
    assert not found.reuse["decoder"]


@pytest.mark.parametrize(
    ("text", "model", "words"),
    [
        ("0-1-2", DECODER, ["decoder q", "6 layers", "Got 3"]),
        ("k=@q", GROUPED, ["k of decoder layer 0", "same shape"]),
        ("decoder=@encoder", DECODER, ["decoder=@encoder", "Stacks here: decoder"]),
        (
            "decoder=@encoder",
            PAIR.model_copy(update={"num_decoder_layers": 4}),
            ["same number of layers", "Make the depths equal"],
        ),
        ("k=@q,q=@k", DECODER, ["circle"]),
        ("kv_source=1-1-2-3-4-5", DECODER, ["kv_source of decoder layer 0", "forward"]),
        ("kv_source=0-0-1-3-4-5", DECODER, ["layer 2", "layer 1 itself reads layer 0"]),
        ("kv_source=0-0-1", DECODER, ["6 layers", "Got 3"]),
        ("kv_source=every:9", DECODER, ["between 1 and", "Got 9"]),
        ("kv_source=every:2,attention_source=0-0-2-3-4-5", DECODER, ["layer 1", "Got both"]),
        ("encoder.kv_source=every:2", DECODER, ["encoder.kv_source", "stack"]),
        ("encoder.q=all", DECODER, ["encoder.q", "stack"]),
        ("lora.encoder.q=2", DECODER, ["encoder.q", "stack"]),
        ("lora=17", DECODER, ["16 for q of decoder layer 0", "Got 17"]),
        ("lora.ffn_gate=2", DECODER, ["lora.ffn_gate", "no ffn_gate"]),
        ("lora.cross_attention=2", DECODER, ["lora.cross_attention"]),
        ("lora.encoder.cross_q=2", PAIR, ["lora.encoder.cross_q"]),
        ("lora.decoder.k=9", GROUPED, ["8 for k of decoder layer 0"]),
        ("inject=add", DECODER, ["inject=add", "core", "decoder"]),
        ("sequence:3,train_loops=1-4", DECODER, ["train_loops", "core"]),
        ("all,norms=own,train_loops=1-4", DECODER, ["norm_attn of decoder layer 1 uses different"]),
        ("all,lora=2,train_loops=1-4", DECODER, ["train_loops", "Each executed layer has its own LoRA matrices"]),
        ("all,layer_scale=own,train_loops=1-4", DECODER, ["layer_scale"]),
        ("all,depth_embedding=learned,train_loops=1-4", DECODER, ["depth_embedding=learned"]),
        ("all,kv_source=every:2,train_loops=2-4", DECODER, ["fixed numbers", "decoder"]),
        ("loop:5/2/5,attention=all,ffn=all", DECODER, ["loop:5/2/5 must fit", "Got 6 layers"]),
        (
            "all,k=0-0-1-1-0-0,kv_source=0-0-2-2-4-4,inject=add",
            DECODER,
            ["k of decoder layer 2 uses different"],
        ),
    ],
)
def test_what_cannot_be_is_refused_with_layer_and_component(text, model, words):
    with pytest.raises(ConfigError) as caught:
        plan(text, model)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "k=@",
        "k=@k",
        "k=@encoder",
        "attention=@encoder",
        "decoder=@q",
        "q=all,q=@k",
        "lora=0",
        "lora.=3",
        "lora.norm_attn=3",
        "kv_source=none",
        "depth_embedding=yes",
        "layer_scale=all",
        "inject=",
        "train_loops=4-1",
        "train_loops=0-3",
        "loop:1/2",
        "loop:-1/2/1",
        "x.kv_source=every:2",
        "encoder.x.kv_source=every:2",
        "q=all,q=none",
        "k=@q,k=@v",
        "lora=2,lora=3",
        "norms=own,norms=shared",
        # Written out, the name is longer than the longest text there may be.
        "attention_only,q=" + "-".join(["1000"] * 813),
    ],
)
def test_a_text_that_is_no_strategy_is_refused(text):
    with pytest.raises(ConfigError):
        parse_strategy(text)


@pytest.mark.parametrize(
    "text",
    [
        "k=@q",
        "none,k=@q,norms=own",
        "cycle:3,decoder=@encoder,lora=4",
        "none,decoder.attention=@encoder,decoder.kv_source=every:2,lora.decoder.q=2,depth_embedding=learned,layer_scale=own",
        "loop:1/4/1,inject=concat,train_loops=1-6",
        "all,depth_embedding=sinusoidal,train_loops=3",
    ],
)
def test_a_text_parses_back_to_its_strategy(text):
    found = parse_strategy(text)
    assert parse_strategy(found.text) == found


@pytest.mark.parametrize(
    ("text", "core", "loops"),
    [
        ("all", (0, 1, 0), 6),
        ("cycle:3", (0, 3, 0), 2),
        ("sandwich", (1, 1, 1), 4),
        ("middle_cycle:4", (1, 2, 1), 2),
        ("loop:2/1/1", (2, 1, 1), 3),
        ("all,depth_embedding=sinusoidal", (0, 1, 0), 6),
        ("attention=all,ffn=all", (0, 1, 0), 6),
        ("decoder.attention=cycle:3,decoder.ffn=all", (0, 3, 0), 2),
        ("attention=all,ffn=sandwich", (1, 1, 1), 4),
        ("all,v=cycle:2,norms=shared", (0, 2, 0), 3),
        ("attention=all,ffn=loop:2/1/1", (2, 1, 1), 3),
        ("k=@q,q=cycle:2,v=cycle:2,o=cycle:2,ffn=cycle:2", (0, 2, 0), 3),
        ("attention=cycle:2,ffn=cycle:3", None, None),
        ("attention=all,ffn=0-1-0-1-0-1", None, None),
        ("cycle:4", None, None),
        ("sequence:3", None, None),
        ("none", None, None),
        ("all,norms=own", None, None),
        ("attention_only", None, None),
    ],
)
def test_the_core_of_a_map_is_what_it_repeats_as_a_whole(text, core, loops):
    found = plan(text)
    assert found.execution["decoder"].core == core
    assert found.loops == loops


def test_texts_of_one_map_have_one_dial():
    model = PAIR.model_copy(update={"num_decoder_layers": 4})
    written = plan("attention=cycle:2,cross_attention=cycle:2,ffn=cycle:2", model)
    assert written == plan("cycle:2", model)
    tied = plan("encoder.attention=all,encoder.ffn=all,cross_attention=all,decoder=@encoder", PAIR)
    assert tied == plan("all,decoder=@encoder", PAIR)
    assert tied.fixed_loops is None
    assert tied.loops == 6


@pytest.mark.parametrize("text", ["all,lora=2", "none", "attention_only", "all,kv_source=every:2"])
def test_why_loops_are_fixed_is_said_to_each_reader_in_their_language(text):
    try:
        found = plan(text)
        in_english = found.fixed_loops
        words.ask_language(lambda: "zh")
        in_chinese = found.fixed_loops
        assert found == plan(text)
        assert in_chinese == plan(text).fixed_loops
    finally:
        words.ask_language(None)
    assert in_english
    assert in_english.isascii()
    assert in_chinese
    assert not in_chinese.isascii()


@given(st.integers(1, 12))
def test_more_loops_repeat_the_core_and_leave_the_ends_alone(loops):
    execution = plan("loop:2/1/1").execution["decoder"]
    assert execution.layers(loops) == (0, 1, *([2] * loops if loops != 3 else [2, 3, 4]), 5)
    assert execution.starts(loops) == frozenset(range(2, 2 + loops))


@pytest.mark.parametrize("text", ["none", "all,lora=2", "all,norms=own"])
def test_loops_of_a_map_without_a_core_or_with_extras_per_layer_cannot_be_changed(text):
    with pytest.raises(ConfigError, match="must stay"):
        plan(text).execution["decoder"].layers(3)


def test_lora_lies_on_every_linear_component_of_every_layer_or_on_those_named():
    assert len(plan("all,lora=2").lora) == 6 * 6
    assert {site.component for site, _rank in plan("lora.attention=2,lora.q=3").lora} == {"q", "k", "v", "o"}
    assert plan("lora.attention=2,lora.q=3").lora_ranks()[Site("decoder", 0, "q")] == 3
    assert Site("decoder", 1, "k") not in plan("kv_source=every:2,lora=2").lora_ranks()


def test_painting_a_cell_keeps_what_stands_beside_the_map():
    painted = repaint("all,lora=4,kv_source=every:2", STACKS, [Site("decoder", 5, "o")], 1)
    assert parse_strategy(painted).extras.lora == (("", 4),)
    assert parse_strategy(painted).reuse
    assert parse_strategy(painted).layer_slots(STACKS)["decoder", "o"] == (0, 0, 0, 0, 0, 1)


def test_painting_a_tied_cell_unties_its_row_alone():
    painted = parse_strategy(repaint("all,k=@q,v=@q", STACKS, [Site("decoder", 5, "k")], 1))
    assert painted.pools(STACKS) == {"decoder.v": "decoder.q"}
    assert painted.layer_slots(STACKS)["decoder", "k"] == (0, 0, 0, 0, 0, 1)


def test_painting_beside_a_loop_keeps_its_core():
    painted = repaint("loop:2/1/1,inject=add", STACKS, [Site("decoder", 0, "q")], 0)
    assert painted == "loop:2/1/1,inject=add"


@pytest.mark.parametrize("text", ["loop:2/2/2,inject=add", "middle_cycle:6,train_loops=1-3"])
def test_painting_a_cell_as_it_is_changes_nothing(text):
    assert repaint(text, STACKS, [Site("decoder", 3, "q")], 3) == text


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8))
def test_a_reuse_that_is_accepted_reads_only_earlier_layers_that_compute_their_own(sources):
    try:
        found = Reuse("decoder", len(sources), tuple(sources))
    except ConfigError:
        assert any(source > layer or sources[source] != source for layer, source in enumerate(sources))
        return
    for layer in found.consumers("kv_source"):
        source = found.source("kv_source", layer)
        assert source < layer
        assert source not in found.consumers("kv_source")


def test_a_map_with_ties_and_absent_sites_survives_plain_data():
    mapping = plan("q=all,k=@q,kv_source=every:2").map
    assert SharingMap.from_dict(mapping.as_dict()) == mapping


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("cycle:3", (0, 1, 2, 0, 1, 2)),
        ("attention_source=0-0-2-2-4-5", (0, 0, 1, 1, 2, 3)),
        ("q=all,kv_source=every:2", (0, 0, 1, 1, 2, 2)),
        ("all,kv_source=every:2", (0, 0, 0, 0, 0, 0)),
        ("all,lora.q=2", (0, 1, 2, 3, 4, 5)),
        ("all,lora.v=2", (0, 0, 0, 0, 0, 0)),
        ("q=all,kv_source=every:2,lora.k=2", (0, 0, 1, 1, 2, 2)),
    ],
)
def test_layers_look_with_the_same_weights_when_what_they_read_was_computed_with_them(text, groups):
    assert plan(text).groups("decoder", ("q", "k")) == groups
