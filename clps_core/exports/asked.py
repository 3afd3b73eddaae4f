"""Which runs people mean that name comparisons and runs. Start at asked_runs."""

from __future__ import annotations

from collections.abc import Sequence

from clps_core.errors import NotFoundError
from clps_core.shown import visible
from clps_core.store import Comparison, Run, Store
from clps_core.store.shelf import find_comparison
from clps_core.words import _

__all__ = ["asked_runs"]


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
            _("there is nothing to export: the runs of {got} were deleted.", got=names)
            if names
            else _("there is nothing to export: no ids were given. Give the id of a comparison or a run.")
        )
    alone = comparisons[0] if len(ids) == len(comparisons) == 1 else None
    return list(found.values()), alone
