"""``clps runs export | import | curves``: runs as folders or zip files, and their curves. Start at export."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

from clps_core.cli.output import print_json, print_lines, print_table, say
from clps_core.cli.records import run_records
from clps_core.errors import StoreError
from clps_core.jobs import service
from clps_core.jobs.carrying import exportable, write_runs, zip_folder
from clps_core.jobs.settings import disk_floor
from clps_core.store import Point, Run, Store, open_store
from clps_core.store.shelf import find_comparison
from clps_core.words import _, ngettext, shown

__all__ = ["bring", "curves", "export", "export_comparison"]

ABOUT = "run.json"
MOST_FILES = 20_000
BLOCK = 1 << 20


def export(run_ids: Sequence[str], target: Path, *, as_json: bool) -> None:
    """Write finished runs to ``target``: each is a folder of its own in it, or in the zip file of that name.

    All are looked up before anything is written. Raises ``StoreError`` where one is not finished, or where it, or
    the zip file, is there already.
    """
    with closing(open_store()) as store:
        runs = list({run.id: run for run in map(store.run, run_ids)}.values())
        for run in runs:
            service.check_exportable(run)
        zipped = target.suffix.lower() == ".zip"
        places = [target] if zipped else [target / run.id for run in runs]
        for place in places:
            if place.exists() and (zipped or not place.is_dir() or any(place.iterdir())):
                raise StoreError(_("an export must not overwrite anything. {path} already exists.", path=place))
        if zipped:
            with tempfile.TemporaryDirectory() as folder:
                write_runs(store, runs, Path(folder))
                zip_folder(Path(folder), target)
        else:
            write_runs(store, runs, target)
    if as_json:
        print_json(
            [{"id": run.id, "name": run.name, "path": str(places[-1] if zipped else target / run.id)} for run in runs]
        )
        return
    for run in runs:
        print_lines(f"{run.id}  {run.name}")
    say(ngettext("{n} run written to {path}.", "{n} runs written to {path}.", len(runs), path=target))


def export_comparison(comparison_id: str, target: Path, *, as_json: bool) -> None:
    """Write the finished runs of a comparison, as ``export`` does; says how many are left out.

    Raises ``StoreError`` where none is finished.
    """
    with closing(open_store()) as store:
        found = find_comparison(store, comparison_id)
        runs = store.some_runs(found.run_ids, places=False)
    finished = exportable(runs)
    if left := len(runs) - len(finished):
        say(ngettext("{n} unfinished run was skipped.", "{n} unfinished runs were skipped.", left))
    export([run.id for run in finished], target, as_json=as_json)


def bring(sources: Sequence[Path], *, as_json: bool) -> None:
    """Register the runs of exported folders and zip files; one that is there already is left as it is."""
    found: dict[str, tuple[Run, bool]] = {}
    with closing(open_store()) as store:
        known = {run.id for run in store.runs(limit=1_000_000)}
        for source in sources:
            with _folder_of(source, store.home) as folder:
                for place in _exported(folder, source):
                    run = service.import_run(store, place)
                    found[run.id] = run, run.id in known
        records = run_records(store, [run for run, _there in found.values()])
    if as_json:
        print_json(records)
        return
    for run, there in found.values():
        outcome = _("already here") if there else _("imported")
        print_lines(f"{run.id}  {run.name}: {outcome}")


def _exported(folder: Path, source: Path) -> list[Path]:
    """The exported runs in ``folder``: itself, or the folders in it."""
    if (folder / ABOUT).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{ABOUT}")) if folder.is_dir() else []
    if not found:
        raise StoreError(
            _(
                "an import must be a folder or a zip file written by 'clps runs export'. {path} has no {file}.",
                path=source,
                file=ABOUT,
            )
        )
    return found


@contextmanager
def _folder_of(source: Path, home: Path) -> Iterator[Path]:
    """``source`` itself where it is a folder, else what its zip file holds, for as long as it is needed."""
    if not source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory(dir=home) as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                _unzip(archive, Path(folder))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            problem = str(error)[:200] or type(error).__name__
            raise StoreError(
                _("{path} must be a complete zip file. Got: {problem}.", path=source, problem=problem)
            ) from None
        yield Path(folder)


def _unzip(archive: zipfile.ZipFile, folder: Path) -> None:
    """Plain files below ``folder`` only. Names and sizes are checked before anything is written."""
    members = [one for one in archive.infolist() if not one.is_dir()]
    if len(members) > MOST_FILES:
        raise ValueError(_("more than {limit} files", limit=MOST_FILES))
    free = shutil.disk_usage(folder).free - disk_floor()
    if sum(one.file_size for one in members) > free:
        raise StoreError(
            _(
                "the disk has too little free space for this import. It needs {size} bytes.",
                size=sum(m.file_size for m in members),
            )
        )
    for one in members:
        path = PurePosixPath(one.filename)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in one.filename:
            raise ValueError(_("a file outside it: {name}", name=shown(one.filename)))
    for one in members:
        place = folder / PurePosixPath(one.filename)
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(one) as source, place.open("xb") as target:  # reads no more than the size that is declared
            shutil.copyfileobj(source, target, BLOCK)


def curves(run_ids: Sequence[str], *, split: str | None, name: str | None, as_csv: bool, as_json: bool) -> None:
    """The points of runs, by curve and step: as CSV, as JSON, or the curves that there are as a table."""
    with closing(open_store()) as store:
        runs = list({run.id: run for run in map(store.run, run_ids)}.values())
        found = [(run, _points(store, run, split, name)) for run in runs]
    if as_json:
        print_json([{"id": run.id, "points": [_plain(point) for point in points]} for run, points in found])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["run_id", "split", "name", "step", "value", "seconds"])
        for run, points in found:
            writer.writerows([run.id, *point[1:4], repr(point.value), round(point.seconds, 3)] for point in points)
    else:
        _print_summary(found)


def _points(store: Store, run: Run, split: str | None, name: str | None) -> list[Point]:
    """By curve and step. Raises ``NotFoundError`` for a split or name that the run cannot have."""
    points = [point for point in store.metrics_after([run.id], 0)[0] if not point.forgets]
    if split is not None or name is not None:
        store.check_curves(run.id, split, name)
    wanted = [point for point in points if split in (None, point.split) and name in (None, point.name)]
    return sorted(wanted, key=lambda point: (point.split, point.name, point.step))


def _plain(point: Point) -> dict[str, str | int | float]:
    return {name: getattr(point, name) for name in ("split", "name", "step", "value", "seconds")}


def _print_summary(found: Sequence[tuple[Run, Sequence[Point]]]) -> None:
    rows = []
    for run, points in found:
        held: dict[tuple[str, str], list[Point]] = {}
        for point in points:
            held.setdefault((point.split, point.name), []).append(point)
        rows += [[run.id, *key, len(own), own[-1].step, f"{own[-1].value:.4g}"] for key, own in held.items()]
    print_table([_("run"), _("split"), _("curve"), _("points"), _("last step"), _("last value")], rows, left=3)
    say(_("--csv and --json print every point; --split and --name select curves."))
