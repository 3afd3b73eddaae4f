"""What stands in a file is what is kept, and a tokenizer that a person brings fits its own ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data_files import questions, reviews, squad, write_csv, write_jsonl
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED
from clps_core.data.registry import load_task
from clps_core.errors import DataError
from clps_core.own_data import child, record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.brought import check_use, loaded
from clps_core.own_data.rows import texts
from clps_core.own_data.sources import Source
from clps_core.own_data.texts import Pairs
from clps_core.own_data.told import warnings
from clps_core.own_data.vocabulary import vocabulary


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


def test_the_nested_file_of_squad_is_a_row_for_each_question(tmp_path: Path) -> None:
    found = add("nested", Source(path=squad(tmp_path / "train-v2.0.json", 40)), tmp_path, tokenizer="words:100")
    flat = add("flat", Source(path=questions(tmp_path / "flat.jsonl", 40)), tmp_path, tokenizer="words:100")
    assert (found.kind, found.columns) == ("span", flat.columns)
    assert (found.rows, found.statistics["left_out"], flat.statistics["left_out"]) == (40, 1, 0)
    roles = ("context", "question", "answer")
    assert sorted(kept(tmp_path, "nested", roles)) == sorted(kept(tmp_path, "flat", roles))
    assert found.splits == flat.splits


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"data": [{"paragraphs": []}]}, "must have rows"),
        ({"data": [{"paragraphs": [5, {"qas": "x"}, {"context": 3, "qas": [7, {"answers": {}}]}]}]}, "column of texts"),
        (
            {"data": [{"paragraphs": [{"context": "a b", "qas": [{"question": "c?"}]}]}]},
            "must have rows with text, target",
        ),
    ],
)
def test_a_nested_file_without_questions_is_a_sentence(tmp_path: Path, given: dict[str, Any], why: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(given))
    with pytest.raises(DataError, match=why):
        add("x", Source(path=tmp_path / "x.json"), tmp_path)


def tokenizer_json(path: Path, words: dict[str, int], **more: object) -> str:
    """A tokenizer of words, as the library writes it."""
    plain: dict[str, object] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    }  # fmt: skip
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    path.write_text(json.dumps({**plain, "model": model, **more}))
    return str(path)


WORDS = {"text": 0, "number": 1, "is": 2, "[UNK]": 3}
GROWING = {
    "type": "Sequence",
    "normalizers": [{"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}] * 40,
}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
UNUSABLE = {
    "gaps": ({**WORDS, "here": 1000}, {}, "ids must be 0, 1, 2 and so on without a gap"),
    "ids that added tokens get": ({"text": 5, "is": 6, "here": 7, "[UNK]": 8}, {}, "without a gap"),
    "one id twice": ({**WORDS, "<pad>": 0}, {}, "without a gap"),
    "a huge id": ({**WORDS, "here": 4294967290}, {}, "without a gap"),
    "a huge added id": (
        WORDS,
        {"added_tokens": [{"id": 4294967290, "content": "<pad>", "special": True}]},
        "without a gap",
    ),
    "no unknown": ({"text": 0, "number": 1}, {}, "it cannot tokenize a text: .*UNK"),
    "growing": (WORDS, {"normalizer": GROWING}, "a text may become at most 16 times as long"),
    "bytes of bytes": (
        WORDS, {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTES] * 30}}, "at most 16 times as long",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_tokenizer_that_cannot_be_used_is_one_sentence(tmp_path: Path, case: str) -> None:
    words, more, why = UNUSABLE[case]
    asked = tokenizer_json(tmp_path / "tokenizer.json", words, **more)
    rows = [{"text": f"text number {n} is here"} for n in range(40)]
    with pytest.raises(DataError, match=why) as told:
        add("x", Source(path=write_jsonl(tmp_path / "x.jsonl", rows)), tmp_path / "home", tokenizer=asked)
    assert len(str(told.value)) < 500
    assert record.names(tmp_path / "home") == []


def test_another_tokenizer_of_the_same_rows_is_seen_by_a_living_process(tmp_path: Path) -> None:
    rows = [{"text": f"text number {n} is here"} for n in range(40)]
    source = Source(path=write_jsonl(tmp_path / "x.jsonl", rows))
    small, large = WORDS, {**WORDS, "here": 4, "there": 5}
    known = [
        add("x", source, tmp_path / home, tokenizer=tokenizer_json(tmp_path / "tokenizer.json", words))
        for home, words in (("here", small), ("there", large))
    ]
    folder = record.folder_of(tmp_path / "here", "x")
    assert vocabulary(folder, known[0]).size == len(small) + 3
    record.remove(tmp_path / "here", "x")
    record.folder_of(tmp_path / "there", "x").rename(folder)  # as another process adds it
    assert vocabulary(folder, known[1]).size == len(large) + 3


def test_every_tokenizer_that_is_made_here_can_be_brought(tmp_path: Path) -> None:
    source = Source(path=reviews(tmp_path / "x.csv"))
    known = add("x", source, tmp_path)
    folder = record.folder_of(tmp_path, "x")
    for spec in ("bytes", "characters", "words:200", "bpe:300", "wordpiece:200", "unigram:150"):
        text = vocabulary(folder, known, spec).tokenizer
        check_use(loaded(text), (0, 1, 2, 3), ["a text that is good"])


def test_a_perfect_answer_is_right_and_a_text_with_two_targets_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    rows = [{"source": f"question {n}", "target": f"It's {n}, isn't it? (yes)  ok."} for n in range(60)]
    twice = [{"source": f"question {n}", "target": "no"} for n in range(60) if n % 2]
    known = add("x", Source(path=write_jsonl(tmp_path / "x.jsonl", [*rows, *twice])), tmp_path)
    assert any("24 training texts have more than one target" in one for one in warnings(known)), warnings(known)
    for spec in ("wordpiece:300", "words:200", "bytes"):
        asked = build_config({"data": {"task": "data:x", "tokenizer": spec, "seq_len": 64}})
        data = load_task(resolve(asked, home=tmp_path), home=tmp_path)
        assert isinstance(data, Pairs)
        right = {}
        for place, text in zip(data.rows("test").tolist(), data._texts(data.rows("test")), strict=True):
            wanted = data._batch(np.array([place])).labels[0]
            right.setdefault(text, set()).add(data.decode(wanted[wanted != IGNORED]))
        assert {len(one) for one in right.values()} == {1, 2}
        for text, answers in right.items():
            assert data.right_answer(text) == (next(iter(answers)) if len(answers) == 1 else None)
        assert data.unknown("\udcff") in ((), ("?",))


def test_a_folder_without_data_files_is_told(tmp_path: Path) -> None:
    for name in ("d.csv", "e.csv"):
        (tmp_path / name).mkdir()
    (tmp_path / "e.csv" / "read.me").write_text("hello")
    for name in ("d.csv", "e.csv"):
        with pytest.raises(DataError, match=rf"a folder must contain data files .*{name} contains none"):
            preview(Source(path=tmp_path / name), tmp_path / "home")


@pytest.mark.parametrize(
    ("program", "why"),
    [("raise KeyError('secret')", r"The server's log"), ("import os; os.abort()", r"do not fit into the memory")],
)
def test_only_a_process_that_was_ended_lacked_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, program: str, why: str
) -> None:
    (tmp_path / "datasets.py").write_text(program)  # in the place of the library
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DataError, match=why) as told:
        child.preview_in_child(tmp_path / "home", Source(path=tmp_path / "x.csv"))
    assert "secret" not in str(told.value)
    assert ("secret" in caplog.text) == ("secret" in program)
