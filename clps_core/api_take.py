"""Results as files, for scripts: the part of ``api`` that takes them elsewhere. Start at snapshot, export and diff."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from clps_core.exports import as_file, config_differences
from clps_core.exports.asked import asked_runs
from clps_core.exports.tables import rows_of
from clps_core.snapshots import write_snapshot
from clps_core.store import open_store

__all__ = ["diff", "export", "snapshot"]


def snapshot(ids: Sequence[str], out: Path, *, home: Path | None = None) -> None:
    """Write comparisons and runs, by their ids or the beginnings of these, as one HTML file that works offline.

    Raises ``NotFoundError`` where one of ``ids`` is neither, and where a comparison has no runs any more; ``JobError``
    for too many runs and a file that cannot be written.
    """
    with closing(open_store(home)) as store:
        runs, comparison = asked_runs(store, ids)
        write_snapshot(store.home, out, comparison=comparison.id if comparison else None, runs=[run.id for run in runs])


def export(
    ids: Sequence[str],
    table: Literal["runs", "designs", "curves", "sweep"] = "runs",
    form: Literal["csv", "parquet", "json", "latex"] = "csv",
    *,
    home: Path | None = None,
) -> bytes:
    """A table of comparisons and runs as a file, unrounded; LaTeX with four digits, for the package booktabs.

    Raises ``NotFoundError`` as ``snapshot`` does, and ``ConfigError`` for a table or format that there is not.
    """
    with closing(open_store(home)) as store:
        runs, comparison = asked_runs(store, ids)
        return as_file(rows_of(store, table, runs, comparison), form)


def diff(ids: Sequence[str], *, home: Path | None = None) -> dict[str, dict[str, Any]]:
    """Field of the config -> run's id -> its value, for the fields that are not the same in all runs."""
    with closing(open_store(home)) as store:
        return config_differences(asked_runs(store, ids)[0])
