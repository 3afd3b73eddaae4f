"""Every field of a config is explained, and what is said of it is true."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import RunConfig, build_config, flat, resolve
from clps_core.config.reference import reference
from clps_core.errors import ConfigError
from clps_core.tasks import TASKS

FIELDS = reference()


def clps(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["config", *arguments])


def test_the_reference_has_every_field_in_its_order() -> None:
    assert list(FIELDS) == list(flat(RunConfig().as_dict()))


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_a_meaning_and_every_number_a_unit(name: str) -> None:
    one = FIELDS[name]
    assert re.match(r".{10,}\.$", one.meaning), f"{name} needs a description that ends in a full stop"
    number = one.type in ("number", "whole number") and not one.choices
    assert bool(one.unit) == number, f"{name}: numbers have a unit, others none"
    assert not one.optional or re.search("[Nn]ot given|only", one.meaning), f"{name}: say what null means"


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_are_what_a_run_of_the_task_gets(task: str) -> None:
    values = flat(resolve(build_config({"data": {"task": task}})).config.as_dict())
    for name, one in FIELDS.items():
        assert one.defaults[task] == (build_config().data.task if name == "data.task" else values[name])


def set_to(name: str, value: object) -> None:
    group, dot, field = name.partition(".")
    build_config({group: {field: value}} if dot else {name: value})


@pytest.mark.parametrize("name", [name for name, one in FIELDS.items() if one.limits])
def test_a_value_beyond_a_limit_is_refused(name: str) -> None:
    for limit in FIELDS[name].limits:
        sign, text = limit.split()
        step = {">=": -1, ">": 0, "<=": 1, "<": 0}[sign]
        with pytest.raises(ConfigError, match=re.escape(name)):
            set_to(name, float(text) + step if FIELDS[name].type == "number" else int(text) + step)


@pytest.mark.parametrize("name", [name for name, one in FIELDS.items() if one.choices])
def test_another_value_than_the_choices_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        set_to(name, "nosuch")
    for choice in FIELDS[name].choices:
        assert choice in str(caught.value)


def test_all_fields_are_listed_in_words_and_as_json() -> None:
    shown = clps()
    assert shown.exit_code == 0
    assert [one["name"] for one in json.loads(clps("--json").stdout)] == list(FIELDS)
    for name in FIELDS:
        assert name in shown.stdout
    assert "64; 96: dates, sounds" in " ".join(shown.stdout.split())


def test_one_field_and_one_group_are_explained() -> None:
    shown = " ".join(clps("train.patience").stdout.split())
    assert "end the run after this many evaluations without a new best one" in shown
    assert "default not given" in shown
    assert "unit evaluations" in shown
    assert "allowed whole number, >= 1, or null" in shown
    assert "default for digits 64" in " ".join(clps("model.d_model").stdout.split())
    one = json.loads(clps("optim.learning_rate", "--json").stdout)
    assert (one["name"], one["unit"], one["limits"]) == ("optim.learning_rate", "per step", ["> 0", "<= 10"])
    assert {field["group"] for field in json.loads(clps("data", "--json").stdout)} == {"data"}
    assert "data.folds" in clps("data").stdout


@pytest.mark.parametrize(("name", "meant"), [("lr", "optim.learning_rate"), ("model.dmodel", "model.d_model")])
def test_a_field_that_is_not_there_gets_the_likeliest(name: str, meant: str) -> None:
    result = clps(name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Did you mean {meant}?" in result.stderr


def test_nothing_of_the_reference_is_too_wide_for_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from clps_core.cli import output

    monkeypatch.setattr(output, "_to_terminal", lambda: True)
    for width in (60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        assert max(map(len, clps().stdout.splitlines())) <= width


def test_where_tasks_differ_the_usual_default_comes_first_and_few_others_after_it() -> None:
    found = reference()
    assert found["optim.beta1"].default == "0.9"
    assert found["model.d_model"].default.startswith("64; ")
    assert "128: python-docs, masked-docs" in found["model.d_model"].default
    assert "hops" not in found["model.d_model"].default, "it has the usual one"
    assert found["model.vocab_size"].default == "depends on the task"
    assert all(len(one.default) < 170 for one in found.values())
