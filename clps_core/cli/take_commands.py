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
    typer.Argument(help=_("Ids of comparisons or runs, or the beginnings of these."), metavar="COMPARISON|ID..."),
]


def add_take(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("snapshot", help=_("Write a comparison as one HTML file that works without a server and a network."))(
        _snapshot
    )


def _snapshot(
    ids: Ids,
    out: Annotated[Path, typer.Option("--out", help=_("The file to write; it must not be there yet."), metavar="FILE")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.take import snapshot

    snapshot(ids, out, as_json=as_json)
