"""What scripts do to train and to read results: the part of ``api`` from a design to a table.

Start at configs and submit, then wait; ``runs``, ``compare`` and ``curves`` give tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.config import Resolved, RunConfig
from clps_core.errors import ConfigError, NotFoundError
from clps_core.experiment import merged
from clps_core.exports.asked import asked_runs
from clps_core.exports.tables import rows_of
from clps_core.finding import parse_where
from clps_core.jobs import service
from clps_core.samples import READY, install
from clps_core.store import Run, open_store
from clps_core.store.found import find_runs as find_in_store
from clps_core.words import _, shown

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["compare", "configs", "curves", "ids_of", "ready", "runs", "submit", "wait"]

GIVEN = {"seed": "seeds=", "sharing.strategy": "strategies=", "data.task": "task="}
"""Fields that have an argument of their own."""
Asked = Run | str | Iterable[Run | str]
"""A run or an id, or several: runs, or ids of runs and comparisons, or the beginnings of such ids."""


def configs(
    strategies: Sequence[str] = ("none", "all"),
    seeds: Sequence[int] = (0,),
    *,
    task: str = "dates",
    settings: Mapping[str, Any] | None = None,
) -> list[Resolved]:
    """One config for each strategy and seed, equal in all else: the same data in the same order.

    ``settings``: fields of a config by their names, ``{"train.steps": 300, "model.d_model": 64}``. Raises
    ``ConfigError`` for what does not fit together, and for the same run twice.
    """
    base: dict[str, Any] = {"data": {"task": task}}
    for name, value in (settings or {}).items():
        if name in GIVEN:
            raise ConfigError(
                _("settings must not have {name}. Use {argument} instead.", name=name, argument=GIVEN[name])
            )
        group, dot, field = name.partition(".")
        base = merged(base, {group: {field: value}} if dot else {name: value})
    return service.matched(base, strategies, seeds)


def submit(wanted: Sequence[RunConfig | Resolved], name: str | None = None, *, home: Path | None = None) -> list[Run]:
    """Queue configs as one comparison and return at once: background processes train them, also without this script.

    Everything is checked before anything is queued. Raises ``ConfigError`` for what does not fit together or into
    memory, and ``StoreError`` where nothing can be written.
    """
    with closing(open_store(home)) as store:
        return service.submit(store, wanted, name)


def wait(asked: Asked, *, timeout: float | None = None, home: Path | None = None) -> list[Run]:
    """Wait until none of the runs is queued or running; returns them as they are then.

    ``timeout``: in seconds; when they have passed, ``JobError`` is raised, and the runs go on.
    """
    with closing(open_store(home)) as store:
        found, _comparison = asked_runs(store, ids_of(asked))
        return service.wait(store, [run.id for run in found], timeout=timeout)


def ready(key: str = "pairs", *, home: Path | None = None) -> list[Run]:
    """The finished runs of a ready comparison: ``hops``, ``pairs``, ``docstrings``, ``cups`` or ``dates``.

    They ship with the project; those that are not in the home yet are brought in. Raises ``NotFoundError`` for another
    key.
    """
    known = {one.key: one for one in READY}
    if key not in known:
        raise NotFoundError(_("the key must be one of {known}. Got {got}.", known=", ".join(known), got=shown(key)))
    with closing(open_store(home)) as store:
        return install(store, [known[key]])


def runs(where: str = "", *, archived: bool = False, limit: int = 1000, home: Path | None = None) -> DataFrame:
    """A row for each run that a search finds, the newest first: what it is, best, last and test score, sizes, time.

    ``where``: as in ``find_runs``, all runs by default. Raises ``ConfigError`` for a search that is none.
    """
    sought = parse_where(where)
    with closing(open_store(home)) as store:
        found = find_in_store(store, sought, archived=archived, limit=limit).runs
        return _frame(rows_of(store, "runs", found))


def compare(asked: Asked, *, home: Path | None = None) -> DataFrame:
    """A row for each design: means over its runs with their standard deviations, parameters, steps, seconds."""
    return _table(asked, "designs", home)


def curves(asked: Asked, *, home: Path | None = None) -> DataFrame:
    """A row for each point of every curve: run, name, split, metric, step, value, seconds, tokens, flops."""
    return _table(asked, "curves", home)


def ids_of(asked: Asked) -> list[str]:
    """The ids of runs; ids stay what they are."""
    several = [asked] if isinstance(asked, Run | str) else asked
    return [one.id if isinstance(one, Run) else one for one in several]


def _table(asked: Asked, table: str, home: Path | None) -> DataFrame:
    with closing(open_store(home)) as store:
        found, comparison = asked_runs(store, ids_of(asked))
        return _frame(rows_of(store, table, found, comparison))


def _frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    import pandas as pd  # half a second, for who asks only

    return pd.DataFrame(rows)
