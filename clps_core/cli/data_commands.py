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
            "A file (.txt, .csv, .tsv, .json, .jsonl, .parquet), a folder saved by the datasets library, or a name on "
            "Hugging Face."
        ),
        metavar="SOURCE",
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help=_(
            "generation (a text), classification (text and label), translation (text and text) or span (context, "
            "question and answer)."
        ),
        show_default=_("by the columns"),
    ),
]
Column = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the texts."), show_default=_("guessed"))
]
Label = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the classes."), show_default=_("guessed"))
]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the texts to write."), show_default=_("guessed"))
]
Context = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help=_("Column of the texts that answers stand in."), show_default=_("guessed")),
]
Question = Annotated[
    str | None, typer.Option(metavar="COLUMN", help=_("Column of the questions."), show_default=_("guessed"))
]
Answer = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help=_("Column of the answers, parts of the contexts."), show_default=_("guessed")),
]
Start = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help=_("Column of where answers begin, in characters."), show_default=_("guessed, or none")
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help=_("Convert the file from this encoding, such as cp1252."), show_default=_("it must be UTF-8")),
]
Header = Annotated[bool, typer.Option("--header/--no-header", help=_("The first line of a table names its columns."))]
Config = Annotated[
    str | None, typer.Option("--hub-config", help=_("Configuration on Hugging Face."), show_default=_("its usual one"))
]
Split = Annotated[str | None, typer.Option(help=_("The only split to take from Hugging Face."), show_default=_("all"))]
Revision = Annotated[str | None, typer.Option(help=_("Commit or tag on Hugging Face."), show_default=_("the newest"))]
Rows = Annotated[
    int | None,
    typer.Option(
        min=1, help=_("Take at most so many rows of each split."), show_default=_("all; 100000 of Hugging Face")
    ),
]


@data_app.command(help=_("Read a source once and keep a copy, which is what counts from then on."))
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
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help=_(
                "bytes, characters, words:N, bpe:N, wordpiece:N, unigram:N, or the path of a tokenizer.json. A run may "
                "choose another one by data.tokenizer."
            ),
            show_default=_("characters for little or short text, else bpe:2000"),
        ),
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help=_("A file of its own for validation."), show_default=_("a tenth, by content"))
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help=_("A file of its own for the test."), show_default=_("a tenth, by content"))
    ] = None,
    licence: Annotated[
        str, typer.Option(help=_("Licence or rights of the data, in your words."), show_default=_("not stated"))
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
        text=text, label=label, target=target, context=context, question=question, answer=answer, start=start
    )
    data.add(name, asked, kind, columns, tokenizer, licence, as_json=as_json)


@data_app.command(help=_("Show what 'clps data add' would take a source for: columns and first rows. Nothing is kept."))
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
            text=text, label=label, target=target, context=context, question=question, answer=answer, start=start
        ),
        as_json=as_json,
    )


@data_app.command("list", help=_("List the data sets that were added, and those that ship."))
def list_(as_json: Json = False) -> None:
    from clps_core.cli import data

    data.list_(as_json=as_json)


@data_app.command(
    help=_("Show a data set, or the data of a task that ships: source, licence, trivial answers and some rows.")
)
def show(
    name: Name,
    tokenizer: Annotated[
        str | None, typer.Option(help=_("Measure with this tokenizer."), show_default=_("that of the data set"))
    ] = None,
    seq_len: Annotated[
        int | None,
        typer.Option("--seq-len", min=2, help=_("Cut texts at so many tokens."), show_default=_("the usual")),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli import data

    data.show(name, tokenizer, seq_len, as_json=as_json)


@data_app.command(help=_("On a shared server: let everybody look at a data set and train on it."))
def share(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help=_("Only its owner and teachers, from now on."))] = False,
) -> None:
    from clps_core.cli import data

    data.share(name, shared=not off)


@data_app.command(help=_("Delete a data set's copy. Runs that were trained on it keep their results."))
def remove(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask."))] = False) -> None:
    from clps_core.cli import data

    data.remove(name, yes=yes)
