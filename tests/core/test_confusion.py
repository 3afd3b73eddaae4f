"""Which classes are confused: counted with the test score, kept with the run, told in figures that are true."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
from test_cli_depth import clps
from untrained_runs import stored_run

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.confusion import FILE, Confusion, as_csv, keep_confusion, kept_confusion
from clps_core.errors import DataError, JobError
from clps_core.jobs.confusion import classes_of, count_classes
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.store import Store, open_store
from clps_core.store.archive import export_run, import_run
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

SIZES = {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2}


def small(task: str = "languages", steps: int = 2) -> RunConfig:
    given = {"data": {"task": task}, "model": SIZES, "train": {"steps": steps, "test_examples": 60, "probe_count": 0}}
    return resolve(build_config(given)).config


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    with closing(open_store()) as found:
        yield found


def drawn(classes: int = 6, rows: int = 200) -> tuple[list[int], list[int], Confusion]:
    draw = np.random.default_rng(4)
    right, said = draw.integers(0, classes - 1, rows), draw.integers(0, classes, rows)
    counts = confusion_matrix(right, said, labels=range(classes))
    return right.tolist(), said.tolist(), Confusion(7, tuple("abcdefghij"[:classes]), counts)


def test_a_run_keeps_at_its_end_what_its_predictions_say(tmp_path: Path) -> None:
    folder, sink = tmp_path / "run", RecordingSink()
    train(small(), folder, sink, device=Placement("cpu", "fp32", 1, ""))
    kept = kept_confusion(folder)
    assert kept is not None
    answered = list(predict_split(folder, "test"))
    right, said = [one.reference for one in answered], [one.prediction for one in answered]
    assert kept.counts.tolist() == confusion_matrix(right, said, labels=kept.classes).tolist()
    scores = {name: value for _step, split, name, value in sink.points if split == "test"}
    assert kept.accuracy == scores["accuracy"] == kept.right / kept.examples
    assert kept.macro_f1 == scores["macro_f1"]
    assert (kept.examples, {kept.step}) == (60, {step for step, split, *_rest in sink.points if split == "test"})


def test_figures_are_those_of_scikit_learn() -> None:
    right, said, one = drawn()
    precision, recall, f1, examples = precision_recall_fscore_support(
        right, said, labels=range(6), zero_division=np.nan
    )
    for place, figures in enumerate(one.figures):
        assert figures.examples == examples[place]
        assert figures.precision == pytest.approx(precision[place])
        assert (figures.recall is None) == (examples[place] == 0)
        assert figures.recall is None or figures.recall == pytest.approx(recall[place])
        assert figures.f1 == pytest.approx(f1[place] if examples[place] else 0.0)
    assert one.macro_f1 == pytest.approx(f1_score(right, said, average="macro", zero_division=0))
    assert np.nansum(one.shares, 1)[:5] == pytest.approx(np.ones(5))
    assert np.isnan(one.shares[5]).all()
    assert sum(pair.count for pair in one.confused) == one.examples - one.right
    assert [pair.count for pair in one.confused] == sorted((pair.count for pair in one.confused), reverse=True)


def test_of_very_many_classes_the_most_confused_are_told() -> None:
    counts = np.diag(np.full(1000, 3))
    counts[700, 20], counts[5, 999], counts[1, 2] = 9, 8, 1
    one = Confusion(0, tuple(f"class {n}" for n in range(1000)), counts)
    assert one.most_confused(4) == [5, 20, 700, 999]
    assert set(one.most_confused(30)) >= {1, 2, 5, 20, 700, 999}
    assert len(one.most_confused(30)) == 30
    perfect = Confusion(0, one.classes, np.diag(np.arange(1000)))
    assert perfect.confused == ()
    assert perfect.most_confused(3) == [997, 998, 999]


def test_what_is_kept_is_read_back_and_names_of_others_are_made_harmless(tmp_path: Path) -> None:
    _right, _said, one = drawn()
    odd = Confusion(3, ("<b>x</b>", "=cmd()", "مرحبا", "\x1b[31m", "c" * 200, "f"), one.counts)
    keep_confusion(tmp_path, odd)
    kept = kept_confusion(tmp_path)
    assert kept is not None
    assert (kept.counts.tolist(), kept.step) == (odd.counts.tolist(), 3)
    assert kept.classes[0] == "<b>x</b>"
    assert "\x1b" not in kept.classes[3]
    rows = list(csv.reader(as_csv(kept).splitlines()))
    assert [row[0] for row in rows[1:3]] == ["<b>x</b>", "'=cmd()"]
    assert [[int(cell) for cell in row[1:7]] for row in rows[1:]] == odd.counts.tolist()


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        json.dumps({"step": 1, "classes": [], "counts": []}),
        json.dumps({"step": 1, "classes": ["a"], "counts": [[0, 1, 2]]}),
        json.dumps({"step": 1, "classes": ["a"], "counts": [[0, 0, -2]]}),
        json.dumps({"step": 1, "classes": ["a"], "counts": [[0, 0]]}),
        json.dumps({"step": 1, "classes": ["a"], "counts": [[0, 0, 10**30]]}),
        json.dumps({"step": -1, "classes": ["a"], "counts": []}),
        json.dumps({"step": 1, "classes": ["a" * 300], "counts": []}),
        json.dumps({"step": 1, "classes": ["a"], "counts": 5}),
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(damage: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(damage)
    assert kept_confusion(tmp_path) is None


def test_a_run_without_it_is_counted_on_request_and_carried_with_its_archive(store: Store, tmp_path: Path) -> None:
    run = stored_run(store, small())
    assert classes_of(store, run) is None
    shown: Any = json.loads(clps("runs", "confusion", run.id, "--json").stdout)
    kept = classes_of(store, run)
    assert kept is not None
    _step, scores = score_folder(store.run_folder(run.id))
    assert (shown[0]["accuracy"], shown[0]["macro_f1"]) == (scores["accuracy"], scores["macro_f1"])
    assert shown[0]["counts"] == kept.counts.tolist()
    said = clps("runs", "confusion", run.id)
    assert said.exit_code == 0, said.output
    assert "60 test examples" in said.output
    table = clps("runs", "confusion", run.id, "--csv").stdout
    assert table.strip() == as_csv(kept).strip()
    refused = clps("runs", "confusion", run.id, run.id, "--csv")
    assert "--csv must have one run" in refused.output
    export_run(store, run.id, tmp_path / "out", new_id="carried")
    assert (tmp_path / "out" / FILE).exists()
    carried = import_run(store, tmp_path / "out")
    there = kept_confusion(store.run_folder(getattr(carried, "id", "carried")))
    assert there is not None
    assert there.counts.tolist() == kept.counts.tolist()


def test_a_run_that_has_no_classes_or_is_not_finished_is_refused_in_a_sentence(store: Store) -> None:
    with pytest.raises(DataError, match="one class"):
        count_classes(store, stored_run(store, small("hops")).id)
    with pytest.raises(JobError, match="finished"):
        count_classes(store, stored_run(store, small(), status="cancelled").id)
