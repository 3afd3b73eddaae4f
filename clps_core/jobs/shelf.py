"""Names, notes and tags of runs and comparisons: what they may be is checked here. Start at rename_run.

Pinning, archiving and deleting need no check and are in ``store.shelf``. Who may do which, ``desk`` asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from clps_core.errors import ConfigError
from clps_core.experiment import check_name
from clps_core.notes import check_note, check_tag
from clps_core.store import Comparison, Run, Store, shelf
from clps_core.words import _

__all__ = ["note_comparison", "note_run", "rename_comparison", "rename_run", "tag_runs"]


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


def note_run(store: Store, run_id: str, note: str) -> Run:
    """Give a run a note (Markdown), or take it away with an empty one; raises ``ConfigError`` for one too long."""
    checked = check_note(note)
    found = store.run(run_id)
    shelf.note_run(store, found.id, checked)
    return store.run(found.id)


def note_comparison(store: Store, comparison_id: str, note: str) -> Comparison:
    """The same for a comparison."""
    checked = check_note(note)
    found = shelf.find_comparison(store, comparison_id)
    shelf.note_comparison(store, found.id, checked)
    return shelf.find_comparison(store, found.id)


def tag_runs(store: Store, run_ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Run]:
    """Give tags to runs and take others off; returns the runs.

    Raises ``ConfigError`` where one cannot be a tag, or where a run would have too many: then no run is changed.
    """
    given, taken = [check_tag(one) for one in add], [check_tag(one) for one in remove]
    ids = [store.run(one).id for one in run_ids]
    shelf.tag_runs(store, ids, given, taken)
    return store.some_runs(ids)


def _checked(name: str) -> str:
    found = check_name(name.strip() if isinstance(name, str) else name)
    if found is None:
        raise ConfigError(_("the new name must not be empty."))
    return found
