"""The one-line notation: it reads back to itself, and hostile text does no harm."""

import contextlib

import pytest
from example_counts import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clps_core.errors import ConfigError
from clps_core.sharing import NAMED_STRATEGIES, RULES, Strategy, parse_strategy
from clps_core.sharing.grammar import MAX_TEXT
from clps_core.sharing.strategies import COMPONENTS, NORM_MODES, SUBLAYERS

rules = st.one_of(
    st.sampled_from(sorted(RULES)),
    st.tuples(st.sampled_from(["grouped", "sequence", "cycle", "cycle_rev"]), st.integers(0, 9999)).map(
        "{0[0]}:{0[1]}".format
    ),
    st.lists(st.integers(0, 9999), min_size=1, max_size=8).map(lambda numbers: "-".join(map(str, numbers))),
)
targets = st.tuples(st.sampled_from(["", "encoder.", "decoder."]), st.sampled_from([*SUBLAYERS, *COMPONENTS])).map(
    "".join
)
texts = st.builds(
    lambda default, overrides, norms: ",".join([*default, *(f"{t}={r}" for t, r in overrides.items()), *norms]),
    st.lists(st.one_of(rules, st.sampled_from(sorted(NAMED_STRATEGIES))), min_size=1, max_size=1),
    st.dictionaries(targets, rules, max_size=5),
    st.lists(st.sampled_from(NORM_MODES).map("norms=".__add__), max_size=1),
)


@given(texts)
def test_a_strategy_reads_back_to_itself(text):
    strategy = parse_strategy(text)
    assert parse_strategy(strategy.text) == strategy
    assert parse_strategy(strategy.text).text == strategy.text


@given(texts, st.randoms())
def test_order_and_spaces_do_not_matter(text, random):
    parts = text.split(",")
    random.shuffle(parts)
    assert parse_strategy(" , ".join(parts)) == parse_strategy(text)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("attention=all,cross_attention=all", "attention_only"),
        ("none, ffn = all", "ffn_only"),
        ("attention=all,cross_attention=all,norms=own", "attention_only,norms=own"),
        ("norms=follow,cycle:3", "cycle:3"),
        ("007", "7"),
        ("norms=shared", "none,norms=shared"),
    ],
)
def test_the_shortest_text_is_written(text, short):
    assert parse_strategy(text).text == short


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "strategy must be a short text such as"),
        ("   ", "strategy must be a short text such as"),
        ("cycel", "strategy must be one of none, all, attention_only, ffn_only, grouped, sequence, cycle, cycle_rev"),
        ("cycle:x", "the part after 'cycle:' must be a whole number. Got 'x'"),
        ("cycle:-1", "the part after 'cycle:' must be a whole number. Got '-1'"),
        ("cycle:99999", "the part after 'cycle:' must be a whole number"),
        ("all,none", "a strategy must have one rule for all components. Got a second one: 'none'"),
        ("head=all", "the name before '=' must be a part (attention, cross_attention, ffn, q, k"),
        ("middle.q=all", "the name before '=' must be a part"),
        ("norms=loud", "norms must be one of follow, own, shared. Got 'loud'"),
        ("q=cycel", "q must be one of none, all, grouped"),
        ("0-1-", "strategy must be one of"),
        ("0--1", "strategy must be one of"),
        ("all,", "a strategy must not have an empty part between commas. Got 'all,'. Remove a comma."),
        ("x" * (MAX_TEXT + 1), "strategy must be a short text"),
        ("<script>alert(1)</script>", "Got '<script>alert(1)</script>'"),
    ],
)
def test_text_that_is_no_strategy_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        parse_strategy(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 420


@pytest.mark.parametrize(
    ("text", "named", "mend"),
    [
        ("all,residual_scale=loops", "Got 'residual_scale'.", "inject, train_loops)"),
        ("sandwhich", "strategy must be", "Did you mean sandwich?"),
        ("cycel:3", "strategy must be", "Did you mean cycle:3?"),
        ("ALL", "strategy must be", "Did you mean all?"),
        ("all norms=own", "must be separated by commas", "Write all,norms=own."),
        ("all , lora = 4 norms=own", "must be separated by commas", "Write all,lora=4,norms=own."),
        ("all,norm=own", "the name before '=' must be", "Did you mean norms?"),
        ("all,norms=onw", "norms must be one of follow, own, shared.", "Did you mean own?"),
        ("all,depth=learned", "the name before '=' must be", "Did you mean depth_embedding?"),
        ("decoder.attn=all", "Got 'decoder.attn'.", "Did you mean decoder.attention?"),
        ("encodr.q=all", "Got 'encodr.q'.", "Did you mean encoder.q?"),
        ("attention=al", "attention must be one of", "Did you mean all?"),
        ("lora.atention=4", "part after 'lora.' must be", "Did you mean attention?"),
        ("kv_source=evry:3", "kv_source must be one of every, upper", "Did you mean every:3?"),
        ("encoder=all", "encoder alone must be tied", "as in encoder.attention=all"),
        ("k=@cros_q", "a tie must be written", "Did you mean cross_q?"),
        ("all,ffn", "ffn must have a value.", "ffn=all."),
        ("all,norms:own", "norms must have a value.", "norms=own."),
        ("attention_only:3", "attention_only must be written without a number.", "Write attention_only."),
    ],
)
def test_a_mistake_is_named_where_it_is_and_the_nearest_name_is_suggested(text, named, mend):
    with pytest.raises(ConfigError) as caught:
        parse_strategy(text)
    assert named in str(caught.value)
    assert mend in str(caught.value)


@pytest.mark.parametrize("text", ["q=xx", "all,norm=own", "all norms=own", "lora.norm_attn=2", "kv_source=all"])
def test_only_what_can_stand_there_is_listed(text):
    with pytest.raises(ConfigError) as caught:
        parse_strategy(text)
    assert "attention_only" not in str(caught.value)
    assert "ffn_only" not in str(caught.value)


@settings(max_examples=examples(400))
@given(st.one_of(st.text(), st.text("cyclenoa:=,.-_0123 ", max_size=60)))
@example("²")
@example("cycle:²")
@example("٣-٤")
@example("\x00")
@example("q=all," * 500)
def test_hostile_text_is_a_strategy_or_a_config_error(text):
    with contextlib.suppress(ConfigError):
        strategy = parse_strategy(text)
        assert isinstance(strategy, Strategy)
        assert parse_strategy(strategy.text) == strategy
