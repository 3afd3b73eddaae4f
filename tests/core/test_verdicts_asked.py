"""The command line and scripts get the same verdicts as the page, in words and as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clps_core import api
from clps_core.cli import verdicts as cli
from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError, NotFoundError
from clps_core.store import Point, Store, metrics, open_store, schema

SCORES = {"none": [0.60, 0.66, 0.63, 0.70], "all": [0.55, 0.60, 0.59, 0.63], "cycle": [0.5, 0.52, 0.52, 0.55]}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    store = open_store(tmp_path)
    yield store
    store.close()


def trained(store: Store, task: str = "digits") -> str:
    """A comparison of three designs with four seeds each; its id."""
    configs = [
        resolve(build_config({"data": {"task": task}, "sharing": {"strategy": strategy}, "seed": seed})).config
        for strategy, scores in SCORES.items()
        for seed in range(len(scores))
    ]
    made = store.create_comparison("trained", configs, parameters=[(1000, 1000)] * len(configs))
    with store.writing() as connection:
        for run in store.runs(comparison=made):
            score = SCORES[run.strategy][run.seed]
            metric = run.facts.metric
            metrics.append(connection, run.id, [Point(run.id, "validation", metric, run.steps, score, 10.0)])
            done = {"status": "finished", "step": run.steps, "seconds": 10.0, "cpu_seconds": 9.5, "device": "cpu"}
            connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(**done, threads=1))
    return made


def test_the_command_line_says_it_in_words_and_as_json(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    made = trained(store)
    cli.show(made[:6], None, as_json=False)
    said = capsys.readouterr()
    assert "all is worse than none by" in said.out
    assert "64.8 % ± 4.3" in said.out
    assert "paired t test" in said.err
    cli.show(made, "all", as_json=True)
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    assert task["reference"]["name"] == "all"
    assert [one["design"]["name"] for one in task["verdicts"]] == ["none", "cycle"]
    assert [one["verdict"] for one in task["verdicts"]] == ["better", "worse"]
    first = task["designs"][0]
    assert (first["name"], first["best"]["runs"], first["cpu_seconds"]["mean"]) == ("none", 4, 9.5)
    with pytest.raises(NotFoundError, match="The designs are: none, all, cycle"):
        cli.show(made, "nobody", as_json=True)


def test_scripts_get_sentences_and_figures(store: Store) -> None:
    runs = store.runs(comparison=trained(store))
    found = api.verdict([run.id for run in runs], "best")
    assert found.verdicts.reference.run.strategy == "none"
    assert found.verdicts.family == 3
    assert len(found.sentences) == 2
    assert found.as_plain()["task"] == "digits"
    other = store.runs(comparison=trained(store, "dates"))
    with pytest.raises(ConfigError, match="Got digits, dates"):
        api.verdict([runs[0].id, other[0].id])
    with pytest.raises(ConfigError, match="Got no run"):
        api.verdict([])
    assert api.verdict([other[0].id]).sentences == ()
