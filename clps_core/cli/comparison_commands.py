"""Names, options and help of ``clps comparisons``. The work is in ``comparisons.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.cli.options import Json, Note
from clps_core.words import _

__all__ = ["comparisons_app"]

comparisons_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help=_(
        "List, show, rename, annotate, pin, archive, export and delete comparisons. A comparison is a set of runs "
        "started together."
    ),
)
ComparisonId = Annotated[str, typer.Argument(help=_("A comparison's id, or the first characters of it."), metavar="ID")]
ComparisonIds = Annotated[
    list[str], typer.Argument(help=_("Comparisons' ids, or the first characters of each."), metavar="ID...")
]


@comparisons_app.callback(invoke_without_command=True)
def _comparisons(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.comparisons import show_list

        show_list(limit=50, as_json=as_json)


@comparisons_app.command("list", help=_("Recent comparisons, newest first."))
def comparisons_list(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("Maximum number of entries."))] = 50,
    archived: Annotated[bool, typer.Option("--archived", help=_("Include archived ones."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.comparisons import show_list

    show_list(limit=limit, archived=archived, as_json=as_json)


@comparisons_app.command("note", help=_("Set the note of a comparison, in Markdown. Without a text, print the note."))
def comparisons_note(comparison_id: ComparisonId, text: Note = None, as_json: Json = False) -> None:
    from clps_core.cli.shelf import note_one_comparison

    note_one_comparison(comparison_id, text, as_json=as_json)


@comparisons_app.command(
    "archive",
    help=_("Archive comparisons with their runs: lists and the dashboard leave them out, and nothing is deleted."),
)
def comparisons_archive(comparison_ids: ComparisonIds, as_json: Json = False) -> None:
    from clps_core.cli.shelf import archive_comparisons

    archive_comparisons(comparison_ids, archived=True, as_json=as_json)


@comparisons_app.command("unarchive", help=_("Bring comparisons with all their runs back from the archive."))
def comparisons_unarchive(comparison_ids: ComparisonIds, as_json: Json = False) -> None:
    from clps_core.cli.shelf import archive_comparisons

    archive_comparisons(comparison_ids, archived=False, as_json=as_json)


@comparisons_app.command("export", help=_("Export the finished runs of a comparison to a folder or one zip file."))
def comparisons_export(
    comparison_id: ComparisonId,
    to: Annotated[
        Path,
        typer.Option(
            help=_("A folder, which will have a subfolder for each run, or a .zip file."), metavar="FOLDER|.zip"
        ),
    ],
    as_json: Json = False,
) -> None:
    from clps_core.cli.carry import export_comparison

    export_comparison(comparison_id, to, as_json=as_json)


@comparisons_app.command(
    "show", help=_("Compare the designs of a comparison: which is better, over pairs of runs with the same seed.")
)
def comparisons_show(
    comparison_id: ComparisonId,
    reference: Annotated[
        str | None,
        typer.Option(
            help=_("Compare with this design: its strategy, name or key, the id of one of its runs, or best."),
            show_default=_("the first"),
            metavar="DESIGN",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.verdicts import show

    show(comparison_id, reference, as_json=as_json)


@comparisons_app.command("rename", help=_("Rename a comparison; its runs keep their names."))
def comparisons_rename(
    comparison_id: ComparisonId,
    name: Annotated[str, typer.Argument(help=_("The new name."), metavar="NAME")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.comparisons import rename

    rename(comparison_id, name, as_json=as_json)


@comparisons_app.command("pin", help=_("Keep comparisons on the dashboard's Start page."))
def comparisons_pin(comparison_ids: ComparisonIds, as_json: Json = False) -> None:
    from clps_core.cli.comparisons import pin

    pin(comparison_ids, pinned=True, as_json=as_json)


@comparisons_app.command("unpin", help=_("Remove comparisons from the Start page."))
def comparisons_unpin(comparison_ids: ComparisonIds, as_json: Json = False) -> None:
    from clps_core.cli.comparisons import pin

    pin(comparison_ids, pinned=False, as_json=as_json)


@comparisons_app.command("delete", help=_("Delete comparisons with all their runs and files."))
def comparisons_delete(
    comparison_ids: ComparisonIds,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask for confirmation."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.comparisons import delete

    delete(comparison_ids, yes=yes, as_json=as_json)
