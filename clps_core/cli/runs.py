"""``clps runs``: list, show and logs; cancel, pause, resume, retry and delete; priority and prune."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from clps_core.cli import repeat
from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.cli.records import run_records, said_quality, said_status, test_in_words
from clps_core.cli.repeat import versions_of
from clps_core.config import flat
from clps_core.config.telling import told_apart
from clps_core.errors import ConfigError, NotFoundError
from clps_core.finding import parse_where, with_equals
from clps_core.jobs import service
from clps_core.jobs.logs import why_not_started
from clps_core.jobs.priority import parse_priority, set_priority
from clps_core.jobs.provenance import signatures
from clps_core.sharing import parse_strategy
from clps_core.store import STATUSES, Run, Store, open_store
from clps_core.store.found import find_runs
from clps_core.suggestions import nearest
from clps_core.tasks import get_task
from clps_core.words import _, shown

__all__ = [
    "ACTIONS",
    "comparisons_called",
    "opened",
    "prioritise",
    "prune",
    "score",
    "show_list",
    "show_log",
    "show_one",
    "steer",
]

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
def opened() -> Iterator[Store]:
    """The store, with someone at work on its queue: after a restart of the machine any call will do."""
    with closing(open_store()) as store:
        status = service.supervisor_status(store)
        why = None if status.running else why_not_started(store.home / "supervisor.log")
        service.ensure_supervisor(store)
        if why is not None and store.has_jobs("queued"):
            say(_("The supervisor could not start: {why} Trying again now.", why=why))
        yield store


def show_list(
    *,
    status: str | None = None,
    comparison: str | None = None,
    task: str | None = None,
    strategy: str | None = None,
    where: str = "",
    archived: bool = False,
    limit: int,
    as_json: bool,
) -> None:
    """Recent runs, newest first; each filter leaves out the others, and refuses what cannot be one.

    ``where``: a search as in ``clps_core.finding``. ``archived``: with those of the archive.
    """
    if status is not None and status not in STATUSES:
        raise ConfigError(_("status must be one of {known}. Got {got!r}.", known=", ".join(STATUSES), got=status[:60]))
    strategy = parse_strategy(strategy).text if strategy is not None else None
    asked = parse_where(where)
    with opened() as store:
        if task is not None and not store.runs(task=task, limit=1):  # the runs of a task that is gone are still there
            get_task(task)
        ids = None if comparison is None else comparisons_called(store, comparison)
        given = {"comparison": ids, "status": status, "task": task, "strategy": strategy}
        runs, total = find_runs(store, with_equals(asked, given), archived=archived, limit=limit)
        records = run_records(store, runs)
        state = service.queue_state(store)
    if as_json:
        print_json(records)
        return
    if state.waiting:
        say(state.words)
    if not runs and (where.strip() or any(one is not None for one in given.values())):
        say(_("No run matches. 'clps runs list --archived' also searches the archive."))
    elif not runs:
        say(_("No runs. Start some: clps train --task dates --strategy none --strategy all"))
    else:
        _print_list(runs, records)
        if total > len(runs):
            say(_("{n} of {total} runs. --limit shows more, --where filters.", n=len(runs), total=f"{total:,}"))


def comparisons_called(store: Store, text: str) -> list[str]:
    """The comparisons with this id, or this name, or the only one whose id begins so.

    Raises ``NotFoundError``, which lists the newest.
    """
    known = store.comparisons()
    for found in ([one for one in known if one.id == text], [one for one in known if one.name == text]):
        if found:
            return [one.id for one in found]
    begun = [one.id for one in known if text and one.id.startswith(text)]
    if len(begun) == 1:
        return begun
    if begun:
        ids = ", ".join(begun[:6])
        raise NotFoundError(
            _("the ids of several comparisons begin with {got}: {ids}. Type more characters.", got=shown(text), ids=ids)
        )
    newest = ", ".join(f"{one.id} ({shown(one.name)})" for one in known[:6]) or _("none")
    likely = nearest(text, [one.name for one in known])
    hint = _(" Did you mean {name}?", name=shown(likely)) if likely else ""
    raise NotFoundError(
        _("there is no comparison {got}.{hint} The newest are: {ids}.", got=shown(text), hint=hint, ids=newest)
    )


def _print_list(runs: Sequence[Run], records: Sequence[dict[str, Any]]) -> None:
    # Runs of different launches may bear one name: then what differs in their configs is said.
    names = told_apart([run.name for run in runs], [flat(json.loads(run.config_text)) for run in runs])
    several = len({record["quality"]["metric"] for record in records}) > 1
    rows = []
    for name, record in zip(names, records, strict=True):
        metric = f"{record['quality']['metric']} " if several else ""
        best, last = said_quality(record, "best"), said_quality(record, "last")
        rows.append(
            (
                record["id"],
                record["comparison"] or "",
                name,
                said_status(record),
                f"{record['step']}/{record['steps']}",
                amount(record["unique_parameters"] or 0),
                best and metric + best,
                last,
                duration(record["seconds"]),
            )
        )
    title = _("best") if several else _("best {metric}", metric=records[0]["quality"]["metric"])
    comparison, parameters, last, time = _("comparison"), _("parameters"), _("last"), _("time")
    columns = [_("id"), comparison, _("name"), _("status"), _("step"), parameters, title, last, time]
    print_table(columns, rows, left=4, spare=[time, parameters, last, comparison])


def show_one(run_id: str, *, as_yaml: bool, as_json: bool) -> None:
    """Everything known of one run, and what repeats it: its config, versions and commit."""
    with opened() as store:
        run = store.run(run_id)
        record = run_records(store, [run])[0]
        versions, yaml = versions_of(store, run), repeat.as_yaml(store, run)
        signed = signatures(store, run)
    if as_json:
        more = {"command": repeat.command(run.config), "versions": versions, "config": run.config.as_dict()}
        more |= {"signatures": signed} if signed else {}
        print_json(record | more)
        return
    if not as_yaml:
        _print_facts(record, signed)
    print_lines(*yaml.splitlines())


def _print_facts(record: dict[str, Any], signed: Mapping[str, str]) -> None:
    for name, value in record.items():
        if name == "quality":
            for which in ("best", "last"):
                said = said_quality(record, which)
                said = said and _("{quality} (validation)", quality=said)
                print_lines(f"{which + ' ' + value['metric']:20} {said}")
            continue
        said = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        if name == "tags":
            said = ", ".join(value)
        if name == "notes" and value:
            said, *more = value.splitlines()
            print_lines(f"{name:20} {said}", *(f"{'':20} {line}" for line in more))
            continue
        if name == "test" and value:
            said = test_in_words(value)
        print_lines(f"{name:20} {'' if said is None else said}")
        if name == "test" and value:
            for metric, signature in signed.items():
                print_lines(f"{'test ' + metric:20} {signature}")
    print_lines("")


def show_log(run_id: str, *, as_json: bool) -> None:
    """The end of a run's log."""
    with opened() as store:
        run = store.run(run_id)
        text = service.log_text(store, run.id)
    if as_json:
        print_json({"id": run.id, "log": text})
    elif text:
        print_lines(*text.splitlines())
    else:
        say(_("The log is empty so far."))


def steer(action: str, run_ids: Sequence[str], *, as_json: bool) -> None:
    """One of ``ACTIONS`` on each run; all ids are looked up before anything is done."""
    with opened() as store:
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
        print_lines(f"{run.id}  {run.name}: {said_status(record)}")


def prioritise(run_ids: Sequence[str], wanted: str, *, as_json: bool) -> None:
    """Move waiting runs in the queue: ``wanted`` is a number, ``front`` or ``back``."""
    asked = parse_priority(wanted)
    with opened() as store:
        ids = [store.run(run_id).id for run_id in run_ids]
        priority = set_priority(store, ids, asked)
        runs = store.some_runs(ids)
        records = run_records(store, runs)
    if as_json:
        print_json(records)
        return
    said = _("priority {number}", number=priority)
    for run in runs:
        place = "" if run.queue_position is None else _(", place {place} in the queue", place=run.queue_position)
        print_lines(f"{run.id}  {run.name}: {said}{place}")


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
        say(_("{size} MiB freed. The best weights of every run are kept.", size=freed))


def score(run_ids: Sequence[str], *, as_json: bool) -> None:
    """Score finished runs on the test split; those that have a score keep it."""
    with closing(open_store()) as store:
        runs = [store.run(run_id) for run_id in run_ids]
        records = []
        for run in runs:
            service.score_test(store, run.id)
            records += run_records(store, [run])
            if not as_json:
                print_lines(f"{run.id}  {run.name}: {test_in_words(records[-1]['test'])}")
    if as_json:
        print_json(records)
    else:
        say(_("These weights were chosen on validation examples. The test examples were not used to choose anything."))


def _confirm(runs: Sequence[Run]) -> None:
    import typer

    names = ", ".join(run.name for run in runs)
    if not typer.confirm(_("Delete {names} and all their files?", names=names)):
        say(_("Nothing was deleted."))
        raise typer.Exit(0)
