"""A finished run as a folder that can be carried elsewhere, and back into a store. Start at import_run.

The folder holds what the run's own folder holds (config, facts, best weights, tokenizer, probes), and::

    run.json      id, name, figures and artefacts
    metrics.csv   split,name,step,value,seconds: all curves
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import secrets
import shutil
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from clps_core.config import RunConfig, validated
from clps_core.errors import ClpsError, NotFoundError, StoreError
from clps_core.files import open_regular, read_json, read_regular
from clps_core.notes import check_note, check_tags
from clps_core.shown import has_control
from clps_core.store import metrics, schema
from clps_core.store.connection import sentences
from clps_core.store.database import Store, run_row
from clps_core.store.queue import relative_path, write_artefacts
from clps_core.store.records import IMPORTED, Point, Run, check_run_id
from clps_core.tasks import LONGEST_FACTS, frozen, thawed
from clps_core.words import _

__all__ = ["check_exportable", "export_run", "import_run"]

FACTS = (
    "seconds", "cpu_seconds", "step", "tokens_per_second", "device", "threads", "unique_parameters",
    "executed_parameters",
)  # fmt: skip
FACTS_FILE = "facts.json"
TIMES = ("created_at", "started_at", "finished_at")
LEFT_BEHIND = (
    "last.safetensors",
    "previous.safetensors",
    "damaged.safetensors",
    "start.safetensors",
    "log.txt",
    "lock",
)
"""Files of a run that only matter where it ran."""


MAX_CURVES_BYTES = 64 << 20
MAX_NAME = 6000
"""A run is called after its strategy, which may be 4,096 characters long."""
_CURVE = re.compile(r"[A-Za-z0-9_.:@-]{1,80}")
_STEP = re.compile(r"[0-9]{1,12}")


def _inside(path: str) -> str:
    """A path that stays in the folder it is relative to."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError
    return path


def _printable(text: str) -> str:
    """A text without control characters: it is printed in terminals."""
    if has_control(text):
        raise ValueError
    return text


def _noted(text: str) -> str:
    """A note as it may be kept; ``ConfigError`` is one of ``ClpsError`` and no mistake of pydantic's."""
    try:
        return check_note(text) or ""
    except ClpsError as error:
        raise ValueError(str(error)) from None


def _tagged(tags: list[str]) -> list[str]:
    try:
        return list(check_tags(tags))
    except ClpsError as error:
        raise ValueError(str(error)) from None


Inside = Annotated[str, AfterValidator(_inside)]
Kind = Annotated[str, Field(pattern=f"^{_CURVE.pattern}$")]
Whole = Annotated[int, Field(ge=0, le=2**53)]
Amount = Annotated[float, Field(ge=0, le=1e11)]
"""Times included: until the year 5138, which a page can still write."""


class _About(BaseModel):
    """What ``run.json`` must say; it may come from anybody."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    id: str
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)]
    comparison: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)] | None = None
    step: Whole
    seconds: Amount
    cpu_seconds: Amount | None = None
    tokens_per_second: Amount | None = None
    device: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)] | None = None
    threads: Whole | None = None
    unique_parameters: Whole | None = None
    executed_parameters: Whole | None = None
    created_at: Amount | None = None
    started_at: Amount | None = None
    finished_at: Amount | None = None
    notes: Annotated[str, AfterValidator(_noted)] | None = None
    tags: Annotated[list[str], AfterValidator(_tagged)] = []
    comparison_notes: Annotated[str, AfterValidator(_noted)] | None = None
    artefacts: Annotated[
        list[tuple[Kind, Whole, Annotated[str, AfterValidator(_inside)]]], Field(max_length=10_000)
    ] = []


def check_exportable(run: Run) -> None:
    """Raise ``StoreError`` for a run that ``export_run`` would refuse."""
    if run.status != "finished":
        message = _("only a finished run can be exported. Run {run_id} is {status}.", run_id=run.id, status=run.status)
        raise StoreError(message)


def export_run(store: Store, run_id: str, folder: Path, *, new_id: str | None = None) -> None:
    """Write a finished run to ``folder`` (new, or empty), such that ``import_run`` reads it back.

    ``new_id``: the id under which it will be imported; its own if not given.
    """
    run = store.run(run_id)
    check_exportable(run)
    names = store.comparison_names([run.comparison_id]) if run.comparison_id else {}
    source = store.run_folder(run.id)
    points, _cursor = store.metrics_after([run.id], 0)
    artefacts = [
        (artefact.kind, artefact.step, relative_path(source, artefact.path))
        for artefact in store.artefacts(run.id)
        if artefact.path.name not in LEFT_BEHIND
    ]
    facts = {name: getattr(run, name) for name in (*FACTS, *TIMES)}
    with sentences(store.home):
        folder.mkdir(parents=True, exist_ok=True)
        _copy(source, folder, leave=LEFT_BEHIND)
        about = {
            "id": check_run_id(new_id or run.id),
            "name": run.name,
            "comparison": names.get(run.comparison_id or ""),
            **facts,
            "notes": run.notes,
            "tags": run.tags,
            "comparison_notes": _notes_of(store, run.comparison_id),
            "artefacts": artefacts,
        }
        (folder / "run.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        with (folder / "metrics.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["split", "name", "step", "value", "seconds"])
            for point in points:
                if not point.forgets:
                    writer.writerow([*point[1:4], repr(point.value), round(point.seconds, 3)])


def import_run(store: Store, folder: Path, name: str | None = None, comparison: str | None = None) -> Run:
    """Register the finished run in ``folder``; returns it. Doing it again changes nothing.

    ``name`` and ``comparison`` (a name; runs imported under one name stand together) replace those of the
    export. Raises ``NotFoundError`` where the folder holds no exported run.
    """
    about = _read_about(folder / "run.json")
    run_id = check_run_id(about.id)
    if there := store.some_runs([run_id]):
        return there[0]
    config = validated(RunConfig, _read_json(folder / "config.json"))
    points, facts = _read_points(folder, run_id), _read_facts(folder)
    title = comparison or about.comparison or about.name
    if has_control(title) or has_control(name or ""):
        raise StoreError(_("the names of imported runs must have visible characters only. Choose another name."))
    _bring(folder, store.run_folder(run_id), store.home)
    with store.writing() as connection:
        if connection.execute(sa.select(schema.run.c.id).where(schema.run.c.id == run_id)).first() is None:
            created_at = about.created_at or schema.now(connection)
            comparison_id = _comparison(connection, title, created_at, about.comparison_notes)
            row = run_row(config, name or about.name, "local", created_at)
            row |= {key: getattr(about, key) for key in (*FACTS, "started_at", "finished_at")}
            row |= {
                "notes": about.notes or None,
                "tags": json.dumps(about.tags, ensure_ascii=False) if about.tags else None,
            }
            row |= {"id": run_id, "comparison_id": comparison_id, "status": "finished", "attempts": 1, "facts": facts}
            row["position"] = connection.execute(
                sa.select(sa.func.count()).where(schema.run.c.comparison_id == comparison_id)
            ).scalar_one()
            connection.execute(schema.run.insert().values(row))
            metrics.append(connection, run_id, points)
            write_artefacts(connection, run_id, about.artefacts)
    return store.run(run_id)


def _notes_of(store: Store, comparison_id: str | None) -> str | None:
    c = schema.comparison.c
    with store.reading() as connection:
        found: str | None = connection.execute(sa.select(c.notes).where(c.id == comparison_id)).scalar()
    return found


def _comparison(connection: sa.Connection, title: str, created_at: float, notes: str | None) -> str:
    digest = hashlib.sha256(title.encode()).hexdigest()[:8]
    c = schema.comparison.c
    found = f"{IMPORTED}{digest}"
    if connection.execute(sa.select(c.id).where(c.id == found)).first() is None:
        row = {"id": found, "name": title, "owner": "local", "ready": 1, "created_at": created_at}
        connection.execute(schema.comparison.insert().values(row | {"notes": notes or None}))
    return found


def _bring(source: Path, target: Path, home: Path) -> None:
    """Copy the files, so that the run's folder appears whole or not at all."""
    if target.exists():
        return
    with sentences(home):
        arriving = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            arriving.mkdir(mode=0o700)
            _copy(source, arriving, leave=("run.json", "metrics.csv"))
            if not target.exists():
                arriving.rename(target)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)


def _copy(source: Path, target: Path, leave: tuple[str, ...]) -> None:
    for path in sorted(source.rglob("*")):
        wanted = path.name not in leave and not path.name.startswith((".", "exit-"))
        if wanted and path.is_file() and not path.is_symlink():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)  # the content only: a packaged file may be read-only


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path.parent, path.name)
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict):
        raise NotFoundError(_not_exported(path))
    return data


def _read_about(path: Path) -> _About:
    try:
        return _About.model_validate(_read_json(path))
    except ValidationError:
        raise NotFoundError(_not_exported(path)) from None


def _read_facts(folder: Path) -> str | None:
    """The frozen facts of its task, which may come from anybody; ``None`` for an export of an earlier version."""
    path = folder / FACTS_FILE
    if not os.path.lexists(path):
        return None
    try:
        return frozen(thawed(read_regular(folder, path.name, limit=4 * LONGEST_FACTS).decode("utf-8")))
    except (OSError, ValueError):
        raise NotFoundError(_not_exported(path)) from None


def _read_points(folder: Path, run_id: str) -> list[Point]:
    path = folder / "metrics.csv"
    try:
        with open_regular(path.parent, path.name, limit=MAX_CURVES_BYTES) as binary:
            rows = csv.DictReader(io.TextIOWrapper(binary, encoding="utf-8", newline=""))
            return [_point(run_id, row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise NotFoundError(_not_exported(path)) from None


def _point(run_id: str, row: dict[str, str]) -> Point:
    split, name, step = row["split"], row["name"], row["step"]
    if not (_CURVE.fullmatch(split) and _CURVE.fullmatch(name) and _STEP.fullmatch(step)):
        raise ValueError
    return Point(run_id, split, name, int(step), float(row["value"]), float(row["seconds"]))


def _not_exported(path: Path) -> str:
    return _(
        "{folder} is not a complete exported run: its {file} is missing or damaged.", folder=path.parent, file=path.name
    )
