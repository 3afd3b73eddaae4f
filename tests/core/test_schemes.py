"""Every way of sharing has a card whose map and figures are the engine's own."""

import json
from math import prod

import pytest

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig
from clps_core.errors import ConfigError
from clps_core.schemes import KINDS, SCHEMES, arithmetic, card, get_scheme, schemes_of, standard_model
from clps_core.shapes import block_shapes, extra_shapes

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


@pytest.mark.parametrize("name", [name for name, scheme in SCHEMES.items() if scheme.kind != "outside"])
def test_a_schemes_own_text_touches_its_own_card(name):
    assert name in [scheme.name for scheme in schemes_of(SCHEMES[name].strategy_at(6))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", ["none"]),
        ("0-1-2-3", ["none"]),
        ("5-5-5", ["albert-all"]),
        ("0-1-2-2-1-0", ["takase-cycle-rev"]),
        ("0-1-0-2", ["integers"]),
        ("attention=all,ffn=cycle:3", ["attention-only", "takase-cycle", "mor-cycle"]),
        ("encoder.ffn=all", ["ffn-only", "one-wide-ffn"]),
        ("q=all,k=@q", ["shared-qk", "qk-across-layers"]),
        ("q=all,k=all", ["qk-across-layers"]),
        ("v=all", ["integers"]),
        ("kv_source=0-1-2-2-2", ["yoco"]),
        ("decoder.kv_source=0-0-2-2", ["cla"]),
        ("decoder.ffn=@encoder", ["tied-transformers"]),
        ("all,norms=shared,lora.q=2", ["albert-all", "lora", "norms"]),
        ("loop:1/2/1,inject=add,train_loops=1-4", ["huginn", "input-injection", "random-loops"]),
    ],
)
def test_a_strategy_is_explained_by_the_cards_it_touches(text, names):
    assert {scheme.name for scheme in schemes_of(text)} == set(names)


def test_the_arithmetic_of_the_example_is_set_right():
    found = arithmetic()
    printed, formula, right = found.claims
    assert (printed.without_sharing, printed.with_sharing) == (25_080_832, 4_194_304)
    assert (formula.without_sharing, formula.with_sharing) == (15_728_640, 2_621_440)
    assert (right.without_sharing, right.with_sharing) == (18_874_368, 3_145_728)
    assert [claim.right for claim in found.claims] == [False, False, True]
    bare = standard_model("encoder").model_copy(update={"bias": False, "norm": "rmsnorm"})
    for strategy, expected in (("none", right.without_sharing), ("all", right.with_sharing)):
        parts = count(bare, SharingConfig(strategy=strategy)).by_component
        assert sum(parts[name].unique for name in ("q", "k", "v", "o", "ffn_in", "ffn_out")) == expected


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
