"""Two designs are compared by which sites share one weight; what slots are numbered is no difference."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.sharing import Site
from clps_core.sharing.difference import compare_plans, difference_sentences

SIZES = {"d_model": 16, "d_ff": 24, "num_heads": 2, "vocab_size": 32, "max_positions": 16}


def plan(strategy, family="decoder", layers=4, **model):
    config = ModelConfig(**{**SIZES, "family": family, "num_layers": layers, **model})
    return sharing_plan(config, SharingConfig(strategy=strategy))


def compared(one, other):
    return compare_plans(plan(one), plan(other))


def said(first, second):
    return " ".join(difference_sentences(compare_plans(first, second), (first, second), ("A", "B")))


@pytest.mark.parametrize(
    ("one", "other"), [("0-1-0-1", "cycle:2"), ("5-5-9-9", "0-0-1-1"), ("all", "7-7-7-7"), ("none", "3-2-1-0")]
)
def test_numbers_of_slots_are_only_names(one, other):
    found = compared(one, other)
    assert found.same_map
    assert not found.sharing


def test_a_site_differs_where_other_sites_use_its_weight():
    found = compared("q=0-0-1-2", "q=0-0-0-1")
    assert found.sharing == {Site("decoder", layer, "q") for layer in (0, 1, 2)}
    assert found.mark(0, Site("decoder", 1, "q")) == "sharing"
    assert found.mark(0, Site("decoder", 3, "q")) == found.mark(1, Site("decoder", 0, "k")) == ""
    assert "Of 32 sites that both designs have, 3 share their weights differently." in said(
        plan("q=0-0-1-2"), plan("q=0-0-0-1")
    )


def test_a_tie_of_two_components_is_a_difference_of_both():
    found = compared("none", "k=@q")
    assert found.sharing == {Site("decoder", layer, part) for layer in range(4) for part in ("q", "k")}


def test_more_layers_of_the_same_weights_are_told_as_layers_and_change_no_common_site():
    first, second = plan("all"), plan("all", layers=6, d_model=32)
    found = compare_plans(first, second)
    assert not found.sharing
    assert not found.only[0]
    assert {site.layer for site in found.only[1]} == {4, 5}
    assert said(first, second) == (
        "The sites that both designs have are shared in the same way. Only B has the layers 4, 5 of the decoder."
    )
    assert "Only A has the layers 4, 5 of the decoder." in said(second, first)


def test_other_families_have_a_stack_in_common_or_none():
    encoder, decoder, both = (plan("all", family) for family in ("encoder", "decoder", "encoder_decoder"))
    assert compare_plans(encoder, decoder).common == 0
    assert "no stack in common" in said(encoder, decoder)
    text = said(decoder, both)
    assert "Only B has an encoder." in text
    assert "Only B has decoder.cross_q" in text


def test_reading_another_layer_is_told_apart_from_sharing():
    found = compared("none", "kv_source=every:2")
    assert found.reading == {Site("decoder", layer, part) for layer in (1, 3) for part in ("k", "v")}
    assert not found.sharing
    assert compared("kv_source=0-0-2-2", "kv_source=0-0-2-0").reading == {
        Site("decoder", 3, part) for part in ("k", "v")
    }


def test_what_stands_beside_the_map_is_told():
    assert compared("cycle:2", "0-1-0-1").beside == ("core",)
    loose = compared("all", "all,lora.q=2,depth_embedding=learned")
    assert loose.same_map
    assert loose.lora == {Site("decoder", layer, "q") for layer in range(4)}
    assert loose.beside == ("depth_embedding", "core")
    assert "LoRA differs at 4 sites." in said(plan("all"), plan("all,lora.q=2"))


maps = some.lists(some.integers(0, 3), min_size=4, max_size=4).map(lambda row: "-".join(map(str, row)))


@settings(max_examples=40, deadline=None)
@given(one=maps, other=maps, row=maps)
def test_the_definition_holds_for_every_pair_of_maps(one, other, row):
    first, second = plan(f"{one},k={row}"), plan(other)
    found, back = compare_plans(first, second), compare_plans(second, first)
    assert (found.sharing, found.only) == (back.sharing, back.only[::-1])
    assert compare_plans(first, first).same_map
    for site, slot in first.map.items():
        differs = any(
            (slot == first.map.slot(*other)) != (second.map.slot(*site) == second.map.slot(*other))
            for other, _slot in first.map.items()
        )
        assert (site in found.sharing) == differs
