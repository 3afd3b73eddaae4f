"""The map is a partition of sites: canonical, plain, comparable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clps_core.config import ModelConfig, SharingConfig, sharing_map
from clps_core.errors import ConfigError
from clps_core.shapes import block_shapes
from clps_core.sharing import Block, SharingMap, Site, Slot, build_map

PAIR = ModelConfig(family="encoder_decoder", num_layers=6, num_decoder_layers=6, d_model=8, num_heads=2, vocab_size=5)


def blocks_of(model):
    layers = {"encoder": model.num_layers, "decoder": model.decoder_layers}
    return {stack: Block(layers[stack], block_shapes(model, stack)) for stack in layers}


def map_of(strategy, model=PAIR):
    return sharing_map(model, SharingConfig(strategy=strategy))


def row(mapping, stack, component):
    return [None if slot is None else slot.index for slot in mapping.row(stack, component)]


@st.composite
def free_maps(draw):
    """Any integers for any component, with ties and absent sites."""
    model = PAIR.model_copy(
        update={"num_layers": draw(st.integers(1, 5)), "num_decoder_layers": draw(st.integers(1, 5))}
    )
    blocks = blocks_of(model)
    slots = {
        (stack, component): draw(st.lists(st.integers(0, 9), min_size=block.num_layers, max_size=block.num_layers))
        for stack, block in blocks.items()
        for component in block.shapes
    }
    ties = draw(
        st.sampled_from(
            [{}, {"encoder.k": "encoder.q"}, {"decoder.q": "encoder.q", "decoder.ffn_in": "encoder.ffn_in"}]
        )
    )
    sites = [Site(stack, layer, "k") for stack, block in blocks.items() for layer in range(block.num_layers)]
    absent = frozenset(draw(st.sets(st.sampled_from(sites))))
    return blocks, slots, ties, absent


@given(free_maps(), st.permutations(range(10)))
def test_names_of_slots_do_not_matter_only_the_partition(free, renamed):
    blocks, slots, ties, absent = free
    mapping = build_map(blocks, slots, ties=ties, absent=absent)
    # One renaming for all rows, so that rows tied into one pool stay together.
    other = build_map(blocks, {key: [renamed[n] for n in row] for key, row in slots.items()}, ties=ties, absent=absent)
    assert mapping == other
    assert mapping.digest == other.digest
    assert hash(mapping) == hash(other)


@given(free_maps())
def test_slots_are_numbered_by_first_use(free):
    blocks, slots, ties, absent = free
    seen = {}
    for _site, slot in build_map(blocks, slots, ties=ties, absent=absent).items():
        if slot is not None:
            numbers = seen.setdefault(slot.pool, [])
            assert slot.index in numbers or slot.index == len(numbers)
            if slot.index not in numbers:
                numbers.append(slot.index)


@given(free_maps())
def test_a_map_survives_json_and_stays_itself(free):
    blocks, slots, ties, absent = free
    mapping = build_map(blocks, slots, ties=ties, absent=absent)
    again = SharingMap.from_dict(json.loads(json.dumps(mapping.as_dict())))
    assert again == mapping
    assert again.digest == mapping.digest


@given(free_maps())
def test_slots_partition_the_sites_that_are_present(free):
    blocks, slots, ties, absent = free
    mapping = build_map(blocks, slots, ties=ties, absent=absent)
    listed = [site for slot in mapping.slots for site in mapping.sites(slot)]
    assert len(listed) == len(set(listed))
    assert set(listed) == {site for site, slot in mapping.items() if slot is not None}
    assert absent == {site for site, slot in mapping.items() if slot is None}
    assert all(mapping.slot(*site) == slot for slot in mapping.slots for site in mapping.sites(slot))


def test_different_partitions_have_different_digests():
    texts = ["none", "all", "cycle:3", "cycle_rev:3", "grouped:3", "attention_only", "ffn_only", "all,norms=own"]
    assert len({map_of(text).digest for text in texts}) == len(texts)
    assert map_of("grouped:3").digest == map_of("sequence:3").digest == map_of("7-7-1-1-9-9").digest


@pytest.mark.parametrize(
    ("strategy", "attention", "ffn", "norm_attn", "norm_ffn"),
    [
        ("attention_only", "000000", "012345", "000000", "012345"),  # ALBERT's ablations: norms follow their block
        ("ffn_only", "012345", "000000", "012345", "000000"),
        ("0-1-1-1-1-2,norms=own", "011112", "011112", "012345", "012345"),  # Subformer: norms are not shared
        ("none,norms=shared", "012345", "012345", "000000", "000000"),
        ("none,ffn=all,norms=own", "012345", "000000", "012345", "012345"),  # one FFN for all
        ("cycle_rev:3", "012210", "012210", "012210", "012210"),
        ("all,norm_ffn=cycle:2", "000000", "000000", "000000", "010101"),
    ],
)
def test_strategies_paint_the_components_they_name(strategy, attention, ffn, norm_attn, norm_ffn):
    mapping = map_of(strategy)
    expected = {
        "q": attention,
        "o": attention,
        "ffn_in": ffn,
        "ffn_out": ffn,
        "norm_attn": norm_attn,
        "norm_ffn": norm_ffn,
    }
    for stack in ("encoder", "decoder"):
        got = {component: "".join(map(str, row(mapping, stack, component))) for component in expected}
        assert got == expected


def test_a_more_specific_target_wins_whatever_the_order():
    mapping = map_of("none,decoder.q=all,q=cycle:2,attention=cycle:3")
    assert row(mapping, "decoder", "q") == [0] * 6
    assert row(mapping, "encoder", "q") == [0, 1] * 3
    assert row(mapping, "encoder", "k") == [0, 1, 2] * 2
    assert row(mapping, "decoder", "cross_q") == list(range(6))
    assert map_of("attention=cycle:3,q=cycle:2,decoder.q=all,none") == mapping


def test_one_sublayer_can_differ_between_the_stacks():
    mapping = map_of("none,decoder.ffn=all")
    assert row(mapping, "decoder", "ffn_out") == [0] * 6
    assert row(mapping, "encoder", "ffn_out") == list(range(6))
    assert row(mapping, "decoder", "norm_ffn") == [0] * 6


def test_middle_cycle_gives_the_last_layer_a_slot_of_its_own():
    """L=8, R=2 of Mixture-of-Recursions, as integers: a known port makes layers 3 and 7 collide."""
    model = PAIR.model_copy(update={"num_layers": 8, "num_decoder_layers": 8})
    mapping = map_of("0-1-2-3-1-2-3-4", model)
    last = mapping.slot("encoder", 7, "q")
    assert mapping.sites(last) == (Site("encoder", 7, "q"),)
    assert mapping.layer_groups("encoder") == (0, 1, 2, 3, 1, 2, 3, 4)


def test_layers_of_one_group_use_the_same_slots():
    mapping = map_of("attention_only")
    assert mapping.layer_groups("encoder") == tuple(range(6))
    assert mapping.layer_groups("encoder", ["q", "k", "v", "o"]) == (0,) * 6
    assert map_of("cycle:2").layer_groups("decoder") == (0, 1, 0, 1, 0, 1)


def test_ties_merge_pools_across_components_and_stacks():
    blocks = blocks_of(PAIR)
    slots = {(stack, part): range(6) for stack in blocks for part in blocks[stack].shapes}
    mapping = build_map(
        blocks, slots, ties={"encoder.k": "encoder.q", "decoder.v": "decoder.k", "decoder.k": "encoder.q"}
    )
    assert mapping.slot("encoder", 2, "k") == mapping.slot("encoder", 2, "q") == mapping.slot("decoder", 2, "v")
    assert mapping.sites(Slot("encoder.q", 0)) == (
        Site("encoder", 0, "q"), Site("encoder", 0, "k"), Site("decoder", 0, "k"), Site("decoder", 0, "v"),
    )  # fmt: skip


def test_unequal_shapes_in_one_slot_are_refused_by_layer_and_component():
    model = PAIR.model_copy(update={"num_kv_heads": 1})
    blocks = blocks_of(model)
    slots = {(stack, part): range(6) for stack in blocks for part in blocks[stack].shapes}
    with pytest.raises(ConfigError, match=r"q of encoder layer 0 has .*8, 8.*, k of encoder layer 0 has .*4, 8"):
        build_map(blocks, slots, ties={"encoder.k": "encoder.q"})


@pytest.mark.parametrize(
    ("ties", "slots", "sentence"),
    [
        ({"encoder.q": "encoder.k", "encoder.k": "encoder.q"}, {}, "ties must not form a circle"),
        ({"encoder.q": "encoder.q"}, {}, "ties must not form a circle"),
        ({}, {("decoder", "q"): [0, 0]}, "decoder q must name one slot for each of the 6 layers. Got 2 slots"),
        ({}, {("encoder", "o"): [0, 0, 0, -1, 0, 0]}, "Got -1 for encoder o of layer 3"),
    ],
)
def test_maps_that_cannot_be_are_refused(ties, slots, sentence):
    blocks = blocks_of(PAIR)
    full = {(stack, part): range(6) for stack in blocks for part in blocks[stack].shapes} | slots
    with pytest.raises(ConfigError) as caught:
        build_map(blocks, full, ties=ties)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {"encoder.q": [0, "x"]},
        {"encoder.q": [0, "encoder.q:²"]},
        {"encoder.q": [0, True]},
        {"encoder.q": [0, 1.5]},
        {"encoder.q": [0, [1]]},
        {"encoder.q": [0, -1]},
        {"encoder.q": 5},
        {"encoder.q": "01"},
        {"q": [0]},
        {".": [0]},
        {"encoder.q": [0, 0], "encoder.k": [0]},
    ],
)
def test_data_that_is_no_map_is_refused(data):
    with pytest.raises(ConfigError):
        SharingMap.from_dict(data)
