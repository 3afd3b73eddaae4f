"""``clps sweep``: queue many runs that differ in a few fields, and say which is best. Start at start and show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.cli.output import amount, print_json, print_lines, print_table, say
from clps_core.cli.sweep_output import news, print_state
from clps_core.cli.train import read_text
from clps_core.errors import ConfigError, JobError, NotFoundError
from clps_core.experiment import check_name
from clps_core.store.records import ACTIVE
from clps_core.sweeps import Sweep, SweepState, expand, read_sweep, sweep_state
from clps_core.words import _, ngettext, shown

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.store import Comparison, Run, Store

__all__ = ["cancel", "preview", "read", "resume", "show", "show_list", "start"]

MOST_LISTED = 30
STOPPED = ("cancelled", "paused")
TICKS_PER_LOOK = 5
"""The figures of a large sweep are not read again at every look at its runs."""


def read(path: Path, name: str | None) -> Sweep:
    """The sweep of a file, under another name if one is given."""
    sweep = read_sweep(read_text(path, _("the sweep")))
    return replace(sweep, name=check_name(name)) if name is not None else sweep


def start(sweep: Sweep, *, wait: bool, as_json: bool) -> None:
    """Check everything, queue it, and wait if asked; ends with exit code 1 where a run did not finish."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    configs = expand(sweep)
    with closing(open_store()) as store:
        runs = service.submit(store, configs, name=sweep.name, sweep=sweep.plain())
        comparison = _comparison(store, str(runs[0].comparison_id))
        if wait:
            _wait(store, comparison, runs, quiet=as_json)
        state = _state(store, comparison)
    if not wait and not as_json:
        print_lines(comparison.id)
        say(
            ngettext(
                "{n} run queued. It runs in the background.",
                "{n} runs queued. They run in the background.",
                len(runs),
            )
        )
        say(_("See: clps sweep show {id}, or clps dashboard.", id=comparison.id))
        return
    print_state(state, as_json=as_json)
    if wait and state.statuses.get("finished", 0) < len(runs):
        import typer

        raise typer.Exit(1)


def preview(sweep: Sweep, *, as_json: bool) -> None:
    """What ``start`` would queue: all checks, and each configuration with its size; nothing is written."""
    from clps_core.analysis.counts import count
    from clps_core.jobs import service
    from clps_core.store import open_store

    configs = expand(sweep)
    with closing(open_store()) as store:
        configs = service.checked(store, configs)
    # The first fold and seed come first: each combination stands among the first runs.
    one_each = configs[: len(configs) // len(sweep.seeds) // (sweep.folds or 1)]
    sizes = [count(one.config.model, one.plan).unique_parameters for one in one_each]
    combinations = [{field: _value(one.config, field) for field in sweep.fields} for one in one_each]
    if as_json:
        listed = [{"settings": one, "unique_parameters": size} for one, size in zip(combinations, sizes, strict=True)]
        print_json({"runs": len(configs), "seeds": sweep.seeds, "folds": sweep.folds, "configurations": listed})
        return
    fields = list(sweep.fields)
    rows = [[*map(str, one.values()), amount(size)] for one, size in zip(combinations, sizes, strict=True)]
    columns = [*(field.rpartition(".")[2] for field in fields), _("stored parameters")]
    print_table(columns, rows, title=sweep.name, left=len(fields))
    say(
        _(
            "Runs: {n} x {seeds} x {folds} (configurations x seeds x folds) = {runs}. Nothing was queued.",
            n=len(combinations),
            seeds=len(sweep.seeds),
            folds=sweep.folds or 1,
            runs=len(configs),
        )
    )


def _value(config: RunConfig, field: str) -> Any:
    group, _dot, name = field.partition(".")
    return getattr(getattr(config, group), name)


def show_list(*, as_json: bool) -> None:
    """The newest sweeps."""
    from clps_core.store import open_store

    records = []
    with closing(open_store()) as store:
        for one in _sweeps(store)[:MOST_LISTED]:
            runs = store.runs(comparison=one.id)
            ended = sum(not run.active for run in runs)
            records.append({"id": one.id, "name": one.name, "task": runs[0].task, "runs": len(runs), "ended": ended})
    if as_json:
        print_json(records)
        return
    rows = [[one["id"], one["name"], one["task"], f"{one['ended']}/{one['runs']}"] for one in records]
    print_table([_("id"), _("name"), _("task"), _("runs ended")], rows, left=3)


def show(comparison_id: str | None, *, as_csv: bool, as_json: bool, importance: bool = False) -> None:
    """How far a sweep is, its best run, and its configurations, best first; without an id the newest.

    ``importance``: how much each of its fields matters instead.
    """
    if importance and as_csv:
        raise ConfigError(_("--importance must not be combined with --csv. Use --json for its values."))
    from clps_core.jobs import service
    from clps_core.store import open_store

    with closing(open_store()) as store:
        service.ensure_supervisor(store)
        state = _state(store, _newest(store) if comparison_id is None else _comparison(store, comparison_id))
    if importance:
        from clps_core.cli.sweep_importance import print_importance

        print_importance(state, as_json=as_json)
        return
    print_state(state, as_json=as_json, as_csv=as_csv)


def cancel(comparison_id: str, *, as_json: bool) -> None:
    """Cancel what still waits or runs; what the runs have learned stays, and each can be resumed."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    with closing(open_store()) as store:
        comparison = _comparison(store, comparison_id)
        active = [run for run in store.runs(comparison=comparison.id) if run.active]
        # The last in the queue first: else each slot that gets free takes up the next run, only to drop it.
        _on_each(store, sorted(active, key=lambda run: -(run.queue_position or 0)), service.cancel, ACTIVE)
        state = _state(store, comparison)
    print_state(state, as_json=as_json)


def resume(comparison_id: str, *, as_json: bool) -> None:
    """Queue again what was cancelled or paused, in its order; failed runs are left to ``clps runs retry``."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    with closing(open_store()) as store:
        comparison = _comparison(store, comparison_id)
        stopped = [run for run in store.runs(comparison=comparison.id) if run.status in STOPPED]
        _on_each(store, stopped, service.resume, STOPPED)
        state = _state(store, comparison)
    print_state(state, as_json=as_json)


def _on_each(store: Store, runs: Iterable[Run], act: Callable[[Store, str], object], statuses: Collection[str]) -> None:
    """``act`` on each run; one that has left ``statuses`` by itself meanwhile is left alone."""
    for run in runs:
        try:
            act(store, run.id)
        except JobError:
            if store.run(run.id).status in statuses:
                raise


def _sweeps(store: Store) -> list[Comparison]:
    return [one for one in store.comparisons() if one.sweep_text is not None]


def _newest(store: Store) -> Comparison:
    found = _sweeps(store)
    if not found:
        raise NotFoundError(_("there is no sweep to show. Start one: clps sweep FILE; see examples/."))
    return found[0]


def _comparison(store: Store, text: str) -> Comparison:
    """The comparison with this id, or the only one whose id begins so."""
    known = store.comparisons()
    found = [one for one in known if one.id == text] or [one for one in known if text and one.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found[:6])
        raise NotFoundError(
            _("the ids of several sweeps begin with {got}: {ids}. Type more characters.", got=shown(text), ids=ids)
        )
    newest = ", ".join(one.id for one in _sweeps(store)[:6]) or _("none")
    raise NotFoundError(_("there is no sweep {got}. The newest are: {ids}.", got=shown(text), ids=newest))


def _state(store: Store, comparison: Comparison) -> SweepState:
    from clps_core.jobs import service

    return sweep_state(store, comparison, service.supervisor_status(store).slots)


def _wait(store: Store, comparison: Comparison, runs: Sequence[Run], *, quiet: bool) -> None:
    """Wait with one bar for the whole on a terminal, with lines elsewhere; Ctrl-C stops the waiting, not the runs."""
    from clps_core.jobs import service

    ids = [run.id for run in runs]
    try:
        if quiet:
            service.wait(store, ids)
            return
        if not sys.stderr.isatty():
            from clps_core.cli.progress import LineProgress

            service.wait(store, ids, on_tick=LineProgress(store, runs).tick)
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        bar = Progress(
            BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=Console(stderr=True)
        )
        line, looks = bar.add_task("", total=1.0), 0

        def tick(_runs: list[Run]) -> None:
            nonlocal looks
            if looks % TICKS_PER_LOOK == 0:
                state = _state(store, comparison)
                bar.update(line, completed=state.progress, description=news(state))
            looks += 1

        with bar:
            service.wait(store, ids, on_tick=tick)
    except KeyboardInterrupt:
        import typer

        say(_("The runs continue. See them with: clps sweep show {id}.", id=comparison.id))
        raise typer.Exit(130) from None
