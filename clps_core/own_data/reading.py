"""The one place that reads data: mostly through the ``datasets`` library, a batch of rows at a time. Start at opened.

Everything streams, so nothing is copied into a cache and a source of any size needs the same memory. Code that lies
beside data is never run: no builder script, no ``trust_remote_code``. No login is used. What the library wants to keep
goes into the home, never into the person's own cache.
"""

from __future__ import annotations

import gc
import inspect
import itertools
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.errors import DataError
from clps_core.files import parsed_json
from clps_core.limits import DATA
from clps_core.own_data.failures import told
from clps_core.own_data.json_rows import json_tables
from clps_core.own_data.record import FOLDER
from clps_core.own_data.sources import FILE_KINDS, Source, TextFile, check_columns, prepared_file
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    import datasets

__all__ = ["Opened", "Rows", "opened"]

BATCH = 500
"""Rows that are in memory at once."""
MEDIA_BATCH = 20
"""Of pictures or sounds."""
FEATURES = {"Image": "images", "Audio": "speech"}
"""What the library calls a column of a medium -> the kind."""
PARQUET_BATCH = 100
"""Fewer where a small file can hold a huge text many times."""
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""What others call a split -> ours."""


Rows = Mapping[str, Sequence[Any]]
"""Column -> its values in one batch; what is missing is None."""


@dataclass(frozen=True)
class Opened:
    """A source that can be read: its columns, whether it is one running text, and its splits in order.

    ``streams``: what the parts read from, to be ended. ``revision``: the commit that was read of Hugging Face.
    ``media``: column of pictures or sounds -> the kind of its medium; its values are ``{"bytes": ..., "path": ...}``,
    not decoded. ``inside``: how the path of a file that the source itself has begins (empty where it has none).
    """

    columns: tuple[str, ...]
    running_text: bool
    parts: Mapping[str, Iterator[Rows]]
    streams: tuple[Generator[Rows, None, None], ...] = ()
    revision: str = ""
    media: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""

    def texts_only(self) -> Opened:
        """The same without the columns of pictures and sounds."""
        if not self.media:
            return self
        parts = {split: _without(batches, self.media) for split, batches in self.parts.items()}
        return replace(self, columns=tuple(one for one in self.columns if one not in self.media), parts=parts, media={})


def _without(batches: Iterator[Rows], columns: Mapping[str, str]) -> Iterator[Rows]:
    for batch in batches:
        yield {name: values for name, values in batch.items() if name not in columns}


@contextmanager
def opened(source: Source, home: Path, *, limit: int = DATA.file_bytes) -> Iterator[Opened]:
    """``source`` while the block lasts. Raises ``DataError`` for what cannot be read, here and while it is read."""
    place = home / FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=place, prefix=".reading-"))
    found = None
    try:
        _library(folder)
        with told(source):
            found = _open(source, folder, limit)
        yield replace(found, parts={name: _guarded(rows, source) for name, rows in found.parts.items()})
    finally:
        for stream in () if found is None else found.streams:
            _end(stream)
        shutil.rmtree(folder, ignore_errors=True)


def _end(stream: Generator[Rows, None, None]) -> None:
    """Let go of what was not read to its end: the library closes no file that it has not read through."""
    if inspect.getgeneratorstate(stream) == inspect.GEN_CLOSED:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        stream.close()
        gc.collect()  # its readers hold each other


def _library(folder: Path) -> Any:
    """The ``datasets`` library, told to keep everything in ``folder`` and to show no bars."""
    wanted = {
        "HF_HOME": str(folder.parent / ".cache"),
        "HF_DATASETS_CACHE": str(folder.parent / ".cache" / "datasets"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "USE_TORCH": "0",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        import datasets
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)
    logging.getLogger("huggingface_hub").setLevel(
        logging.CRITICAL
    )  # it tells every try; the last one's end is told here
    return datasets


def _open(source: Source, folder: Path, limit: int) -> Opened:
    if source.hub is not None:
        revision = _commit(source)
        found = _of_datasets(_from_hub(source, folder, revision), source)
        return replace(found, revision=revision, inside=f"hf://datasets/{source.hub}@{revision}/" if revision else "")
    assert source.path is not None
    if source.path.is_dir():
        return _of_datasets(_from_folder(source.path, folder), source)
    given = {"train": source.path, **dict(source.splits)}
    files = {
        name: prepared_file(path, folder, encoding=source.encoding, header=source.header, limit=limit)
        for name, path in given.items()
    }
    first = next(iter(files.values()))
    for name, file in files.items():
        if (file.builder, set(file.columns)) != (first.builder, set(first.columns)):
            raise DataError(
                _("the files of all splits must have the same type and columns. The file of {split} differs.",
                  split=name)
            )  # fmt: skip
    parts = {name: _from_file(file, folder, header=source.header) for name, file in files.items()}
    found = _of_datasets(parts, source)
    return replace(found, running_text=first.builder == "text")


def _from_file(file: TextFile, folder: Path, *, header: bool) -> Any:
    import datasets

    if file.builder == "json":
        return _Tables(file.path)
    options: dict[str, Any] = {}
    if file.builder == "csv":
        features = datasets.Features({name: datasets.Value("string") for name in file.columns})
        # Without names for them, the first columns would become the rows' names.
        dropped = [f"\0{place}" for place in range(file.empty_fields)]
        # As text, whatever it looks like: "007" stays "007", and "NA" may be a word.
        options = {
            "sep": file.separator, "names": [*file.columns, *dropped], "header": 0 if header else None,
            "features": features, "keep_default_na": False, "na_filter": False, "chunksize": BATCH, "index_col": False,
        }  # fmt: skip
    elif file.builder == "text":
        options = {"keep_linebreaks": True, "chunksize": 1 << 20}
    elif file.builder == "parquet":
        options = {"batch_size": PARQUET_BATCH}  # the library would take a whole row group
    return datasets.load_dataset(
        file.builder, data_files={"train": [str(file.path)]}, split="train", streaming=True,
        cache_dir=str(folder / "cache"), **options,
    )  # fmt: skip


@dataclass(frozen=True)
class _Tables:
    """A JSON file, where the library would change texts that look like times."""

    path: Path


def _from_folder(path: Path, folder: Path) -> Any:
    import datasets

    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        _check_saved(path)
        return datasets.load_from_disk(str(path))
    try:
        builder = datasets.load_dataset_builder(str(path), cache_dir=str(folder / "cache"))
    except FileNotFoundError:
        raise DataError(
            _(
                "a folder must contain data files ({kinds}). {name} contains none. Choose a file, or another folder.",
              kinds=", ".join(FILE_KINDS), name=visible(path.name[-60:]))
        ) from None  # fmt: skip
    for one in _files_of(builder):
        _check_inside(path, one)
    return builder.as_streaming_dataset()


def _files_of(builder: Any) -> list[str]:
    """What the builder would read: of a folder, a README.md may name any path and address."""
    return [str(one) for files in (builder.config.data_files or {}).values() for one in files]


def _check_saved(path: Path) -> None:
    """The same for what the library saved: its ``state.json`` names files, and links may lie beside them."""
    for one in path.rglob("*"):
        _check_inside(path, str(one))
        if one.name == "state.json":
            for named in parsed_json(one.read_bytes()).get("_data_files", []):
                _check_inside(path, str(one.parent / named["filename"]))


def _check_inside(path: Path, file: str) -> None:
    place = Path(os.path.normpath(path.resolve() / file))
    inside = place.resolve()
    if "://" in file or not inside.is_relative_to(path.resolve()) or Path(file).is_symlink():
        raise DataError(
            _(
                "a folder must contain all of its data. It refers to {file}, which is a link or is outside the "
                "folder. Copy that file into the folder.",
              file=visible(file[-200:]))
        )  # fmt: skip


def _commit(source: Source) -> str:
    """The commit that the name, or the asked revision, stands for now: all is read of this one."""
    from huggingface_hub import HfApi

    assert source.hub is not None
    return HfApi(token=False).dataset_info(source.hub, revision=source.revision).sha or ""


def _from_hub(source: Source, folder: Path, revision: str) -> Any:
    import datasets

    empty = folder.resolve() / "empty"
    empty.mkdir(exist_ok=True)
    with chdir(empty):  # where there is a folder of the same name, the library would read that
        builder = datasets.load_dataset_builder(
            source.hub, source.config, revision=revision or None, token=False,
            cache_dir=str(folder.resolve() / "cache"),
        )  # fmt: skip
    elsewhere = [one for one in _files_of(builder) if not one.startswith("hf://")]
    if elsewhere:
        raise DataError(
            _(
                "a data set on Hugging Face must contain all of its data. It refers to {file}, which is elsewhere. "
                "Choose another one.",
              file=visible(elsewhere[0][-200:]))
        )  # fmt: skip
    return builder.as_streaming_dataset(split=source.split)


def _of_datasets(found: Any, source: Source) -> Opened:
    """One split or several, by our names; nested columns become ``outer.inner``."""
    if not isinstance(found, Mapping):
        found = {SPLIT_NAMES.get(str(getattr(found, "split", None) or "train"), "train"): found}
    named: dict[str, Any] = {}
    for name, part in found.items():
        named.setdefault(SPLIT_NAMES.get(str(name).lower(), str(name)), part)
    if not set(named) & {"train", "validation", "test"}:
        named = {"train": next(iter(named.values()))} if len(named) == 1 else named
    if "train" not in named:
        raise DataError(
            _("the source must have a split called train. Got {got}. Choose the split to use.",
              got=visible(", ".join(named)[:200]))
        )  # fmt: skip
    kept = {name: named[name] for name in ("train", "validation", "test") if name in named}
    columns: tuple[str, ...] = ()
    media: dict[str, str] = {}
    parts: dict[str, Iterator[Rows]] = {}
    streams = []
    for name, part in kept.items():
        here = _media(part)
        media |= here
        usual = (DATA.hub_media if here else DATA.hub_rows) if source.hub is not None else None
        stream = _rows(part, source.rows or usual, here)
        streams.append(stream)
        first = next(stream, {})
        check_columns(len(first))
        columns = columns or tuple(first)
        parts[name] = itertools.chain([first], stream) if first else iter(())
    if not columns:
        raise DataError(_("the data must have rows. The source is empty. Choose another one."))
    return Opened(columns, False, parts, tuple(streams), media=media)


def _media(part: datasets.Dataset | datasets.IterableDataset | _Tables) -> dict[str, str]:
    """Column -> kind, of the columns of pictures or sounds."""
    features = (None if isinstance(part, _Tables) else part.features) or {}
    named = {name: FEATURES.get(type(feature).__name__) for name, feature in features.items()}
    return {name: kind for name, kind in named.items() if kind is not None}


def _tables(part: datasets.Dataset | datasets.IterableDataset | _Tables, media: Mapping[str, str]) -> Iterator[Any]:
    if not isinstance(part, _Tables):
        for name in media:
            import datasets

            whole = datasets.Image if media[name] == "images" else datasets.Audio
            part = part.cast_column(name, whole(decode=False))
        yield from part.with_format("arrow").iter(batch_size=MEDIA_BATCH if media else BATCH)
        return
    for table in json_tables(part.path):
        for start in range(0, len(table), BATCH):
            yield table.slice(start, BATCH)


def _rows(
    part: datasets.Dataset | datasets.IterableDataset | _Tables, most: int | None, media: Mapping[str, str]
) -> Generator[Rows, None, None]:
    """Batches of plain values; numbers of classes as their names."""
    features = (None if isinstance(part, _Tables) else part.features) or {}
    taken = 0
    for table in _tables(part, media):
        if most is not None and taken >= most:
            return
        table = table if most is None else table.slice(0, most - taken)
        taken += table.num_rows
        whole = {name: table[name].to_pylist() for name in media}
        table = table.drop_columns(list(media)) if media else table
        while any(str(field.type).startswith("struct") for field in table.schema):
            table = table.flatten()
        if table.nbytes > DATA.text_characters * PARQUET_BATCH:
            raise _too_long()
        yield {**whole, **_parted({name: _values(table[name], features.get(name)) for name in table.column_names})}


def _parted(rows: dict[str, list[Any]]) -> Rows:
    """``rows`` with a column of objects, the first of a list of answers, as one column for each of their names."""
    found: dict[str, list[Any]] = {}
    for name, values in rows.items():
        names = dict.fromkeys(key for one in values if isinstance(one, dict) for key in one)
        if not names:
            found[name] = values
        for key in names:
            found[f"{name}.{key}"] = [one.get(key) if isinstance(one, dict) else None for one in values]
    return found


def _values(column: Any, feature: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if hasattr(feature, "int2str"):
        return [None if one is None or one < 0 else feature.int2str(one) for one in values]
    # Of a list (answers, captions) the first is taken.
    return [(one[0] if one else None) if isinstance(one, list) else one for one in values]


def _too_long() -> DataError:
    return DataError(
        _("each text must have at most {limit:,} characters. Got a longer one. Split it into several.",
          limit=DATA.text_characters)
    )  # fmt: skip


def _guarded(rows: Iterator[Rows], source: Source) -> Iterator[Rows]:
    while True:
        with told(source):
            batch = next(rows, None)
        if batch is None:
            return
        yield batch
