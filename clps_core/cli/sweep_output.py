"""What ``clps sweep`` prints of a sweep: JSON, CSV, or a table and a line of news. Start at print_state."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clps_core.cli.output import amount, duration, print_json, print_table, say
from clps_core.sweeps.results import Spread, equal_to_best
from clps_core.sweeps.worth import worth_of_first
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.sweeps import SweepState
    from clps_core.sweeps.results import Configuration

__all__ = ["news", "print_state", "state_record"]

MOST_FIELDS = 6
"""A table with more columns of fields is no longer read; JSON and CSV have them all."""


def state_record(state: SweepState) -> dict[str, Any]:
    """A sweep's state as JSON-ready data; configurations come best first."""
    best, verdicts = state.best, state.verdicts()
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
        if best is None or best.best is None or state.best_run is None
        else {
            "settings": dict(best.values),
            **asdict(best.best),
            "run_id": state.best_run.id,
            "run_value": state.best_value,
            "test": asdict(best.test) if best.test else None,
        },
        "margin": state.margin,
        "verdicts": {name: [dict(one.values) for one in ones] for name, ones in verdicts.items()},
        "configurations": [
            {
                "settings": dict(one.values),
                "best": asdict(one.best) if one.best else None,
                "test": asdict(one.test) if one.test else None,
                "lower_bound": one.lower_bound,
                "behind": asdict(one.behind) if one.behind else None,
                "seconds": asdict(one.seconds) if one.seconds else None,
                "unique_parameters": one.runs[0].unique_parameters,
                "ended_early": one.ended_early,
                "ended_early_best": asdict(early) if (early := Spread.of(list(one.early.values()))) else None,
                "failed": one.failed,
                "run_ids": [run.id for run in one.runs],
                "statuses": [run.status for run in one.runs],
            }
            for one in state.configurations
        ],
    }


def print_state(state: SweepState, *, as_json: bool = False, as_csv: bool = False) -> None:
    """All of it on stdout; what it means, on stderr."""
    if as_json:
        print_json(state_record(state))
        return
    if as_csv:
        from clps_core.sweeps.table import csv_text

        sys.stdout.write(csv_text(state))
        return
    fields = list(state.configurations[0].settings)[:MOST_FIELDS] if state.configurations else []
    columns = [
        *(field.rpartition(".")[2] for field in fields),
        _("best {metric}", metric=state.metric),
        _("test"),
        _("gap to best"),
        _("runs"),
        _("ended early"),
        _("stored parameters"),
        _("time of a run"),
    ]
    rows = [_row(one, fields) for one in state.configurations]
    print_table(columns, rows, title=f"{state.comparison.name}  {state.comparison.id}", left=len(fields))
    if any(one.best and one.best.deviation is not None for one in state.configurations):
        say(_("± is the standard deviation over the seeds and folds of a configuration; n is the number of its runs."))
        say(
            _(
                "Gap to best: the mean difference from the first configuration, over pairs of complete runs with the "
                "same seed and fold."
            )
        )
    if any(one.test for one in state.configurations):
        say(_("Runs are ranked by their best validation score. The test split is scored once per run, after training."))
    if any(one.ended_early for one in state.configurations):
        text = _("Means leave out runs that ended early, since they might have improved. The ranking includes them.")
        say(text)
    if any(one.lower_bound for one in state.configurations):
        say(_("≥: no run of the configuration completed all steps."))
    say(news(state))
    if (worth := worth_of_first(state, lambda one: one.name)) is not None:
        say(worth)


def _row(one: Configuration, fields: list[str]) -> list[str]:
    ended = sum(not run.active for run in one.runs)
    runs = f"{ended}/{len(one.runs)}"
    return [
        *(one.settings[field] for field in fields),
        ("≥ " if one.lower_bound else "") + _spread(one.best, len(one.runs)),
        _spread(one.test, len(one.runs)),
        f"{one.behind.mean:.3g}" if one.behind else "",
        _("{runs}, {n} failed", runs=runs, n=one.failed) if one.failed else runs,
        _early(one),
        amount(one.runs[0].unique_parameters or 0),
        duration(one.seconds.mean) if one.seconds else "",
    ]


def _early(one: Configuration) -> str:
    """How many runs ended early, and what they had reached."""
    reached = Spread.of(list(one.early.values()))
    return str(one.ended_early or "") + (_(" at {value}", value=f"{reached.mean:.4g}") if reached else "")


def _spread(spread: Spread | None, runs: int) -> str:
    if spread is None:
        return ""
    text = f"{spread.mean:.4g}" + (f" ± {spread.deviation:.2g}" if spread.deviation is not None else "")
    return f"{text} (n = {spread.count})" if runs > 1 else text


def news(state: SweepState) -> str:
    """Such as: 12 of 40 runs ended (2 failed), best exact_match 0.93 with strategy all, about 3m 05s left."""
    said = {name: n for name, n in state.statuses.items() if name not in ("finished", "queued", "running")}
    others = f" ({', '.join(f'{n} {name}' for name, n in said.items())})" if said else ""
    parts = [_("{n} of {total} runs ended", n=state.ended, total=len(state.runs)) + others]
    alike = len(equal_to_best(state.configurations))
    if alike > 1 and state.best is not None and state.best.best is not None:
        value = f"{state.best.best.mean:.4g}"
        parts.append(
            _("{n} configurations have the same best {metric} {value}", metric=state.metric, value=value, n=alike)
        )
    elif state.best is not None and state.best.best is not None and state.best_run is not None:
        parts.append(
            _(
                "best {metric} {value} with {name} (run {id})",
                metric=state.metric,
                value=("≥ " if state.best.lower_bound else "") + f"{state.best.best.mean:.4g}",
                name=state.best.name,
                id=state.best_run.id,
            )
        )
    if state.seconds_left:
        parts.append(_("about {time} left", time=duration(state.seconds_left)))
    return ", ".join(parts) + "."
