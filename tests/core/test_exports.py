"""Exports read back equal, and foreign text stays text in each format."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from clps_core import api
from clps_core.cli import app
from clps_core.errors import ConfigError
from clps_core.exports import as_file, config_differences, curve_rows, design_rows, run_rows
from clps_core.exports.writing import MOST_LATEX_ROWS
from clps_core.store import Store, open_store
from clps_core.sweeps.results import Spread

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import record, score

HOSTILE = r"=HYPERLINK(1)\input{x} & 50% $a_b^c$ {#} ~ <|>"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    with closing(open_store(tmp_path / "home")) as found:
        yield found


def read(content: bytes, form: str) -> list[dict]:
    """Ids stay text: one may look like a number."""
    if form == "json":
        return json.loads(content)
    ids = dict.fromkeys(("id", "run", "name"), str)
    file = io.BytesIO(content)
    table = pd.read_parquet(file) if form == "parquet" else pd.read_csv(file, dtype=ids)
    return table.astype(object).to_dict("records")


def same(found: list[dict], wanted: list[dict]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert list(one) == list(other)
        for name, value in other.items():
            assert pd.isna(one[name]) if value is None else one[name] == value, name


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_curves_runs_and_designs_read_back_equal(store: Store, form: str) -> None:
    runs = record(store, ["none", "all"], [0, 1])
    for place, run in enumerate(runs):
        score(store, run, 0.9 + place / 100)
    for rows in (list(curve_rows(store, runs)), run_rows(store, runs), design_rows(store, runs)):
        same(read(as_file(rows, form), form), rows)


def test_a_design_has_the_mean_and_deviation_of_its_seeds_and_latex_shows_both(store: Store) -> None:
    runs = record(store, ["none"], [0, 1, 2])
    bests = Spread.of([value for _step, value in store.bests(runs).values()])
    (row,) = design_rows(store, runs)
    assert (row["best"], row["best_deviation"], row["runs"]) == (bests.mean, bests.deviation, 3)
    table = as_file([row], "latex").decode()
    assert f"${bests.mean:.4g} \\pm {bests.deviation:.4g}$" in table
    assert "\\toprule" in table
    assert "deviation" not in table


def test_a_name_runs_nothing_in_a_spreadsheet_and_nothing_in_latex():
    assert read(as_file([{"name": HOSTILE}], "csv"), "csv")[0]["name"] == f"'{HOSTILE}"
    row = as_file([{"name": f"{HOSTILE}\n\\end{{tabular}}"}], "latex").decode().splitlines()[5]
    escaped = (
        r"=HYPERLINK(1)\textbackslash{}input\{x\} \& 50\% \$a\_b\textasciicircum{}c\$ \{\#\} \textasciitilde{} "
        r"\textless{}\textbar{}\textgreater{} \textbackslash{}end\{tabular\} \\"
    )
    assert row == escaped


def test_a_latex_table_is_bounded_and_another_format_is_refused():
    with pytest.raises(ConfigError, match=f"at most {MOST_LATEX_ROWS} rows"):
        as_file([{"a": 1}] * (MOST_LATEX_ROWS + 1), "latex")
    with pytest.raises(ConfigError, match="csv, parquet, json, latex"):
        as_file([], "xlsx")


def test_differences_are_said_by_field_and_run(store: Store) -> None:
    runs = record(store, ["none", "all"])
    wanted = {"sharing.strategy": {runs[0].id: "none", runs[1].id: "all"}}
    assert config_differences(runs) == wanted == api.diff([run.id for run in runs])
    said = CliRunner().invoke(app, ["diff", runs[0].comparison_id, "--yaml"])
    assert yaml.safe_load(said.stdout) == wanted
    text = " ".join(CliRunner().invoke(app, ["diff", *(run.id for run in runs)]).output.split())
    assert "sites that both designs have" in text
    assert config_differences(runs[:1]) == config_differences([]) == {}


def test_commands_write_tables_and_curves_by_the_ending_of_the_file(store: Store, tmp_path: Path) -> None:
    runs = record(store)
    out = tmp_path / "designs.tex"
    said = CliRunner().invoke(app, ["export-table", "designs", runs[0].comparison_id, "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert out.read_bytes() == api.export([runs[0].comparison_id], "designs", "latex")
    curves = tmp_path / "curves.json"
    said = CliRunner().invoke(app, ["runs", "export", runs[0].id, "--format", "json", "--to", str(curves)])
    assert said.exit_code == 0, said.output
    assert json.loads(curves.read_text()) == list(curve_rows(store, runs[:1]))
    for wrong in (["export-table", "sweep", runs[0].comparison_id], ["export-table", "all", runs[0].id]):
        said = CliRunner().invoke(app, [*wrong, "--out", str(tmp_path / "x.csv")])
        assert said.exit_code == 2
        assert "must be" in said.output


def test_tensorboard_gets_every_point_and_without_its_package_says_how_to_install_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = record(store, ["none"])
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    command = ["runs", "export", run.id, "--format", "tensorboard", "--to", str(tmp_path / "events")]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 2
    assert "pip install 'clps-lab[tensorboard]'" in " ".join(said.output.split())
    monkeypatch.undo()
    monkeypatch.setenv("CLPS_HOME", str(store.home))
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    assert CliRunner().invoke(app, command).exit_code == 0
    (file,) = (tmp_path / "events" / run.id).iterdir()
    content, place, found = file.read_bytes(), 0, []
    while place < len(content):  # length, its checksum, the event, its checksum
        size = int.from_bytes(content[place : place + 8], "little")
        event = event_pb2.Event.FromString(content[place + 12 : place + 12 + size])
        found += [(one.tag, event.step, one.simple_value) for one in event.summary.value]
        place += 16 + size
    wanted = [(f"{row['split']}/{row['metric']}", row["step"], row["value"]) for row in curve_rows(store, [run])]
    assert [one[:2] for one in found] == [one[:2] for one in wanted]
    assert [one[2] for one in found] == pytest.approx([one[2] for one in wanted], rel=1e-6)
