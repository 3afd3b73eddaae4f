"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["ConfigFile", "Json", "Note", "RunId", "RunIds", "Settings", "Strategies"]


def _strategies(texts: list[str] | None) -> list[str] | None:
    """A name that 'clps schemes' prints stands for the strategy of that scheme."""
    return [_strategy(text) for text in texts] if texts else texts


def _strategy(text: str) -> str:
    from clps_core.sharing import parse_strategy

    try:
        parse_strategy(text)
    except ConfigError:
        from clps_core.schemes import strategy_of_scheme

        return strategy_of_scheme(text)
    return text


Json = Annotated[bool, typer.Option("--json", help=_("Print only JSON to stdout."))]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        callback=_strategies,
        help=_(
            "Sharing strategy: none, all, cycle:3, attention=all,ffn=none, 0-1-1-0 ..., or a name from 'clps "
            "schemes'. Repeatable."
        ),
        metavar="TEXT",
        show_default=_("from the file or preset, else none"),
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help=_("Any field of the config, such as model.d_model=64; 'clps config' lists them. Repeatable."),
        metavar="NAME=VALUE",
        show_default=_("no changes"),
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", help=_("YAML file with a run config; see examples/."), metavar="FILE", show_default=_("no file")
    ),
]
Note = Annotated[
    str | None,
    typer.Argument(
        help=_("Text of the note; '' removes the note, - reads it from standard input."),
        metavar="[TEXT]",
        show_default=_("print the note"),
    ),
]
RunId = Annotated[str, typer.Argument(help=_("A run's id, or the first characters of it."), metavar="ID")]
RunIds = Annotated[list[str], typer.Argument(help=_("Runs' ids, or the first characters of each."), metavar="ID...")]
