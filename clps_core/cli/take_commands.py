"""Names, options and help of the commands that take results elsewhere. Start at add_take; ``take.py`` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.cli.options import Json
from clps_core.words import _

__all__ = ["add_take"]

Ids = Annotated[
    list[str],
    typer.Argument(help=_("Ids of comparisons or runs, or the first characters of each."), metavar="COMPARISON|ID..."),
]


def add_take(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("snapshot", help=_("Save a comparison as one HTML file that works without a server or network."))(
        _snapshot
    )
    app.command("export-table", help=_("Export runs, designs, curves or a sweep as a table for another program."))(
        _export_table
    )
    app.command("diff", help=_("Show the config fields in which runs differ, and where two runs share differently."))(
        _diff
    )


def _snapshot(
    ids: Ids,
    out: Annotated[Path, typer.Option("--out", help=_("The file to write. It must not exist yet."), metavar="FILE")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.take import snapshot

    snapshot(ids, out, as_json=as_json)


def _export_table(
    table: Annotated[str, typer.Argument(help=_("runs, designs, curves or sweep."), metavar="TABLE")],
    ids: Ids,
    out: Annotated[Path, typer.Option("--out", help=_("The file to write. It must not exist yet."), metavar="FILE")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=_("csv, parquet, json or latex (with booktabs)."),
            show_default=_("from the file name's ending, else csv"),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.take import export_table

    export_table(table, ids, out, form, as_json=as_json)


def _diff(
    ids: Ids,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help=_("Print YAML: each field, then each run with its value."))
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.take import diff

    diff(ids, as_yaml=as_yaml, as_json=as_json)
