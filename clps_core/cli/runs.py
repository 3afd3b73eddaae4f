"""``clps runs``: list, show and logs; cancel, pause, resume, retry and delete; priority, fork and prune."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.cli.train import run_records
from clps_core.config import flat
from clps_core.config.telling import told_apart
from clps_core.errors import ConfigError
from clps_core.experiment import check_name
from clps_core.jobs import service
from clps_core.jobs.logs import why_not_started
from clps_core.jobs.priority import parse_priority, set_priority
from clps_core.spec import parse_assignments
from clps_core.store import STATUSES, Run, Store, open_store
from clps_core.tasks import get_task
from clps_core.words import _

__all__ = ["ACTIONS", "fork", "prioritise", "prune", "show_list", "show_log", "show_one", "steer"]

ACTIONS: dict[str, Callable[[Store, str], None]] = {
    "cancel": service.cancel,
    "pause": service.pause,
    "resume": service.resume,
    "retry": service.retry,
    "retry anew": partial(service.retry, anew=True),
    "delete": service.delete,
}
"""What may be done to runs that are named."""


@contextmanager
def _opened() -> Iterator[Store]:
    """The store, with someone at work on its queue: after a restart of the machine any call will do."""
    with closing(open_store()) as store:
        status = service.supervisor_status(store)
        why = None if status.running else why_not_started(store.home / "supervisor.log")
        service.ensure_supervisor(store)
        if why is not None and store.has_runs("queued"):
            say(_("The supervisor could not start: {why} It is tried again now.", why=why))
        yield store


def show_list(*, status: str | None, limit: int, as_json: bool) -> None:
    """Recent runs, newest first."""
    if status is not None and status not in STATUSES:
        raise ConfigError(_("status must be one of {known}. Got {got!r}.", known=", ".join(STATUSES), got=status[:60]))
    with _opened() as store:
        runs = store.runs(status=status, limit=limit)
        records = run_records(store, runs)
        state = service.queue_state(store)
    if as_json:
        print_json(records)
        return
    if state.waiting:
        say(state.words)
    if not runs:
        say(_("No runs. Start some: clps train --task dates --strategy none --strategy all"))
        return
    rows = []
    # Runs of different launches may bear one name: then what differs in their configs is said.
    names = told_apart([run.name for run in runs], [flat(json.loads(run.config_text)) for run in runs])
    for run, name, record in zip(runs, names, records, strict=True):
        metric = get_task(run.task).metric
        value = record["metrics"].get(metric)
        rows.append(
            (
                run.id,
                name,
                run.status,
                f"{run.step}/{run.steps}",
                amount(run.unique_parameters or 0),
                "" if value is None else f"{metric} {value:.4g}",
                duration(run.seconds),
            )
        )
    print_table([_("id"), _("name"), _("status"), _("step"), _("parameters"), _("quality"), _("time")], rows, left=3)


def show_one(run_id: str, *, as_json: bool) -> None:
    """Everything known of one run, its config included."""
    with _opened() as store:
        run = store.run(run_id)
        record = {**run_records(store, [run])[0], "config": run.config.as_dict()}
    if as_json:
        print_json(record)
        return
    del record["config"]
    for name, value in record.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        print_lines(f"{name:20} {'' if shown is None else shown}")
    print_lines("", *run.config.as_yaml().splitlines())


def show_log(run_id: str, *, as_json: bool) -> None:
    """The end of a run's log."""
    with _opened() as store:
        run = store.run(run_id)
        text = service.log_text(store, run.id)
    if as_json:
        print_json({"id": run.id, "log": text})
    elif text:
        print_lines(*text.splitlines())
    else:
        say(_("The log is still empty."))


def steer(action: str, run_ids: Sequence[str], *, as_json: bool) -> None:
    """One of ``ACTIONS`` on each run; all ids are looked up before anything is done."""
    with _opened() as store:
        runs = [store.run(run_id) for run_id in run_ids]
        if action == "delete" and not as_json and sys.stdin.isatty():
            _confirm(runs)
        records: list[dict[str, Any]] = []
        for run in runs:
            ACTIONS[action](store, run.id)
            deleted = {"id": run.id, "status": "deleted"}
            records += [deleted] if action == "delete" else run_records(store, [store.run(run.id)])
    if as_json:
        print_json(records)
        return
    for run, record in zip(runs, records, strict=True):
        print_lines(f"{run.id}  {run.name}: {record['status']}")


def fork(run_id: str, settings: Sequence[str], *, start_from: str, name: str | None, as_json: bool) -> None:
    """Queue a run that begins with another's weights."""
    changes = parse_assignments(settings)
    with _opened() as store:
        run = service.fork(store, run_id, changes, start_from=start_from, name=check_name(name))
        records = run_records(store, [run])
    if as_json:
        print_json(records[0])
        return
    print_lines(f"{run.id}  {run.name}: {run.status}")
    say(_("It begins with the {which} weights of {parent}.", which=start_from, parent=run.parent_id))


def prioritise(run_ids: Sequence[str], wanted: str, *, as_json: bool) -> None:
    """Move waiting runs in the queue: ``wanted`` is a number, ``front`` or ``back``."""
    asked = parse_priority(wanted)
    with _opened() as store:
        ids = [store.run(run_id).id for run_id in run_ids]
        priority = set_priority(store, ids, asked)
        runs = store.some_runs(ids)
        records = run_records(store, runs)
    if as_json:
        print_json(records)
        return
    for run in runs:
        place = "" if run.queue_position is None else _(", place {place} in the queue", place=run.queue_position)
        print_lines(f"{run.id}  {run.name}: {_('priority {number}', number=priority)}{place}")


def prune(days: float, *, dry_run: bool, as_json: bool) -> None:
    """Delete what finished runs kept to go on from."""
    with closing(open_store()) as store:
        pruned = service.prune(store, days, dry_run=dry_run)
    if as_json:
        print_json([{"id": one.id, "name": one.name, "freed_bytes": one.freed} for one in pruned])
        return
    for one in pruned:
        print_lines(f"{one.id}  {one.name}: {one.freed / 2**20:.1f} MiB")
    freed = f"{sum(one.freed for one in pruned) / 2**20:.1f}"
    if dry_run:
        say(_("{size} MiB would be freed.", size=freed))
    else:
        say(_("{size} MiB freed; the best weights of every run are kept.", size=freed))


def _confirm(runs: Sequence[Run]) -> None:
    import typer

    names = ", ".join(run.name for run in runs)
    typer.confirm(_("Delete {names} and everything they left behind?", names=names), abort=True)
