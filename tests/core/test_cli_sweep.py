"""``clps sweep``: real runs through real processes, and nothing queued after bad input."""

from __future__ import annotations

import csv
import io
import json
import statistics
from pathlib import Path

import pytest
from job_room import tiny
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.jobs import service
from clps_core.sweeps import expand, read_sweep

EXAMPLE = Path(__file__).parents[2] / "examples" / "learning-rate-sweep.yaml"
TINY = """
name: Tiny
base:
  data: {task: digits}
  model: {num_layers: 1, d_model: 16, d_ff: 16, num_heads: 2}
  train: {steps: 10, eval_every: 5, eval_examples: 20, batch_size: 8, probe_count: 0, device: cpu}
sweep: {fields: {optim.learning_rate: [2e-3, 1e-30]}}
folds: 2
stop: {rule: patience, evaluations: 1}
"""


@pytest.fixture
def home(room, monkeypatch):
    """An empty home that the command line uses; its processes are ended afterwards."""
    monkeypatch.setenv("CLPS_HOME", str(room.home))
    return room


def clps(*arguments):
    return CliRunner().invoke(app, ["sweep", *map(str, arguments)])


def file(tmp_path, text):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return path


def test_a_sweep_is_trained_and_told_best_first(home, tmp_path):
    result = clps("--wait", file(tmp_path, TINY), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["name"], told["metric"], told["runs"], told["statuses"]) == ("Tiny", "accuracy", 4, {"finished": 4})
    good, bad = told["configurations"]
    assert [one["settings"] for one in (good, bad)] == [{"optim.learning_rate": rate} for rate in (0.002, 1e-30)]
    assert [one["best"]["count"] for one in (good, bad)] == [2, 2]
    assert good["best"]["mean"] >= bad["best"]["mean"]
    assert told["best"]["run_id"] in good["run_ids"]
    assert (told["best"]["settings"], told["best"]["mean"]) == (good["settings"], good["best"]["mean"])
    assert (bad["behind"], told["verdicts"]) == (None, {"not_compared": [bad["settings"]]}), "its runs ended early"
    assert (bad["ended_early"], bad["lower_bound"], good["lower_bound"]) == (2, True, False)
    assert bad["ended_early_best"] == bad["best"]
    assert [one["test"]["count"] for one in (good, bad)] == [2, 2]
    assert told["best"]["test"] == good["test"]
    ended = home.store.some_runs(bad["run_ids"])
    assert {run.step for run in ended} == {5}
    assert all("did not beat step 0" in (run.reason or "") for run in ended)
    assert {run.config.data.fold for run in ended} == {0, 1}

    matters = clps("show", told["comparison_id"], "--importance", "--json")
    assert (matters.exit_code, json.loads(matters.stdout)["importance"]["left_out"]) == (0, 1)
    both = clps("show", told["comparison_id"], "--importance", "--csv")
    assert (both.exit_code, "combined with --csv" in both.output) == (2, True)

    again = clps("show", told["comparison_id"][:5], "--json")
    assert json.loads(again.stdout) == told
    table = clps("show", told["comparison_id"])
    assert table.exit_code == 0
    assert "best accuracy" in table.stdout
    assert "± is the standard deviation" in table.stderr
    assert "≥" in table.stdout
    assert "Means leave out runs that ended early" in table.stderr
    assert "Not compared with the best" in table.stderr
    assert "4 of 4 runs ended" in table.stderr
    assert clps("show", "--json").stdout == again.stdout, "without an id: the newest"

    rows = list(csv.DictReader(io.StringIO(clps("show", "--csv").stdout)))
    assert [row["run_id"] for row in rows] == [*good["run_ids"], *bad["run_ids"]]
    assert [(row["rank"], row["optim.learning_rate"], row["ended_early"]) for row in rows] == [
        *[("1", "0.002", "False")] * 2,
        *[("2", "1e-30", "True")] * 2,
    ]
    assert statistics.fmean(float(row["best"]) for row in rows[:2]) == pytest.approx(good["best"]["mean"])
    assert statistics.fmean(float(row["test"]) for row in rows[:2]) == pytest.approx(good["test"]["mean"])
    listed = json.loads(clps("list", "--json").stdout)
    assert listed == [{"id": told["comparison_id"], "name": "Tiny", "task": "digits", "runs": 4, "ended": 4}]


def test_cancelling_goes_on_where_a_run_ends_by_itself_meanwhile(home, tmp_path, monkeypatch):
    started = clps(file(tmp_path, TINY.replace("steps: 10", "steps: 1000000")))
    runs = home.store.runs(comparison=started.stdout.strip())
    cancel, last = service.cancel, []

    def ends_first(store, run_id):
        if not last:
            last.append(run_id)
            cancel(store, run_id)
        return cancel(store, run_id)

    monkeypatch.setattr(service, "cancel", ends_first)
    assert clps("cancel", started.stdout.strip()).exit_code == 0
    assert {run.status for run in home.wait(*(run.id for run in runs))} == {"cancelled"}


def test_cancelling_a_sweep_stops_all_of_its_runs_and_no_others(home, tmp_path):
    long = TINY.replace("steps: 10", "steps: 1000000").replace(
        "stop: {rule: patience, evaluations: 1}", "seeds: [0, 1]"
    )
    started = clps(file(tmp_path, long))
    assert started.exit_code == 0, started.output
    sweep_id = started.stdout.strip()
    (other,) = service.submit(home.store, [tiny(steps=1_000_000)])
    result = clps("cancel", sweep_id[:4], "--json")
    assert result.exit_code == 0, result.output
    runs = home.store.runs(comparison=sweep_id)
    assert len(runs) == 8
    assert {run.status for run in home.wait(*(run.id for run in runs))} == {"cancelled"}
    assert home.store.run(other.id).active
    assert all(run.attempts == 0 for run in runs[2:]), "nobody took up a run that was to be cancelled"

    resumed = clps("resume", sweep_id, "--json")
    assert resumed.exit_code == 0, resumed.output
    assert json.loads(resumed.stdout)["statuses"].get("cancelled") is None
    assert all(run.active for run in home.store.runs(comparison=sweep_id))
    assert clps("cancel", sweep_id).exit_code == 0


def test_a_dry_run_says_what_would_be_queued_and_queues_nothing(home, tmp_path):
    result = clps("--dry-run", file(tmp_path, TINY), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["runs"], told["seeds"], told["folds"]) == (4, [0], 2)
    assert [one["settings"] for one in told["configurations"]] == [
        {"optim.learning_rate": 0.002},
        {"optim.learning_rate": 1e-30},
    ]
    assert {one["unique_parameters"] for one in told["configurations"]} == {
        run.unique_parameters for run in service.submit(home.store, expand(read_sweep(TINY))[:1])
    }
    assert len(home.store.comparisons()) == 1, "the one of the line above"
    refused = clps("--dry-run", file(tmp_path, TINY + "seeds: [0, 0]\n"))
    assert (refused.exit_code, "must be given once" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sweep: {method: random, runs: 1000000, fields: {model.dropout: {uniform: [0, 1]}}}", "at most 200 runs"),
        ("sweep: {fields: {optim.rate: [1]}}", "must be a field of a run"),
        ("sweep: {fields: {model.d_model: [16, -1]}}", "with model.d_model=-1"),
        ("model: {num_layers: 512}\nsweep: {fields: {model.d_model: [64, 16384]}}", "does not fit into memory"),
        ("strategies: [none, none]\nsweep: {}", "must be given once"),
        ("strategies: [none, all]", "Got a comparison. Run it with 'clps train --config FILE'"),
    ],
)
def test_a_sweep_that_cannot_be_queues_nothing_and_ends_with_2(home, tmp_path, text, words):
    result = clps(file(tmp_path, text))
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert home.store.comparisons() == []


def test_what_is_not_there_is_a_sentence(home, tmp_path):
    for arguments, words in [
        ((tmp_path / "none.yaml",), "the sweep must name a readable YAML file"),
        (("show", "nosuch"), "there is no sweep 'nosuch'"),
        (("show", ""), "there is no sweep ''"),
        (("show",), "there is no sweep to show. Start one"),
        (("resume", "nosuch"), "there is no sweep 'nosuch'"),
    ]:
        result = clps(*arguments)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_the_example_is_a_small_sweep_and_names_its_command():
    text = EXAMPLE.read_text()
    sweep = read_sweep(text)
    assert len(expand(sweep)) == 12
    assert sweep.name
    assert f"clps sweep examples/{EXAMPLE.name} --wait" in text
