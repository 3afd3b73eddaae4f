"""Every way of sharing has a card whose map and figures are the engine's own."""

import json
from math import prod

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig
from clps_core.errors import ConfigError
from clps_core.presets import PRESETS
from clps_core.schemes import (
    KINDS,
    SCHEMES,
    arithmetic,
    card,
    get_scheme,
    schemes_of,
    standard_model,
    strategy_of_scheme,
)
from clps_core.shapes import block_shapes, extra_shapes
from clps_core.sharing import Site
from clps_core.sharing.notation import repaint

WITHOUT_PAPER = {"qk-across-layers", "integers"}
ROWS_AT_6 = {
    "none": "012345",
    "albert-all": "000000",
    "albert-grouped": "001122",
    "takase-sequence": "001122",
    "takase-cycle": "012012",
    "takase-cycle-rev": "012210",
    "subformer": "011112",
    "mobilellm-ls": "001122",
    "mor-cycle": "012012",
    "mor-sequence": "001122",
    "mor-middle-cycle": "012123",
    "mor-middle-sequence": "011223",
    "universal-transformer": "000000",
    "relaxed-recursive": "012012",
    "minivit": "001122",
    "huginn": "012123",
}


def row(found, component, stack=None):
    return next(one for one in found.rows if one.component == component and stack in (None, one.stack))


@pytest.mark.parametrize(("name", "slots"), ROWS_AT_6.items())
def test_the_map_of_a_card_is_that_of_its_paper(name, slots):
    found = card(name, 6)
    for component in ("q", "k", "v", "o", "ffn_in", "ffn_out"):
        assert "".join(map(str, row(found, component).slots)) == slots


@pytest.mark.parametrize("name", SCHEMES)
def test_a_card_can_be_drawn_at_any_depth_and_is_counted_by_the_counter(name):
    for layers in (2, 5, 6, 12):
        found = card(name, layers)
        assert found.counts == count(found.model, SharingConfig(strategy=found.strategy))
        assert {len(one.slots) for one in found.rows} == {layers}
        assert found.executed_parameters >= found.unique_parameters


@pytest.mark.parametrize("name", SCHEMES)
def test_the_drawn_rows_alone_give_the_stored_parameters_of_the_layers(name):
    found = card(name)
    stored = {
        (one.tied_to or f"{one.stack}.{one.component}", slot): sum(
            prod(shape) for _tensor, shape in block_shapes(found.model, one.stack)[one.component]
        )
        for one in found.rows
        for slot in one.slots
        if slot is not None
    }
    extras = extra_shapes(found.model, found.plan).values()
    beside = sum(prod(shape) for extra in extras if extra.layer is not None for _tensor, shape in extra.shapes)
    layers = [layer for stack in found.counts.by_layer.values() for layer in stack]
    assert sum(stored.values()) + beside == sum(layer.new for layer in layers)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_card_says_everything_and_is_plain_data(name):
    scheme = SCHEMES[name]
    for words in (scheme.title, scheme.rule, scheme.shared, scheme.kept, scheme.saved, scheme.lost):
        assert words.strip()
    assert scheme.kind in KINDS
    assert bool(scheme.links or "doi" in scheme.source) == (name not in WITHOUT_PAPER)
    assert all(one.claim and one.source for one in scheme.evidence)
    plain = json.loads(json.dumps(card(name).as_dict()))
    assert plain["name"] == name
    assert plain["counts"]["unique_parameters"] == card(name).unique_parameters


def test_only_cards_without_a_published_comparison_lack_evidence():
    without = {name for name, scheme in SCHEMES.items() if not scheme.evidence}
    assert without == WITHOUT_PAPER | {"lora", "norms", "layer-scale", "depth-embedding"}


def test_reuse_and_loops_are_on_the_card():
    assert card("cla", 6).sources == {"decoder": {"kv_source": (0, 0, 2, 2, 4, 4)}}
    assert card("yoco", 6).sources == {"decoder": {"kv_source": (0, 1, 2, 3, 3, 3)}}
    assert row(card("cla", 6), "k").slots == (0, None, 1, None, 2, None)
    assert card("cla", 6).kv_cache_bytes_per_token * 2 == card("none", 6).kv_cache_bytes_per_token
    assert set(card("san", 6).sources) == {"encoder", "decoder"}
    assert card("huginn", 6).cores == {"decoder": (1, 2, 1)}
    assert card("none", 6).sources == card("none", 6).cores == {}


def test_tied_rows_are_numbered_together():
    shared = card("shared-qk", 3)
    assert row(shared, "k").slots == row(shared, "q").slots == (0, 1, 2)
    assert (row(shared, "k").tied_to, row(shared, "q").tied_to) == ("decoder.q", None)
    tied = card("tied-transformers", 3)
    assert row(tied, "ffn_in", "decoder").tied_to == "encoder.ffn_in"
    assert row(tied, "cross_q").tied_to is None


def test_a_card_takes_the_readers_model_and_options():
    model = ModelConfig(family="decoder", num_layers=4, d_model=16, d_ff=32, num_heads=2, vocab_size=11)
    found = card("takase-cycle", 8, model, strategy="cycle:2")
    assert found.model.num_layers == 8
    assert row(found, "q").slots == (0, 1) * 4
    assert found.baseline == count(found.model, SharingConfig(strategy="none"))
    with pytest.raises(ConfigError, match="Got decoder=@encoder"):
        card("tied-transformers", 4, model)


def test_the_factorised_embedding_saves_outside_the_layers():
    found = card("factorised-embedding")
    sizes = found.model
    assert found.saved_parameters == sizes.vocab_size * (512 - 128) - 512 * 128 - 512
    assert 0.7 < found.saved_share < 0.8


def test_an_unknown_scheme_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"albert-all.*Got 'albert'"):
        get_scheme("albert")


def names_of(text, family="encoder_decoder", layers=6):
    return {scheme.name for scheme in schemes_of(text, standard_model(family, layers))}


@pytest.mark.parametrize("name", SCHEMES)
def test_a_schemes_own_design_uses_its_own_card(name):
    found = card(name, 6)
    assert name in [scheme.name for scheme in schemes_of(found.strategy, found.model)]


SEQUENCE = {"albert-grouped", "takase-sequence", "mobilellm-ls", "mor-sequence"}
"""At an even depth and half of it stored, all of these are one map."""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", {"none"}),
        ("0-1-2-3-4-5", {"none"}),
        ("5-5-5-5-5-5", {"albert-all"}),
        ("sequence:1", {"albert-all"}),
        ("cycle:6,norms=own", {"none"}),
        ("0-1-2-2-1-0", {"takase-cycle-rev"}),
        ("0-0-1-1-2-2", SEQUENCE),
        ("sequence:2", SEQUENCE - {"mobilellm-ls"}),
        ("grouped:4", {"albert-grouped"}),
        ("cycle:4", {"takase-cycle"}),
        ("0-1-0-2-3-4", {"integers"}),
        ("attention=all,ffn=cycle:3", {"integers"}),
        ("all,encoder.q=0-0-0-0-0-1,decoder.q=0-0-0-0-0-1", {"integers"}),
        ("all,decoder.q=0-0-0-0-0-1", {"albert-all", "integers"}),
        ("all,norm_ffn=0-0-0-1-1-1", {"integers"}),
        ("encoder.ffn=all", {"ffn-only", "one-wide-ffn"}),
        ("q=all,k=@q", {"shared-qk", "qk-across-layers"}),
        ("q=all,k=all", {"qk-across-layers"}),
        ("v=all", {"integers"}),
        ("sandwich", {"sandwich"}),
        ("sandwich,norms=own", {"subformer", "norms"}),
        ("loop:2/2/0", {"loop"}),
        ("kv_source=0-1-2-2-2-2", {"yoco"}),
        ("kv_source=0-0-2-3-3-3", {"integers"}),
        ("decoder.kv_source=0-0-2-2-4-4", {"cla"}),
        ("decoder=@encoder", {"tied-transformers"}),
        ("decoder.ffn=@encoder", {"integers"}),
        ("all,norms=shared,lora.q=2", {"albert-all", "lora"}),
        ("cycle:3,lora.q=2", {"takase-cycle", "mor-cycle", "lora"}),
        ("cycle:3,lora=2", {"takase-cycle", "mor-cycle", "lora", "relaxed-recursive"}),
        ("loop:1/2/1,inject=add,train_loops=1-4", {"mor-middle-cycle", "input-injection", "random-loops"}),
        ("loop:1/1/1,inject=concat", {"sandwich", "huginn", "input-injection"}),
    ],
)
def test_a_design_is_explained_by_the_cards_whose_map_it_has(text, names):
    assert names_of(text) == names


def every_row(found, good):
    """Whether in some stack all rows that are no norm are ``good``."""
    rows = {}
    for one in found.rows:
        if not one.component.startswith("norm"):
            rows.setdefault(one.stack, []).append(one)
    return any(all(good(one) for one in members) for members in rows.values())


def parts(*shared):
    return lambda one: len(set(one.slots)) == (1 if one.component in shared else len(one.slots))


MEANING = {
    "albert-all": lambda one: len(set(one.slots)) == 1,
    "takase-cycle": lambda one: all(a == layer % len(set(one.slots)) for layer, a in enumerate(one.slots)),
    "mor-cycle": lambda one: len(one.slots) % len(set(one.slots)) == 0,
    "takase-sequence": lambda one: list(one.slots) == sorted(one.slots),
    "mobilellm-ls": lambda one: all(slot == layer // 2 for layer, slot in enumerate(one.slots)),
    "subformer": lambda one: len(set(one.slots)) == 3 and one.slots.count(one.slots[1]) == len(one.slots) - 2,
    "attention-only": parts("q", "k", "v", "o", "cross_q", "cross_k", "cross_v", "cross_o"),
    "ffn-only": parts("ffn_in", "ffn_gate", "ffn_out"),
    "one-wide-ffn": parts("ffn_in", "ffn_gate", "ffn_out"),
    "qk-across-layers": parts("q", "k"),
}
"""Card -> what each row of a stack that has it looks like, said again without the notation."""


def holds_what_it_claims(model, text):
    found = card("none", model=model, strategy=text)
    # Rows that share with another row count on together, so they are not read off here.
    if any(one.tied_to or None in one.slots for one in found.rows):
        return
    for scheme in schemes_of(text, model):
        if scheme.name in MEANING:
            assert every_row(found, MEANING[scheme.name]), (text, scheme.name)


@pytest.mark.parametrize("name", PRESETS)
def test_a_papers_design_uses_what_it_claims_and_claims_something(name):
    preset = PRESETS[name]
    assert schemes_of(preset.sharing.strategy, preset.model)
    holds_what_it_claims(preset.model, preset.sharing.strategy)


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(["all", "cycle:2", "ffn_only", "sequence:2,norms=own", "sandwich"]), st.data())
def test_a_painted_design_claims_only_what_it_still_uses(text, data):
    model = standard_model("encoder", 4)
    stacks = {"encoder": (4, tuple(block_shapes(model, "encoder")))}
    for _edit in range(data.draw(st.integers(1, 6))):
        component = data.draw(st.sampled_from(stacks["encoder"][1]))
        site = Site("encoder", data.draw(st.integers(0, 3)), component)
        text = repaint(text, stacks, [site], data.draw(st.integers(0, 4)))
    holds_what_it_claims(model, text)


def test_the_name_of_a_scheme_stands_for_its_strategy():
    assert strategy_of_scheme("albert-all") == "all"
    assert strategy_of_scheme("subformer,lora=4") == "sandwich,norms=own,lora=4"
    assert strategy_of_scheme("cycle:3") == "cycle:3"
    for name, sentence in (("factorised-embedding", "--set model.embedding_size=128"), ("integers", "0-1-1-0")):
        with pytest.raises(ConfigError, match=sentence):
            strategy_of_scheme(name)


def test_the_arithmetic_of_the_example_is_set_right():
    found = arithmetic()
    printed, formula, right = found.claims
    assert (printed.without_sharing, printed.with_sharing) == (25_080_832, 4_194_304)
    assert (formula.without_sharing, formula.with_sharing) == (15_728_640, 2_621_440)
    assert (right.without_sharing, right.with_sharing) == (18_874_368, 3_145_728)
    assert [claim.right for claim in found.claims] == [False, False, True]
    assert [bool(claim.why) for claim in found.claims] == [True, True, False]
    assert "which is 15,728,640" in printed.why
    assert right.text.startswith("L (4 d^2 + 2 d d_ff): ")
    bare = standard_model("encoder").model_copy(update={"bias": False, "norm": "rmsnorm"})
    for strategy, expected in (("none", right.without_sharing), ("all", right.with_sharing)):
        parts = count(bare, SharingConfig(strategy=strategy)).by_component
        assert sum(parts[name].unique for name in ("q", "k", "v", "o", "ffn_in", "ffn_out")) == expected


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder_decoder"])
@pytest.mark.parametrize(
    "sizes", [{}, {"activation": "swiglu", "num_kv_heads": 2}, {"head_dim": 8}, {"num_kv_heads": 1}]
)
def test_the_right_formula_that_is_shown_gives_the_weights_of_the_layers(family, sizes):
    model = ModelConfig(family=family, num_layers=3, d_model=16, d_ff=24, num_heads=4, vocab_size=11, **sizes)
    found = arithmetic(model)
    formula, *widths = found.right.text.partition(":")[0].split(", ")
    values = {"L": 3, "L_enc": 3, "L_dec": 3, "d": 16, "d_ff": 24}
    values |= {name: int(width) for name, width in (one.split(" = ") for one in widths)}
    python = formula.replace("^", "**").replace(" + ", "+").replace("(", "( ").replace(" ", "*").replace("(*", "(")
    assert eval(python.replace("+", " + "), {}, values) == found.right.without_sharing
    wrong = next(claim for claim in found.claims if not claim.right)
    assert ("cross-attention" in wrong.why) == (family == "encoder_decoder")
    assert ("three matrices" in wrong.why) == ("activation" in sizes)


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder_decoder"])
@pytest.mark.parametrize("sizes", [{}, {"activation": "swiglu", "num_kv_heads": 2, "bias": False, "norm": "rmsnorm"}])
def test_the_arithmetic_accounts_for_every_stored_number(family, sizes):
    model = ModelConfig(
        family=family, num_layers=3, d_model=16, d_ff=24, num_heads=4, vocab_size=11, max_positions=8, **sizes
    )
    found = arithmetic(model)
    for strategy, matrices, small in zip(
        ("none", "all"),
        (found.right.without_sharing, found.right.with_sharing),
        found.biases_and_norms,
        strict=True,
    ):
        assert matrices + small + found.outside == count(model, SharingConfig(strategy=strategy)).unique_parameters
