"""What scripts do with many runs: find them, note and tag them, archive them. ``clps_core.api`` hands these on.

They work in the lab's home (``CLPS_HOME``) with the rights of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clps_core.finding import parse_where
from clps_core.jobs import shelf
from clps_core.store import Run, open_store
from clps_core.store.found import find_runs as find_in_store
from clps_core.store.shelf import archive_runs

__all__ = ["archive", "find_runs", "note", "tag"]


def find_runs(
    where: str = "", *, archived: bool = False, limit: int = 50, offset: int = 0, home: Path | None = None
) -> list[Run]:
    """The runs that a search finds (``clps_core.finding``), the newest first: ``"task:dates d_model>=64 tag:paper"``.

    ``archived``: with those of the archive. Raises ``ConfigError`` for a search that is none.
    """
    asked = parse_where(where)
    with closing(open_store(home)) as store:
        return find_in_store(store, asked, archived=archived, limit=limit, offset=offset).runs


def note(run_id: str, text: str, *, home: Path | None = None) -> Run:
    """Give a run a note in Markdown, or take it away with an empty one; returns the run."""
    with closing(open_store(home)) as store:
        return shelf.note_run(store, run_id, text)


def tag(
    run_ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = (), *, home: Path | None = None
) -> list[Run]:
    """Give tags to runs and take others off, all of them or none; returns the runs."""
    with closing(open_store(home)) as store:
        return shelf.tag_runs(store, run_ids, add, remove)


def archive(run_ids: Sequence[str], archived: bool = True, *, home: Path | None = None) -> list[Run]:
    """Put runs into the archive or take them out, all of them or none; returns the runs."""
    with closing(open_store(home)) as store:
        ids = [store.run(one).id for one in run_ids]
        archive_runs(store, ids, archived)
        return store.some_runs(ids)
