"""One YAML file describes a comparison; the shipped examples do."""

from pathlib import Path

import pytest

from clps_core.cli.train import plan
from clps_core.errors import ConfigError
from clps_core.experiment import merged, read_experiment
from clps_core.jobs.service import matched
from clps_core.tasks import TASKS

SWEEPS = {"learning-rate-sweep"}  # test_cli_sweep.py has these
EXAMPLES = sorted(p for p in (Path(__file__).parents[2] / "examples").glob("*.yaml") if p.stem not in SWEEPS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_describe_matched_comparisons(path):
    experiment = read_experiment(path.read_text())
    configs = matched(experiment.base, experiment.strategies, experiment.seeds)
    assert experiment.name
    assert len(configs) == len(experiment.strategies) * len(experiment.seeds) >= 2
    assert len({config.data for config in configs}) == 1
    assert f"clps train --config examples/{path.name} --wait" in path.read_text()


def test_there_is_an_example_for_each_task():
    assert {read_experiment(path.read_text()).base["data"]["task"] for path in EXAMPLES} == set(TASKS)


def test_a_plain_config_file_is_an_experiment_of_one_run(tmp_path):
    file = tmp_path / "one.yaml"
    file.write_text("sharing: {strategy: 'cycle:2'}\nseed: 7\n")
    found = plan(None, None, None, None, file, None, None)
    assert (found.strategies, found.seeds) == (("cycle:2",), (7,))


def test_options_win_over_the_file(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text(
        "name: A\nstrategies: [none, all]\nseeds: [1]\ntrain: {steps: 9, batch_size: 4}\nmodel: {d_ff: 32}\n"
    )
    found = plan("digits", ["cycle"], [2, 3], 7, file, ["model.d_ff=64", "train.log_every=2"], "B")
    assert (found.name, found.strategies, found.seeds) == ("B", ("cycle",), (2, 3))
    assert found.base == {
        "data": {"task": "digits"},
        "train": {"steps": 7, "batch_size": 4, "log_every": 2},
        "model": {"d_ff": 64},
    }


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
