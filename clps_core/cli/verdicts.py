"""``clps comparisons show``: the designs of a comparison in figures, and which of them is better."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from clps_core.cli.output import amount, duration, print_json, print_lines, print_table, say
from clps_core.store import open_store
from clps_core.store.shelf import find_comparison
from clps_core.sweeps.results import Spread
from clps_core.verdicts.asked import Judged, judged
from clps_core.words import _

__all__ = ["show"]


def show(comparison_id: str, reference: str | None, *, as_json: bool) -> None:
    """The designs of a comparison, and verdicts on each against ``reference`` (the first by default)."""
    with closing(open_store()) as store:
        comparison = find_comparison(store, comparison_id)
        found = judged(store, store.runs(comparison=comparison.id), reference)
    if as_json:
        print_json({"id": comparison.id, "name": comparison.name, "tasks": [_record(one) for one in found]})
        return
    for one in found:
        _print(one, title=f"{comparison.name} ({one.task})")


def _record(one: Judged) -> dict[str, Any]:
    plain = one.as_plain()
    designs = []
    for design in one.designs:
        figures = {name: _plain(spread) for name, spread in _figures(one, design.key).items()}
        facts = {"unique_parameters": design.run.unique_parameters, "run_ids": [run.id for run in design.runs]}
        designs.append({"key": design.key, "name": one.names[design.key], **facts, **figures})
    return {**plain, "designs": designs}


def _figures(one: Judged, key: str) -> dict[str, Spread | None]:
    """Means over the complete runs of a design, before there is one over all that were evaluated."""
    design = next(each for each in one.designs if each.key == key)
    runs = design.complete or tuple(run for run in design.runs if run.id in design.bests)
    cpu = [run.cpu_seconds for run in runs if run.cpu_seconds is not None]
    return {
        "best": Spread.of([design.bests[run.id] for run in runs]),
        "test": Spread.of([design.tests[run.id] for run in runs if run.id in design.tests]),
        "seconds": Spread.of([run.seconds for run in runs]),
        "cpu_seconds": Spread.of(cpu) if len(cpu) == len(runs) else None,
    }


def _plain(spread: Spread | None) -> dict[str, float | int | None] | None:
    return None if spread is None else {"mean": spread.mean, "deviation": spread.deviation, "runs": spread.count}


def _print(one: Judged, title: str) -> None:
    metric = one.verdicts.metric
    columns = [
        _("design"), _("runs"), _("best {metric}", metric=metric.name), _("test"), _("parameters"), _("time"),
        _("CPU time"),
    ]  # fmt: skip
    rows: list[Sequence[object]] = []
    for design in one.designs:
        figures = _figures(one, design.key)
        quality = [_said(one, figures[name]) for name in ("best", "test")]
        times = [duration(spread.mean) if (spread := figures[name]) else "–" for name in ("seconds", "cpu_seconds")]
        size = amount(design.run.unique_parameters or 0)
        rows.append((one.names[design.key], len(design.runs), *quality, size, *times))
    print_table(columns, rows, title=title)
    for sentence in one.sentences:
        print_lines("", sentence)
    if one.sentences:
        say("\n" + one.basis)


def _said(one: Judged, spread: Spread | None) -> str:
    metric = one.verdicts.metric
    if spread is None:
        return "–"
    text = metric.shown(spread.mean)
    return text if spread.deviation is None else f"{text} ± {metric.without_unit(spread.deviation).removesuffix(' %')}"
