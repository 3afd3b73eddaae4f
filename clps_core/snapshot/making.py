"""From ids to the bytes of a snapshot. Start at snapshot_of."""

from __future__ import annotations

from collections.abc import Sequence

from clps_core.errors import NotFoundError
from clps_core.shown import visible
from clps_core.snapshot.gathering import gathered
from clps_core.snapshot.page import page
from clps_core.store import Comparison, Run, Store
from clps_core.store.shelf import find_comparison
from clps_core.words import _

__all__ = ["asked_runs", "snapshot", "snapshot_of"]


def snapshot_of(store: Store, ids: Sequence[str]) -> bytes:
    """The snapshot of comparisons and runs by their ids, or the beginnings of these: one HTML file as bytes.

    Raises ``NotFoundError`` where one of ``ids`` is neither, and where a comparison has no runs any more.
    """
    runs, comparison = asked_runs(store, ids)
    return snapshot(store, runs, comparison=comparison)


def snapshot(
    store: Store,
    runs: Sequence[Run],
    *,
    comparison: Comparison | None = None,
    verdicts: Sequence[str] = (),
    missing: int = 0,
) -> bytes:
    """The snapshot of ``runs``: one HTML file as bytes.

    ``comparison``: gives title and notes, where the runs are one. ``verdicts``: sentences under the table of designs.
    ``missing``: so many runs were asked for and are gone; the page says so. At most ``gathering.MOST_RUNS`` runs are
    in it, the first ones, and at most ``gathering.MOST_POINTS`` points of a curve; the page says that, too.
    """
    comparison = comparison or comparison_of(store, runs)
    return page(gathered(store, runs, comparison, verdicts, missing)).encode()


def comparison_of(store: Store, runs: Sequence[Run]) -> Comparison | None:
    """The comparison that consists of ``runs``, if one does."""
    places = {run.comparison_id for run in runs}
    if len(places) != 1:
        return None
    ids = {run.id for run in runs}
    return next((one for one in store.comparisons() if one.id in places and set(one.run_ids) == ids), None)


def asked_runs(store: Store, ids: Sequence[str]) -> tuple[list[Run], Comparison | None]:
    """The runs that ``ids`` (of runs and comparisons) mean, each once, and the comparison if it is one alone."""
    found: dict[str, Run] = {}
    comparisons = []
    for text in ids:
        try:
            one = find_comparison(store, text)
        except NotFoundError:
            run = store.run(text)
            found[run.id] = run
            continue
        comparisons.append(one)
        found |= {run.id: run for run in store.some_runs(one.run_ids)}
    if not found:
        names = ", ".join(visible(one.name) for one in comparisons)
        raise NotFoundError(
            _("there must be a run to take away. Got {got}, without runs: they were deleted.", got=names or _("no ids"))
        )
    alone = comparisons[0] if len(ids) == len(comparisons) == 1 else None
    return list(found.values()), alone
