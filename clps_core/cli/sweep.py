"""``clps sweep``: queue many runs that differ in a few fields, and say which is best. Start at start and show."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.cli.train import read_text
from clps_core.errors import NotFoundError
from clps_core.experiment import check_name
from clps_core.sweeps import Sweep, SweepState, expand, read_sweep, sweep_state
from clps_core.words import _, ngettext, shown

if TYPE_CHECKING:
    from clps_core.store import Comparison, Run, Store
    from clps_core.sweeps.results import Configuration, Spread

__all__ = ["cancel", "read", "show", "start", "state_record"]

TICKS_PER_LOOK = 5
"""The figures of a large sweep are not read anew at every look at its runs."""


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
        runs = service.submit(store, configs, name=sweep.name, plan=sweep.plan())
        comparison = _comparison(store, str(runs[0].comparison_id))
        if wait:
            _wait(store, comparison, runs, quiet=as_json)
        state = _state(store, comparison)
    if not wait and not as_json:
        print_lines(comparison.id)
        say(
            ngettext(
                "{n} run queued. It goes on in the background.",
                "{n} runs queued. They go on in the background.",
                len(runs),
            )
        )
        say(_("Look: clps sweep show {id}, or clps dashboard.", id=comparison.id))
        return
    _print(state, as_json=as_json)
    if wait and state.statuses.get("finished", 0) < len(runs):
        import typer

        raise typer.Exit(1)


def show(comparison_id: str, *, as_json: bool) -> None:
    """How far a sweep is, its best run, and its configurations, best first."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    with closing(open_store()) as store:
        service.ensure_supervisor(store)
        state = _state(store, _comparison(store, comparison_id))
    _print(state, as_json=as_json)


def cancel(comparison_id: str, *, as_json: bool) -> None:
    """Cancel what still waits or runs; what the runs have learned stays, and each can be resumed."""
    from clps_core.jobs import service
    from clps_core.store import open_store

    with closing(open_store()) as store:
        comparison = _comparison(store, comparison_id)
        active = [run for run in store.runs(comparison=comparison.id) if run.active]
        # The last in the queue first: else each slot that gets free takes up the next run, only to drop it.
        for run in sorted(active, key=lambda run: run.status == "running"):
            service.cancel(store, run.id)
        state = _state(store, comparison)
    _print(state, as_json=as_json)


def state_record(state: SweepState) -> dict[str, Any]:
    """A sweep's state as JSON-ready data; configurations come best first."""
    best = next((one for one in state.configurations if state.best_run in one.runs), None)
    return {
        "comparison_id": state.comparison.id,
        "name": state.comparison.name,
        "metric": state.metric,
        "higher_is_better": state.higher_is_better,
        "runs": len(state.runs),
        "statuses": state.statuses,
        "progress": state.progress,
        "seconds_left": state.seconds_left,
        "best": None
        if state.best_run is None or best is None
        else {"run_id": state.best_run.id, "value": state.best_value, "settings": best.settings},
        "configurations": [
            {
                "settings": one.settings,
                "best": asdict(one.best) if one.best else None,
                "seconds": asdict(one.seconds) if one.seconds else None,
                "unique_parameters": one.runs[0].unique_parameters,
                "ended_early": one.ended_early,
                "run_ids": [run.id for run in one.runs],
                "statuses": [run.status for run in one.runs],
            }
            for one in state.configurations
        ],
    }


def _comparison(store: Store, text: str) -> Comparison:
    """The comparison with this id, or the only one whose id begins so."""
    known = store.comparisons()
    found = [one for one in known if one.id == text] or [one for one in known if text and one.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found[:6])
        raise NotFoundError(_("{got} begins several sweeps' ids: {ids}. Give more of it.", got=shown(text), ids=ids))
    newest = ", ".join(one.id for one in known[:6]) or _("none")
    raise NotFoundError(_("there is no sweep {got}. The newest are: {ids}.", got=shown(text), ids=newest))


def _state(store: Store, comparison: Comparison) -> SweepState:
    from clps_core.jobs import service

    return sweep_state(store, comparison, service.supervisor_status(store).slots)


def _print(state: SweepState, *, as_json: bool) -> None:
    if as_json:
        print_json(state_record(state))
        return
    fields = list(state.configurations[0].settings) if state.configurations else []
    columns = [
        *(field.rpartition(".")[2] for field in fields),
        _("best {metric}", metric=state.metric),
        _("runs"),
        _("ended early"),
        _("unique parameters"),
        _("time of a run"),
    ]
    rows = [_row(one) for one in state.configurations]
    print_table(columns, rows, title=f"{state.comparison.name}  {state.comparison.id}", left=len(fields))
    several = any(one.best and one.best.deviation is not None for one in state.configurations)
    if several:
        say(_("± is the standard deviation over the seeds and folds of a configuration; n is how many there are."))
    say(_news(state))


def _row(one: Configuration) -> list[str]:
    ended = sum(not run.active for run in one.runs)
    return [
        *one.settings.values(),
        _spread(one.best, len(one.runs)),
        f"{ended}/{len(one.runs)}",
        str(one.ended_early or ""),
        amount(one.runs[0].unique_parameters or 0),
        duration(one.seconds.mean) if one.seconds else "",
    ]


def _spread(spread: Spread | None, runs: int) -> str:
    if spread is None:
        return ""
    text = f"{spread.mean:.4g}" + (f" ± {spread.deviation:.2g}" if spread.deviation is not None else "")
    return f"{text} (n = {spread.count})" if runs > 1 else text


def _news(state: SweepState) -> str:
    """Such as: 12 of 40 runs ended (2 failed), best exact_match 0.93 by ab12cd34, about 3m 05s left."""
    said = {name: n for name, n in state.statuses.items() if name not in ("finished", "queued", "running")}
    others = f" ({', '.join(f'{n} {name}' for name, n in said.items())})" if said else ""
    parts = [_("{n} of {total} runs ended", n=state.ended, total=len(state.runs)) + others]
    if state.best_run is not None:
        parts.append(
            _(
                "best {metric} {value} by {id}",
                metric=state.metric,
                value=f"{state.best_value:.4g}",
                id=state.best_run.id,
            )
        )
    if state.seconds_left:
        parts.append(_("about {time} left", time=duration(state.seconds_left)))
    return ", ".join(parts) + "."


def _wait(store: Store, comparison: Comparison, runs: Sequence[Run], *, quiet: bool) -> None:
    """Wait with one bar for the whole on a terminal, silently otherwise; Ctrl-C stops the waiting, not the runs."""
    from clps_core.jobs import service

    ids = [run.id for run in runs]
    try:
        if quiet or not sys.stderr.isatty():
            service.wait(store, ids)
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
                bar.update(line, completed=state.progress, description=_news(state))
            looks += 1

        with bar:
            service.wait(store, ids, on_tick=tick)
    except KeyboardInterrupt:
        import typer

        say(_("The runs go on. Look at them with: clps sweep show {id}.", id=comparison.id))
        raise typer.Exit(130) from None
