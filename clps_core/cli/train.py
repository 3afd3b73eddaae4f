"""``clps train``: queue a matched comparison and, if asked, wait for it. Start at experiment_of_options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.cli.records import run_records, said_quality
from clps_core.config import MAX_YAML_BYTES, build_config
from clps_core.errors import ConfigError
from clps_core.experiment import (
    MAX_RUNS,
    SEED,
    STRATEGY,
    Experiment,
    check_name,
    merged,
    read_experiment,
    settings_beside,
    with_changes,
)
from clps_core.words import _, ngettext

if TYPE_CHECKING:
    from clps_core.store import Run, Store
    from clps_core.timing import Forecast

__all__ = ["experiment_of_options", "preview", "read_text", "run_records", "start"]

OPTIONS = {"data.task": "--task", "train.steps": "--steps", STRATEGY: "--strategy", SEED: "--seed"}
"""Fields that have an option of their own."""


def read_text(path: Path, what: str = "--config") -> str:
    """The text of a config file, which ``what`` names; raises ``ConfigError`` where there is none."""
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise ConfigError(
                _("a config file must have at most {limit} bytes. {path} is larger.", limit=MAX_YAML_BYTES, path=path)
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is not UTF-8 text")
        raise ConfigError(
            _(
                "{what} must name a readable YAML file. Got {path}: {reason}.",
                what=what,
                path=path,
                reason=reason,
            )
        ) from None


def experiment_of_options(
    task: str | None,
    strategies: Sequence[str] | None,
    seeds: Sequence[int] | None,
    steps: int | None,
    config: Path | None,
    settings: Sequence[str] | None,
    name: str | None,
) -> Experiment:
    """What the options of ``clps train`` ask for; an option wins over the file, two for one field are refused."""
    found = read_experiment(read_text(config)) if config is not None else Experiment()
    given = {"data.task": task, "train.steps": steps, STRATEGY: strategies, SEED: seeds}
    options = {name: OPTIONS[name] for name, value in given.items() if value not in (None, [], ())}
    found = with_changes(found, settings_beside(settings or [], options))
    base = found.base
    if task is not None:
        base = merged(base, {"data": {"task": task}})
    if steps is not None:
        base = merged(base, {"train": {"steps": steps}})
    # Built once here, so that a file's mistakes are told before anything is put together from it.
    plain = build_config(base)
    chosen = tuple(strategies or found.strategies or (plain.sharing.strategy,))
    chosen_seeds = tuple(seeds or found.seeds or (plain.seed,))
    if len(chosen) * len(chosen_seeds) > MAX_RUNS:
        raise ConfigError(
            _(
                "a comparison must have at most {limit} runs. Got {strategies} x {seeds} (strategies x seeds). "
                "Use fewer.",
                limit=MAX_RUNS,
                strategies=len(chosen),
                seeds=len(chosen_seeds),
            )
        )
    return Experiment(base, chosen, chosen_seeds, check_name(name) or found.name)


def start(experiment: Experiment, *, wait: bool, as_json: bool, priority: int = 0) -> None:
    """Check everything, queue it, and wait if asked; ends with exit code 1 where a run did not finish."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    configs = service.matched(experiment.base, list(experiment.strategies), list(experiment.seeds))
    with closing(open_store()) as store:
        runs = service.submit(store, configs, name=experiment.name, priority=priority)
        if not wait:
            _show_queued(store, runs, as_json=as_json)
            return
        ended = _wait(store, runs, quiet=as_json)
        if as_json:
            print_json(run_records(store, ended))
        elif ended:
            _show_results(store, ended)
    failed = [run for run in ended if run.status != "finished"]
    for run in failed:
        say(
            _("{name} ({id}): {status}. {reason}", name=run.name, id=run.id, status=run.status, reason=run.reason or "")
        )
    if deleted := len(runs) - len(ended):
        say(ngettext("{n} run was deleted meanwhile.", "{n} runs were deleted meanwhile.", deleted))
    if failed or deleted:
        import typer

        raise typer.Exit(1)


def preview(experiment: Experiment, *, as_json: bool) -> None:
    """What ``start`` would queue: all its checks, complete configs, sizes and time; nothing is written or queued."""
    from clps_core.analysis.counts import count
    from clps_core.jobs import service
    from clps_core.store import open_store
    from clps_core.timing import forecast

    wanted = service.matched(experiment.base, list(experiment.strategies), list(experiment.seeds))
    with closing(open_store()) as store:
        resolved = service.checked(store, wanted)
        configs = [one.config for one in resolved]
        found = forecast(store, configs, service.supervisor_status(store).slots)
    counts = [count(one.config.model, one.plan) for one in resolved]
    seconds = [found.pace.seconds(config) for config in configs]
    if as_json:
        facts = {"slots": found.slots, "runs_before": found.before, "timed_by_runs": found.pace.runs}
        runs = [
            {
                "unique_parameters": size.unique_parameters,
                "executed_parameters": size.executed_parameters,
                "seconds": one,
                "config": config.as_dict(),
            }
            for config, size, one in zip(configs, counts, seconds, strict=True)
        ]
        print_json({"name": experiment.name, "seconds": [found.low, found.high], **facts, "runs": runs})
        return
    rows = [
        (
            config.sharing.strategy,
            config.seed,
            amount(size.unique_parameters),
            amount(size.executed_parameters),
            _("about {time}", time=duration(one)),
        )
        for config, size, one in zip(configs, counts, seconds, strict=True)
    ]
    executed = _("executed")
    columns = [_("strategy"), _("seed"), _("stored parameters"), executed, _("time of a run")]
    print_table(columns, rows, title=experiment.name, spare=[executed])
    for line in configs[0].as_yaml().splitlines():
        print_lines(line)
    if len(configs) > 1:
        say(_("This is the config of the first run; the others differ in strategy and seed."))
    _say_time(found, len(configs))


def _say_time(found: Forecast, runs: int) -> None:
    """How long all runs take together, and what that rests on."""
    from clps_core.timing import BUSY

    if found.high > BUSY * found.low:
        time = _(
            "{low}, or {high} if this machine stays as busy as in the last minute",
            low=duration(found.low),
            high=duration(found.high),
        )
    else:
        time = duration(found.low)
    basis = (
        ngettext("based on {n} earlier run of this task", "based on {n} earlier runs of this task", found.pace.runs)
        if found.pace.runs
        else _(
            "a rough guess: this task has not been trained here, so it may take a third of the time or three times "
            "as long"
        )
    )
    say(
        ngettext(
            "{n} run, {slots} at a time: about {time} ({basis}). Nothing was queued.",
            "{n} runs, {slots} at a time: about {time} ({basis}). Nothing was queued.",
            runs,
            slots=found.slots,
            time=time,
            basis=basis,
        )
    )


def _show_queued(store: Store, runs: Sequence[Run], *, as_json: bool) -> None:
    if as_json:
        print_json(run_records(store, runs))
        return
    for run in runs:
        print_lines(f"{run.id}  {run.name}")
    say(
        ngettext(
            "{n} run queued. It runs in the background.", "{n} runs queued. They run in the background.", len(runs)
        )
    )
    say(_("Watch: clps runs list, clps runs show {id}, or clps dashboard.", id=runs[0].id))


def _show_results(store: Store, runs: Sequence[Run]) -> None:
    facts = runs[0].facts
    best, last, baseline = _("best {metric}", metric=facts.metric), _("last"), _("baseline")
    rows = [
        (
            run.id,
            run.strategy,
            run.seed,
            run.status,
            amount(run.unique_parameters or 0),
            said_quality(record, "best"),
            said_quality(record, "last"),
            f"{record['test'][facts.metric]:.4g}" if record["test"] else "",
            f"{facts.baseline:.4g}",
            f"{run.step}/{run.steps}",
            duration(run.seconds),
        )
        for run, record in zip(runs, run_records(store, runs), strict=True)
    ]
    parameters, steps, time = _("stored parameters"), _("steps"), _("time")
    test = _("test {metric}", metric=facts.metric)
    columns = [_("id"), _("strategy"), _("seed"), _("status"), parameters, best, last, test, baseline, steps, time]
    print_table(columns, rows, left=4, spare=[time, steps, baseline, parameters, last])
    say(_("Best and last: the validation score and its step. Rankings use the best."))


def _wait(store: Store, runs: Sequence[Run], *, quiet: bool) -> list[Run]:
    """Wait with live progress on a terminal, with lines elsewhere; Ctrl-C stops the waiting, not the runs."""
    from clps_core.jobs import service

    ids = [run.id for run in runs]
    try:
        if quiet:
            return service.wait(store, ids)
        from clps_core.cli.progress import LineProgress, LiveProgress

        if not sys.stderr.isatty():
            return service.wait(store, ids, on_tick=LineProgress(store, runs).tick)
        with LiveProgress(store, runs) as live:
            return service.wait(store, ids, on_tick=live.tick)
    except KeyboardInterrupt:
        import typer

        say(_("The runs continue. Watch them with: clps runs list. Stop one with: clps runs cancel {id}.", id=ids[0]))
        raise typer.Exit(130) from None
