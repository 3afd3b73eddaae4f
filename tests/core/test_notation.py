"""Editing a sharing map by hand gives a strategy that means exactly what was painted."""

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.errors import ConfigError
from clps_core.sharing import Site, parse_strategy
from clps_core.sharing.notation import repaint, write_strategy

ATTENTION = ("q", "k", "v", "o", "norm_attn")
FFN = ("ffn_in", "ffn_out", "norm_ffn")
CROSS = ("cross_q", "cross_k", "cross_v", "cross_o", "norm_cross")
DECODER = {"decoder": (6, (*ATTENTION, *FFN))}
BOTH = {"encoder": (4, (*ATTENTION, *FFN)), "decoder": (6, (*ATTENTION, *CROSS, *FFN))}


def canonical(row):
    seen = {}
    return tuple(seen.setdefault(slot, len(seen)) for slot in row)


def slots(text, stacks):
    return {key: canonical(row) for key, row in parse_strategy(text).layer_slots(stacks).items()}


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "all",
        "attention_only",
        "ffn_only",
        "cycle",
        "cycle:2",
        "sequence:2",
        "all,norms=own",
        "none,ffn=all",
        "0-1-1-0-2-3",
    ],
)
def test_a_named_strategy_is_written_as_briefly_as_a_person_would(text):
    written = write_strategy(DECODER, slots(text, DECODER), parse_strategy(text).norms)
    assert slots(written, DECODER) == slots(text, DECODER)
    assert len(written) <= len(text)


def test_painting_one_site_changes_that_row_and_nothing_else():
    after = repaint("all", BOTH, [Site("decoder", 2, "q")], 1)
    assert after == "all,decoder.q=0-0-1-0-0-0"
    before, now = slots("all", BOTH), slots(after, BOTH)
    assert now.pop(("decoder", "q")) == (0, 0, 1, 0, 0, 0)
    before.pop(("decoder", "q"))
    assert now == before


def test_painting_back_gives_the_name_back():
    there = repaint("cycle:3", DECODER, [Site("decoder", 5, "ffn_in")], 0)
    assert there == "cycle:3,decoder.ffn_in=0-1-2-0-1-0"
    assert repaint(there, DECODER, [Site("decoder", 5, "ffn_in")], 2) == "cycle"


def test_painting_keeps_the_rule_that_was_there_where_others_mean_the_same():
    stacks = {"decoder": (4, (*ATTENTION, *FFN))}
    after = repaint("sandwich", stacks, [Site("decoder", 1, "q")], 0)
    assert after == "sandwich,decoder.q=grouped:3"
    assert slots(after, stacks)["decoder", "q"] == (0, 0, 1, 2)


def test_norms_follow_what_is_painted_unless_they_are_painted_themselves():
    followed = slots(repaint("all", DECODER, [Site("decoder", 5, "o")], 1), DECODER)
    assert followed["decoder", "norm_attn"] == (0, 0, 0, 0, 0, 1)
    own = slots(repaint("all", DECODER, [Site("decoder", 5, "norm_attn")], 1), DECODER)
    assert own["decoder", "norm_attn"] == (0, 0, 0, 0, 0, 1)
    assert own["decoder", "o"] == (0,) * 6


@pytest.mark.parametrize(
    "site", [Site("decoder", 6, "q"), Site("decoder", -1, "q"), Site("encoder", 0, "q"), Site("decoder", 0, "x")]
)
def test_a_site_that_does_not_exist_is_refused(site):
    with pytest.raises(ConfigError, match="must name a layer and a component of the model"):
        repaint("all", DECODER, [site], 0)


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_whatever_is_painted_reads_back_as_the_same_slots(data):
    rows = {
        (stack, component): canonical(data.draw(st.lists(st.integers(0, 3), min_size=layers, max_size=layers)))
        for stack, (layers, components) in BOTH.items()
        for component in components
    }
    shared = data.draw(st.sampled_from(["attention", "nothing", "everything"]))
    for key in rows:
        if shared == "everything" or (shared == "attention" and key[1] in ATTENTION):
            rows[key] = canonical([0] * BOTH[key[0]][0])
    norms = data.draw(st.sampled_from(["follow", "own", "shared"]))
    written = write_strategy(BOTH, rows, norms)
    assert slots(written, BOTH) == rows
    assert parse_strategy(written).text == written
