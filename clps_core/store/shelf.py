"""Comparisons and runs as people keep them: renamed, noted, tagged, pinned, archived, deleted. Start at rename_run.

Names, notes and tags have been checked (``jobs.shelf``); who may do it, ``jobs.desk`` asks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from clps_core.errors import JobError, NotFoundError
from clps_core.notes import check_tags
from clps_core.store import evaluations, schema
from clps_core.store.connection import sentences
from clps_core.store.database import Store, remove_folder
from clps_core.store.records import ACTIVE, Comparison, Run, check_run_id
from clps_core.words import _, ngettext, shown

__all__ = [
    "archive_comparison",
    "archive_runs",
    "find_comparison",
    "forget_comparison",
    "note_comparison",
    "note_run",
    "pin_comparison",
    "pin_run",
    "pinned_runs",
    "rename_comparison",
    "rename_run",
    "tag_runs",
]

_run, _comparison = schema.run, schema.comparison


def find_comparison(store: Store, text: str) -> Comparison:
    """The comparison with this id, or the only one whose id begins so; else ``NotFoundError``."""
    known = store.comparisons()
    found = [one for one in known if one.id == text] or [one for one in known if text and one.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found[:6])
        message = _(
            "the ids of several comparisons begin with {got}: {ids}. Type more characters.", got=shown(text), ids=ids
        )
        raise NotFoundError(message)
    raise NotFoundError(_("there is no comparison {got}. 'clps comparisons' lists them.", got=shown(text)))


def rename_run(store: Store, run_id: str, name: str) -> None:
    """Give the run a name that has been checked (``experiment.check_name``)."""
    _change(store, _run, check_run_id(run_id), name=name)


def rename_comparison(store: Store, comparison_id: str, name: str) -> None:
    """Give the comparison a name that has been checked."""
    _change(store, _comparison, comparison_id, name=name)


def pin_run(store: Store, run_id: str, pinned: bool, owner: str | None = None) -> None:
    """Let the run stay on Start: on everybody's, or on that of ``owner``; or let it go."""
    _pin(store, _run, check_run_id(run_id), pinned, owner)


def pin_comparison(store: Store, comparison_id: str, pinned: bool, owner: str | None = None) -> None:
    """The same for a comparison."""
    _pin(store, _comparison, comparison_id, pinned, owner)


def note_run(store: Store, run_id: str, note: str | None) -> None:
    """Give the run a note that has been checked (``notes.check_note``); ``None`` takes it away."""
    _change(store, _run, check_run_id(run_id), notes=note)


def note_comparison(store: Store, comparison_id: str, note: str | None) -> None:
    """The same for a comparison."""
    _change(store, _comparison, comparison_id, notes=note)


def tag_runs(store: Store, run_ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
    """Give tags to the runs and take others off: to all of them or, where one would have too many, to none.

    The tags have been checked one by one; raises ``ConfigError`` for too many, ``NotFoundError`` where a run is gone.
    """
    with store.writing() as connection:
        for run_id in sorted(set(run_ids)):
            query = sa.select(_run.c.tags).where(_run.c.id == run_id)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError(_gone(run_id))
            tags = check_tags({*json.loads(row.tags or "[]"), *add} - set(remove))
            text = json.dumps(tags, ensure_ascii=False) if tags else None
            connection.execute(_run.update().where(_run.c.id == run_id).values(tags=text))


def archive_runs(store: Store, run_ids: Sequence[str], archived: bool) -> None:
    """Put the runs into the archive or take them out: all of them, or none where one still waits or works.

    A run that is taken out takes its comparison with it.
    """
    with store.writing() as connection:
        rows = connection.execute(
            sa.select(_run.c.id, _run.c.status, _run.c.comparison_id).where(_run.c.id.in_(list(run_ids)))
        ).all()
        if missing := set(run_ids) - {row.id for row in rows}:
            raise NotFoundError(_gone(min(missing)))
        _check_at_rest(rows, archived)
        moment = schema.now(connection) if archived else None
        connection.execute(_run.update().where(_run.c.id.in_(list(run_ids))).values(archived_at=moment))
        if not archived:
            theirs = _comparison.c.id.in_([row.comparison_id for row in rows if row.comparison_id])
            connection.execute(_comparison.update().where(theirs).values(archived_at=None))


def archive_comparison(store: Store, comparison_id: str, archived: bool) -> None:
    """The same for a comparison with its runs: taken out, all its runs are."""
    with store.writing() as connection:
        query = sa.select(_run.c.id, _run.c.status).where(_run.c.comparison_id == comparison_id)
        _check_at_rest(connection.execute(query).all(), archived)
        moment = schema.now(connection) if archived else None
        change = _comparison.update().where(_comparison.c.id == comparison_id).values(archived_at=moment)
        if not connection.execute(change).rowcount:
            raise NotFoundError(_gone(comparison_id))
        if not archived:
            connection.execute(_run.update().where(_run.c.comparison_id == comparison_id).values(archived_at=None))


def _check_at_rest(rows: Sequence[Any], archived: bool) -> None:
    if archived and (active := [row.id for row in rows if row.status in ACTIVE]):
        raise JobError(
            ngettext(
                "what is waiting or running cannot be archived. {n} run is: {ids}. Cancel it first.",
                "what is waiting or running cannot be archived. {n} runs are: {ids}. Cancel them first.",
                len(active),
                ids=", ".join(active[:8]),
            )
        )


def pinned_runs(store: Store) -> list[Run]:
    """The runs that stay on somebody's Start, the newest pin first; without those of the archive."""
    kept = (_run.c.pinned_at.is_not(None), _run.c.archived_at.is_(None))
    query = sa.select(_run.c.id).where(*kept).order_by(_run.c.pinned_at.desc())
    with store.reading() as connection:
        ids = list(connection.execute(query).scalars())
    return store.some_runs(ids, places=False)


def forget_comparison(store: Store, comparison_id: str) -> list[str]:
    """Remove the comparison, its runs and their folders; returns the runs' ids.

    All of it or nothing: raises ``JobError`` while one of its runs is running, ``NotFoundError`` where it is gone.
    """
    with store.writing() as connection:
        query = sa.select(_run.c.id, _run.c.status).where(_run.c.comparison_id == comparison_id)
        rows = connection.execute(query.order_by(_run.c.position)).all()
        if running := [row.id for row in rows if row.status == "running"]:
            raise JobError(
                ngettext(
                    "a comparison with running runs cannot be deleted. {n} is running: {ids}. Cancel it first.",
                    "a comparison with running runs cannot be deleted. {n} are running: {ids}. Cancel them first.",
                    len(running),
                    ids=", ".join(running[:8]),
                )
            )
        others = evaluations.forget_about(connection, [row.id for row in rows])
        connection.execute(_run.delete().where(_run.c.comparison_id == comparison_id))
        if not connection.execute(_comparison.delete().where(_comparison.c.id == comparison_id)).rowcount:
            raise NotFoundError(_gone(comparison_id))
    with sentences(store.home):
        for gone in [*(row.id for row in rows), *others]:
            remove_folder(store.run_folder(gone))
    return [row.id for row in rows]


def _pin(store: Store, table: sa.Table, row_id: str, pinned: bool, owner: str | None) -> None:
    with store.reading() as connection:
        moment = schema.now(connection)
    _change(store, table, row_id, pinned_at=moment if pinned else None, pinned_for=owner if pinned else None)


def _change(store: Store, table: sa.Table, row_id: str, **values: object) -> None:
    with store.writing() as connection:
        if not connection.execute(table.update().where(table.c.id == row_id).values(values)).rowcount:
            raise NotFoundError(_gone(row_id))


def _gone(row_id: str) -> str:
    return _("{got} was deleted in the meantime.", got=shown(row_id))
