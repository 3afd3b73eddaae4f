"""What the browser draws of a design is what the design is."""

import pytest

from app.design.designs import component_sizes, cost
from app.design.drawn import drawn_stacks, legend, slot_numbers
from app.design.origins import origins
from app.design.sharing_map import map_payload
from clps_core.config import ModelConfig

PAIR = ModelConfig(family="encoder_decoder", num_layers=4, vocab_size=32, max_positions=16)
TEXT = ModelConfig(family="decoder", num_layers=6, vocab_size=32, max_positions=16)


def stacks(model, strategy):
    return {one["name"]: one for one in drawn_stacks(cost(model, strategy).plan, component_sizes(model))}


def row(stack, component):
    return next(one for one in stack["rows"] if one["component"] == component)


def marks(model, strategy):
    return [one["mark"] for one in legend(cost(model, strategy).plan)]


def test_tied_rows_have_the_letters_and_the_group_of_the_row_they_are_tied_to():
    stack = stacks(TEXT, "cycle:2,k=@q")["decoder"]
    assert row(stack, "k")["slots"] == row(stack, "q")["slots"] == [0, 1, 0, 1, 0, 1]
    assert row(stack, "k")["group"] == row(stack, "q")["group"] == "decoder.q"
    assert row(stack, "k")["tie"] == "= Q"
    assert row(stack, "v")["tie"] == ""
    both = stacks(PAIR, "decoder=@encoder")
    assert row(both["decoder"], "ffn_in")["group"] == "encoder.ffn_in"
    assert row(both["decoder"], "ffn_in")["tie"] == "= encoder"
    assert row(both["decoder"], "cross_q")["tie"] == ""


def test_one_letter_within_tied_rows_never_stands_for_two_weights():
    # The encoder's layers 1 and 3 have no K, so that those of the decoder's K are weights of its own.
    plan = cost(PAIR, "decoder=@encoder,encoder.kv_source=every:2").plan
    numbers, leader = slot_numbers(plan.map)
    found = {}
    for key, slots in plan.map.rows:
        for slot in filter(None, slots):
            assert found.setdefault((leader[key], numbers[slot]), slot) == slot
    assert leader["decoder", "k"] == ("encoder", "k")
    assert len({numbers[slot] for slot in plan.map.row("decoder", "k")}) == 4


def test_a_layer_that_reads_another_is_empty_there_and_names_it():
    stack = stacks(TEXT, "kv_source=0-1-0-1-4-4")["decoder"]
    assert row(stack, "k")["slots"] == [0, 1, None, None, 2, None]
    assert row(stack, "q")["slots"] == [0, 1, 2, 3, 4, 5]
    (read,) = stack["reads"]
    assert read["sources"] == [0, 1, 0, 1, 4, 4]
    assert read["components"] == ["k", "v"]
    # The wires of layers 0 and 1 would cross, so they lie below each other; that of layer 4 fits beside the first.
    assert read["lanes"] == [[{"from": 0, "to": [2]}, {"from": 4, "to": [5]}], [{"from": 1, "to": [3]}]]


def test_the_core_the_inputs_and_lora_are_marked_where_they_are():
    stack = stacks(TEXT, "loop:1/2/1,inject=add,lora.q=4,depth_embedding=learned")["decoder"]
    assert (stack["core"]["start"], stack["core"]["layers"], stack["core"]["loops"]) == (1, 2, 2)
    assert stack["input"] == [["learned"]] * 3 + [["learned", "inject"]] + [["learned"]] * 2
    assert (row(stack, "q")["lora"], row(stack, "k")["lora"]) == (4, 0)
    assert stacks(TEXT, "loop:1/2/1,inject=concat")["decoder"]["input"][1] == ["inject"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", []),
        ("cycle:4", []),
        ("all", ["core"]),
        ("kv_source=every:2", ["absent"]),
        ("k=@q,layer_scale=own", ["tie", "scale"]),
        ("loop:1/2/1,lora=2,depth_embedding=sinusoidal,inject=add", ["core", "lora", "depth", "inject"]),
    ],
)
def test_the_legend_lists_what_is_there_and_nothing_else(strategy, expected):
    assert marks(TEXT, strategy) == expected


def test_every_slot_of_sixty_layers_has_a_letter():
    origin = origins()["mobilellm-ls-125m"].designs
    model = origin.base.model
    payload = map_payload([cost(model, "none")], 0, component_sizes(model))
    slots = payload["designs"][0]["stacks"][0]["rows"][0]["slots"]
    assert [payload["looks"][slot]["letter"] for slot in (0, 25, 26, 59)] == ["A", "Z", "AA", "BH"]
    assert len(slots) == 60
