"""Names, options and help of every command. Start at app; the work is in the files beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clps_core import catalogues
from clps_core.cli.comparison_commands import comparisons_app
from clps_core.cli.data_commands import data_app
from clps_core.cli.groups import Sentences
from clps_core.cli.job_commands import jobs_app
from clps_core.cli.lens_commands import add_lens
from clps_core.cli.options import ConfigFile, Json, RunId, Settings, Strategies
from clps_core.cli.output import say
from clps_core.cli.predict_commands import add_predict
from clps_core.cli.run_commands import runs_app
from clps_core.cli.sweep_commands import sweep_app
from clps_core.cli.take_commands import add_take
from clps_core.words import _, shown

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Sentences,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=_("Design, count, train and inspect Transformers that share weights across layers."),
)
app.add_typer(runs_app, name="runs")
app.add_typer(jobs_app, name="jobs")
app.add_typer(comparisons_app, name="comparisons")
app.add_typer(sweep_app, name="sweep")
app.add_typer(data_app, name="data")
policy_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help=_("Show who may do what on this server.")
)
app.add_typer(policy_app, name="policy")


@app.callback(invoke_without_command=True)
def _top(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help=_("Print the version and exit."))] = False,
) -> None:
    if version:
        from clps_core import __version__

        typer.echo(f"clps {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command(help=_("Start the dashboard, for browsers on this machine only."))
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("Port of the server."))] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help=_("Open a browser window too."))] = False,
    ready: Annotated[
        bool, typer.Option("--ready/--no-ready", help=_("Queue a ready comparison when there are no runs yet."))
    ] = True,
    token: Annotated[
        bool,
        typer.Option(
            "--token", help=_("Admit only people who open the printed address; CLPS_TOKEN sets your own token.")
        ),
    ] = False,
) -> None:
    from clps_core.cli.dashboard import serve

    serve(port, browser=browser, ready=ready, token=token)


@app.command(help=_("Train one model per strategy and seed, on the same data, in background jobs."))
def train(
    task: Annotated[
        str | None,
        typer.Option(
            help=_("dates, python-docs, digits, or data:NAME for your own data ('clps data')."),
            show_default=_("from the file, else dates"),
        ),
    ] = None,
    strategy: Strategies = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(help=_("Seed of weights and dropout. Repeatable."), show_default=_("from the file, else 0")),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help=_("Optimiser steps."), show_default=_("from the file, else the task's")),
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    name: Annotated[
        str | None,
        typer.Option(help=_("Name of the comparison."), show_default=_("from the file, else made from what differs")),
    ] = None,
    priority: Annotated[
        int, typer.Option(min=-100, max=100, help=_("Runs with a higher number start first; the default is 0."))
    ] = 0,
    wait: Annotated[bool, typer.Option("--wait", help=_("Wait until all runs have ended."))] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help=_("Only print the complete configs, their parameters and the time they need; queue nothing."),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.train import experiment_of_options, preview, start

    asked = experiment_of_options(task, strategy, seed, steps, config, settings, name)
    if dry_run:
        preview(asked, as_json=as_json)
    else:
        start(asked, wait=wait, as_json=as_json, priority=priority)


@app.command(help=_("Count the parameters, operations and memory of a design without building it."))
def count(
    preset: Annotated[
        str | None,
        typer.Option(
            help=_("A design from the papers; 'clps presets' lists them."), metavar="NAME", show_default=_("none")
        ),
    ] = None,
    config: ConfigFile = None,
    family: Annotated[
        str | None,
        typer.Option(help=_("decoder, encoder_decoder or encoder."), show_default=_("from the task, else decoder")),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help=_("Use this task's sizes for those that are not given."), show_default=_("from the file, if any")
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            help=_("Executed layers of the only stack, or of the encoder."),
            show_default=_("from preset, file or task, else 6"),
        ),
    ] = None,
    decoder_layers: Annotated[
        int | None,
        typer.Option(help=_("Executed decoder layers of an encoder-decoder."), show_default=_("the same as layers")),
    ] = None,
    d_model: Annotated[
        int | None, typer.Option(help=_("Width of the model."), show_default=_("from preset, file or task, else 512"))
    ] = None,
    d_ff: Annotated[
        int | None,
        typer.Option(
            help=_("Width of the feed-forward network."),
            show_default=_("from preset, file or task, else 4 d_model (8/3 d_model for swiglu)"),
        ),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(
            help=_("Attention heads."), show_default=_("from preset, file or task, else one for each 64 of d_model")
        ),
    ] = None,
    kv_heads: Annotated[
        int | None, typer.Option(help=_("Heads for keys and values."), show_default=_("the same as heads"))
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(help=_("Tokens in the vocabulary."), show_default=_("from preset, file or task, else 32000")),
    ] = None,
    strategy: Strategies = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.count import designs, show

    sizes = {
        "family": family,
        "num_layers": layers,
        "num_decoder_layers": decoder_layers,
        "d_model": d_model,
        "d_ff": d_ff,
        "num_heads": heads,
        "num_kv_heads": kv_heads,
        "vocab_size": vocab_size,
    }
    given = {name: value for name, value in sizes.items() if value is not None}
    show(designs(preset, config, task, given, settings, strategy), as_json=as_json)


@app.command(
    "match", help=_("Find a design with another scheme that matches a run in stored parameters, computation or cache.")
)
def match_design(
    run_id: RunId,
    scheme: Annotated[str, typer.Option(help=_("A strategy, such as all or cycle:2, or a name from 'clps schemes'."))],
    measure: Annotated[
        str, typer.Option("--as", help=_("What to match: parameters, flops or kv_cache."))
    ] = "parameters",
    change: Annotated[
        str | None,
        typer.Option(
            help=_("What may change, separated by commas: depth, width, d_ff, steps."),
            show_default=_("width,d_ff; steps for flops; width for kv_cache"),
        ),
    ] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help=_("Print a config for clps train --config."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.match import show

    dials = None if change is None else [one.strip() for one in change.split(",") if one.strip()]
    show(run_id, scheme, measure, dials, as_yaml=as_yaml, as_json=as_json)


@app.command(help=_("List the designs from the papers, with sources and counts."))
def presets(as_json: Json = False) -> None:
    from clps_core.cli.count import show_presets

    show_presets(as_json=as_json)


@app.command(help=_("Evaluate a trained run with more or fewer loops of its core than in training."))
def depth(
    run_id: RunId,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    loops: Annotated[
        list[str] | None,
        typer.Option(
            help=_("Numbers of loops: 1 2 4, 1,2,4 or 1-8."),
            metavar="N...",
            show_default=_("powers of two, and some near the trained number"),
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(min=1, help=_("Time limit for one number of loops, in seconds."), metavar="SECONDS")
    ] = 600,
    split: Annotated[str, typer.Option(help=_("Split to evaluate on: validation or test."))] = "validation",
    background: Annotated[
        bool, typer.Option("--background", help=_("Queue it as a job and return immediately; 'clps jobs' shows it."))
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.depth import queue, show

    wanted = [*(loops or ()), *(more or ())]
    if background:
        queue(run_id, wanted, split=split, as_json=as_json)
    else:
        show(run_id, wanted, split=split, seconds=time_limit, as_json=as_json)


@app.command(help=_("Leave out each part of a trained run, one at a time, and measure the loss of quality."))
def ablate(
    run_id: RunId,
    split: Annotated[str, typer.Option(help=_("Split to evaluate on: validation or test."))] = "validation",
    heads: Annotated[bool, typer.Option("--heads", help=_("Also leave out each attention head."))] = False,
    examples: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=_("Number of examples: the first ones of the split."),
            show_default=_("as many as runs are scored on"),
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help=_("Write all values to this file; - is stdout."), metavar="FILE", show_default=_("none")),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help=_("Queue it as a job and return immediately; 'clps jobs' shows it."))
    ] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.ablate import ablate as leave_out

    leave_out(run_id, split=split, heads=heads, examples=examples, table=csv, wait=not no_wait, as_json=as_json)


add_lens(app)
add_predict(app)
add_take(app)


@app.command(help=_("Explain every way of sharing: its rule and map, what it saves and costs, and who proposed it."))
def schemes(
    name: Annotated[
        str | None,
        typer.Argument(help=_("One scheme's name, or 'arithmetic'; without it, all are listed."), metavar="NAME"),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(min=1, max=512, help=_("Executed layers of each stack."), show_default=_("6")),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.schemes import ARITHMETIC, show_arithmetic, show_card, show_schemes

    if name is None:
        show_schemes(layers, as_json=as_json)
    elif name == ARITHMETIC:
        show_arithmetic(layers, as_json=as_json)
    else:
        show_card(name, layers, as_json=as_json)


@app.command("config", help=_("Explain the fields of a config: default, unit, limits, meaning."))
def config_fields(
    name: Annotated[
        str | None,
        typer.Argument(
            help=_("A field such as optim.learning_rate, or a group such as train."),
            metavar="[FIELD]",
            show_default=_("all fields"),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.config_commands import show

    show(name, as_json=as_json)


@app.command(help=_("Show this machine's hardware, what a run would use, and why."))
def doctor(as_json: Json = False) -> None:
    from clps_core.cli.doctor import examine

    examine(as_json=as_json)


@policy_app.callback(invoke_without_command=True)
def _policy(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.policy import show

        show(as_json=as_json)


@policy_app.command("code", help=_("Ask for a teachers' code and print the line for the policy file."))
def policy_code() -> None:
    from clps_core.cli.policy import make_code

    make_code()


def main() -> None:
    """Entry point of ``clps``."""
    if asked := catalogues.setting_problem():
        known = ", ".join(catalogues.titles())
        say(
            _(
                "{name} must be one of {known}. Got {got}. It is ignored.",
                name=catalogues.SETTING,
                known=known,
                got=shown(asked),
            )
        )
    if catalogues.of_environment() != catalogues.ENGLISH:
        from clps_core.cli import wide_help

        wide_help.use()
    app()
