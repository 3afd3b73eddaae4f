"""What is said of sharing is what the map says: any design, any layer, any kind of attention, by brute force."""

from __future__ import annotations

from itertools import combinations

import pytest
from example_counts import examples
from hypothesis import given, settings
from random_designs import designs, kinds, weight

from app.design.sharing_sentences import compared_sentence, sharing_sentences
from clps_core.config import build_config, resolve, sharing_plan
from clps_core.numbers import layer_list
from clps_core.sharing import SharingPlan
from clps_core.sharing.shared_with import KIND_SITES, AttentionSharing


def of(strategy: str) -> SharingPlan:
    partial = {"data": {"task": "dates"}, "model": {"num_layers": 4}, "sharing": {"strategy": strategy}}
    config = resolve(build_config(partial)).config
    return sharing_plan(config.model, config.sharing)


@settings(max_examples=examples(100))
@given(designs(beside=True))
def test_every_claim_of_the_sentences_holds_for_the_map(design) -> None:
    plan = sharing_plan(*design)
    used = [slot for _site, slot in plan.map.items() if slot is not None]
    for kind in kinds(plan):
        stack, components = KIND_SITES[kind]
        layers = range(plan.map.num_layers(stack))
        has = {layer: tuple(weight(plan, stack, layer, one) for one in components) for layer in layers}
        sharing = AttentionSharing(plan, kind)
        said = sharing_sentences(sharing)
        pairs = [(one, other) for one, other in combinations(layers, 2) if has[one] == has[other]]
        if len(layers) > 1:
            assert ("No two layers" in said) == (not pairs)
        assert ("No weights of this model are shared" not in said) or len(used) == len(set(used))
        outside = {
            slot
            for site, slot in plan.map.items()
            if slot is not None and (site.stack, site.component) not in {(stack, one) for one in components}
        }
        queries, keys = ({has[layer][place] for layer in layers} for place in (0, 1))
        assert (" also the " in said or " are also " in said) == bool((queries | keys) & outside or queries & keys)
        for place, part in enumerate(("query", "key")):
            alone = [
                (one, other)
                for one, other in combinations(layers, 2)
                if has[one][place] == has[other][place] and (one, other) not in pairs
            ]
            assert (f"Layers with the same {part} weights" in said) == bool(alone)
        compared = compared_sentence(sharing, layers)
        if len(layers) > 1:
            assert ("No two of these layers" in compared) == (not pairs)
            assert ("the very same" not in compared) or len(set(has.values())) == 1
            assert ("Not all of these" in compared) == (bool(pairs) and len(set(has.values())) > 1)


@pytest.mark.parametrize(
    ("strategy", "kind", "words"),
    [
        ("decoder=@encoder", "decoder", "query and key weights are also the encoder Q, K weights of the layer with"),
        ("decoder=@encoder", "encoder", "query and key weights are also the decoder Q, K weights of the layer with"),
        ("decoder=@encoder", "cross", "Shared elsewhere in this model: encoder attention, FFN; decoder attention, FFN"),
        ("k=@q", "decoder", "In each layer the query weights are also the K weights."),
        ("decoder.cross_q=@decoder.q", "cross", "In each layer the query weights are also the Q weights."),
        ("ffn=all", "encoder", "Shared elsewhere in this model: encoder FFN; decoder FFN."),
        ("q=all", "encoder", "Layers with the same query weights: 0, 1, 2, 3."),
        ("all,lora=2", "cross", "These layers use the same query and key weights: 0, 1, 2, 3. What LoRA adds differs."),
        ("cycle:2", "cross", "Layers with the same letter use the same query and key weights. A: 0, 2; B: 1, 3."),
        ("none", "cross", "No weights of this model are shared."),
    ],
)
def test_what_a_map_shares_is_said_wherever_it_is(strategy: str, kind: str, words: str) -> None:
    assert words in sharing_sentences(AttentionSharing(of(strategy), kind))


def test_many_neighbours_are_named_by_their_ends() -> None:
    assert layer_list([0, 1, 2, 3, 4, 7, 9, 10]) == "0-4, 7, 9, 10"
