"""Results as files, for scripts: the part of ``api`` that takes them elsewhere. Start at snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clps_core.snapshot import snapshot_of
from clps_core.store import open_store

__all__ = ["snapshot"]


def snapshot(ids: Sequence[str], *, home: Path | None = None) -> bytes:
    """One HTML file of comparisons and runs, by their ids or the beginnings of these; it works without a server.

    Raises ``NotFoundError`` where one of ``ids`` is neither, and where a comparison has no runs any more.
    """
    with closing(open_store(home)) as store:
        return snapshot_of(store, ids)
