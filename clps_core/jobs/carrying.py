"""Several finished runs as one zip file, which ``clps runs import`` reads back. Start at comparison_file."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from clps_core.errors import StoreError
from clps_core.store import Run, Store
from clps_core.store.archive import export_run
from clps_core.words import _

__all__ = ["comparison_file", "exportable", "write_runs", "zip_folder"]


def exportable(runs: Sequence[Run]) -> list[Run]:
    """The finished ones; raises ``StoreError`` where there is none."""
    finished = [run for run in runs if run.status == "finished"]
    if not finished:
        raise StoreError(_("the comparison has no finished run to export."))
    return finished


def write_runs(store: Store, runs: Sequence[Run], folder: Path) -> None:
    """A folder in ``folder`` for each of the finished ``runs``."""
    for run in runs:
        export_run(store, run.id, folder / run.id)


def zip_folder(folder: Path, target: Path) -> None:
    """All files below ``folder`` as the zip file ``target``, whole or not at all."""
    arriving = target.with_name(f".{target.name}.writing")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(arriving, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)


def comparison_file(store: Store, runs: Sequence[Run]) -> bytes:
    """The finished ones of ``runs`` as the bytes of a zip file; raises ``StoreError`` where there is none."""
    with tempfile.TemporaryDirectory(dir=store.home) as place:
        folder, target = Path(place) / "runs", Path(place) / "comparison.zip"
        write_runs(store, exportable(runs), folder)
        zip_folder(folder, target)
        return target.read_bytes()
