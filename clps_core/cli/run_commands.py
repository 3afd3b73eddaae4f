"""Names, options and help of ``clps runs``. The work is in ``runs.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.cli.options import Json, Note, RunId, RunIds, Settings
from clps_core.words import _

__all__ = ["runs_app"]

runs_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help=_("List, show and control training runs.")
)


@runs_app.callback(invoke_without_command=True)
def _runs(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.runs import show_list

        show_list(limit=50, as_json=as_json)


@runs_app.command("list", help=_("List recent runs, newest first."))
def runs_list(
    status: Annotated[
        str | None,
        typer.Option(
            help=_("Only runs that are queued, running, finished, failed, cancelled or paused."), show_default=_("all")
        ),
    ] = None,
    comparison: Annotated[
        str | None,
        typer.Option(help=_("Only runs of this comparison (name or id)."), show_default=_("all"), metavar="NAME|ID"),
    ] = None,
    task: Annotated[str | None, typer.Option(help=_("Only runs of this task."), show_default=_("all"))] = None,
    strategy: Annotated[
        str | None, typer.Option(help=_("Only runs with this sharing strategy."), show_default=_("all"))
    ] = None,
    where: Annotated[
        str,
        typer.Option(
            help=_(
                "Search: words, and terms such as 'd_model>=64 test.accuracy>0.9 tag:paper -status:failed "
                "sort:-accuracy'. A run must match all of them; - negates a term."
            ),
            metavar="TEXT",
            show_default=_("all"),
        ),
    ] = "",
    archived: Annotated[bool, typer.Option("--archived", help=_("Include archived runs."))] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("Maximum number of entries."))] = 50,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import show_list

    show_list(
        status=status,
        comparison=comparison,
        task=task,
        strategy=strategy,
        where=where,
        archived=archived,
        limit=limit,
        as_json=as_json,
    )


@runs_app.command("show", help=_("Show a run, and a YAML file that repeats it."))
def runs_show(
    run_id: RunId,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help=_("Print only the YAML file, for clps train --config."))
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import show_one

    show_one(run_id, as_yaml=as_yaml, as_json=as_json)


@runs_app.command("curves", help=_("List the curves of runs, or print every point as CSV or JSON."))
def runs_curves(
    run_ids: RunIds,
    split: Annotated[
        str | None, typer.Option(help=_("Only this split: train, validation or test."), show_default=_("all"))
    ] = None,
    name: Annotated[str | None, typer.Option(help=_("Only this curve, such as loss."), show_default=_("all"))] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help=_("Print every point as CSV, unrounded."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.carry import curves

    curves(run_ids, split=split, name=name, as_csv=as_csv, as_json=as_json)


@runs_app.command("export", help=_("Export finished runs to a folder or zip file, to use them on another machine."))
def runs_export(
    run_ids: RunIds,
    to: Annotated[
        Path,
        typer.Option(
            help=_("A folder, which will have a subfolder for each run, or a .zip file."), metavar="FOLDER|.zip"
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=_(
                "Export only the curves, of runs in any state. csv, parquet, json and latex write one file, "
                "--to; tensorboard writes folders into the folder --to."
            ),
            show_default=_("whole runs"),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    if form is not None:
        from clps_core.cli.take import export_curves

        export_curves(run_ids, to, form, as_json=as_json)
        return
    from clps_core.cli.carry import export

    export(run_ids, to, as_json=as_json)


@runs_app.command("import", help=_("Import runs that 'clps runs export' wrote."))
def runs_import(
    sources: Annotated[
        list[Path], typer.Argument(help=_("Folders or zip files of exported runs."), metavar="FOLDER|.zip...")
    ],
    as_json: Json = False,
) -> None:
    from clps_core.cli.carry import bring

    bring(sources, as_json=as_json)


@runs_app.command("logs", help=_("Show the end of a run's log."))
def runs_logs(run_id: RunId, as_json: Json = False) -> None:
    from clps_core.cli.runs import show_log

    show_log(run_id, as_json=as_json)


@runs_app.command("cancel", help=_("Cancel runs. Their checkpoints are kept, so they can be resumed."))
def runs_cancel(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("cancel", run_ids, as_json=as_json)


@runs_app.command("pause", help=_("Pause runs, to resume them later."))
def runs_pause(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("pause", run_ids, as_json=as_json)


@runs_app.command("resume", help=_("Queue stopped or failed runs again, from their last checkpoint."))
def runs_resume(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("resume", run_ids, as_json=as_json)


@runs_app.command("retry", help=_("Queue failed runs again, from their last checkpoint or from step 0."))
def runs_retry(
    run_ids: RunIds,
    anew: Annotated[bool, typer.Option("--anew", help=_("Discard what they learned and start at step 0."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import steer

    steer("retry anew" if anew else "retry", run_ids, as_json=as_json)


@runs_app.command("fork", help=_("Start a new run of the same model from another run's weights."))
def runs_fork(
    run_id: RunId,
    settings: Settings = None,
    start_from: Annotated[str, typer.Option("--from", help=_("Weights to start from: best or last."))] = "best",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only show what would differ; queue nothing."))] = False,
    name: Annotated[
        str | None,
        typer.Option(help=_("Name of the new run."), show_default=_("the parent's name, and what differs")),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.fork import fork

    fork(run_id, settings or [], start_from=start_from, name=name, dry_run=dry_run, as_json=as_json)


@runs_app.command(
    "train-on",
    help=_(
        "Continue training from the last checkpoint of a run, with its optimiser, for more steps. This makes a new run."
    ),
)
def runs_train_on(
    run_id: RunId,
    steps: Annotated[int, typer.Option(help=_("Number of additional steps."), min=1)],
    settings: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only show what would differ; queue nothing."))] = False,
    name: Annotated[
        str | None,
        typer.Option(help=_("Name of the new run."), show_default=_("the parent's name, and its last step")),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.fork import fork

    given = [*(settings or []), f"train.steps={steps}"]
    fork(run_id, given, start_from="last", name=name, dry_run=dry_run, as_json=as_json, keep_optimiser=True)


@runs_app.command(
    "priority",
    help=_(
        "Make waiting runs start earlier or later. N is a number from -100 to 100; the default is 0, and higher "
        "starts first. 'front' puts the run before all other waiting runs, 'back' after them."
    ),
    context_settings={"ignore_unknown_options": True},  # -5 is a number
)
def runs_priority(
    run_ids: RunIds,
    priority: Annotated[str, typer.Argument(help=_("A number from -100 to 100, front or back."), metavar="N")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import prioritise

    prioritise(run_ids, priority, as_json=as_json)


@runs_app.command(
    "prune", help=_("Free disk space: delete the last checkpoints of old finished runs and keep their best weights.")
)
def runs_prune(
    days: Annotated[float, typer.Option(help=_("Only runs that finished more than this number of days ago."))] = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only show what would be freed."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import prune

    prune(days, dry_run=dry_run, as_json=as_json)


@runs_app.command("test", help=_("Score finished runs on the test split with their best weights, once for each run."))
def runs_test(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import score

    score(run_ids, as_json=as_json)


@runs_app.command(
    "confusion",
    help=_("For finished runs, show which classes are confused on the test split. What is not stored yet is computed."),
)
def runs_confusion(
    run_ids: RunIds,
    as_csv: Annotated[
        bool, typer.Option("--csv", help=_("Print the full confusion matrix of one run as CSV."))
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.confusion import show

    show(run_ids, as_table=as_csv, as_json=as_json)


@runs_app.command("rename", help=_("Rename a run."))
def runs_rename(
    run_id: RunId,
    name: Annotated[str, typer.Argument(help=_("The new name."), metavar="NAME")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.comparisons import rename_one_run

    rename_one_run(run_id, name, as_json=as_json)


@runs_app.command("pin", help=_("Keep runs on the dashboard's Start page."))
def runs_pin(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.comparisons import pin_runs

    pin_runs(run_ids, pinned=True, as_json=as_json)


@runs_app.command("unpin", help=_("Remove runs from the Start page."))
def runs_unpin(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.comparisons import pin_runs

    pin_runs(run_ids, pinned=False, as_json=as_json)


@runs_app.command("note", help=_("Set the note of a run, in Markdown. Without a text, print the note."))
def runs_note(run_id: RunId, text: Note = None, as_json: Json = False) -> None:
    from clps_core.cli.shelf import note

    note(run_id, text, as_json=as_json)


@runs_app.command(
    "tag",
    help=_("Add tags to runs, or remove them: 'clps runs tag ID ID +paper -draft'."),
    context_settings={"ignore_unknown_options": True},  # -draft is a tag
)
def runs_tag(
    words: Annotated[
        list[str],
        typer.Argument(
            help=_("Runs' ids, then +TAG for each tag to add, -TAG for each tag to remove."),
            metavar="ID... +TAG|-TAG...",
        ),
    ],
    as_json: Json = False,
) -> None:
    from clps_core.cli.shelf import tag

    tag(words, as_json=as_json)


@runs_app.command("archive", help=_("Archive runs: lists and the dashboard leave them out, and nothing is deleted."))
def runs_archive(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.shelf import archive

    archive(run_ids, archived=True, as_json=as_json)


@runs_app.command("unarchive", help=_("Bring runs back from the archive."))
def runs_unarchive(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.shelf import archive

    archive(run_ids, archived=False, as_json=as_json)


@runs_app.command("delete", help=_("Delete runs and all their files."))
def runs_delete(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("delete", run_ids, as_json=as_json)
