"""What stands in a file is what is kept, and a tokenizer that a person brings fits its own ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from own_data_files import write_csv, write_jsonl
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.errors import DataError
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.rows import texts
from clps_core.own_data.sources import Source


def kept(home: Path, name: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The stored rows."""
    found = texts(record.folder_of(home, name), columns)
    return [row for batch, _place in found for row in zip(*(batch[one] for one in columns), strict=True)]


DATES = [{"source": f"spring day {n} of that year", "target": f"19{n:02}-01-01"} for n in range(40)]


@pytest.mark.parametrize("write", [write_jsonl, lambda path, rows: path.write_text(json.dumps(rows)) and path])
def test_dates_in_json_stay_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    file = write(tmp_path / "f.jsonl", DATES)
    assert add("x", Source(path=file), tmp_path / "home").kind == "translation"
    assert kept(tmp_path / "home", "x", ("text", "target")) == [(one["source"], one["target"]) for one in DATES]
    shown = CliRunner().invoke(app, ["data", "preview", str(file), "--json"])
    assert json.loads(shown.stdout)["rows"]["target"][:2] == ["1900-01-01", "1901-01-01"]


def test_a_column_of_typed_dates_is_shown_but_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    days = [datetime.datetime(1900 + n, 1, 1) for n in range(40)]  # noqa: DTZ001
    pq.write_table(pa.table({"text": [f"a day {n} of spring" for n in range(40)], "day": days}), tmp_path / "x.parquet")
    source = Source(path=tmp_path / "x.parquet")
    assert preview(source, tmp_path).guess.columns == {"text": "text"}
    with pytest.raises(DataError, match=r"must hold texts. day holds dates or times"):
        preview(source, tmp_path, columns={"target": "day"})
    shown = CliRunner().invoke(app, ["data", "preview", str(source.path), "--json"])
    assert json.loads(shown.stdout)["rows"]["day"][0] == "1900-01-01 00:00:00"


def test_rows_of_json_lines_may_lack_columns_and_nest_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clps_core.own_data.json_rows.CHUNK", 500)
    rows: list[dict[str, object]] = [
        {"text": f"a text {n}", "more": {"day": "2000-01-01", "all": ["2000-01-01"]}} if n < 20 else {"text": f"b {n}"}
        for n in range(40)
    ]
    found = add("x", Source(path=write_jsonl(tmp_path / "x.jsonl", rows)), tmp_path, columns={"target": "more.day"})
    assert (found.rows, found.statistics["left_out"]) == (20, 20)
    assert {target for _text, target in kept(tmp_path, "x", ("text", "target"))} == {"2000-01-01"}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("by_number", [True, False])
def test_an_object_of_columns_is_read_as_columns(tmp_path: Path, indent: int | None, by_number: bool) -> None:
    columns = {"text": [f"a text {n}" for n in range(60)], "label": ["yes", "no"] * 30}
    given = {name: {str(n): one for n, one in enumerate(values)} for name, values in columns.items()}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(given if by_number else columns, indent=indent))
    assert add("x", Source(path=path), tmp_path).classes == ("no", "yes")
    assert len(kept(tmp_path, "x", ("text",))) == 60


def test_a_row_that_ends_in_empty_fields_keeps_its_columns(tmp_path: Path) -> None:
    lines = [f"this is review {n},label {'ab'[n % 2]}," for n in range(40)]
    path = tmp_path / "x.csv"
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    assert add("x", Source(path=path), tmp_path / "home").classes == ("label a", "label b")
    assert kept(tmp_path / "home", "x", ("text",))[0] == ("this is review 0",)
    late = [*lines * 30, "this is review, and more,label a"]
    for wrong, row in (([f"good, but {n},label a" for n in range(40)], 2), (late, 1202)):
        path.write_text("text,label\n" + "\n".join(wrong) + "\n")
        with pytest.raises(DataError, match=rf"each row must have as many fields.*Row {row} has 3. Put texts that"):
            add("y", Source(path=path), tmp_path / "home")


def test_one_class_too_many_in_the_last_row_is_told(tmp_path: Path) -> None:
    rows = [{"text": f"a text {n}", "label": f"class {n % 1000}"} for n in range(2500)]
    path = write_csv(tmp_path / "x.csv", [*rows, {"text": "last", "label": "class 1000"}])
    with pytest.raises(DataError, match=r"labels must have at most 1,000 different values. label has more"):
        add("x", Source(path=path), tmp_path, columns={"text": "text", "label": "label"})
    found = add("y", Source(path=write_csv(path, rows)), tmp_path, columns={"text": "text", "label": "label"})
    assert len(found.classes) == 1000
