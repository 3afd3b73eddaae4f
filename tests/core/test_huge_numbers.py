"""Numbers of thousands of digits and lists of thousands of numbers get a sentence of ours, at every door."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import build_config
from clps_core.data.registry import load_task
from clps_core.errors import ClpsError, ConfigError, DataError
from clps_core.experiment import MAX_RUNS, check_name, experiment_of
from clps_core.jobs.slots import choose_slots
from clps_core.spec import from_spec
from clps_core.sweeps import expand, sweep_from_plain
from clps_core.words import shown

HUGE = 10**5_000
DIGITS = "9" * 5_000
PLAIN = [
    {"seed": HUGE},
    {"seed": -HUGE},
    {"seed": DIGITS},
    {HUGE: 1},
    {"model": {"d_model": HUGE}},
    {"model": {"unknown": [HUGE]}},
    {"model": {HUGE: 1}},
    {"optim": {"learning_rate": HUGE}},
    {"data": {"task": HUGE}},
    {"sharing": {"strategy": HUGE}},
]
SWEEPS = [
    {"seeds": [HUGE]},
    {"strategies": [HUGE]},
    {"folds": HUGE},
    {"stop": {"rule": "median", "after": HUGE}},
    {"sweep": {"fields": {"model.d_model": [HUGE]}}},
    {"sweep": {"fields": {HUGE: [1]}}},
    {"sweep": {"method": HUGE}},
    {"sweep": {"method": "random", "runs": HUGE}},
    {"sweep": {"method": "random", "fields": {"model.d_model": {"integers": [1, HUGE]}}}},
]


def is_ours(sentence: object) -> None:
    assert "set_int_max_str_digits" not in str(sentence)
    assert "4300" not in str(sentence)
    assert len(str(sentence)) < 700


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_a_config_with_a_huge_number_is_one_sentence(number: int) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config(PLAIN[number])
    is_ours(caught.value)


@pytest.mark.parametrize("number", range(len(SWEEPS)))
def test_a_sweep_with_a_huge_number_is_one_sentence(number: int) -> None:
    with pytest.raises(ConfigError) as caught:
        expand(sweep_from_plain(SWEEPS[number]))
    is_ours(caught.value)


def test_addresses_names_settings_and_tasks_refuse_huge_numbers(tmp_path, monkeypatch) -> None:
    for ask in (
        lambda: from_spec(f"1;seed={DIGITS}"),
        lambda: check_name(HUGE),
        lambda: choose_slots({"CLPS_SLOTS": DIGITS}),
        lambda: load_task(build_config({"data": {"task": "digits"}})).encode_source(DIGITS),
    ):
        with pytest.raises((ConfigError, DataError)) as caught:
            ask()
        is_ours(caught.value)


@pytest.mark.parametrize("option", [["--seed"], ["--steps"], ["--set", "seed="], ["--set", "optim.learning_rate="]])
def test_the_command_line_refuses_huge_numbers(option: list[str], tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    *before, last = option
    asked = [*before, f"{last}{DIGITS}"] if last.endswith("=") else [last, DIGITS]
    result = CliRunner().invoke(app, ["train", *asked])
    assert result.exit_code == 2
    assert "set_int_max_str_digits" not in result.output
    assert not isinstance(result.exception, ClpsError | ValueError)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("field", ["seeds", "strategies"])
def test_a_list_that_is_too_long_is_told_its_limit(field: str) -> None:
    values = list(range(30_000)) if field == "seeds" else ["all"] * 30_000
    with pytest.raises(ConfigError, match=rf"{field} must have at most {MAX_RUNS} entries, .* Got 30,000\. Use fewer"):
        experiment_of({field: values})
    assert len(experiment_of({field: values[:MAX_RUNS]}).__dict__[field]) == MAX_RUNS


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match=r"seeds must be a list of whole .*\. Got 'a' among them"):
        experiment_of({"seeds": [0, "a"]})
    with pytest.raises(ConfigError, match=r"seeds must be a list of whole numbers such as \[0, 1\]\. Got 3\."):
        experiment_of({"seeds": 3})
    assert shown(HUGE) == shown([HUGE]) == "a number with thousands of digits"
