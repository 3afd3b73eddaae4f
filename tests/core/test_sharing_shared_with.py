"""Who else uses a layer's weights, against brute force on the map of any design."""

from __future__ import annotations

from example_counts import examples
from hypothesis import given, settings
from random_designs import designs, kinds, weight

from clps_core.config import build_config, resolve, sharing_plan
from clps_core.sharing.shared_with import KIND_SITES, shared_with, tied_kinds


@settings(max_examples=examples(60))
@given(designs(beside=True))
def test_other_uses_of_a_layers_weights_are_those_that_the_map_has(design) -> None:
    plan = sharing_plan(*design)
    everything = [(site, slot) for site, slot in plan.map.items() if slot is not None]
    for kind in kinds(plan):
        stack, components = KIND_SITES[kind]
        for layer in range(plan.map.num_layers(stack)):
            found = shared_with(plan, stack, layer, kind)
            for component in components:
                own = weight(plan, stack, layer, component)
                brute = tuple(site for site, slot in everything if slot == own and site != (stack, layer, component))
                assert found[component] == brute


def test_a_layer_that_reads_through_another_counts_with_the_weights_at_the_end_of_the_chain() -> None:
    strategy = "kv_source=0-0-2-2-4-5,attention_source=0-1-2-3-1-3"
    partial = {"data": {"task": "python-docs"}, "model": {"num_layers": 6}, "sharing": {"strategy": strategy}}
    config = resolve(build_config(partial)).config
    plan = sharing_plan(config.model, config.sharing)
    assert [plan.computed_by("decoder", layer, "k") for layer in range(6)] == [0, 0, 2, 2, 0, 2]
    assert plan.groups("decoder", ("q", "k")) == (0, 1, 2, 3, 1, 3)
    assert plan.groups("decoder", ("k",)) == (0, 0, 1, 1, 0, 1)


def test_layers_of_other_kinds_that_look_with_the_same_weights_are_found() -> None:
    def tied(strategy: str, kind: str):
        partial = {"data": {"task": "dates"}, "model": {"num_layers": 3}, "sharing": {"strategy": strategy}}
        config = resolve(build_config(partial)).config
        return tied_kinds(sharing_plan(config.model, config.sharing), kind, KIND_SITES)

    assert tied("none", "decoder") == ({}, {}, {})
    assert tied("none,decoder=@encoder", "decoder") == ({"encoder": (0,)}, {"encoder": (1,)}, {"encoder": (2,)})
    assert (
        tied("attention=all,ffn=none,decoder.q=@encoder,decoder.k=@encoder", "encoder") == ({"decoder": (0, 1, 2)},) * 3
    )
    assert tied("none,decoder.q=@encoder", "decoder") == ({}, {}, {}), "keys of its own"
    assert tied("none,decoder=@encoder,lora=2", "decoder") == ({}, {}, {}), "LoRA adds something of its own"
