"""``clps data``: names, options and help. Start at data_app; ``data.py`` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core.cli.groups import Sentences
from clps_core.cli.options import Json
from clps_core.words import _

__all__ = ["data_app"]

data_app = typer.Typer(
    cls=Sentences, no_args_is_help=True, rich_markup_mode=None, help=_("Add your own data and train on it.")
)

Name = Annotated[str, typer.Argument(help=_("The data set's name; its task is data:NAME."), metavar="NAME")]
Where = Annotated[
    str,
    typer.Argument(
        help=_(
            "A file (.txt, .csv, .tsv, .json, .jsonl, .parquet), a folder or ZIP of pictures by class or of sounds "
            "with transcripts, a folder saved by the datasets library, or a name on Hugging Face."
        ),
        metavar="SOURCE",
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help=_(
            "generation (a text), classification (text and label), translation (text and text), span (context, "
            "question and answer), images (pictures by class) or speech (sounds with transcripts)."
        ),
        show_default=_("chosen from the data"),
    ),
]
Column = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the texts."), show_default=_("detected"))
]
Label = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the labels."), show_default=_("detected"))
]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the target texts."), show_default=_("detected"))
]
Context = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help=_("Column of the contexts that contain the answers."), show_default=_("detected")
    ),
]
Question = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the questions."), show_default=_("detected"))
]
Answer = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help=_("Column of the answers, each a part of its context."), show_default=_("detected")
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help=_("Column of the position where each answer begins, in characters."),
        show_default=_("detected, or none"),
    ),
]
Image = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the pictures."), show_default=_("detected"))
]
Side = Annotated[
    int | None,
    typer.Option(help=_("Pixels across the stored pictures, 16 to 96."), show_default=_("chosen from the pictures")),
]
Colour = Annotated[
    bool | None,
    typer.Option("--colour/--grey", help=_("Store pictures in colour or in grey."), show_default=_("as they are")),
]
Audio = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the sounds."), show_default=_("detected"))
]
Lower = Annotated[
    bool | None,
    typer.Option(
        "--lower/--no-lower",
        help=_("Turn transcripts of sounds into lower case, or keep them as they are."),
        show_default=_("lower case"),
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help=_("Convert the file from this encoding, such as cp1252."), show_default=_("UTF-8")),
]
Header = Annotated[
    bool, typer.Option("--header/--no-header", help=_("The first line of a table holds the names of its columns."))
]
Config = Annotated[
    str | None, typer.Option("--hub-config", help=_("Configuration on Hugging Face."), show_default=_("default"))
]
Split = Annotated[str | None, typer.Option(help=_("Use only this split from Hugging Face."), show_default=_("all"))]
Revision = Annotated[str | None, typer.Option(help=_("Commit or tag on Hugging Face."), show_default=_("latest"))]
Rows = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=_("Maximum number of rows to read from each split."),
        show_default=_("all; from Hugging Face 100000, or 20000 pictures"),
    ),
]


@data_app.command(help=_("Read a source once and store a copy. Runs use the copy from then on."))
def add(
    name: Name,
    source: Where,
    kind: Kind = None,
    text: Column = None,
    label: Label = None,
    target: Target = None,
    context: Context = None,
    question: Question = None,
    answer: Answer = None,
    start: Start = None,
    image: Image = None,
    side: Side = None,
    colour: Colour = None,
    audio: Audio = None,
    lower: Lower = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help=_(
                "bytes, characters, words:N, bpe:N, wordpiece:N, unigram:N, or the path of a tokenizer.json. A run "
                "may choose another tokenizer with data.tokenizer."
            ),
            show_default=_("characters for little or short text, else bpe:2000"),
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            help=_("A separate file for validation."), show_default=_("a tenth of the texts, chosen by a hash")
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            help=_("A separate file for the test split."), show_default=_("a tenth of the texts, chosen by a hash")
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option(help=_("Licence or rights of the data, in your own words."), show_default=_("not stated"))
    ] = "",
    encoding: Encoding = None,
    header: Header = True,
    hub_config: Config = None,
    split: Split = None,
    revision: Revision = None,
    rows: Rows = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli import data

    asked = data.source(
        source, validation=validation, test=test, encoding=encoding, header=header, config=hub_config, split=split,
        revision=revision, rows=rows,
    )  # fmt: skip
    columns = data.columns(
        text=text, label=label, target=target, context=context, question=question, answer=answer, start=start,
        image=image, audio=audio,
    )  # fmt: skip
    options = data.options(side=side, colour=colour, lower=lower)
    data.add(name, asked, kind, columns, tokenizer, licence, options=options, as_json=as_json)


@data_app.command(help=_("Preview how 'clps data add' would read a source: columns and first rows. Nothing is stored."))
def preview(
    source: Where,
    kind: Kind = None,
    text: Column = None,
    label: Label = None,
    target: Target = None,
    context: Context = None,
    question: Question = None,
    answer: Answer = None,
    start: Start = None,
    image: Image = None,
    side: Side = None,
    colour: Colour = None,
    audio: Audio = None,
    lower: Lower = None,
    encoding: Encoding = None,
    header: Header = True,
    hub_config: Config = None,
    split: Split = None,
    revision: Revision = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli import data

    asked = data.source(source, encoding=encoding, header=header, config=hub_config, split=split, revision=revision)
    data.preview(
        asked,
        kind,
        data.columns(
            text=text, label=label, target=target, context=context, question=question, answer=answer, start=start,
            image=image, audio=audio,
        ),
        options=data.options(side=side, colour=colour, lower=lower),
        as_json=as_json,
    )  # fmt: skip


@data_app.command("list", help=_("List the data sets that were added, and those that come with CLPS Lab."))
def list_(as_json: Json = False) -> None:
    from clps_core.cli import data

    data.list_(as_json=as_json)


@data_app.command(help=_("Show a data set, or the data of a built-in task: source, licence, baselines and some rows."))
def show(
    name: Name,
    tokenizer: Annotated[
        str | None, typer.Option(help=_("Count tokens with this tokenizer."), show_default=_("the data set's"))
    ] = None,
    seq_len: Annotated[
        int | None,
        typer.Option(
            "--seq-len", min=2, help=_("Cut texts at this number of tokens."), show_default=_("the data set's")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli import data

    data.show(name, tokenizer, seq_len, as_json=as_json)


@data_app.command(help=_("Share a data set on a shared server: everybody can look at it and train on it."))
def share(
    name: Name,
    off: Annotated[
        bool, typer.Option("--off", help=_("Stop sharing: only the owner and teachers can use it."))
    ] = False,
) -> None:
    from clps_core.cli import data

    data.share(name, shared=not off)


@data_app.command(help=_("Delete the stored copy of a data set. Runs trained on it keep their results."))
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask for confirmation."))] = False
) -> None:
    from clps_core.cli import data

    data.remove(name, yes=yes)
