"""``clps jobs``: evaluations of runs in the background. Start at show_list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clps_core.cli.output import duration, print_json, print_lines, print_table, say
from clps_core.cli.records import said_status
from clps_core.cli.runs import ACTIONS, opened
from clps_core.errors import NotFoundError
from clps_core.jobs import service
from clps_core.jobs.evaluations import is_current
from clps_core.jobs.kinds import KINDS
from clps_core.store import Evaluation, Store
from clps_core.words import _

__all__ = ["job_records", "opened", "show_jobs", "show_list", "show_log", "show_one", "steer"]

FACTS = (
    "id", "kind", "about_id", "status", "stop_requested", "reason", "owner", "priority", "queue_position", "step",
    "steps", "seconds", "attempts", "created_at", "started_at", "finished_at",
)  # fmt: skip


def job_records(store: Store, jobs: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """As JSON-ready data: ``about`` is the name of the run, ``current`` whether the results are of its weights now."""
    names = {run.id: run.name for run in store.some_runs([job.about_id for job in jobs], places=False)}
    return [
        {name: getattr(job, name) for name in FACTS}
        | {"about": names.get(job.about_id), "keys": list(job.keys), "current": is_current(store, job)}
        for job in jobs
    ]


def show_list(*, run_id: str | None = None, as_json: bool) -> None:
    """The evaluations there are, of all runs or of one."""
    with opened() as store:
        about = None if run_id is None else [store.run(run_id).id]
        jobs = store.evaluations(about=about)
        state = service.queue_state(store)
        if not as_json and state.waiting:
            say(state.words)
        if not jobs and not as_json:
            say(_("No evaluations. Queue one: clps ablate RUN --no-wait, or: clps depth RUN --background"))
            return
        show_jobs(store, jobs, as_json=as_json)


def show_jobs(store: Store, jobs: Sequence[Evaluation], *, as_json: bool) -> None:
    """A line for each, or JSON."""
    records = job_records(store, jobs)
    if as_json:
        print_json(records)
        return
    rows = [
        (
            one["id"],
            _title(one["kind"]),
            one["about_id"],
            one["about"] or "",
            said_status(one),
            f"{one['step']}/{one['steps']}",
            duration(one["seconds"]),
        )
        for one in records
    ]
    columns = [_("id"), _("what"), _("run"), _("name"), _("status"), _("done"), _("time")]
    print_table(columns, rows, left=5, spare=[_("time"), _("name")])


def show_one(job_id: str, *, as_json: bool) -> None:
    """One evaluation with what it has found."""
    with opened() as store:
        job = _evaluation(store, job_id)
        record, results = job_records(store, [job])[0], store.results(job.id)
    if as_json:
        print_json(record | {"results": results})
        return
    for name, value in record.items():
        said = ", ".join(value) if isinstance(value, list) else value
        print_lines(f"{name:20} {'' if said is None else said}")
    if not results:
        say(_("No results yet."))
        return
    print_lines("")
    kind = KINDS.get(job.kind)
    names = list(dict.fromkeys(name for values in results.values() for name in values))
    rows = [
        (key, *(f"{values[name]:.4g}" if name in values else "" for name in names)) for key, values in results.items()
    ]
    print_table([kind.key_title if kind and kind.key_title else _("key"), *names], rows, left=1)
    if not record["current"]:
        say(_("The run's weights have changed since these results were computed. Start the evaluation again."))


def show_log(job_id: str, *, as_json: bool) -> None:
    """The end of a job's log."""
    with opened() as store:
        job = _evaluation(store, job_id)
        text = service.log_text(store, job.id)
    if as_json:
        print_json({"id": job.id, "log": text})
    elif text:
        print_lines(*text.splitlines())
    else:
        say(_("The log is empty so far."))


def steer(action: str, job_ids: Sequence[str], *, as_json: bool) -> None:
    """One of ``runs.ACTIONS`` on each job; all ids are looked up before anything is done."""
    with opened() as store:
        jobs = [_evaluation(store, job_id) for job_id in job_ids]
        for job in jobs:
            ACTIONS[action](store, job.id)
        if action != "delete":
            show_jobs(store, [_evaluation(store, job.id) for job in jobs], as_json=as_json)
        elif as_json:
            print_json([{"id": job.id, "status": "deleted"} for job in jobs])
        else:
            for job in jobs:
                print_lines(_("{job}  {name}: deleted", job=job.id, name=job.name))


def _evaluation(store: Store, job_id: str) -> Evaluation:
    job = store.job(job_id)
    found = store.evaluations(ids=[job.id])
    if not found:
        raise NotFoundError(_("{got} is a training run. Use: clps runs show {run}", got=job_id, run=job.id))
    return found[0]


def _title(kind: str) -> str:
    known = KINDS.get(kind)
    return kind if known is None else known.title
