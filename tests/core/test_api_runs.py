"""What scripts do from a design to a table: train, compare, read; and the example that shows it runs as it stands."""

from __future__ import annotations

import runpy
from contextlib import closing
from pathlib import Path

import pytest

from clps_core import api
from clps_core.errors import ConfigError, JobError, NotFoundError
from clps_core.store import open_store

EXAMPLE = Path(__file__).parents[2] / "examples" / "notebook.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_configs_of_a_comparison_are_equal_but_for_strategy_and_seed(home: Path) -> None:
    found = api.configs(["none", "all"], [0, 1], task="hops", settings={"train.steps": 7, "data.difficulty": 3})
    assert [(one.config.sharing.strategy, one.config.seed) for one in found] == [
        ("none", 0), ("all", 0), ("none", 1), ("all", 1),
    ]  # fmt: skip
    assert {(one.config.train.steps, one.config.data.difficulty, one.config.data.task) for one in found} == {
        (7, 3, "hops")
    }


@pytest.mark.parametrize("settings", [{"train.stebs": 7}, {"": 1}, {"train.steps": "x"}, {"seed": 3}])
def test_settings_that_are_none_are_a_sentence(home: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"must|not a field"):
        api.configs(settings=settings)


def test_tables_have_a_row_for_each_design_run_and_point(home: Path) -> None:
    ready = api.ready("pairs")
    assert api.ready("pairs") == ready, "doing it again changes nothing"
    designs = api.compare(ready)
    assert api.compare(ready[0])["runs"].tolist() == api.compare(ready[0].id)["runs"].tolist() == [1]
    assert designs["strategy"].tolist() == ["none", "cycle:2", "all"]
    assert designs["runs"].tolist() == [3, 3, 3]
    assert designs["best"].is_monotonic_decreasing
    table = api.runs("task:pairs sort:created")
    assert set(table["id"]) == {run.id for run in ready}
    curves = api.curves([ready[0].id])
    with closing(open_store(home)) as store:
        points = store.curve(ready[0].id, "validation", "loss")
    mine = curves[(curves["split"] == "validation") & (curves["metric"] == "loss")]
    assert mine["value"].tolist() == [point.value for point in points]
    assert api.runs("task:dates").empty


def test_what_is_not_there_is_a_sentence(home: Path) -> None:
    with pytest.raises(NotFoundError, match="one of hops, pairs"):
        api.ready("none")
    with pytest.raises(NotFoundError):
        api.compare(["nothing"])
    with pytest.raises(NotFoundError):
        api.curves([])
    with pytest.raises(ConfigError, match="must"):
        api.submit([])


def test_the_example_runs_from_beginning_to_end(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(EXAMPLE))
    said = capsys.readouterr().out
    assert [run.status for run in found["trained"]] == ["finished", "finished"]
    assert "No sharing" in said or "is worse than" in said
    assert "\\toprule" in said
    wide, narrow = found["found"].config.model.d_model, found["four_layers"].config.model.d_model
    assert wide > narrow
    with pytest.raises(JobError, match="did not end"):  # a run that waits for ever, so that the clock alone decides
        api.wait(api.submit(api.configs(["none"], task="hops", settings={"train.steps": 10**6})), timeout=0.0)
    with closing(open_store(home)) as store:
        for run in store.runs(limit=5):
            if run.active:
                api_cancel(store, run.id)


def api_cancel(store, run_id: str) -> None:  # type: ignore[no-untyped-def]
    from clps_core.jobs import service

    service.cancel(store, run_id)
    service.wait(store, [run_id])
