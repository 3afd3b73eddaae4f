"""``clps predict`` on runs that are there, and its earlier name ``clps generate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli_depth import clps, quick
from untrained_runs import stored_run

from clps_core import api
from clps_core.data.registry import load_task
from clps_core.predicting import predict
from clps_core.store import Store, open_store

TEXT = "Friday, May 29, 1953"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """That of the home which the commands use."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    return open_store()


def test_a_run_answers_what_its_model_says(store: Store) -> None:
    run = stored_run(store, quick("dates"))
    arguments = (run.id, "--text", TEXT, "--option", "language=fr", "--max-tokens", "6")
    result = clps("predict", *arguments, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["predictions"][0]
    expected = predict(store.run_folder(run.id), [TEXT], options={"language": "fr"}, max_tokens=6)[0]
    assert told["answer"] == expected.answer
    assert told["right_answer"] == "vendredi 29 mai 1953"
    assert told["pieces"][0]["probability"] == pytest.approx(expected.pieces[0].probability)
    plain = clps("predict", *arguments)
    assert plain.stdout.startswith(f"{TEXT} -> ")
    assert "correct answer: vendredi 29 mai 1953" in plain.stderr
    alias = clps("generate", *arguments)
    assert alias.stdout == plain.stdout
    assert "now called 'clps predict'" in alias.stderr


def test_without_a_text_the_tasks_examples_are_answered(store: Store) -> None:
    run = stored_run(store, quick("python-docs"))
    result = clps("predict", run.id, "--temperature", "1", "--seed", "5", "--max-tokens", "3", "--json")
    assert result.exit_code == 0, result.output
    examples = load_task(run.config).facts.example_inputs
    assert [one["text"] for one in json.loads(result.stdout)["predictions"]] == list(examples)


def test_masks_are_filled_and_what_is_written_of_a_split_can_be_scored(store: Store, tmp_path: Path) -> None:
    run = stored_run(store, quick("masked-docs"))
    text = "for i in [MASK]: [MASK]"
    result = clps("predict", run.id, "--text", text)
    assert result.exit_code == 0, result.output
    (expected,) = api.predict(run.id, [text])
    assert result.stdout.startswith(f"{text} -> {expected.answer}\n    mask 1:\n")
    for piece in expected.pieces:
        assert f"{piece.probability:7.2%}  {piece.label}\n" in result.stdout
    refused = clps("predict", run.id, "--text", "for i in range:")
    assert refused.exit_code == 2
    assert "must have [MASK] where a token is to be filled in" in refused.stderr
    out = tmp_path / "filled.jsonl"
    assert clps("predict", run.id, "--split", "validation", "--limit", "9", "--out", str(out)).exit_code == 0
    lines = [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()]
    assert len(lines) == 9
    for line in lines:
        masks = line["input"].count("[MASK]")
        assert masks == len(line["prediction"].split(" ")) == len(line["reference"].split(" ")) > 0


def test_two_runs_answer_next_to_each_other(store: Store) -> None:
    runs = [stored_run(store, quick("digits", strategy)) for strategy in ("none", "all")]
    result = clps("predict", *(run.id for run in runs), "--examples", "3")
    assert result.exit_code == 0, result.output
    assert all(result.stdout.count(run.id) == 3 for run in runs)
    told = json.loads(clps("predict", *(run.id for run in runs), "--examples", "3", "--json").stdout)
    assert [one["id"] for one in told] == [run.id for run in runs]
    assert all(len(one["predictions"]) == 3 for one in told)


def test_a_split_is_written_as_lines_of_json(store: Store, tmp_path: Path) -> None:
    run = stored_run(store, quick("digits"))
    out = tmp_path / "answers.jsonl"
    result = clps("predict", run.id, "--split", "test", "--limit", "7", "--out", str(out))
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(7))
    assert {line["reference"] for line in lines} <= set("0123456789")
    printed = clps("predict", run.id, "--split", "test", "--limit", "7")
    assert [json.loads(line) for line in printed.stdout.splitlines()] == lines
    assert list(tmp_path.glob(".answers*")) == []


@pytest.mark.parametrize(
    ("task", "arguments", "sentence"),
    [
        ("digits", ("--text", "1", "--max-tokens", "3"), "for tasks that write text"),
        ("digits", ("--split", "train"), "split must be"),
        ("digits", ("--split", "test", "--text", "1"), "Leave --text out"),
        ("digits", ("--split", "test", "--out", "/nowhere/at/all"), "--out must name a file that can be written"),
        ("digits", ("--out", "answers"), "must be used with --split"),
        ("digits", ("--text", "1", "--examples", "2"), "Remove one of them"),
        ("python-docs", ("--split", "test"), "no correct answers to compare with"),
        ("dates", ("--option", "tongue=de"), "must be one of language"),
        ("dates", ("--option", "language"), "name=value"),
        ("dates", ("--option", "language=de", "--option", "language=fr"), "given once"),
        ("dates", ("--text", "May " * 60), "Shorten it"),
        ("dates", ("--temperature", "-1"), "temperature must be"),
        ("dates", ("--temperature", "1e-40"), "temperature must be 0 or from 0.01"),
        ("dates", ("--top-k", "3"), "temperature above 0"),
        ("dates", ("--loops", "999"), "loops must be from 1"),
        ("dates", ("--max-tokens", "0"), "max_tokens must be"),
    ],
)
def test_bad_requests_are_one_sentence(store: Store, task: str, arguments: tuple[str, ...], sentence: str) -> None:
    run = stored_run(store, quick(task))
    result = clps("predict", run.id, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr.strip().splitlines()[-1]


def test_runs_of_two_tasks_do_not_answer_together(store: Store) -> None:
    runs = [stored_run(store, quick(task)) for task in ("digits", "dates")]
    result = clps("predict", *(run.id for run in runs))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must have the same task" in result.stderr


def test_scripts_get_the_same_answers(store: Store) -> None:
    run = stored_run(store, quick("digits"))
    assert api.predict(run.id[:6], ["3"])[0] == predict(store.run_folder(run.id), ["3"])[0]
    assert [one.number for one in api.predict_split(run.id, limit=3, home=store.home)] == [0, 1, 2]
