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
        help=_("Input text; for a masked language model, with [MASK] in place of a missing token. Repeatable."),
        show_default=_("examples of the run's task"),
    ),
]
Sounds = Annotated[
    list[Path] | None,
    typer.Option(help=_("A WAV file to write down, for tasks that read sounds. Repeatable."), show_default=_("none")),
]
Pictures = Annotated[
    list[Path] | None,
    typer.Option(
        help=_("A picture (PNG, JPEG, WebP or GIF), for mnist and for your own pictures. Repeatable."),
        show_default=_("none"),
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        help=_("Context that contains the answer, for tasks that mark answers in a text."),
        show_default=_("from the task's example"),
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        help=_("An option of the task, such as language=de. Repeatable."),
        metavar="NAME=VALUE",
        show_default=_("the task's first option"),
    ),
]
Examples = Annotated[
    int | None,
    typer.Option(
        min=1, max=1000, help=_("Number of held-out examples to use instead of --text."), show_default=_("none")
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help=_(
            "Answer the held-out examples of the validation or test split, and write input, prediction and reference "
            "for each."
        ),
        show_default=_("none"),
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help=_("Number of examples of the split."), show_default=_("as many as runs are scored on")),
]
Out = Annotated[
    Path | None,
    typer.Option(help=_("Output file of --split, with one line of JSON for each example."), show_default=_("stdout")),
]
Temperature = Annotated[
    float, typer.Option(help=_("0 always chooses the most probable token; 1 samples from the predicted probabilities."))
]
TopK = Annotated[
    int | None,
    typer.Option(help=_("Sample from this number of most probable tokens only."), show_default=_("all tokens")),
]
TopP = Annotated[
    float | None,
    typer.Option(
        help=_("Sample from the smallest set of tokens whose probabilities sum to this."), show_default=_("all tokens")
    ),
]
Seed = Annotated[int, typer.Option(help=_("Seed of the sampling."))]
Loops = Annotated[int | None, typer.Option(help=_("Number of loops of the core."), show_default=_("as in training"))]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        help=_("Maximum number of tokens."), show_default=_("the task's longest answer; 64 to continue a text")
    ),
]


def predict(
    run_ids: RunIds,
    text: Texts = None,
    sound: Sounds = None,
    picture: Pictures = None,
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
        given: dict[str, object] = {
            "--text": text,
            "--sound": sound,
            "--picture": picture,
            "--context": context,
            "--option": option,
            "--examples": examples,
        }
        given |= {"--max-tokens": max_tokens, "--temperature": temperature, "--top-k": top_k, "--top-p": top_p}
        _refuse_beside_split(given)
        write_split(run_ids, split, limit, loops, out, as_json=as_json)
        return
    if limit is not None or out is not None:
        raise ConfigError(_("--limit and --out must be used with --split. It is missing. Add --split test."))
    show(
        run_ids,
        Asked(text or (), parse_options(option or (), context), examples, sound or (), picture or ()),
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
            _("--split reads its texts from the data and decodes greedily. Leave {name} out.", name=surplus)
        )


@wraps(predict)
def generate(**given: Any) -> None:
    """``predict`` under its earlier name."""
    say(_("'clps generate' is now called 'clps predict'. The old name still works."))
    predict(**given)


def add_predict(app: typer.Typer) -> None:
    """Give ``app`` the commands."""
    app.command(help=_("Let trained runs answer a text, side by side, or all held-out examples."))(predict)
    app.command("generate", hidden=True, help=_("The earlier name of 'clps predict'."))(generate)
