"""``clps depth`` and ``clps generate`` on runs that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core.cli import app
from clps_core.config import RunConfig
from clps_core.data.registry import load_task
from clps_core.depth import quality_at
from clps_core.store import Point, Run, Store, metrics, open_store
from clps_core.writing import write


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
    assert "must have a core whose loops can be changed" in result.stderr


@pytest.mark.parametrize("loops", ["0", "257", "x", "1.5", "-1", "", "1,,2"])
def test_bad_loops_are_one_sentence(store: Store, loops: str) -> None:
    run = stored_run(store, quick("digits"))
    result = clps("depth", run.id, f"--loops={loops}")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "loops must be" in result.stderr


def test_a_run_writes_what_its_model_writes(store: Store) -> None:
    run = stored_run(store, quick("dates"))
    text = "Friday, May 29, 1953"
    result = clps("generate", run.id, "--text", text, "--option", "language=fr", "--max-tokens", "6", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    expected = write(store.run_folder(run.id), [text], options={"language": "fr"}, max_tokens=6)[0]
    assert told["written"][0]["answer"] == expected.answer
    assert told["written"][0]["right_answer"] == "vendredi 29 mai 1953"
    plain = clps("generate", run.id, "--text", text, "--option", "language=fr", "--max-tokens", "6")
    assert plain.stdout.startswith(f"{text} -> ")
    assert "right would be: vendredi 29 mai 1953" in plain.stderr


def test_without_a_text_the_tasks_examples_are_written_on(store: Store) -> None:
    run = stored_run(store, quick("python-docs"))
    result = clps("generate", run.id, "--temperature", "1", "--seed", "5", "--max-tokens", "3", "--json")
    assert result.exit_code == 0, result.output
    examples = load_task(run.config).facts.example_inputs
    assert [one["text"] for one in json.loads(result.stdout)["written"]] == list(examples)


@pytest.mark.parametrize(
    ("task", "arguments", "sentence"),
    [
        ("digits", ("--text", "1"), "must be of a task that writes text"),
        ("dates", ("--option", "tongue=de"), "must be one of language"),
        ("dates", ("--option", "language"), "name=value"),
        ("dates", ("--option", "language=de", "--option", "language=fr"), "come once"),
        ("dates", ("--text", "May " * 60), "Shorten it"),
        ("dates", ("--temperature", "-1"), "temperature must be"),
        ("dates", ("--top-k", "3"), "temperature above 0"),
        ("dates", ("--loops", "999"), "loops must be from 1"),
        ("dates", ("--max-tokens", "0"), "max_tokens must be"),
    ],
)
def test_bad_requests_are_one_sentence(store: Store, task: str, arguments: tuple[str, ...], sentence: str) -> None:
    run = stored_run(store, quick(task))
    result = clps("generate", run.id, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr.strip().splitlines()[-1]
