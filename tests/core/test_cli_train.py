"""``clps train`` and ``clps runs``: real runs through real processes, and nothing queued after bad input."""

import json
import os
import signal
import subprocess
import sys

import pytest
from job_room import PATIENCE, eventually
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.tasks import TASKS

TINY = [
    "--set", "model.num_layers=2", "--set", "model.d_model=16", "--set", "model.d_ff=32", "--set", "model.num_heads=2",
    "--set", "train.batch_size=4", "--set", "train.eval_examples=4",
    "--set", "train.test_examples=4", "--set", "train.probe_count=0", "--set", "train.device=cpu",
]  # fmt: skip
KEYS = {"id", "status", "strategy", "seed", "unique_parameters", "steps", "metrics", "seconds", "tokens_per_second"}


@pytest.fixture
def home(room, monkeypatch):
    """An empty home that the command line uses; its processes are ended afterwards."""
    monkeypatch.setenv("CLPS_HOME", str(room.home))
    return room


def clps(*arguments):
    return CliRunner().invoke(app, list(arguments))


def process(*arguments):
    return [sys.executable, "-c", "from clps_core.cli import main; main()", *arguments]


def run(*arguments):
    return subprocess.run(process(*arguments), capture_output=True, text=True, timeout=PATIENCE)


def listed(*arguments):
    result = clps("runs", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_comparison_is_trained_and_told_as_json(home):
    ended = run(
        "train",
        "--task",
        "dates",
        "--strategy",
        "none",
        "--strategy",
        "all",
        "--steps",
        "12",
        *TINY,
        "--wait",
        "--json",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    none, shared = records = json.loads(ended.stdout)
    assert all(record.keys() >= KEYS for record in records)
    assert [record["strategy"] for record in records] == ["none", "all"]
    assert {record["status"] for record in records} == {"finished"}
    assert {(record["seed"], record["steps"], record["step"]) for record in records} == {(0, 12, 12)}
    assert none["unique_parameters"] == none["executed_parameters"] == shared["executed_parameters"]
    assert shared["unique_parameters"] < none["unique_parameters"]
    for record in records:
        assert record["metrics"].keys() >= {"loss", "token_accuracy", "exact_match", "train_loss"}
        assert record["seconds"] > 0
        assert record["cpu_seconds"] > 0
        assert record["tokens_per_second"] > 0

    assert [record["id"] for record in listed()] == [none["id"], shared["id"]]
    shown = listed("show", none["id"][:6])
    assert shown["config"]["model"]["d_model"] == 16
    assert shown["metrics"] == none["metrics"]
    assert "finished" in listed("logs", none["id"])["log"]
    assert none["id"] in clps("runs").stdout
    assert "d_model: 16" in clps("runs", "show", none["id"]).stdout
    assert "finished" in clps("runs", "logs", none["id"]).stdout
    assert listed("delete", none["id"]) == [{"id": none["id"], "status": "deleted"}]
    assert [record["id"] for record in listed("list", "--status", "finished")] == [shared["id"]]


def listen_to_interrupts() -> None:
    """As in a terminal: a shell's background jobs, and what they start, are deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_interrupting_the_wait_leaves_the_run_going_and_it_can_be_steered(home):
    waiting = subprocess.Popen(
        process("train", "--task", "dates", "--steps", "100000", *TINY, "--wait"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,
    )

    def advancing():
        assert waiting.poll() is None, waiting.communicate()
        return any(one.step > 0 for one in home.store.runs())

    eventually(advancing, "a run that advances")
    waiting.send_signal(signal.SIGINT)
    _out, errors = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 130
    assert "The runs continue." in errors
    assert "Traceback" not in errors

    (record,) = listed()
    assert record["status"] == "running"
    refused = clps("runs", "delete", record["id"], "--json")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: ")
    assert clps("runs", "cancel", record["id"]).exit_code == 0
    eventually(lambda: home.store.run(record["id"]).status == "cancelled", "the run is cancelled")
    assert clps("runs", "resume", record["id"]).exit_code == 0
    eventually(lambda: home.store.run(record["id"]).status == "running", "the run goes on")
    assert clps("runs", "cancel", record["id"]).exit_code == 0
    eventually(lambda: home.store.run(record["id"]).status == "cancelled", "the run is cancelled again")


@pytest.mark.slow
def test_a_failed_run_ends_with_exit_code_1_and_its_reason(home):
    """Without an epsilon the first step divides nothing by nothing."""
    ended = run("train", "--task", "dates", "--steps", "5", *TINY, "--set", "optim.eps=1e-300", "--wait", "--json")
    assert ended.returncode == 1
    (record,) = json.loads(ended.stdout)
    assert record["status"] == "failed"
    assert "finite" in record["reason"]
    assert record["id"] in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_waiting_without_a_terminal_says_each_evaluation_on_stderr(home):
    ended = run("train", "--task", "digits", "--steps", "4", *TINY, "--set", "train.eval_every=2", "--wait")
    assert ended.returncode == 0, ended.stderr
    (one,) = home.store.runs()
    for step in (0, 2, 4):
        assert f"{one.id}  {one.name}: step {step}/4, accuracy" in ended.stderr
    assert f"{one.id}  {one.name}: finished" in ended.stderr
    assert "best accuracy" in ended.stdout


def test_a_device_that_is_not_there_is_refused_before_anything_is_queued(home, monkeypatch):
    from clps_core.jobs import devices

    monkeypatch.setattr(devices, "why_no_cuda", lambda: "no GPU")
    result = clps("train", "--task", "digits", *TINY[:-1], "train.device=cuda")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "train.device cuda must have a usable CUDA GPU" in result.stderr
    assert home.store.runs() == []


def test_a_dry_run_tells_configs_sizes_and_time_and_queues_nothing(home):
    asked = ["train", "--task", "digits", "--strategy", "none", "--strategy", "all", "--seed", "3", *TINY, "--dry-run"]
    told = json.loads(clps(*asked, "--json").stdout)
    none, shared = told["runs"]
    assert none["config"]["model"]["num_classes"] == 10, "complete"
    assert [one["config"]["sharing"]["strategy"] for one in told["runs"]] == ["none", "all"]
    assert {one["config"]["seed"] for one in told["runs"]} == {3}
    assert shared["unique_parameters"] < none["unique_parameters"] == none["executed_parameters"]
    low, high = told["seconds"]
    assert 0 < max(none["seconds"], shared["seconds"]) <= low <= high
    shown = clps(*asked)
    assert "num_classes: 10" in shown.stdout
    assert "Nothing was queued." in shown.stderr
    assert "a rough guess" in shown.stderr
    assert clps(*asked, "--set", "model.d_model=17").exit_code == 2
    assert home.store.runs() == []
    assert not home.processes()


def test_without_wait_the_ids_and_what_to_do_next_are_told(home, monkeypatch):
    result = clps(
        "train",
        "--task",
        "dates",
        "--strategy",
        "all",
        "--seed",
        "1",
        "--seed",
        "2",
        "--steps",
        "3",
        *TINY,
        "--name",
        "[b]<i>",
    )
    assert result.exit_code == 0
    runs = home.store.runs()
    assert [one.seed for one in runs] == [1, 2]
    assert all(one.id in result.stdout for one in runs)
    assert f"clps runs show {runs[0].id}" in result.stderr
    assert home.store.comparisons()[0].name == "[b]<i>"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--task", "french"],
            f"error: task must be one of {', '.join(TASKS)}.",
        ),
        (["--strategy", "cycel"], "error: strategy must be one of none, all, attention_only"),
        (["--strategy", "none", "--strategy", "grouped:9"], "between 1 and the number of layers (4). Got 9"),
        (["--strategy", "all", "--strategy", "all"], "must be given once"),
        (["--steps", "-5"], "error: train.steps must be at least 1. Got -5."),
        (["--seed", "-1"], "error: seed must be at least 0. Got -1."),
        (
            ["--set", "model.d_model=100", "--set", "model.num_heads=7"],
            "d_model must be divisible by num_heads. Got 100 and 7.",
        ),
        (["--set", "model.max_positions=3"], "max_positions must be at least the longest input of dates"),
        (["--set", "model.d_model=65536", "--set", "model.num_layers=99"], "error: the run does not fit into memory"),
        (["--config", "nowhere.yaml"], "error: --config must name a readable YAML file"),
        (["--name", ""], "error: name must be a text"),
        (["--name", "x" * 121], "error: name must be a text"),
        (["--seed", "x"], "Invalid value for '--seed'"),
        ([part for seed in range(201) for part in ("--seed", str(seed))], "at most 200 runs"),
    ],
)
def test_bad_input_queues_nothing(home, arguments, sentence):
    result = clps("train", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert home.store.runs() == []


def test_a_config_file_that_is_wrong_anywhere_queues_nothing(home, tmp_path):
    file = tmp_path / "bad.yaml"
    for text in (
        "sharing: 3",
        "strategies: all",
        "model: {num_layers: x}",
        "data: [dates]",
        "train: {steps: 1, epochs: 2}",
    ):
        file.write_text(text)
        result = clps("train", "--config", str(file))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("error: ")
    assert home.store.runs() == []


@pytest.mark.parametrize("command", ["show", "logs", "cancel", "resume", "delete"])
@pytest.mark.parametrize("run_id", ["nosuchrun", "../../etc/passwd", "%", "<script>"])
def test_runs_that_do_not_exist_are_said_not_to(home, command, run_id):
    result = clps("runs", command, run_id, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")


def test_an_empty_list_says_how_to_start(home):
    assert listed() == []
    assert "clps train --task dates" in clps("runs").stderr
    assert "status must be one of queued, running" in clps("runs", "list", "--status", "lost").stderr


def test_a_home_that_is_a_file_is_a_sentence(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("CLPS_HOME", str(file))
    for arguments in (["runs"], ["train", "--task", "dates"], ["doctor"]):
        result = clps(*arguments, "--json")
        assert result.exit_code == 2
        assert "CLPS_HOME" in result.stdout + result.stderr
        assert "Traceback" not in result.stderr


def test_live_progress_names_each_run_and_its_steps(home, capsys):
    from clps_core.cli.progress import LiveProgress
    from clps_core.config import build_config, resolve

    store = home.store
    store.create_comparison(
        "x", [resolve(build_config({"sharing": {"strategy": text}})).config for text in ("none", "all")]
    )
    runs = store.runs()
    with LiveProgress(store, runs) as live:
        live.tick(runs)
    shown = capsys.readouterr()
    assert shown.out == ""
    for one in runs:
        assert one.strategy in shown.err
    assert "0/600" in shown.err


def test_doctor_says_what_would_be_used_and_why(home):
    result = clps("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["store"]["home"] == os.environ["CLPS_HOME"]
    assert found["store"]["usable"]
    assert (found["training"]["slots"], found["training"]["threads_per_slot"]) == (2, 1)
    assert found["training"]["device"] in ("cpu", "cuda")
    assert found["training"]["why"]
    assert found["versions"]["torch"]
    assert found["machine"]["memory_bytes"] > 0
    assert found["store"]["schema_version"] >= 2
    assert found["store"]["policy"] == "local"
    assert found["store"]["disk_floor_bytes"] > 0
    assert (found["supervisor"]["state"], found["supervisor"]["pid"]) == ("starts with the next run", None)
    assert [(slot["number"], slot["run"]) for slot in found["slots"]] == [(1, None), (2, None)]
    assert found["queue"] == []
    shown = clps("doctor").stdout
    assert str(home.home) in shown
    assert "GiB" in shown


def test_doctor_names_what_waits_and_a_policy_that_cannot_be_used(home):
    from clps_core.config import build_config, resolve

    home.store.create_comparison("x", [resolve(build_config())])
    (home.home / "policy.yaml").write_text("mode: open")
    found = json.loads(clps("doctor", "--json").stdout)
    run = home.store.runs()[0]
    assert [(one["number"], one["run"]) for one in found["queue"]] == [(1, run.id)]
    assert found["supervisor"]["state"].startswith("not running")
    assert "mode must be one of" in found["store"]["policy"]
    assert run.name in clps("doctor").stdout
