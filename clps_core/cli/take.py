"""``clps snapshot | export-table | diff | runs export --format``: results as files. Start at snapshot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clps_core.cli.output import print_json, print_lines, print_table, say, size
from clps_core.config.telling import said_value
from clps_core.errors import ConfigError, StoreError
from clps_core.exports import (
    ENDINGS,
    FORMATS,
    as_file,
    config_differences,
    curve_rows,
    differences_yaml,
    map_differences,
)
from clps_core.exports.asked import asked_runs
from clps_core.exports.tables import TABLES, rows_of
from clps_core.snapshots import write_snapshot
from clps_core.store import open_store
from clps_core.words import _, ngettext, shown

__all__ = ["diff", "export_curves", "export_table", "snapshot"]

TENSORBOARD = "tensorboard"


def snapshot(ids: Sequence[str], out: Path, *, as_json: bool) -> None:
    """Write the snapshot of comparisons and runs to ``out``."""
    _check_new(out)
    with closing(open_store()) as store:
        home = store.home
        runs, comparison = asked_runs(store, ids)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_snapshot(home, out, comparison=comparison.id if comparison else None, runs=[run.id for run in runs])
    written = out.stat().st_size
    if as_json:
        print_json({"path": str(out), "bytes": written})
    else:
        say(_("Snapshot written to {path}, {size}.", path=out, size=size(written)))


def export_table(table: str, ids: Sequence[str], out: Path, form: str | None, *, as_json: bool) -> None:
    """Write the table ``table`` of comparisons and runs to ``out``; see ``exports.tables.rows_of``."""
    if table not in TABLES:
        raise ConfigError(_("the table must be one of {known}. Got {got}.", known=", ".join(TABLES), got=shown(table)))
    by_ending = {ending: name for name, ending in ENDINGS.items()}
    form = form or by_ending.get(out.suffix.lower(), "csv")
    _check_new(out)
    with closing(open_store()) as store:
        runs, comparison = asked_runs(store, ids)
        rows = rows_of(store, table, runs, comparison)
    content = as_file(rows, form)
    _write(out, content)
    if as_json:
        print_json({"path": str(out), "format": form, "rows": len(rows), "bytes": len(content)})
    else:
        say(ngettext("{n} row written to {path}.", "{n} rows written to {path}.", len(rows), path=out))


def export_curves(run_ids: Sequence[str], to: Path, form: str, *, as_json: bool) -> None:
    """Write every point of the curves of runs: one file, or for TensorBoard a folder for each run in ``to``."""
    if form not in (*FORMATS, TENSORBOARD):
        known = ", ".join((*FORMATS, TENSORBOARD))
        raise ConfigError(_("the format must be one of {known}. Got {got}.", known=known, got=shown(form)))
    with closing(open_store()) as store:
        runs = list({run.id: run for run in map(store.run, run_ids)}.values())
        if form == TENSORBOARD:
            from clps_core.exports.tensorboard import write_events

            places = write_events(store, runs, to)
        else:
            _check_new(to)
            _write(to, as_file(curve_rows(store, runs), form))
            places = [to] * len(runs)
    if as_json:
        print_json(
            [{"id": run.id, "name": run.name, "path": str(place)} for run, place in zip(runs, places, strict=True)]
        )
    else:
        say(
            ngettext(
                "Curves of {n} run written to {path}.", "Curves of {n} runs written to {path}.", len(runs), path=to
            )
        )


def diff(ids: Sequence[str], *, as_yaml: bool, as_json: bool) -> None:
    """Print the fields in which the configs of the runs differ."""
    with closing(open_store()) as store:
        runs, _comparison = asked_runs(store, ids)
    found = config_differences(runs)
    if as_json:
        print_json(found)
    elif as_yaml:
        print_lines(differences_yaml(runs).rstrip("\n"))
    elif not found:
        say(_("The configs are equal in every field."))
    else:
        rows = [(field, *map(said_value, values.values())) for field, values in found.items()]
        print_table([_("field"), *(run.id for run in runs)], rows, left=1 + len(runs))
        if len(runs) == 2:
            for sentence in map_differences(*runs):
                say(sentence)


def _check_new(out: Path) -> None:
    """Before any work: nothing is overwritten."""
    if out.exists() or out.is_symlink():
        raise StoreError(_("an export must not overwrite anything. {path} already exists.", path=out))


def _write(out: Path, content: bytes) -> None:
    """Whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    arriving = out.with_name(f".{out.name}.{os.getpid()}.writing")
    try:
        arriving.write_bytes(content)
        arriving.replace(out)
    finally:
        arriving.unlink(missing_ok=True)
