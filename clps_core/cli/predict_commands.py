"""Options of ``clps predict``, and its earlier name ``clps generate``. Start at add_predict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from clps_core.cli.options import Json, RunIds
from clps_core.cli.output import say
from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["Context", "Loops", "Options", "add_predict"]

Texts = Annotated[
    list[str] | None,
    typer.Option(
        help=_("What it reads; for a masked language model with [MASK] where a token is missing. Repeatable."),
        show_default=_("the examples of its task"),
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        help=_("The text that questions are about, where the task marks answers in one."),
        show_default=_("that of the task's example"),
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        help=_("An option of the task, such as language=de. Repeatable."),
        metavar="NAME=VALUE",
        show_default=_("the first that the task has"),
    ),
]
Examples = Annotated[
    int | None,
    typer.Option(min=1, max=1000, help=_("Read so many held-out examples instead of --text."), show_default=_("none")),
]
Split = Annotated[
    str | None,
    typer.Option(
        help=_("Answer the held-out examples of validation or test and write input, prediction and reference of each."),
        show_default=_("none"),
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help=_("So many examples of the split."), show_default=_("those a run is scored on")),
]
Out = Annotated[
    Path | None,
    typer.Option(help=_("File for what --split writes, a line of JSON each."), show_default=_("stdout")),
]
Temperature = Annotated[float, typer.Option(help=_("0 takes the most probable token; 1 draws as predicted."))]
TopK = Annotated[
    int | None,
    typer.Option(help=_("Draw from so many most probable tokens only."), show_default=_("from all")),
]
TopP = Annotated[
    float | None,
    typer.Option(help=_("Draw from the fewest tokens whose probabilities sum to this."), show_default=_("from all")),
]
Seed = Annotated[int, typer.Option(help=_("Seed of the draws."))]
Loops = Annotated[int | None, typer.Option(help=_("How often the core runs."), show_default=_("as in training"))]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        help=_("At most so many tokens."), show_default=_("the task's longest answer; 64 to go on with a text")
    ),
]


def predict(
    run_ids: RunIds,
    text: Texts = None,
    context: Context = None,
    option: Options = None,
    examples: Examples = None,
    split: Split = None,
    limit: Limit = None,
    out: Out = None,
    temperature: Temperature = 0.0,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = 0,
    loops: Loops = None,
    max_tokens: MaxTokens = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.predict import Asked, parse_options, show, write_split

    if split is not None:
        given: dict[str, object] = {"--text": text, "--context": context, "--option": option, "--examples": examples}
        given |= {"--max-tokens": max_tokens, "--temperature": temperature, "--top-k": top_k, "--top-p": top_p}
        _refuse_beside_split(given)
        write_split(run_ids, split, limit, loops, out, as_json=as_json)
        return
    if limit is not None or out is not None:
        raise ConfigError(_("--limit and --out must come with --split. It is missing. Add --split test."))
    show(
        run_ids,
        Asked(text or (), parse_options(option or (), context), examples),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        loops=loops,
        max_tokens=max_tokens,
        as_json=as_json,
    )


def _refuse_beside_split(given: Mapping[str, object]) -> None:
    surplus = next((name for name, value in given.items() if value), None)
    if surplus is not None:
        raise ConfigError(
            _("--split takes its texts from the data and answers greedily. Leave {name} out.", name=surplus)
        )


@wraps(predict)
def generate(**given: Any) -> None:
    """``predict`` under its earlier name."""
    say(_("'clps generate' is now called 'clps predict'. The old name still works."))
    predict(**given)


def add_predict(app: typer.Typer) -> None:
    """Give ``app`` the commands."""
    app.command(help=_("Let trained runs answer a text, next to each other, or all held-out examples."))(predict)
    app.command("generate", hidden=True, help=_("The earlier name of 'clps predict'."))(generate)
