"""What is declared of each task, and that its defaults make a config."""

from __future__ import annotations

import json

import pytest
from test_cli_depth import clps

from clps_core.config import build_config, resolve
from clps_core.data.registry import task_samples
from clps_core.errors import ConfigError
from clps_core.tasks import TASKS, get_task


@pytest.mark.parametrize("name", TASKS)
def test_defaults_resolve_to_a_config_of_the_task(name: str) -> None:
    facts = get_task(name)
    config = resolve(build_config({"data": {"task": name}})).config
    assert config.model.family == facts.family
    assert config.model.vocab_size == facts.vocab_size
    assert config.model.num_classes == facts.num_classes
    assert config.model.patch_dim == facts.patch_dim
    assert (config.model.max_positions or 0) >= max(facts.max_source_len, facts.max_target_len)
    for section, values in facts.defaults.items():
        for field, value in values.items():
            assert getattr(getattr(config, section), field) == value


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_what_forms_need(name: str) -> None:
    facts = get_task(name)
    assert facts.name == name
    assert facts.title
    assert facts.summary.endswith(".")
    assert facts.baseline_name
    assert facts.example_inputs
    for values in facts.options.values():
        assert all(values.values())


def test_an_unknown_task_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="dates, python-docs, digits, mnist, hops, cups, brackets, pairs"):
        get_task("<script>")


@pytest.mark.parametrize("name", ["dates", "digits", "libraries"])
def test_what_ships_is_shown_with_its_baselines_and_real_examples(name: str) -> None:
    facts, said = get_task(name), clps("data", "show", name)
    assert said.exit_code == 0, said.output
    assert facts.words().licence in " ".join(said.stdout.split())
    told = json.loads(clps("data", "show", name, "--json").stdout)
    assert told["samples"] == task_samples(name) != []
    assert (told["test_baseline"], told["test_rows"]) == (facts.test_baseline, facts.test_size)
