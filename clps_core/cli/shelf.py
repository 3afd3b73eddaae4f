"""Notes, tags and the archive: ``clps runs note|tag|archive|unarchive`` and the same of ``clps comparisons``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from clps_core.cli.output import print_json, print_lines, say
from clps_core.errors import ConfigError
from clps_core.jobs.shelf import note_comparison, note_run, tag_runs
from clps_core.notes import MAX_NOTE
from clps_core.store import Comparison, Run, open_store
from clps_core.store.shelf import archive_comparison, archive_runs, find_comparison
from clps_core.words import _, shown

__all__ = ["archive", "archive_comparisons", "note", "note_one_comparison", "tag"]

STDIN = "-"


def note(run_id: str, text: str | None, *, as_json: bool) -> None:
    """Write the note of a run, or print it where no text is given."""
    with closing(open_store()) as store:
        run = store.run(run_id)
        _tell_note(run if text is None else note_run(store, run.id, _read(text)), text is None, as_json=as_json)


def note_one_comparison(comparison_id: str, text: str | None, *, as_json: bool) -> None:
    """The same for a comparison."""
    with closing(open_store()) as store:
        found = find_comparison(store, comparison_id)
        changed = found if text is None else note_comparison(store, found.id, _read(text))
        _tell_note(changed, text is None, as_json=as_json)


def tag(words: Sequence[str], *, as_json: bool) -> None:
    """Tag runs: ``words`` are ids, and tags with a + or - before them."""
    ids = [word for word in words if word[:1] not in "+-"]
    add, remove = ([word[1:] for word in words if word[:1] == sign] for sign in "+-")
    if not ids or not (add or remove):
        raise ConfigError(
            _(
                "the command must have a run's id, and a tag with + or - before it, such as +paper. Got {got}.",
                got=shown(" ".join(words)),
            )
        )
    with closing(open_store()) as store:
        runs = tag_runs(store, ids, add, remove)
    if as_json:
        print_json([{"id": run.id, "name": run.name, "tags": list(run.tags)} for run in runs])
        return
    for run in runs:
        tags = ", ".join(run.tags) or _("no tags")
        print_lines(f"{run.id}  {run.name}: {tags}")


def archive(run_ids: Sequence[str], *, archived: bool, as_json: bool) -> None:
    """Put runs into the archive, or take them out; all ids are looked up before anything is done."""
    with closing(open_store()) as store:
        ids = [store.run(one).id for one in run_ids]
        archive_runs(store, ids, archived)
        _tell_archived(store.some_runs(ids), archived, as_json=as_json)


def archive_comparisons(comparison_ids: Sequence[str], *, archived: bool, as_json: bool) -> None:
    """The same for comparisons with their runs."""
    with closing(open_store()) as store:
        found = [find_comparison(store, one) for one in comparison_ids]
        for one in found:
            archive_comparison(store, one.id, archived)
        _tell_archived(found, archived, as_json=as_json)


def _read(text: str) -> str:
    """The text itself, or what is typed or piped where it is ``-``: no more of it than a note may have, and one."""
    return sys.stdin.read(MAX_NOTE + 1) if text == STDIN else text


def _tell_note(one: Run | Comparison, only_read: bool, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": one.id, "name": one.name, "notes": one.notes})
    elif only_read and one.notes:
        print_lines(*one.notes.splitlines())
    elif only_read:
        say(_("No note."))
    else:
        outcome = _("note saved") if one.notes else _("no note")
        print_lines(f"{one.id}  {one.name}: {outcome}")


def _tell_archived(found: Sequence[Run | Comparison], archived: bool, *, as_json: bool) -> None:
    if as_json:
        records: list[dict[str, Any]] = [{"id": one.id, "name": one.name, "archived": archived} for one in found]
        print_json(records)
        return
    for one in found:
        outcome = _("archived") if archived else _("restored from the archive")
        print_lines(f"{one.id}  {one.name}: {outcome}")
    if archived:
        say(
            _(
                "Lists leave archived items out. Quotas still count them, and their files are kept. --archived lists "
                "them."
            )
        )
