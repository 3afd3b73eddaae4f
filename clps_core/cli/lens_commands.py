"""Options of ``clps lens``. Start at add_lens; ``lens.py`` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from clps_core.cli.options import Json
from clps_core.cli.predict_commands import Context, Loops, Options
from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["add_lens"]

RunIds = Annotated[
    list[str], typer.Argument(help=_("One run's id, or two of one task, or their beginnings."), metavar="ID [ID2]")
]
Text = Annotated[
    str | None, typer.Option(help=_("The text that the run reads."), show_default=_("the first example of its task"))
]
Example = Annotated[
    int | None,
    typer.Option(
        min=1, max=1000, help=_("The number of a held-out example to read instead of --text."), show_default=_("none")
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        help=_("What the decoder of an encoder-decoder reads; its tokens then count as the correct ones."),
        show_default=_("the correct answer of an --example, otherwise its own answer"),
    ),
]
Position = Annotated[
    str | None,
    typer.Option(
        help=_("The position that is read, from 0 on, or last."),
        metavar="N|last",
        show_default=_("where the answer begins; for a text to continue, the last"),
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        help=_("Leave out a part, as 'clps ablate' names it: decoder.2, decoder.2.ffn, decoder.loop.1. Repeatable."),
        metavar="PART",
        show_default=_("none"),
    ),
]
Change = Annotated[
    list[str] | None,
    typer.Option(
        help=_(
            "Scale decoder.2*0.5, swap decoder.1<>decoder.3, or patch decoder.2[last]=decoder.1: the state there "
            "becomes that of another pass. Repeatable."
        ),
        metavar="CHANGE",
        show_default=_("nothing changed"),
    ),
]
PatchText = Annotated[
    str | None,
    typer.Option(
        "--patch-text", help=_("The input of the pass that patches are taken from."), show_default=_("the same input")
    ),
]
PatchRun = Annotated[
    str | None,
    typer.Option(
        "--patch-run",
        help=_("The run of the pass that patches are taken from."),
        metavar="ID",
        show_default=_("the same run"),
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help=_("table, csv or json."), metavar="FORMAT", show_default=_("table"))
]


def lens(
    run_ids: RunIds,
    text: Text = None,
    example: Example = None,
    context: Context = None,
    option: Options = None,
    target: Target = None,
    position: Position = None,
    loops: Loops = None,
    without: Without = None,
    change: Change = None,
    patch_text: PatchText = None,
    patch_run: PatchRun = None,
    form: Format = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.lens import Input, LensOptions, show
    from clps_core.cli.predict import parse_options

    if as_json and form not in (None, "json"):
        raise ConfigError(_("--json and --format must not disagree. Leave one out."))
    show(
        run_ids,
        Input(text, example, parse_options(option or (), context), target or ""),
        LensOptions(loops, tuple(without or ()), tuple(change or ()), patch_text or "", patch_run),
        position,
        "json" if as_json else form or "table",
    )


def add_lens(app: typer.Typer) -> None:
    """Give ``app`` the command."""
    app.command(help=_("Read the prediction of a trained run, or of two, after each executed layer."))(lens)
