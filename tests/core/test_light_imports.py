"""Counting, designing, reading the store and queueing never wait for torch."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "bertviz", "streamlit", "plotly", "pandas", "datasets", "sklearn")
STORE = "sqlalchemy"
LIGHT = [
    "clps_core.config",
    "clps_core.sharing",
    "clps_core.presets",
    "clps_core.schemes",
    "clps_core.spec",
    "clps_core.experiment",
    "clps_core.ablation",
    "clps_core.analysis.counts",
    "clps_core.analysis.memory",
    "clps_core.store",
    "clps_core.jobs.service",
    "clps_core.serving",
    "clps_core.verdicts.asked",
    "clps_core.cli",
    "clps_core.cli.ablate",
    "clps_core.cli.count",
    "clps_core.cli.runs",
    "clps_core.cli.dashboard",
]


def loaded_by(code, *more):
    """Which heavy packages a fresh interpreter has loaded after ``code``."""
    heavy = {*HEAVY, *more}
    tail = f"\nimport json, sys; sys.stderr.write(json.dumps(sorted({heavy!r} & set(sys.modules))))"
    ended = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return json.loads(ended.stderr)


def test_the_light_modules_together_load_nothing_heavy():
    assert loaded_by("\n".join(f"import {name}" for name in LIGHT)) == []


def test_the_model_process_starts_without_the_store_which_it_never_opens():
    assert loaded_by("import clps_core.serving.child", STORE) == []


def test_a_model_is_made_without_torchs_compiler():
    code = """
from clps_core.config import build_config, resolve
from clps_core.model.transformer import build_model
build_model(resolve(build_config({"data": {"task": "dates"}})).config)
"""
    assert loaded_by(code, "sympy", "torch._dynamo") == ["torch"]


@pytest.mark.parametrize("arguments", [["count", "--preset", "albert-base", "--json"], ["presets"], ["runs", "--json"]])
def test_light_commands_load_nothing_heavy(arguments, tmp_path):
    code = f"""
import os
os.environ["CLPS_HOME"] = {str(tmp_path / "home")!r}
from typer.testing import CliRunner
from clps_core.cli import app
assert CliRunner().invoke(app, {arguments!r}).exit_code == 0
"""
    assert loaded_by(code) == []
