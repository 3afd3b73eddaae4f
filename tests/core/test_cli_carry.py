"""Runs and curves leave the store by commands and come back whole; a printed file repeats a run."""

from __future__ import annotations

import csv
import io
import json
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_room import tiny
from typer.testing import CliRunner
from untrained_runs import stored_run

from clps_core.cli import app
from clps_core.config import RunConfig, resolve
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Point, Run, Store, metrics, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that ``clps`` uses; nobody works on its queue, since the supervisor's lock is taken."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    store = open_store()
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield store
    lock.release()
    store.close()


def clps(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def told(*arguments: object) -> Any:
    result = clps(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def curved(store: Store, run: Run) -> Run:
    values = [("train", "loss", 1, 3.0), ("train", "loss", 2, float("nan")), ("validation", "exact_match", 2, 1 / 3)]
    with store.writing() as connection:
        points = [Point(run.id, split, name, step, value, 0.5) for split, name, step, value in values]
        metrics.append(connection, run.id, points)
    return store.run(run.id)


@pytest.fixture
def run(store: Store) -> Run:
    return curved(store, stored_run(store, resolve(tiny()).config))


def forget(store: Store, *runs: Run) -> None:
    for one in runs:
        store.forget_run(one.id)


@pytest.mark.parametrize("target", ["out", "out.zip"])
def test_exported_runs_come_back_with_config_curves_weights_and_comparison(
    store: Store, run: Run, tmp_path: Path, target: str
) -> None:
    other = curved(store, stored_run(store, resolve(tiny("none", seed=3)).config))
    names = {one["id"]: one["comparison"] for one in told("runs")}
    written = told("runs", "export", run.id[:6], other.id, "--to", tmp_path / target)
    assert [one["id"] for one in written] == [run.id, other.id]
    forget(store, run, other)
    back = told("runs", "import", tmp_path / target)
    assert {one["id"]: one["comparison"] for one in back} == names
    for before in (run, other):
        after = store.run(before.id)
        assert after.config == before.config
        assert after.status == "finished"
        assert len(store.metrics_after([after.id], 0)[0]) == 3
        assert (store.run_folder(after.id) / "checkpoints" / "best.safetensors").is_file()
    again = clps("runs", "import", tmp_path / target)
    assert (again.exit_code, again.stdout.count("already here")) == (0, 2)


def test_one_runs_own_folder_is_imported_too(store: Store, run: Run, tmp_path: Path) -> None:
    told("runs", "export", run.id, "--to", tmp_path / "out")
    forget(store, run)
    assert [one["id"] for one in told("runs", "import", tmp_path / "out" / run.id)] == [run.id]


def test_an_export_that_cannot_be_writes_nothing(store: Store, run: Run, tmp_path: Path) -> None:
    waiting = store.runs(comparison=store.create_comparison("x", [resolve(tiny())]))[0]
    refused = clps("runs", "export", run.id, waiting.id, "--to", tmp_path / "out")
    assert refused.exit_code == 2
    assert f"only a finished run can be exported. Run {waiting.id} is queued" in refused.stderr
    assert not (tmp_path / "out").exists()
    for there in (tmp_path / "there.zip", tmp_path / "there" / run.id / "file"):
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text("mine")
        target = there if there.suffix else there.parents[1]
        refused = clps("runs", "export", run.id, "--to", target)
        assert (refused.exit_code, "must not overwrite anything" in refused.stderr) == (2, True)
        assert there.read_text() == "mine"


def zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_a_file_that_is_no_export_is_one_sentence(store: Store, tmp_path: Path) -> None:
    plain = tmp_path / "plain.zip"
    plain.write_text("no zip")
    wrong = {
        plain: "must be a complete zip file",
        zipped(tmp_path / "empty.zip", {"a/b.txt": ""}): "has no run.json",
        zipped(tmp_path / "out.zip", {"../../out.txt": ""}): "a file outside it",
        zipped(tmp_path / "root.zip", {"/tmp/out.txt": ""}): "a file outside it",
        tmp_path / "nowhere": "has no run.json",
        zipped(tmp_path / "bad.zip", {"x/run.json": "[" * 9000}): "missing or damaged",
    }
    for path, words in wrong.items():
        result = clps("runs", "import", path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in " ".join(result.stderr.split()), result.stderr
        assert "Traceback" not in result.stderr
    assert store.runs() == []
    assert not (tmp_path / "out.txt").exists()


def test_a_zip_file_that_declares_more_than_the_disk_holds_is_not_unpacked(
    store: Store, run: Run, tmp_path: Path, monkeypatch
) -> None:
    told("runs", "export", run.id, "--to", tmp_path / "out.zip")
    forget(store, run)
    monkeypatch.setenv("CLPS_DISK_FLOOR", "100000T")
    result = clps("runs", "import", tmp_path / "out.zip")
    assert (result.exit_code, "too little free space" in result.stderr) == (2, True)
    assert store.runs() == []


def test_curves_are_printed_as_csv_and_json_point_by_point(store: Store, run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(clps("runs", "curves", run.id[:6], "--csv").stdout)))
    assert [(row["split"], row["name"], row["step"], row["value"]) for row in rows] == [
        ("train", "loss", "1", "3.0"),
        ("train", "loss", "2", "nan"),
        ("validation", "exact_match", "2", repr(1 / 3)),
    ]
    assert {row["run_id"] for row in rows} == {run.id}
    (one,) = told("runs", "curves", run.id, "--split", "train")
    assert [(point["step"], point["value"]) for point in one["points"]] == [(1, 3.0), (2, None)]
    (one,) = told("runs", "curves", run.id, "--name", "exact_match")
    assert [point["split"] for point in one["points"]] == ["validation"]
    assert told("runs", "curves", run.id, "--split", "validation", "--name", "loss") == [{"id": run.id, "points": []}]
    table = clps("runs", "curves", run.id)
    assert "exact_match" in table.stdout
    assert "--csv and --json print every point" in table.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--split", "val"], "split must be one of train, validation, test. Got 'val'"),
        (["--name", "perplexity"], "a curve must be one of loss, gradient_norm"),
        (["--split", "train", "--name", "exact_match"], "a curve of split train must be one of loss, gradient_norm"),
    ],
)
def test_a_curve_that_the_run_cannot_have_is_refused(store: Store, run: Run, arguments: list[str], words: str) -> None:
    result = clps("runs", "curves", run.id, *arguments, "--csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "config",
    [
        tiny(),
        tiny("cycle:2,lora=2", seed=12, patience=3),
        RunConfig.model_validate({"model": {"family": "encoder"}, "data": {"task": "digits", "folds": 5, "fold": 2}}),
    ],
    ids=["plain", "strategy", "fold"],
)
def test_the_file_and_the_command_that_a_run_prints_repeat_it_exactly(
    store: Store, tmp_path: Path, config: RunConfig
) -> None:
    run = store.runs(comparison=store.create_comparison("a\nb: 3", [resolve(config)], run_names=["line\nseed: 9"]))[0]
    file = tmp_path / "run.yaml"
    file.write_text(clps("runs", "show", run.id, "--yaml").stdout)
    (twin,) = told("train", "--config", file)
    assert store.run(twin["id"]).config == run.config
    (twin,) = told(*shlex.split(told("runs", "show", run.id)["command"])[1:])
    assert store.run(twin["id"]).config == run.config
    assert file.read_text() in clps("runs", "show", run.id).stdout


def test_a_printed_run_says_its_versions_and_commit(store: Store, run: Run) -> None:
    import torch

    from clps_core.checkout import commit

    text = clps("runs", "show", run.id, "--yaml").stdout
    assert f"# torch: {torch.__version__}" in text
    assert f"# commit: {commit()}" in text or (commit() is None and "# commit: none" in text)
    versions = told("runs", "show", run.id)["versions"]
    assert versions.get("commit") == commit()
    assert versions["data"]
    (store.run_folder(run.id) / "versions.json").write_text("[1]")
    assert told("runs", "show", run.id)["versions"] == {}


def test_a_fork_says_that_a_file_alone_does_not_repeat_it(store: Store, run: Run) -> None:
    fork = told("runs", "fork", run.id)
    text = clps("runs", "show", fork["id"], "--yaml").stdout
    assert f"A fork: it started with the best weights of run {run.id}" in text
