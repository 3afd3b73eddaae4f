"""A finished run can be carried from one store to another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clps_core.config import build_config, resolve
from clps_core.errors import NotFoundError, StoreError
from clps_core.store import Point, Store, open_store
from clps_core.store.archive import export_run, import_run
from clps_core.store.queue import Queue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exported run."""
    store = open_store(tmp_path / "first", f"sqlite:///{tmp_path}/first.db")
    store.create_comparison("x", [resolve(build_config())], parameters=[(10, 20)])
    queue = Queue(store)
    attempt = queue.start_next(0, "here", "boot")
    assert attempt is not None
    run_id = attempt.run_id
    place = store.run_folder(run_id)
    (place / "checkpoints").mkdir(parents=True)
    (place / "config.json").write_text(store.run(run_id).config_text)
    for name in ("best", "last"):
        (place / "checkpoints" / f"{name}.safetensors").write_text(name)
    points = [Point(run_id, "train", "loss", step, 1 / 3 + step, 0.5) for step in (0, 5)]
    notes = [("best", 5, "checkpoints/best.safetensors"), ("last", 5, "checkpoints/last.safetensors")]
    queue.append(run_id, 1, points, progress={"step": 5, "seconds": 9.0, "cpu_seconds": 8.0}, artefacts=notes)
    with pytest.raises(StoreError, match="only a finished run can be exported"):
        export_run(store, run_id, tmp_path / "exported")
    queue.finish(run_id, 1, "finished", None)
    export_run(store, run_id, tmp_path / "exported", new_id="sample-all")
    store.close()
    return tmp_path / "exported"


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(tmp_path / "second")
    yield store
    store.close()


def test_an_imported_run_is_what_was_exported(store: Store, folder: Path) -> None:
    run = import_run(store, folder, name="Dates, all shared", comparison="Sample")
    assert (run.id, run.name, run.status, run.step, run.seconds) == (
        "sample-all",
        "Dates, all shared",
        "finished",
        5,
        9.0,
    )
    assert (run.unique_parameters, run.executed_parameters, run.cpu_seconds) == (10, 20, 8.0)
    assert run.config == resolve(build_config()).config
    assert [(point.step, point.value) for point in store.curve(run.id, "train", "loss")] == [(0, 1 / 3), (5, 1 / 3 + 5)]
    (artefact,) = store.artefacts(run.id)
    assert artefact.path.read_text() == "best"
    assert [(found.name, found.ready, found.run_ids) for found in store.comparisons()] == [("Sample", True, (run.id,))]


def test_importing_twice_changes_nothing(store: Store, folder: Path) -> None:
    assert import_run(store, folder) == import_run(store, folder)
    assert len(store.runs()) == len(store.comparisons()) == 1


def test_a_deleted_sample_can_be_imported_again(store: Store, folder: Path) -> None:
    import_run(store, folder)
    store.forget_run("sample-all")
    assert import_run(store, folder).status == "finished"


@pytest.mark.parametrize("name", ["run.json", "config.json", "metrics.csv"])
def test_a_damaged_export_is_refused(store: Store, folder: Path, name: str) -> None:
    (folder / name).write_text("split,step\n{")
    with pytest.raises(NotFoundError, match=f"is not a complete exported run: its {name} is missing or damaged"):
        import_run(store, folder)
    assert store.runs() == []
    assert list((store.home / "runs").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": ["x"]},
        {"step": "many"},
        {"created_at": "yesterday"},
        {"created_at": float("nan")},
        {"artefacts": [7]},
        {"artefacts": [["best", 5, "/etc/passwd"]]},
        {"artefacts": [["best", 5, "checkpoints/../../other/checkpoints/best.safetensors"]]},
    ],
)
def test_an_export_that_says_what_cannot_be_is_refused_and_leaves_nothing(
    store: Store, folder: Path, change: dict[str, object]
) -> None:
    """It may come from anybody: nothing in it may lead out of the run's folder."""
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | change))
    with pytest.raises(NotFoundError, match=r"is not a complete exported run: its run\.json is missing or damaged"):
        import_run(store, folder)
    assert store.runs() == []
    assert list((store.home / "runs").iterdir()) == []
