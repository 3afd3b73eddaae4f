"""``clps runs``: list, show, logs, cancel, resume, delete."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.cli.train import run_records
from clps_core.errors import ConfigError
from clps_core.jobs import service
from clps_core.store import STATUSES, Run, Store, open_store
from clps_core.tasks import get_task
from clps_core.words import _

__all__ = ["show_list", "show_log", "show_one", "steer"]


@contextmanager
def _opened() -> Iterator[Store]:
    """The store, with someone at work on its queue: after a restart of the machine any call will do."""
    with closing(open_store()) as store:
        service.ensure_supervisor(store)
        yield store


def show_list(*, status: str | None, limit: int, as_json: bool) -> None:
    """Recent runs, newest first."""
    if status is not None and status not in STATUSES:
        raise ConfigError(_("status must be one of {known}. Got {got!r}.", known=", ".join(STATUSES), got=status[:60]))
    with _opened() as store:
        runs = store.runs(status=status, limit=limit)
        records = run_records(store, runs)
    if as_json:
        print_json(records)
        return
    if not runs:
        say(_("No runs. Start some: clps train --task dates --strategy none --strategy all"))
        return
    rows = []
    for run, record in zip(runs, records, strict=True):
        metric = get_task(run.task).metric
        value = record["metrics"].get(metric)
        rows.append(
            (
                run.id,
                run.name,
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
    """``cancel``, ``resume`` or ``delete`` runs; all ids are looked up before anything is done."""
    with _opened() as store:
        runs = [store.run(run_id) for run_id in run_ids]
        if action == "delete" and not as_json and sys.stdin.isatty():
            _confirm(runs)
        records = []
        for run in runs:
            if action == "delete":
                service.delete(store, run.id)
                records.append({"id": run.id, "status": "deleted"})
            else:
                (service.cancel if action == "cancel" else service.resume)(store, run.id)
                records += run_records(store, [store.run(run.id)])
    if as_json:
        print_json(records)
        return
    for run, record in zip(runs, records, strict=True):
        print_lines(f"{run.id}  {run.name}: {record['status']}")


def _confirm(runs: Sequence[Run]) -> None:
    import typer

    names = ", ".join(run.name for run in runs)
    typer.confirm(_("Delete {names} and everything they left behind?", names=names), abort=True)
