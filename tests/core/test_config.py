"""One config, checked once, in the same words at every entrance."""

import re

import pytest
import yaml
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.config import MAX_YAML_BYTES, ModelConfig, RunConfig, build_config, config_from_yaml, resolve, validated
from clps_core.errors import ConfigError
from clps_core.tasks import TASKS


def refused(partial):
    with pytest.raises(ConfigError) as caught:
        resolve(build_config(partial))
    return str(caught.value)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_alone_is_a_complete_config(task):
    facts = TASKS.usual(task)
    config = resolve(build_config({"data": {"task": task}})).config
    assert config.model.family == facts.family
    assert config.model.vocab_size == facts.vocab_size
    assert config.model.num_classes == facts.num_classes
    assert config.model.patch_dim == facts.patch_dim
    assert config.model.max_positions == max(facts.max_source_len, facts.max_target_len)
    assert resolve(config).config == config


@pytest.mark.parametrize("task", TASKS)
def test_plain_data_and_yaml_read_back_to_the_same_config(task):
    config = resolve(
        build_config({"data": {"task": task}, "sharing": {"strategy": "cycle:2,norms=own"}, "seed": 3})
    ).config
    assert validated(RunConfig, config.as_dict()) == config
    assert config_from_yaml(config.as_yaml()) == config


def test_configs_are_frozen_and_hashable():
    config = build_config({})
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3
    assert hash(config) == hash(build_config({}))


@pytest.mark.parametrize(
    ("partial", "sentence"),
    [
        (
            {"data": {"task": "french"}},
            f"must be one of {', '.join(TASKS)}. Got 'french'",
        ),
        ({"model": {"d_model": 100, "num_heads": 7}}, "d_model must be divisible by num_heads. Got 100 and 7. Use 5"),
        ({"model": {"num_heads": 4, "num_kv_heads": 3}}, "num_heads must be a multiple of num_kv_heads. Got 4 and 3"),
        ({"model": {"d_model": 12, "num_heads": 4, "positions": "rotary"}}, "the width of a head must be even"),
        ({"model": {"embedding_size": 500}}, "embedding_size must be at most d_model (96). Got 500"),
        ({"model": {"family": "decoder"}}, "task dates must have a model of family encoder_decoder. Got decoder"),
        ({"model": {"family": "transformer"}}, "model.family must be one of 'decoder', 'encoder_decoder' or 'encoder'"),
        ({"model": {"max_positions": 5}}, "max_positions must be at least the longest input of dates"),
        ({"model": {"vocab_size": 5}}, "vocab_size must be at least the vocabulary of dates"),
        ({"model": {"num_layers": 0}}, "model.num_layers must be at least 1. Got 0"),
        ({"model": {"num_layers": 10**9}}, "model.num_layers must be at most 512"),
        ({"model": {"dropout": 1.0}}, "model.dropout must be less than 1"),
        (
            {"model": {"layers": 3}},
            "model.layers is not a field. Did you mean model.num_layers? Known fields: family, num_layers",
        ),
        ({"sharing": {"strategy": "grouped:9"}}, "must be between 1 and the number of layers (4). Got 9"),
        ({"sharing": {"strategy": "0-1-0"}}, "must name one slot for each of the 4 layers. Got 3 slots"),
        ({"sharing": {"strategy": "cycel"}}, "strategy must be one of none, all"),
        ({"train": {"steps": -5}}, "train.steps must be at least 1. Got -5"),
        ({"train": {"steps": "many"}}, "train.steps must be a whole number. Got 'many'"),
        ({"train": {"steps": 1.5}}, "train.steps must be a whole number. Got 1.5"),
        ({"optim": {"learning_rate": float("nan")}}, "optim.learning_rate"),
        ({"optim": {"warmup_steps": 700}}, "warmup_steps must be at most steps (600). Got 700"),
        ({"model": {"bias": "perhaps"}}, "model.bias must be true or false. Got 'perhaps'"),
        ({"data": {"seq_len": 64}}, "seq_len must only be given for language models. Got it for task dates"),
        ({"seed": -1}, "seed must be at least 0. Got -1"),
        ({"model": 3}, "model must be a group of fields. Got 3"),
        (
            {"depth": 3},
            "Did you mean model.num_layers? Known fields: schema_version, model, sharing, data, optim, train, seed",
        ),
        ({"schema_version": 2}, "schema_version must be one of 1. Got 2"),
    ],
)
def test_mistakes_are_told_as_must_and_got(partial, sentence):
    assert sentence in refused(partial)


def test_several_mistakes_are_told_at_once_but_not_hundreds():
    told = refused({"model": {"num_layers": 0, "d_ff": "x"}, **{f"field{n}": n for n in range(500)}})
    assert "model.num_layers" in told
    assert "model.d_ff" in told
    assert len(told) < 1500


def test_a_language_model_may_choose_its_window():
    config = resolve(build_config({"data": {"task": "python-docs", "seq_len": 32}})).config
    assert config.data.seq_len == config.model.max_positions == 32


def test_a_default_warm_up_never_outlasts_a_short_run():
    for steps in (1, 5, 40, 600, 5000):
        config = resolve(build_config({"train": {"steps": steps}})).config
        assert config.optim.warmup_steps <= steps // 10


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must have lines of the form 'name: value', such as 'seed: 0'. Got nothing."),
        ("- 1\n- 2", "must have lines of the form 'name: value', such as 'seed: 0'. Got a list."),
        ("seed: 1\ndata:\n  task: dates\n  task: digits", "Got: task appears twice, in lines 3 and 4."),
        ("seed: 1\n\tdata: 2", "that cannot start any token in line 2."),
        ("model: {", "the config file must be YAML"),
        ('seed: !!int ""', "a value that does not have the type its tag says"),
        ("seed: !!bool maybe", "a value that does not have the type its tag says"),
        ("seed: 2024-99-99", "the config file must be YAML"),
        ("a: !!python/object/apply:os.system ['true']", "the config file must be YAML"),
        ("[" * 5000, "at most 20 levels deep"),
        ("x" * (MAX_YAML_BYTES + 1), "at most 200000 bytes"),
        ("1: 2", "1"),
        ("model: {num_layers: [1, 2]}", "model.num_layers must be a whole number"),
    ],
)
def test_a_file_that_is_no_config_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        config_from_yaml(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "last", ["model: {num_layers: *a9}", "data: {task: *a9}", "sharing: {strategy: *a9}", "seed: *a9"]
)
def test_aliases_that_stand_for_a_billion_words_cost_nothing(last):
    """10^9 words in 11 lines: their text must never be made."""
    lines = ["a0: &a0 [" + ", ".join(["word"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 10)]
    with pytest.raises(ConfigError) as caught:
        config_from_yaml("\n".join([*lines, last]))
    assert len(str(caught.value)) < 1500


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_config_or_a_config_error(text):
    try:
        config = config_from_yaml(text)
    except ConfigError:
        return
    assert isinstance(config, RunConfig)


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=8,
)
groups = st.sampled_from(["model", "sharing", "data", "optim", "train", "seed", "schema_version"])
fields = st.sampled_from(["num_layers", "strategy", "task", "steps", "warmup_steps", "seed", "d_model", "family"])


@settings(max_examples=examples(300), deadline=None)
@given(st.dictionaries(groups, st.one_of(plain, st.dictionaries(fields, plain, max_size=4)), max_size=4))
def test_any_plain_data_is_a_config_or_a_config_error(data):
    try:
        config = resolve(build_config(data)).config
    except ConfigError:
        return
    assert yaml.safe_load(config.as_yaml()) == config.as_dict()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"optim": {"lr": 1}}, "optim.lr is not a field. Did you mean optim.learning_rate?"),
        ({"lr": 1}, "lr is not a field. Did you mean optim.learning_rate?"),
        ({"model": {"dmodel": 64}}, "model.dmodel is not a field. Did you mean model.d_model?"),
        ({"d_model": 64}, "d_model is not a field. Did you mean model.d_model?"),
        ({"layers": 3}, "Did you mean model.num_layers?"),
        ({"optim": {"steps": 3}}, "Did you mean train.steps?"),
        ({"optimizer": {"learning_rate": 1}}, "optimizer is not a field. Did you mean optim?"),
        ({"dropuot": 0.1}, "Did you mean model.dropout?"),
        (
            {"data": {"task": "digit"}},
            (f"task must be one of {', '.join(TASKS)}. Got 'digit'. Did you mean digits?"),
        ),
        ({"model": {"norm": "rmsnrom"}}, "Did you mean rmsnorm?"),
        ({"model": {"foo": 3}}, "model.foo is not a field. Known fields: family"),
    ],
)
def test_a_name_that_is_nearly_right_gets_the_right_one(given, words):
    with pytest.raises(ConfigError) as caught:
        build_config(given)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"d_model": 65, "num_heads": 4}, "Use 5 heads, or a d_model of 64 or 68"),
        ({"d_model": 67, "num_heads": 4}, "Use 1 head, or a d_model of 64 or 68"),
        ({"d_model": 64, "num_heads": 3}, "Use 2 or 4 heads, or a d_model of 63 or 66"),
        ({"d_model": 96, "num_heads": 5, "num_kv_heads": 4}, "Use 4 heads, or"),
        ({"d_model": 3, "num_heads": 4}, "Use 3 heads, or a d_model of 4"),
    ],
)
def test_heads_that_do_not_fit_get_the_nearest_that_do(model, words):
    with pytest.raises(ConfigError) as caught:
        validated(ModelConfig, model)
    assert words in str(caught.value)
    heads = int(re.search(r"Use (?:\d+ or )?(\d+) head", str(caught.value)).group(1))
    assert validated(ModelConfig, model | {"num_heads": heads}).num_heads == heads
