"""A spec is short, canonical, and never does harm."""

import contextlib
import json
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clps_core.config import RunConfig, build_config, flat, resolve
from clps_core.errors import ConfigError
from clps_core.spec import MAX_SPEC, from_spec, parse_assignments, to_spec
from clps_core.tasks import TASKS

TASK_NAMES = list(TASKS)
UNITS = st.floats(0, 0.9, allow_nan=False)


@st.composite
def configs(draw):
    """Any config that a task accepts, as partial data run through ``build_config``."""
    task = draw(st.sampled_from(TASK_NAMES))
    layers = draw(st.integers(1, 8))
    model = {
        "num_layers": layers,
        "d_model": draw(st.sampled_from([8, 16, 96])),
        "num_heads": draw(st.sampled_from([1, 2, 4])),
        "dropout": draw(UNITS),
        "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
        "bias": draw(st.booleans()),
        "final_norm": draw(st.sampled_from([None, True, False])),
        "vocab_size": draw(st.sampled_from([None, 5000])),
        "num_kv_heads": draw(st.sampled_from([None, 1])),
        "norm_eps": draw(st.sampled_from([1e-5, 1e-12])),
    }
    custom = "-".join(str(draw(st.integers(0, layers))) for _layer in range(layers))
    partial = {
        "data": {"task": task, "seed": draw(st.integers(0, 3))},
        "sharing": {"strategy": draw(st.sampled_from(["none", "all", "cycle", "cycle:1,norms=own", custom]))},
        "optim": {"learning_rate": draw(st.floats(1e-6, 1, exclude_min=True)), "weight_decay": draw(UNITS)},
        "train": {"steps": draw(st.integers(300, 900)), "threads": draw(st.sampled_from([None, 2]))},
        "seed": draw(st.integers(0, 2**31 - 1)),
    }
    if draw(st.booleans()):
        partial["model"] = {name: value for name, value in model.items() if draw(st.booleans())}
        partial["model"]["num_layers"] = layers
    else:
        partial["sharing"] = {"strategy": "all"}
    if draw(st.booleans()):
        partial["optim"]["warmup_steps"] = draw(st.integers(0, 100))
    return build_config(partial)


@settings(max_examples=examples(200), deadline=None)
@given(configs())
def test_a_spec_reads_back_to_the_same_run(config):
    text = to_spec(config)
    assert resolve(from_spec(text)).config == resolve(config).config
    assert to_spec(from_spec(text)) == text
    assert to_spec(resolve(config).config) == text
    assert len(text) < 400


@pytest.mark.parametrize(
    ("partial", "text"),
    [
        ({}, "1;task=dates"),
        ({"data": {"task": "digits"}}, "1;task=digits"),
        (
            {"model": {"num_layers": 6}, "sharing": {"strategy": "cycle:3"}},
            "1;task=dates;model.num_layers=6;sharing.strategy=cycle:3",
        ),
        ({"train": {"steps": 100}, "seed": 4}, "1;task=dates;train.steps=100;seed=4"),
        ({"model": {"bias": False, "final_norm": True}}, "1;task=dates;model.final_norm=true;model.bias=false"),
        (
            {"sharing": {"strategy": "ffn=all,attention=none,norms=own"}},
            "1;task=dates;sharing.strategy=none,attention=none,ffn=all,norms=own",
        ),
    ],
)
def test_a_spec_holds_only_what_differs_and_can_be_read_by_a_person(partial, text):
    assert to_spec(build_config(partial)) == text


def test_the_warm_up_follows_short_runs_unless_it_was_asked_for():
    short = from_spec("1;task=dates;train.steps=50")
    assert short == build_config({"train": {"steps": 50}})
    assert short.optim.warmup_steps == 5
    asked = from_spec("1;task=dates;train.steps=50;optim.warmup_steps=20")
    assert asked.optim.warmup_steps == 20
    assert to_spec(asked) == "1;task=dates;optim.warmup_steps=20;train.steps=50"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a text such as"),
        ("2;task=dates", "must start with its version"),
        ("task=dates", "must start with its version"),
        ("1;task=nope", f"{', '.join(TASKS)}. Got 'nope'"),
        (
            "1;model.depth=3",
            "model.depth is not a field. Did you mean model.num_layers? Known fields: family, num_layers",
        ),
        ("1;model=3", "model must be a group of fields"),
        ("1;optim=3", "optim must be a group of fields"),
        ("1;a.b.c=3", "must be written name=value"),
        ("1;model.__class__.x=3", "must be written name=value"),
        ("1;train.steps=-5", "train.steps must be at least 1. Got -5"),
        ("1;train.steps=1e9", "train.steps must be at most 10000000"),
        ("1;train.steps=many", "train.steps must be a whole number. Got 'many'"),
        ("1;optim.learning_rate=nan", "optim.learning_rate"),
        ("1;model.d_model=100;model.num_heads=7", "d_model must be divisible by num_heads. Got 100 and 7"),
        ("1;seed=1;seed=2", "every setting must be given once. Got seed twice"),
        ("1;seed=1;seed.x=2", "every setting must be given once"),
        ("1;task=dates;data.task=digits", "every setting must be given once"),
        ("1;sharing.strategy=cycel", "strategy must be one of none, all"),
        ("1;" + "x" * MAX_SPEC, "at most 6000 characters"),
        ("1;seed=" + "9" * 5000, "seed must be a whole number"),
        ("1;schema_version=2", "schema_version"),
        ("1;<script>alert(1)</script>=1", "must be written name=value"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        from_spec(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 1200


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(";=.:-,_0123456789abdefgmnorst", max_size=200).map("1;".__add__)))
@example("1;task=\x00")
@example("1;seed=٣")
@example("1;sharing.strategy=²")
def test_hostile_text_is_a_config_or_a_config_error(text):
    with contextlib.suppress(ConfigError):
        assert isinstance(from_spec(text), RunConfig)


def test_assignments_give_typed_nested_data():
    texts = [
        "task=digits",
        "model.d_model=64",
        "model.bias=false",
        "optim.learning_rate=1e-3",
        "seed=7",
        "train.threads=null",
    ]
    assert parse_assignments(texts) == {
        "data": {"task": "digits"},
        "model": {"d_model": 64, "bias": False},
        "optim": {"learning_rate": 0.001},
        "seed": 7,
        "train": {"threads": None},
    }


LINKS = sorted((Path(__file__).parent.parent / "fixtures" / "links").glob("*.json"))
OLD_SPECS = [(path.stem, one) for path in LINKS for one in json.loads(path.read_text())["specs"]]


@pytest.mark.parametrize(("version", "kept"), OLD_SPECS)
def test_a_spec_of_an_older_version_means_what_it_meant(version, kept):
    """``fixtures/links/<version>.json`` holds specs as that version wrote them, with every field it meant by them."""
    fields = flat(resolve(from_spec(kept["spec"])).config.as_dict())
    assert {name: fields[name] for name in kept["fields"]} == kept["fields"], version
