"""Whatever somebody brings that cannot be used is told in one sentence, and nothing is lost or run."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_data_files import pairs, reviews, write_csv, write_jsonl

from clps_core.config import build_config, resolve
from clps_core.data.registry import load_task
from clps_core.errors import DataError
from clps_core.opened import _check_same_facts
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.sources import Source, found_source
from clps_core.tasks import TASKS


def rows(text: str = "a text {}", label: str = "{}", count: int = 40, classes: int = 2) -> list[dict[str, object]]:
    return [{"text": text.format(n), "label": label.format(n % classes)} for n in range(count)]


def plain(content: str | bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def parquet(table: dict[str, list[object]]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(table), path)
        return path

    return write


REFUSED = {
    "empty": ("x.csv", plain(""), r"The file is empty"),
    "blank": ("x.txt", plain(" \n\n "), r"The file is empty"),
    "only names": ("x.csv", plain("text,label\n"), r"The source is empty"),
    "one line": ("x.txt", plain("only one line\n"), r"at least 10 different texts to train on. Got 1"),
    "one row": (
        "x.csv",
        lambda path: write_csv(path, rows(count=1)),
        r"at least 10 different texts|must have at least",
    ),
    "the same row": ("x.csv", lambda path: write_csv(path, rows("same")), r"at least 10 different texts.* Got 1"),
    "Latin letters": (
        "x.csv",
        plain("text,label\ncafé,1\n".encode("cp1252")),
        r"looks like Windows-1252.*encoding cp1252",
    ),
    "UTF-16": ("x.csv", plain("text,label\na,1\n".encode("utf-16")), r"looks like UTF-16.*encoding utf-16"),
    "zero bytes": ("x.txt", plain(b"abc\0\0\0def"), "This one contains bytes with the value 0"),
    "packed": ("x.csv.gz", lambda path: plain(gzip.compress(b"text"))(path), "must not be compressed. Got .gz"),
    "a picture": ("x.png", plain(b"\x89PNG"), r"name must end in .txt, .csv"),
    "a name twice": ("x.csv", plain("text,text\na,b\n"), "a different name. Got text twice"),
    "too many fields": (
        "x.csv",
        plain("text,label\na,1\nb,2,3\n"),
        r"as many fields as there are columns \(2\). Row 3 has 3",
    ),
    "one class": ("x.csv", lambda path: write_csv(path, rows(classes=1)), r"two different values. label has only '0'"),
    "a label per row": ("x.csv", lambda path: write_csv(path, rows(classes=40)), r"labels must repeat. label has 40"),
    "no texts": (
        "x.csv",
        lambda path: write_csv(path, [{"a": n, "b": n * n} for n in range(40)]),
        r"a column of texts",
    ),
    "half a JSON": ("x.jsonl", plain('{"text": "a"}\n{"text": '), "cannot be read as the type its name says"),
    "mixed types": (
        "x.jsonl",
        lambda path: write_jsonl(path, [{"text": f"a {n}", "label": n if n % 2 else "x"} for n in range(40)]),
        r"Column label changes from string to number in row 2",
    ),
    "no Parquet": ("x.parquet", plain("PAR1 no"), "a .parquet file must be complete"),
    "half a Parquet": ("x.parquet", plain("PAR1" + "x" * 40 + "PAR1"), "cannot be read as the type its name says"),
    "nothing but gaps": (
        "x.parquet",
        parquet({"text": ["a"] * 20, "label": [None] * 20}),
        r"must have rows with|Name it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    name, write, why = REFUSED[case]
    source = Source(path=write(tmp_path / name))
    columns = {"text": "text", "label": "label"} if "label" in case or "class" in case or "gaps" in case else None
    with pytest.raises(DataError, match=why) as told:
        add("x", source, tmp_path / "home", columns=columns)
    assert len(str(told.value)) < 400
    assert "\n" not in str(told.value)
    left = [path.name for path in (tmp_path / "home" / record.FOLDER).iterdir() if path.name != ".cache"]
    assert left == []


def test_a_column_that_is_not_there_is_named_with_the_likeliest(tmp_path: Path) -> None:
    source = Source(path=reviews(tmp_path / "x.csv"))
    with pytest.raises(DataError, match=r"column for label must be one of review, sentiment. Got 'sentimen'. Did you"):
        add("x", source, tmp_path, columns={"label": "sentimen"})
    with pytest.raises(
        DataError, match=r"kind must be one of generation, classification, translation, span. Got 'sorting'"
    ):
        preview(source, tmp_path, kind="sorting")
    with pytest.raises(DataError, match=r"each role must have a separate column. Got review twice"):
        preview(source, tmp_path, columns={"text": "review", "label": "review"})


def test_a_split_without_the_column_is_told(tmp_path: Path) -> None:
    first, second = write_csv(tmp_path / "a.csv", rows()), write_csv(tmp_path / "b.csv", [{"words": "x", "label": "1"}])
    with pytest.raises(DataError, match=r"must have the same type and columns. The file of test differs"):
        add("x", Source(path=first, splits=(("test", second),)), tmp_path)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_file_in_another_encoding_is_converted_on_request(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "x.csv", rows("café number {}"))
    path.write_bytes(path.read_text().encode(encoding))
    found = preview(Source(path=path, encoding=encoding), tmp_path)
    assert found.rows["text"][0] == "café number 0"
    assert list(found.rows) == ["text", "label"], "no mark at the front of the first name"
    with pytest.raises(DataError, match=r"the encoding must be one that Python knows"):
        preview(Source(path=path, encoding="klingon"), tmp_path)
    if encoding == "cp1252":
        with pytest.raises(DataError, match="is not in the encoding ascii"):
            preview(Source(path=path, encoding="ascii"), tmp_path)


def test_gaps_and_numbers_are_left_out_or_read_as_text(tmp_path: Path) -> None:
    table = {
        "text": [*(f"a text {n}" for n in range(30)), None, " "],
        "label": [float(n % 2) for n in range(31)] + [np.nan],
    }
    found = add("x", Source(path=parquet(table)(tmp_path / "x.parquet")), tmp_path)
    assert (found.classes, found.rows, found.statistics["left_out"]) == (("0", "1"), 30, 2)


def test_a_table_keeps_its_cells_as_they_are(tmp_path: Path) -> None:
    lines = "\n".join(f"wort {n};00{n % 2 + 6}" for n in range(30))
    path = plain(f"{lines}\nNA;007\n")(tmp_path / "x.csv")
    found = add("x", Source(path=path, header=False), tmp_path)
    assert (found.classes, found.rows) == (("006", "007"), 31)


def test_a_file_that_is_too_large_or_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = reviews(tmp_path / "x.csv")
    with pytest.raises(DataError, match=r"must have at most 0 MB here. Got 1 MB"):
        add("x", Source(path=path), tmp_path, limit=100)
    with pytest.raises(DataError, match=r"must have at most 1,000 characters"):
        add("x", Source(path=path), tmp_path, characters=1000)
    # A table that says one value many times is a small file.
    bomb = parquet({"text": ["x" * 20_000] * 3000})(tmp_path / "bomb.parquet")
    assert bomb.stat().st_size < 500_000
    with pytest.raises(DataError, match=r"at most 5,000,000 characters"):
        add("x", Source(path=bomb), tmp_path, characters=5_000_000)
    with pytest.raises(DataError, match=r"each text must have at most 1,000,000 characters"):
        add("x", Source(path=parquet({"text": ["x" * 1_500_000] * 20})(tmp_path / "long.parquet")), tmp_path)
    assert record.names(tmp_path) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "<b>x</b>", "a b", "A", "x" * 41, "x\u202e", "-x", "x."])
def test_a_name_that_could_be_a_path_or_markup_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="a data set's name must have 1 to 40 characters"):
        add(name, Source(path=reviews(tmp_path / "x.csv")), tmp_path / "home")
    with pytest.raises(DataError):
        TASKS.usual(f"data:{name}", tmp_path)


def test_odd_names_of_files_and_columns_mean_nothing(tmp_path: Path) -> None:
    odd = tmp_path / "a*[b]::zip{c}.csv"
    write_csv(odd, [{"<b>text</b>": f"a text {n}", "la\u202ebel": n % 2} for n in range(40)])
    found = add("x", Source(path=odd), tmp_path / "home")
    assert found.columns == {"text": "<b>text</b>", "label": "la\\u202ebel"}


def test_a_source_is_a_path_or_a_name_on_the_hub(tmp_path: Path) -> None:
    assert found_source("owner/name").hub == "owner/name"
    assert found_source(str(tmp_path)).path == tmp_path
    for text, why in {
        "nosuch.csv": "an existing file or folder",
        "./nothing": "an existing file or folder",
        "https://example.org/x": r"the source must be a file",
        "a/b/c": r"the source must be a file",
        "owner/..": r"the source must be a file",
    }.items():
        with pytest.raises(DataError, match=why):
            found_source(text)


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"owner/name cannot be added, because Hugging Face cannot be reached."):
        preview(Source(hub="owner/name"), tmp_path)


def test_code_that_lies_beside_data_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    write_csv(folder / "train.csv", rows())
    with pytest.raises(DataError, match=r"programs that come with data are never run"):
        preview(Source(path=folder), tmp_path / "home")
    (folder / "evil.py").rename(folder / "other.py")
    assert list(preview(Source(path=folder), tmp_path / "home").rows) == ["text", "label"]
    assert not (tmp_path / "ran").exists()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = reviews(tmp_path / "x.csv")
    with pytest.raises(DataError, match="changed while it was being read"):
        add("x", Source(path=path), tmp_path, said=lambda _rows: path.write_text("text\n"))
    assert record.names(tmp_path) == []


def test_damage_to_what_is_stored_is_told(tmp_path: Path) -> None:
    add("x", Source(path=pairs(tmp_path / "x.jsonl")), tmp_path)
    config = resolve(build_config({"data": {"task": "dates"}}))
    assert config
    folder = record.folder_of(tmp_path, "x")
    (folder / "rows.arrow").write_bytes(b"ARROW1")
    with pytest.raises(DataError, match=r"the stored rows of data set x are damaged"):
        TASKS.facts(_Asked("data:x", tokenizer="bytes"), tmp_path)
    for text in ("{", "[]", json.dumps({"name": "x"}), "[" * 100_000):
        (folder / "dataset.json").write_text(text)
        with pytest.raises(DataError, match=r"the record of data set x is damaged"):
            TASKS.usual("data:x", tmp_path)
    assert "data:x" not in TASKS.usable(tmp_path, own=True)


class _Asked:
    def __init__(self, task: str, tokenizer: str | None = None) -> None:
        self.task, self.tokenizer, self.seq_len, self.seed = task, tokenizer, None, 0


def test_a_data_set_of_the_same_name_with_other_rows_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    add("x", Source(path=reviews(tmp_path / "x.csv")), tmp_path)
    before = TASKS.usual("data:x")
    record.remove(tmp_path, "x")
    with pytest.raises(DataError, match="there is no data set x"):
        load_task(build_config({"data": {"task": "dates"}}).model_copy(update={"data": _data("data:x")}))
    add("x", Source(path=reviews(tmp_path / "x.csv", count=118)), tmp_path)
    with pytest.raises(DataError, match="have changed since this run was trained"):
        _check_same_facts(before, TASKS.usual("data:x"))


def _data(task: str):  # type: ignore[no-untyped-def]
    return build_config().data.model_copy(update={"task": task})
