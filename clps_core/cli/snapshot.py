"""``clps snapshot``: a comparison or runs as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clps_core.cli.output import say
from clps_core.errors import NotFoundError
from clps_core.snapshots import write_snapshot
from clps_core.store import open_store
from clps_core.store.shelf import find_comparison
from clps_core.words import _

__all__ = ["write"]


def write(ids: Sequence[str], out: Path) -> None:
    """Of the comparison that the only id names, else of the runs that the ids name."""
    with closing(open_store()) as store:
        home, comparison = store.home, None
        if len(ids) == 1:
            try:
                comparison = find_comparison(store, ids[0]).id
            except NotFoundError:
                comparison = None
        runs = [] if comparison else [store.run(one).id for one in ids]
    write_snapshot(home, out, comparison=comparison, runs=runs)
    say(_("Written: {file} ({size:.1f} MB)", file=out, size=out.stat().st_size / 1e6))
