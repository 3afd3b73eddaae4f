"""The rows of a JSON file as Arrow tables, a bounded number of lines at a time. Start at json_tables.

Arrow's own reader guesses that a text is a time where it looks like one, and nothing turns that off but a schema. So a
part that holds times is read again, with these columns as texts: what stands in the file is what is kept.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["json_tables"]

CHUNK = 8 << 20
"""Bytes of lines that are read together."""


def json_tables(path: Path) -> Iterator[Any]:
    """``pyarrow.Table`` after table of the file: JSON Lines, a list of rows, an object of columns, or SQuAD's articles.

    Nested columns become ``outer.inner``. Each table has the columns of the first. Raises what the readers raise.
    """
    first = None
    for lines in _lines(path):
        table = _table(lines)
        first = table if first is None else first
        yield _with_columns(table, first)


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines of JSON, one row each, about ``CHUNK`` bytes at a time."""
    with path.open("rb") as file:
        start = file.readline()
        while start and not start.strip():
            start = file.readline()
        if not start.lstrip().startswith(b"[") and _is_whole(start) and file.readline().strip():
            rows = None
        else:
            file.seek(0)
            rows = _rows(file, is_list=start.lstrip().startswith(b"["))
        if rows is not None:
            yield from _written(rows)
            return
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk + file.readline()


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _rows(file: io.BufferedReader, *, is_list: bool) -> Sequence[Any] | None:
    """The rows of a file that is one value; ``None`` where it is several, one after another."""
    try:
        found = json.loads(file.read())
    except ValueError:
        if is_list:
            raise
        return None
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"text": one} for one in found]
    if not isinstance(found, dict):
        return None
    return _of_columns(found) if (squad := _of_squad(found)) is None else squad


def _of_squad(found: Mapping[str, Any]) -> Sequence[Any] | None:
    """The questions of a file as SQuAD has it, a row each, or ``None`` for another file.

    ``{"data": [{"title", "paragraphs": [{"context", "qas": [{"question", "answers": [{"text", "answer_start"}]}]}]}]}``
    (https://rajpurkar.github.io/SQuAD-explorer). Columns are those of the data set on Hugging Face; a question without
    an answer (SQuAD 2.0) has none there.
    """
    articles = found.get("data")
    if not (isinstance(articles, list) and articles and all(isinstance(one, dict) for one in articles)):
        return None
    if not all(isinstance(one.get("paragraphs"), list) for one in articles):
        return None
    return [
        {
            "title": _one(article.get("title"), str),
            "context": _one(paragraph.get("context"), str),
            "question": _one(asked.get("question"), str),
            "answers": {
                "text": [_one(one.get("text"), str) for one in _objects(asked.get("answers"))],
                "answer_start": [_one(one.get("answer_start"), int) for one in _objects(asked.get("answers"))],
            },
        }
        for article in articles
        for paragraph in _objects(article["paragraphs"])
        for asked in _objects(paragraph.get("qas"))
    ]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _one(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else None


def _of_columns(found: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of ``{"text": [...], "label": [...]}`` or ``{"text": {"0": ...}}``; else the object is one row."""
    columns = list(found.values())
    if columns and all(isinstance(one, list) for one in columns) and len({len(one) for one in columns}) == 1:
        return [dict(zip(found, row, strict=True)) for row in zip(*columns, strict=True)]
    if columns and all(isinstance(one, dict) and one.keys() == columns[0].keys() for one in columns):
        return [{name: found[name][key] for name in found} for key in columns[0]]
    return [found]


def _written(rows: Sequence[Any]) -> Iterator[bytes]:
    done: list[bytes] = []
    size = 0
    for row in rows:
        done.append(json.dumps(row).encode() + b"\n")
        size += len(done[-1])
        if size >= CHUNK:
            yield b"".join(done)
            done, size = [], 0
    if done:
        yield b"".join(done)


def _table(lines: bytes) -> Any:
    import pyarrow.json as reader

    # One block: a block's end inside a row is an error.
    options = reader.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    table = reader.read_json(io.BytesIO(lines), read_options=options)
    texts = _without_times(table.schema)
    if texts is not None:
        parse = reader.ParseOptions(explicit_schema=texts)
        table = reader.read_json(io.BytesIO(lines), read_options=options, parse_options=parse)
    while any(str(one.type).startswith("struct") for one in table.schema):
        table = table.flatten()
    return table


def _without_times(schema: Any) -> Any:
    """``schema`` with texts in the place of times, however deep; ``None`` where it has none."""
    import pyarrow as pa

    changed = pa.schema([pa.field(one.name, _text_for_time(one.type)) for one in schema])
    return None if changed.types == schema.types else changed


def _text_for_time(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_text_for_time(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(one.name, _text_for_time(one.type)) for one in kind])
    return kind


def _with_columns(table: Any, first: Any) -> Any:
    import pyarrow as pa

    for name in first.column_names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table)))
    return table
