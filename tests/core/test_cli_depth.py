"""``clps depth`` on runs that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core.cli import app
from clps_core.config import RunConfig
from clps_core.depth import quality_at
from clps_core.store import Point, Run, Store, metrics, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    return open_store()


def quick(task: str, strategy: str = "cycle:2") -> RunConfig:
    config = small_config(task, strategy)
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 8})})


def recorded(store: Store, run: Run, value: float) -> None:
    with store.writing() as connection:
        metrics.append(connection, run.id, [Point(run.id, "validation", "exact_match", run.step, value, 1.0)])


def clps(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_quality_at_each_number_of_loops_as_json_and_as_a_table(store: Store) -> None:
    run = stored_run(store, quick("dates"))
    recorded(store, run, 0.25)
    result = clps("depth", run.id, "--loops", "3", "1", "2", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [(point["loops"], point["trained"]) for point in told["loops"]] == [(1, False), (2, True), (3, False)]
    assert told["loops"][2]["metrics"] == pytest.approx(quality_at(store.run_folder(run.id), 3).metrics)
    assert told["loops"][2]["layers"] == {"encoder": 6, "decoder": 6}
    assert (told["recorded"], told["trained_loops"], told["examples"]) == (0.25, [2, 2], 8)

    table = clps("depth", run.id[:5], "--loops", "1,2")
    assert table.exit_code == 0, table.output
    assert "trained" in table.stdout
    assert "exact_match 0.25" in table.stderr


@pytest.mark.parametrize("strategy", ["none", "cycle:2,lora=2"])
def test_a_run_whose_loops_are_fixed_is_refused_with_its_sentence(store: Store, strategy: str) -> None:
    run = stored_run(store, quick("digits", strategy))
    result = clps("depth", run.id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "only be changed for a run whose core repeats" in result.stderr


@pytest.mark.parametrize("loops", ["0", "257", "x", "1.5", "-1", "", "1,,2"])
def test_bad_loops_are_one_sentence(store: Store, loops: str) -> None:
    run = stored_run(store, quick("digits"))
    result = clps("depth", run.id, f"--loops={loops}")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "loops must be" in result.stderr
