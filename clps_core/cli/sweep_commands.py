"""Names, options and help of ``clps sweep``. The work is in ``sweep.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.cli.groups import FileOrCommand
from clps_core.cli.options import Json
from clps_core.words import _

__all__ = ["sweep_app"]

sweep_app = typer.Typer(
    cls=FileOrCommand,
    no_args_is_help=True,
    rich_markup_mode=None,
    help=_("Train many runs that differ in a few fields: clps sweep FILE, then clps sweep show."),
)
SweepId = Annotated[str, typer.Argument(help=_("A sweep's id, or the first characters of it."), metavar="ID")]


@sweep_app.command(
    "start", help=_("Queue the runs of a sweep's YAML file; see examples/. 'clps sweep FILE' is the same.")
)
def sweep_start(
    file: Annotated[Path, typer.Argument(help=_("YAML file that describes the sweep."), metavar="FILE")],
    name: Annotated[
        str | None,
        typer.Option(help=_("Name of the sweep."), show_default=_("from the file, else made from what differs")),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help=_("Wait until all runs have ended."))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only show what would be queued."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.sweep import preview, read, start

    sweep = read(file, name)
    if dry_run:
        preview(sweep, as_json=as_json)
    else:
        start(sweep, wait=wait, as_json=as_json)


@sweep_app.command("list", help=_("List the newest sweeps and their progress."))
def sweep_list(as_json: Json = False) -> None:
    from clps_core.cli.sweep import show_list

    show_list(as_json=as_json)


@sweep_app.command("show", help=_("Show the progress of a sweep, its best run, and its configurations, best first."))
def sweep_show(
    comparison_id: Annotated[
        str | None,
        typer.Argument(
            help=_("A sweep's id, or the first characters of it; the default is the newest sweep."), metavar="[ID]"
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help=_("Print one line per run as CSV, unrounded."))] = False,
    importance: Annotated[
        bool,
        typer.Option(
            "--importance", help=_("Print how important each field is for the quality, instead of the progress.")
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.sweep import show

    show(comparison_id, as_csv=as_csv, as_json=as_json, importance=importance)


@sweep_app.command("cancel", help=_("Cancel all waiting and running runs of a sweep."))
def sweep_cancel(comparison_id: SweepId, as_json: Json = False) -> None:
    from clps_core.cli.sweep import cancel

    cancel(comparison_id, as_json=as_json)


@sweep_app.command("resume", help=_("Resume all cancelled and paused runs of a sweep."))
def sweep_resume(comparison_id: SweepId, as_json: Json = False) -> None:
    from clps_core.cli.sweep import resume

    resume(comparison_id, as_json=as_json)
