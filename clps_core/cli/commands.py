"""Names, options and help of every command. Start at app; the work is in the files beside this one."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from clps_core.cli.output import print_error, say
from clps_core.errors import ClpsError
from clps_core.words import _

__all__ = ["app", "main"]


class _Sentences(TyperGroup):
    """Tells every foreseen error in one sentence and ends with its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ClpsError as error:
            print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            # The reader (head, less) has gone; Python would complain again when it flushes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno is None:
                raise
            print_error(_os_sentence(error))
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say(_("Interrupted."))
            raise typer.Exit(130) from None


def _os_sentence(error: OSError) -> str:
    what = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return _("the disk must have free space. It is full. Free some, or point CLPS_HOME to another disk.")
    return f"{what}: {error.filename}" if error.filename else what


class _FileOrCommand(TyperGroup):
    """``clps sweep FILE`` is ``clps sweep start FILE``: what is no command of the group is a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Sentences,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=_("Design, count, train and look inside Transformers that share weights across layers."),
)
runs_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help=_("List, show and steer training runs.")
)
app.add_typer(runs_app, name="runs")
sweep_app = typer.Typer(
    cls=_FileOrCommand,
    no_args_is_help=True,
    rich_markup_mode=None,
    help=_("Train many runs that differ in a few fields: clps sweep FILE, then clps sweep show ID."),
)
app.add_typer(sweep_app, name="sweep")
policy_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help=_("Say who may do what on this server.")
)
app.add_typer(policy_app, name="policy")

Json = Annotated[bool, typer.Option("--json", help=_("Print JSON on stdout and nothing else."))]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        help=_("Sharing strategy: none, all, cycle:3, attention=all,ffn=none, 0-1-1-0 ... Repeatable."),
        metavar="TEXT",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help=_("Any field of the config, such as model.d_model=64. Repeatable."), metavar="NAME=VALUE"
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help=_("YAML file with a run config; see examples/."), metavar="FILE")
]
RunId = Annotated[str, typer.Argument(help=_("A run's id, or its beginning."), metavar="ID")]
RunIds = Annotated[list[str], typer.Argument(help=_("Runs' ids, or their beginnings."), metavar="ID...")]


@app.callback(invoke_without_command=True)
def _top(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help=_("Print the version and leave."))] = False,
) -> None:
    if version:
        from clps_core import __version__

        typer.echo(f"clps {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command(help=_("Open the dashboard in the browser's reach: a server on this machine only."))
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("Port of the server."))] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help=_("Open a browser window too."))] = False,
    ready: Annotated[
        bool, typer.Option("--ready/--no-ready", help=_("Queue a ready comparison when there are no runs yet."))
    ] = True,
) -> None:
    from clps_core.cli.dashboard import serve

    serve(port, browser=browser, ready=ready)


@app.command(help=_("Train one model per strategy and seed, on the same data, in background jobs."))
def train(
    task: Annotated[str | None, typer.Option(help=_("dates, python-docs or digits."))] = None,
    strategy: Strategies = None,
    seed: Annotated[list[int] | None, typer.Option(help=_("Seed of weights and dropout. Repeatable."))] = None,
    steps: Annotated[int | None, typer.Option(help=_("Optimiser steps."))] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    name: Annotated[str | None, typer.Option(help=_("What the comparison is called."))] = None,
    priority: Annotated[int, typer.Option(min=-100, max=100, help=_("Higher starts first; 0 is usual."))] = 0,
    wait: Annotated[bool, typer.Option("--wait", help=_("Wait until all runs have ended."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.train import plan, start

    start(plan(task, strategy, seed, steps, config, settings, name), wait=wait, as_json=as_json, priority=priority)


@app.command(help=_("Count parameters, operations and memory of a design; nothing is built."))
def count(
    preset: Annotated[
        str | None, typer.Option(help=_("A design of the papers; 'clps presets' lists them."), metavar="NAME")
    ] = None,
    config: ConfigFile = None,
    family: Annotated[str | None, typer.Option(help=_("decoder, encoder_decoder or encoder."))] = None,
    task: Annotated[str | None, typer.Option(help=_("Take sizes that are not given from this task."))] = None,
    layers: Annotated[int | None, typer.Option(help=_("Executed layers of the (only, or encoder) stack."))] = None,
    decoder_layers: Annotated[
        int | None, typer.Option(help=_("Executed decoder layers of an encoder-decoder."))
    ] = None,
    d_model: Annotated[int | None, typer.Option(help=_("Width of the model."))] = None,
    d_ff: Annotated[int | None, typer.Option(help=_("Width of the feed-forward network."))] = None,
    heads: Annotated[int | None, typer.Option(help=_("Attention heads."))] = None,
    kv_heads: Annotated[int | None, typer.Option(help=_("Heads of keys and values."))] = None,
    vocab_size: Annotated[int | None, typer.Option(help=_("Tokens in the vocabulary."))] = None,
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


@app.command(help=_("List the designs of the papers, with sources and counts."))
def presets(as_json: Json = False) -> None:
    from clps_core.cli.count import show_presets

    show_presets(as_json=as_json)


@app.command(help=_("Evaluate a trained run whose core runs more or fewer times than in training."))
def depth(
    run_id: RunId,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    loops: Annotated[
        list[str] | None, typer.Option(help=_("Numbers of loops: 1 2 4 or 1,2,4."), metavar="N...")
    ] = None,
    time_limit: Annotated[
        float, typer.Option(min=1, help=_("Seconds that one number of loops may take."), metavar="SECONDS")
    ] = 600,
    as_json: Json = False,
) -> None:
    from clps_core.cli.depth import show

    show(run_id, [*(loops or ()), *(more or ())], seconds=time_limit, as_json=as_json)


@app.command(help=_("Let a trained run translate a text, or go on with it."))
def generate(
    run_id: RunId,
    text: Annotated[list[str] | None, typer.Option(help=_("What it reads. Repeatable."))] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help=_("An option of the task, such as language=de. Repeatable."), metavar="NAME=VALUE"),
    ] = None,
    temperature: Annotated[float, typer.Option(help=_("0 takes the most probable token; 1 draws as predicted."))] = 0.0,
    top_k: Annotated[int | None, typer.Option(help=_("Draw from so many most probable tokens only."))] = None,
    top_p: Annotated[
        float | None, typer.Option(help=_("Draw from the fewest tokens whose probabilities sum to this."))
    ] = None,
    seed: Annotated[int, typer.Option(help=_("Seed of the draws."))] = 0,
    loops: Annotated[int | None, typer.Option(help=_("How often the core runs; as trained by default."))] = None,
    max_tokens: Annotated[int | None, typer.Option(help=_("At most so many tokens."))] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.generate import show

    show(
        run_id,
        text or (),
        option or (),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        loops=loops,
        max_tokens=max_tokens,
        as_json=as_json,
    )


@app.command(help=_("Explain every way of sharing: rule, map, what is saved and lost, and who proposed it."))
def schemes(
    name: Annotated[
        str | None,
        typer.Argument(help=_("One scheme's name, or 'arithmetic'; without it, all are listed."), metavar="NAME"),
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, max=512, help=_("Executed layers of each stack."))] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.schemes import ARITHMETIC, show_arithmetic, show_card, show_schemes

    if name is None:
        show_schemes(layers, as_json=as_json)
    elif name == ARITHMETIC:
        show_arithmetic(layers, as_json=as_json)
    else:
        show_card(name, layers, as_json=as_json)


@app.command(help=_("Say what this machine has, what would be used, and why."))
def doctor(as_json: Json = False) -> None:
    from clps_core.cli.doctor import examine

    examine(as_json=as_json)


@policy_app.callback(invoke_without_command=True)
def _policy(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.policy import show

        show(as_json=as_json)


@policy_app.command("code", help=_("Ask for a code for teachers and print the line for the policy file."))
def policy_code() -> None:
    from clps_core.cli.policy import make_code

    make_code()


@sweep_app.command(
    "start", help=_("Queue the runs of a sweep's YAML file; see examples/. 'clps sweep FILE' is the same.")
)
def sweep_start(
    file: Annotated[Path, typer.Argument(help=_("YAML file that describes the sweep."), metavar="FILE")],
    name: Annotated[str | None, typer.Option(help=_("What the sweep is called."))] = None,
    wait: Annotated[bool, typer.Option("--wait", help=_("Wait until all runs have ended."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.sweep import read, start

    start(read(file, name), wait=wait, as_json=as_json)


@sweep_app.command("cancel", help=_("Stop all runs of a sweep that still wait or run."))
def sweep_cancel(
    comparison_id: Annotated[str, typer.Argument(help=_("A sweep's id, or its beginning."), metavar="ID")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.sweep import cancel

    cancel(comparison_id, as_json=as_json)


@sweep_app.command("show", help=_("How far a sweep is, its best run, and its configurations, best first."))
def sweep_show(
    comparison_id: Annotated[str, typer.Argument(help=_("A sweep's id, or its beginning."), metavar="ID")],
    as_json: Json = False,
) -> None:
    from clps_core.cli.sweep import show

    show(comparison_id, as_json=as_json)


@runs_app.callback(invoke_without_command=True)
def _runs(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        from clps_core.cli.runs import show_list

        show_list(status=None, limit=50, as_json=as_json)


@runs_app.command("list", help=_("Recent runs, newest first."))
def runs_list(
    status: Annotated[
        str | None, typer.Option(help=_("Only runs that are queued, running, finished, failed, cancelled or paused."))
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("At most so many."))] = 50,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import show_list

    show_list(status=status, limit=limit, as_json=as_json)


@runs_app.command("show", help=_("Everything known of one run."))
def runs_show(run_id: RunId, as_json: Json = False) -> None:
    from clps_core.cli.runs import show_one

    show_one(run_id, as_json=as_json)


@runs_app.command("logs", help=_("The end of a run's log."))
def runs_logs(run_id: RunId, as_json: Json = False) -> None:
    from clps_core.cli.runs import show_log

    show_log(run_id, as_json=as_json)


@runs_app.command("cancel", help=_("Stop runs; their checkpoints stay, so they can be resumed."))
def runs_cancel(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("cancel", run_ids, as_json=as_json)


@runs_app.command("pause", help=_("Stop runs for now, to resume them later."))
def runs_pause(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("pause", run_ids, as_json=as_json)


@runs_app.command("resume", help=_("Queue stopped or failed runs again, from their last checkpoint."))
def runs_resume(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("resume", run_ids, as_json=as_json)


@runs_app.command("retry", help=_("Queue failed runs again, from their last checkpoint or anew."))
def runs_retry(
    run_ids: RunIds,
    anew: Annotated[bool, typer.Option("--anew", help=_("Forget what they learnt and start at step 0."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import steer

    steer("retry anew" if anew else "retry", run_ids, as_json=as_json)


@runs_app.command("fork", help=_("Start a new run of the same model with the weights of another."))
def runs_fork(
    run_id: RunId,
    settings: Settings = None,
    start_from: Annotated[str, typer.Option("--from", help=_("Which weights: best or last."))] = "best",
    name: Annotated[str | None, typer.Option(help=_("What the new run is called."))] = None,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import fork

    fork(run_id, settings or [], start_from=start_from, name=name, as_json=as_json)


@runs_app.command("prune", help=_("Free space: delete last checkpoints of old finished runs, keep the best weights."))
def runs_prune(
    days: Annotated[float, typer.Option(help=_("Only of runs that finished more than so many days ago."))] = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only say what would be freed."))] = False,
    as_json: Json = False,
) -> None:
    from clps_core.cli.runs import prune

    prune(days, dry_run=dry_run, as_json=as_json)


@runs_app.command("delete", help=_("Delete runs with everything they left behind."))
def runs_delete(run_ids: RunIds, as_json: Json = False) -> None:
    from clps_core.cli.runs import steer

    steer("delete", run_ids, as_json=as_json)


def main() -> None:
    """Entry point of ``clps``."""
    app()
