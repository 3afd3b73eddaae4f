"""Renaming runs and comparisons: what they may be called is checked here. Start at rename_run.

Pinning and deleting need no check and are in ``store.shelf``. Who may do which, ``desk`` asks.
"""

from __future__ import annotations

from clps_core.errors import ConfigError
from clps_core.experiment import check_name
from clps_core.store import Comparison, Run, Store, shelf
from clps_core.words import _

__all__ = ["rename_comparison", "rename_run"]


def rename_run(store: Store, run_id: str, name: str) -> Run:
    """Give a run another name; returns it. Raises ``ConfigError`` where that cannot be a name."""
    found = store.run(run_id)
    shelf.rename_run(store, found.id, _checked(name))
    return store.run(found.id)


def rename_comparison(store: Store, comparison_id: str, name: str) -> Comparison:
    """The same for a comparison; its runs keep their names."""
    found = shelf.find_comparison(store, comparison_id)
    shelf.rename_comparison(store, found.id, _checked(name))
    return shelf.find_comparison(store, found.id)


def _checked(name: str) -> str:
    found = check_name(name.strip() if isinstance(name, str) else name)
    if found is None:
        raise ConfigError(_("a new name must be given. Got none."))
    return found
