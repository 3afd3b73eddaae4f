"""``clps policy`` says what holds here, and makes the hash of a teacher's code."""

import json

import pytest
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.policy import read_policy


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    monkeypatch.delenv("CLPS_POLICY", raising=False)
    return tmp_path


def clps(*arguments, given=None):
    return CliRunner().invoke(app, list(arguments), input=given)


def test_without_a_file_the_mode_is_local_and_there_are_no_quotas(home):
    found = json.loads(clps("policy", "--json").stdout)
    assert (found["mode"], found["exists"], found["path"]) == ("local", False, str(home / "policy.yaml"))
    assert not {"quotas", "server", "proxies"} & set(found)


def test_a_code_becomes_a_line_that_the_policy_takes_and_is_not_shown(home):
    made = clps("policy", "code", given="the class of 2026\n")
    assert made.exit_code == 0
    assert "class of" not in made.output
    (home / "policy.yaml").write_text(f"mode: shared\n{made.stdout}")
    assert read_policy(home).code_fits("the class of 2026")
    shown = clps("policy").stdout
    assert "scrypt" not in shown
    assert "running" in shown


@pytest.mark.parametrize(("given", "words"), [("", "Got nothing"), ("short\n", "at least 8 characters")])
def test_no_code_and_a_short_one_are_refused(home, given, words):
    made = clps("policy", "code", given=given)
    assert made.exit_code == 2
    assert words in made.output


def test_a_policy_that_cannot_be_used_is_a_sentence(home):
    (home / "policy.yaml").write_text("mode: shared\nquotas: {steps: -1}")
    shown = clps("policy")
    assert shown.exit_code == 2
    assert "quotas.steps must be at least 0" in shown.output
