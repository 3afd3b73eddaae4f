"""Comparisons and runs as people keep them: renamed, pinned to Start, a comparison deleted as one. Start at rename.

Names and ids are checked here; who may do it, ``jobs.desk`` asks.
"""

from __future__ import annotations

import sqlalchemy as sa

from clps_core.errors import JobError, NotFoundError
from clps_core.store import evaluations, schema
from clps_core.store.connection import sentences
from clps_core.store.database import Store, remove_folder
from clps_core.store.records import Comparison, Run, check_run_id
from clps_core.words import _, ngettext, shown

__all__ = [
    "find_comparison",
    "forget_comparison",
    "pin_comparison",
    "pin_run",
    "pinned_runs",
    "rename_comparison",
    "rename_run",
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
        message = _("{got} begins several comparisons' ids: {ids}. Give more of it.", got=shown(text), ids=ids)
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


def pinned_runs(store: Store) -> list[Run]:
    """The runs that stay on somebody's Start, the newest pin first."""
    query = sa.select(_run.c.id).where(_run.c.pinned_at.is_not(None)).order_by(_run.c.pinned_at.desc())
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
                    "a comparison can be deleted once none of its runs is running. {n} is: {ids}. Cancel it first.",
                    "a comparison can be deleted once none of its runs is running. {n} are: {ids}. Cancel them first.",
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
    return _("there is no {got} any more. It has been deleted meanwhile.", got=shown(row_id))
