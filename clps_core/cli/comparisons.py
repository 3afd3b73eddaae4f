"""``clps comparisons``: list, rename, pin and delete; and the same names and pins of single runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from clps_core.cli.output import print_json, print_lines, print_table, say, size
from clps_core.jobs.guests import folder_bytes
from clps_core.jobs.shelf import rename_comparison, rename_run
from clps_core.store import Comparison, Store, open_store
from clps_core.store.shelf import find_comparison, forget_comparison, pin_comparison, pin_run
from clps_core.words import _, ngettext

__all__ = ["delete", "pin", "pin_runs", "rename", "rename_one_run", "show_list"]


def show_list(*, limit: int, archived: bool = False, as_json: bool) -> None:
    """Recent comparisons, newest first; ``archived``: with those of the archive."""
    with closing(open_store()) as store:
        records = [_record(store, one) for one in store.comparisons(archived=archived)[:limit]]
    if as_json:
        print_json(records)
        return
    if not records:
        say(_("No comparisons. Start one: clps train --task dates --strategy none --strategy all"))
        return
    rows = [
        (
            one["id"],
            one["name"],
            datetime.fromtimestamp(one["created_at"]).strftime("%Y-%m-%d %H:%M"),  # noqa: DTZ006 - of the terminal
            len(one["run_ids"]),
            one["active"] or "",
            " ".join([*([_("pinned")] if one["pinned"] else []), *([_("archived")] if one["archived"] else [])]),
        )
        for one in records
    ]
    print_table([_("id"), _("name"), _("started"), _("runs"), _("active"), ""], rows, left=3)


def rename(comparison_id: str, name: str, *, as_json: bool) -> None:
    """Give a comparison another name."""
    with closing(open_store()) as store:
        found = rename_comparison(store, comparison_id, name)
        record = _record(store, found)
    _tell(record, as_json=as_json)


def rename_one_run(run_id: str, name: str, *, as_json: bool) -> None:
    """Give a run another name."""
    with closing(open_store()) as store:
        run = rename_run(store, run_id, name)
    _tell({"id": run.id, "name": run.name}, as_json=as_json)


def pin(comparison_ids: Sequence[str], *, pinned: bool, as_json: bool) -> None:
    """Keep comparisons on Start, or let them go; all ids are looked up before anything is done."""
    with closing(open_store()) as store:
        found = [find_comparison(store, one).id for one in comparison_ids]
        for comparison_id in found:
            pin_comparison(store, comparison_id, pinned)
        records = [_record(store, find_comparison(store, one)) for one in found]
    _tell_pins(records, as_json=as_json)


def pin_runs(run_ids: Sequence[str], *, pinned: bool, as_json: bool) -> None:
    """The same for runs."""
    with closing(open_store()) as store:
        runs = [store.run(run_id) for run_id in run_ids]
        for run in runs:
            pin_run(store, run.id, pinned)
    _tell_pins([{"id": run.id, "name": run.name, "pinned": pinned} for run in runs], as_json=as_json)


def delete(comparison_ids: Sequence[str], *, yes: bool, as_json: bool) -> None:
    """Remove comparisons with all their runs; asks first where somebody sits there to answer."""
    with closing(open_store()) as store:
        found = {one.id: one for one in (find_comparison(store, text) for text in comparison_ids)}
        if not yes and not as_json and sys.stdin.isatty():
            _confirm(store, list(found.values()))
        records = [
            {"id": one.id, "name": one.name, "status": "deleted", "run_ids": forget_comparison(store, one.id)}
            for one in found.values()
        ]
    if as_json:
        print_json(records)
        return
    for record in records:
        gone = ngettext("{n} run deleted", "{n} runs deleted", len(record["run_ids"]))
        print_lines(f"{record['id']}  {record['name']}: {gone}")


def _record(store: Store, one: Comparison) -> dict[str, Any]:
    """A comparison as JSON-ready data."""
    runs = store.some_runs(one.run_ids, places=False)
    return {
        "id": one.id,
        "name": one.name,
        "owner": one.owner,
        "created_at": one.created_at,
        "pinned": one.pinned_at is not None,
        "archived": one.archived_at is not None,
        "notes": one.notes,
        "sweep": one.sweep_text is not None,
        "active": sum(run.active for run in runs),
        "run_ids": list(one.run_ids),
    }


def _tell(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        print_lines(f"{record['id']}  {record['name']}")


def _tell_pins(records: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(records)
        return
    for record in records:
        state = _("pinned") if record["pinned"] else _("not pinned")
        print_lines(f"{record['id']}  {record['name']}: {state}")


def _confirm(store: Store, found: Sequence[Comparison]) -> None:
    """Say what goes, and ask."""
    import typer

    for one in found:
        held = sum(folder_bytes(store.run_folder(run_id)) for run_id in one.run_ids)
        runs = ngettext("{n} run", "{n} runs", len(one.run_ids))
        say(_("{name}: {runs} with weights, curves and logs, {size}", name=one.name, runs=runs, size=size(held)))
    typer.confirm(_("Delete this for good?"), abort=True)
