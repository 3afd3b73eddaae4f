"""Names, options and help of ``clps jobs``. The work is in ``jobs.py``."""

from __future__ import annotations

from typing import Annotated

import typer

from clps_core.cli.options import Json
from clps_core.words import _

__all__ = ["jobs_app"]

jobs_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help=_("List, show and control evaluations of runs in the background; for training runs, use 'clps runs'."),
)
JobId = Annotated[str, typer.Argument(help=_("A job's id, or the first characters of it."), metavar="ID")]
JobIds = Annotated[list[str], typer.Argument(help=_("Jobs' ids, or the first characters of each."), metavar="ID...")]


@jobs_app.callback(invoke_without_command=True)
def _jobs(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.jobs import show_list

        show_list(as_json=as_json)


@jobs_app.command("list", help=_("List evaluations, newest first."))
def jobs_list(
    run: Annotated[
        str | None, typer.Option(help=_("Only evaluations of this run."), show_default=_("all"), metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.jobs import show_list

    show_list(run_id=run, as_json=as_json)


@jobs_app.command("show", help=_("Show an evaluation and its results."))
def jobs_show(job_id: JobId, as_json: Json = False) -> None:
    from clps_core.cli.jobs import show_one

    show_one(job_id, as_json=as_json)


@jobs_app.command("logs", help=_("Show the end of a job's log."))
def jobs_logs(job_id: JobId, as_json: Json = False) -> None:
    from clps_core.cli.jobs import show_log

    show_log(job_id, as_json=as_json)


@jobs_app.command("cancel", help=_("Cancel jobs. Their results so far are kept, and the jobs can be resumed."))
def jobs_cancel(job_ids: JobIds, as_json: Json = False) -> None:
    from clps_core.cli.jobs import steer

    steer("cancel", job_ids, as_json=as_json)


@jobs_app.command("pause", help=_("Pause jobs, to resume them later."))
def jobs_pause(job_ids: JobIds, as_json: Json = False) -> None:
    from clps_core.cli.jobs import steer

    steer("pause", job_ids, as_json=as_json)


@jobs_app.command("resume", help=_("Queue stopped or failed jobs again; they continue from their last result."))
def jobs_resume(job_ids: JobIds, as_json: Json = False) -> None:
    from clps_core.cli.jobs import steer

    steer("resume", job_ids, as_json=as_json)


@jobs_app.command("delete", help=_("Delete jobs and their results. The run is kept."))
def jobs_delete(job_ids: JobIds, as_json: Json = False) -> None:
    from clps_core.cli.jobs import steer

    steer("delete", job_ids, as_json=as_json)
