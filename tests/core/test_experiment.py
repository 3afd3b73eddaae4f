"""One YAML file describes a comparison; the shipped examples do."""

from pathlib import Path

import pytest

from clps_core.cli.train import experiment_of_options
from clps_core.errors import ConfigError
from clps_core.experiment import merged, read_experiment
from clps_core.jobs.service import matched
from clps_core.sweeps import read_sweep
from clps_core.tasks import TASKS

SWEEPS = {"learning-rate-sweep"}  # test_cli_sweep.py has these
EXAMPLES = sorted(p for p in (Path(__file__).parents[2] / "examples").glob("*.yaml") if p.stem not in SWEEPS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_describe_matched_comparisons(path):
    experiment = read_experiment(path.read_text())
    configs = [one.config for one in matched(experiment.base, experiment.strategies, experiment.seeds)]
    assert experiment.name
    assert len(configs) == len(experiment.strategies) * len(experiment.seeds) >= 2
    assert len({config.data for config in configs}) == 1
    assert f"clps train --config examples/{path.name} --wait" in path.read_text()


def test_there_is_an_example_for_each_task():
    assert {read_experiment(path.read_text()).base["data"]["task"] for path in EXAMPLES} == set(TASKS)


def test_a_plain_config_file_is_an_experiment_of_one_run(tmp_path):
    file = tmp_path / "one.yaml"
    file.write_text("sharing: {strategy: 'cycle:2'}\nseed: 7\n")
    found = experiment_of_options(None, None, None, None, file, None, None)
    assert (found.strategies, found.seeds) == (("cycle:2",), (7,))


def test_options_win_over_the_file(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text(
        "name: A\nstrategies: [none, all]\nseeds: [1]\ntrain: {steps: 9, batch_size: 4}\nmodel: {d_ff: 32}\n"
    )
    found = experiment_of_options("digits", ["cycle"], [2, 3], 7, file, ["model.d_ff=64", "train.log_every=2"], "B")
    assert (found.name, found.strategies, found.seeds) == ("B", ("cycle",), (2, 3))
    assert found.base == {
        "data": {"task": "digits"},
        "train": {"steps": 7, "batch_size": 4, "log_every": 2},
        "model": {"d_ff": 64},
    }


FILE = "strategies: [none, all]\nseeds: [0, 1]\ndata: {task: digits}\n"


@pytest.mark.parametrize(
    ("settings", "strategies", "seeds"),
    [
        (["sharing.strategy=cycle:2"], ("cycle:2",), (0, 1)),
        (["seed=7"], ("none", "all"), (7,)),
        (["seed=7", "sharing.strategy=0-1-1-0"], ("0-1-1-0",), (7,)),
        (["train.steps=7"], ("none", "all"), (0, 1)),
    ],
)
def test_a_setting_wins_over_the_list_of_the_file(tmp_path, settings, strategies, seeds):
    file = tmp_path / "some.yaml"
    file.write_text(FILE)
    found = experiment_of_options(None, None, None, None, file, settings, None)
    assert (found.strategies, found.seeds) == (strategies, seeds)
    configs = [one.config for one in matched(found.base, found.strategies, found.seeds)]
    assert {(config.sharing.strategy, config.seed) for config in configs} == {
        (one, seed) for one in strategies for seed in seeds
    }


@pytest.mark.parametrize(
    ("options", "setting", "field", "option"),
    [
        ({"strategies": ["none"]}, "sharing.strategy=all", "sharing.strategy", "--strategy"),
        ({"seeds": [0]}, "seed=3", "seed", "--seed"),
        ({"seeds": [0]}, "seed=0", "seed", "--seed"),
        ({"task": "digits"}, "data.task=dates", "data.task", "--task"),
        ({"task": "digits"}, "task=dates", "data.task", "--task"),
        ({"steps": 9}, "train.steps=8", "train.steps", "--steps"),
    ],
)
def test_a_field_with_an_option_and_a_setting_is_refused(options, setting, field, option):
    given = dict.fromkeys(("task", "strategies", "seeds", "steps", "config", "name")) | options
    words = f"{field} must be given once. Got it with {option} and with --set."
    with pytest.raises(ConfigError, match=words):
        experiment_of_options(**given, settings=[setting])


def test_a_setting_that_comes_twice_is_refused():
    for twice in (["seed=1", "seed=2"], ["task=dates", "data.task=digits"], ["model=1", "model.d_ff=2"]):
        with pytest.raises(ConfigError, match="every setting must be given once"):
            experiment_of_options(None, None, None, None, None, twice, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 3\nseeds: [0, 1]", "must have either seed or seeds. Got both"),
        ("sharing: {strategy: all}\nstrategies: [none]", "must have either sharing.strategy or strategies. Got both"),
    ],
)
def test_a_file_with_one_and_a_list_is_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        read_experiment(text)


def test_integers_and_numbers_are_strategies_too():
    assert read_experiment("strategies: [0-1-1-0, all]").strategies == ("0-1-1-0", "all")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("strategies: all", "strategies must be a list"),
        ("strategies: [[all]]", "strategies must be a list"),
        ("strategies: {all: 1}", "strategies must be a list"),
        ("seeds: [a]", "seeds must be a list of whole numbers"),
        ("seeds: [true]", "seeds must be a list of whole numbers"),
        ("name: [x]", "name must be a text"),
        ("name: ''", "name must be a text"),
    ],
)
def test_a_file_that_is_no_experiment_is_refused(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_experiment(text)


def test_merging_changes_neither_side():
    base, over = {"model": {"a": 1}, "seed": 1}, {"model": {"b": 2}, "seed": 2}
    assert merged(base, over) == {"model": {"a": 1, "b": 2}, "seed": 2}
    assert base == {"model": {"a": 1}, "seed": 1}
    assert over == {"model": {"b": 2}, "seed": 2}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("strategy: [none]", "strategies"),
        ("strategy: all", "sharing.strategy"),
        ("sead: 3", "seed"),
        ("seed_list: [1]", "seeds"),
        ("task: digits", "data.task"),
        ("steps: 30", "train.steps"),
        ("nmae: x", "name"),
    ],
)
def test_a_wrong_name_at_the_top_of_a_file_gets_the_right_one_and_all_there_are(text, meant):
    with pytest.raises(ConfigError) as caught:
        read_experiment(text)
    assert f"is not a field. Did you mean {meant}?" in str(caught.value)
    assert "name, strategies, seeds, schema_version, model, sharing, data, optim, train, seed" in str(caught.value)


def test_a_wrong_name_in_a_sweeps_file_gets_the_right_one():
    for text, meant in (
        ("swep: {fields: {}}", "sweep"),
        ("sweep: {fields: {optim.lr: [1]}}", "optim.learning_rate"),
        ("sweep: {fields: {lr: [1]}}", "optim.learning_rate"),
    ):
        with pytest.raises(ConfigError, match=f"Did you mean {meant}"):
            read_sweep(text)
